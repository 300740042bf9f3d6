"""A search so small that a test can wait for it: prepared scans, params, a log."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from scanvote.arrays import write_shards
from scanvote.manifest import COLUMNS, write_manifest
from scanvote.params import Params, load_params

ROOT = Path(__file__).parents[1]
LABELS = ("glioma", "meningioma", "no_tumor", "pituitary")
SIZES = {"train": 24, "validation": 8, "test": 8}


def write_prepared(folder: Path, labels: Sequence[str] = LABELS, side: int = 16) -> Path:
    """Scans whose class is their brightness; the classes take turns."""
    random, count = np.random.default_rng(1), len(labels)
    rows = []
    for split, scans in SIZES.items():
        ids = [f"{split}-{number}" for number in range(scans)]
        shards = (scan(one, n % count, random, side) for n, one in enumerate(ids))
        write_shards(folder, split, shards)
        rows += [{"scan_id": one, "label": labels[n % count]} for n, one in enumerate(ids)]
    frame = pd.DataFrame(rows).reindex(columns=list(COLUMNS), fill_value="")
    write_manifest(frame.assign(width=side, height=side, mask_pixels=0), folder / "manifest.csv")
    return folder


def scan(scan_id: str, label: int, random: np.random.Generator, side: int = 16) -> dict[str, Any]:
    image = random.integers(0, 20, (side, side, 1), "uint8") + np.uint8(70 * label)
    return {"images": image, "scan_ids": np.array(scan_id), "labels": np.int64(label)}


def tiny_params(**changes: Any) -> Params:
    """params.yaml with a grid of 3 points for the ANN: depth 0, and 1 of width 4 or 8."""
    params = load_params(ROOT / "params.yaml")
    tiny = {
        "lr": 0.01,
        "search": {
            "algorithm": "grid",
            "max_trials": 9,
            "epochs": 2,
            "patience": 3,
            "schedule": "constant",
            "objective": "macro_f1",
        },
        "ann": {"shrink": 1, "dense_layers": [0, 1], "units": [4, 8]},
        "transfer": {"thaw": None},
        "ensemble": {"top": 2},
    }
    values = params.model_dump()
    for key, value in [*tiny.items(), *changes.items()]:
        values[key] = {**values[key], **value} if isinstance(value, dict) else value
    return type(params).model_validate(values)


def tree(folder: Path) -> dict[str, bytes]:
    """The contents of all files, by path."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


class Log:
    """Remembers what a search tells of its trials."""

    def __init__(self) -> None:
        self.trials: dict[str, dict[str, Any]] = {}

    @contextmanager
    def __call__(self, name: str, values: Mapping[str, Any]) -> Iterator["Log.Trial"]:
        self.trials[name] = {"values": dict(values), "epochs": [], "tags": {}, "result": None}
        yield self.Trial(self.trials[name])

    class Trial:
        def __init__(self, into: dict[str, Any]) -> None:
            self.into = into

        def tag(self, name: str, value: str) -> None:
            self.into["tags"][name] = value

        def epoch(self, step: int, scores: Mapping[str, float]) -> None:
            self.into["epochs"].append(step)

        def result(self, metrics: Mapping[str, float]) -> None:
            self.into["result"] = dict(metrics)
