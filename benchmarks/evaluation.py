"""Evaluation: 100,000 rows of predictions of four classes, as the stage evaluates them.

    python benchmarks/evaluation.py [--rows 100000] [--models 8] > benchmarks/evaluation.md

ROWS is the length of `predictions.csv`, of all models and of the splits validation and test
together. Seconds are of a process of its own with its start, the memory is its peak; once with
the figures, once without. TensorFlow must not be imported.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from measure import peak_memory

LABELS = ["glioma", "meningioma", "no_tumor", "pituitary"]
SIDE = 32
ONCE = """
import sys
from pathlib import Path
from scanvote.pipeline.evaluate import classification
from scanvote.params import load_params
root, drawn = Path(sys.argv[1]), sys.argv[2] == "with"
if not drawn:
    classification.draw_classification = lambda *given: None
places = (root / "ensemble", root / "explain", root / "prepared")
classification.evaluate_classification(*places, load_params(), root / "out")
assert not {"tensorflow", "keras", "jax", "mlflow"} & set(sys.modules)
"""


def write_inputs(root: Path, rows: int, models: int) -> int:
    """Tables of `models` members and the vote; two scans a group. The number of test scans."""
    from scanvote.arrays import write_shards
    from scanvote.core.files import write_csv, write_json
    from scanvote.manifest import COLUMNS

    random = np.random.default_rng(0)
    count = rows // (models + 1) // 2
    tables = []
    names = [f"cnn/m{place}" for place in range(models)]
    for split in ("validation", "test"):
        scans = [f"{split}/{place:06d}" for place in range(count)]
        truth = random.integers(0, len(LABELS), count // 2 + 1).repeat(2)[:count]
        shares = [_shares(random, truth) for _ in names]
        said = dict(zip(["vote", *names], [np.mean(shares, axis=0), *shares], strict=True))
        tables += [_table(name, split, scans, truth, one) for name, one in said.items()]
    write_csv(pd.concat(tables), root / "ensemble" / "predictions.csv")
    members = pd.DataFrame({"model": names, "votes": [p < 3 for p in range(models)]})
    write_csv(members.assign(temperature=1.0), root / "ensemble" / "members.csv")
    write_json(root / "ensemble" / "vote.json", {"temperature": 1.0})
    facts = {"width": SIDE, "height": SIDE, "mask_pixels": 0, "group": np.arange(count) // 2}
    manifest = pd.DataFrame({**dict.fromkeys(COLUMNS, ""), "scan_id": scans, **facts})
    plane = np.array(["axial", "coronal", "sagittal"])[np.arange(count) % 3]
    write_csv(manifest.assign(split="test", plane=plane), root / "prepared" / "manifest.csv")
    image = random.integers(0, 256, (SIDE, SIDE, 1), np.uint8)
    pictures = ({"images": image, "scan_ids": one, "labels": 0} for one in scans)
    write_shards(root / "prepared", "test", pictures)
    return count


def _shares(random: np.random.Generator, truth: np.ndarray) -> np.ndarray:
    says = np.exp(1.5 * np.eye(len(LABELS))[truth] + random.normal(size=(len(truth), len(LABELS))))
    return np.asarray(says / says.sum(axis=1, keepdims=True))


def _table(
    name: str, split: str, scans: list[str], truth: np.ndarray, shares: np.ndarray
) -> pd.DataFrame:
    words = np.array(LABELS)
    table = pd.DataFrame({"model": name, "scan_id": scans, "split": split, "label": words[truth]})
    table["predicted"] = words[shares.argmax(axis=1)]
    for code, label in enumerate(LABELS):
        table[f"p_{label}"] = shares[:, code].round(6)
    for label in LABELS:
        table[f"votes_{label}"] = (table["predicted"] == label).astype(int)
    return table


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--models", type=int, default=8)
    asked = parser.parse_args()
    print("| rows | models | test scans | figures | seconds | peak memory, MiB |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        scans = write_inputs(Path(folder), asked.rows, asked.models)
        for drawn in ("with", "without"):
            seconds, peak = peak_memory([sys.executable, "-c", ONCE, folder, drawn])
            facts = f"{asked.rows:,} | {asked.models + 1} | {scans:,} | {drawn}"
            print(f"| {facts} | {seconds:.1f} | {peak / 2**20:,.0f} |", flush=True)


if __name__ == "__main__":
    main()
