"""A packaged, trained network on the scans of our four classes.

    python benchmarks/packaged_network.py --peer FOLDER/bin/python --study FOLDER [--scans 200]

FOLDER of the peer is an environment of its own: `python3 -m venv FOLDER`, then
`FOLDER/bin/pip install detect-tumor==0.1.1` (a VGG16 in ONNX). The study has been run to
`prepare@classification` on `brain_tumor_mri`. Nobody knows which of these scans the network was
trained on, so its figures are no test result. Markdown on standard output.
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from worktrees import with_interval

from scanvote.core.errors import InputError
from scanvote.manifest import read_manifest
from scanvote.metrics.bootstrap import confusions
from scanvote.metrics.confusion import chief_estimates
from scanvote.metrics.intervals import with_intervals

SEED = 7
ASK = """
import sys
from detect_tumor import TumorDetector
detector = TumorDetector()
for line in sys.stdin:
    print(detector.predict(line.strip()).predicted_class, flush=True)
"""
CLASSES = {
    "glioma": "glioma",
    "meningioma": "meningioma",
    "notumor": "no_tumor",
    "pituitary": "pituitary",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", type=Path, required=True, help="interpreter that has the package")
    parser.add_argument("--study", type=Path, required=True, help="repository with the data")
    parser.add_argument("--scans", type=int, help="of the test part, at random; default: all")
    args = parser.parse_args()
    try:
        if args.scans is not None and args.scans < 1:
            raise InputError(f"--scans: {args.scans}, give 1 or more")
        scans = scans_of_test(args.study, args.scans)
        paths = [args.study / "data/raw/classification" / path for path in scans["path"]]
        if missing := [path for path in paths if not path.is_file()]:
            raise InputError(f"--study: {missing[0]} is missing; run dvc checkout there")
        scans["predicted"] = predicted(args.peer, paths)
    except InputError as error:
        sys.exit(f"packaged_network: {error}")
    report(scans)


def scans_of_test(study: Path, count: int | None) -> pd.DataFrame:
    """Return the test scans of a study, or some of them, with `path`, `label` and `group`."""
    scans = read_manifest(study / "data/prepared/classification/manifest.csv")
    test = scans[scans["split"] == "test"]
    if test.empty:
        raise InputError("--study: it has no test scans")
    if unknown := set(test["label"]) - set(CLASSES.values()):
        raise InputError(f"--study: the network knows no class {sorted(unknown)[0]}")
    return test if count is None else test.sample(min(count, len(test)), random_state=SEED)


def predicted(peer: Path, paths: Sequence[Path]) -> list[str]:
    """Ask the package for the class of each file.

    Raises:
        InputError: the package is missing, or does not answer for each file.
    """
    asked("import detect_tumor", peer, "")
    names = asked(ASK, peer, "\n".join(map(str, paths))).split()
    if len(names) != len(paths) or set(names) - set(CLASSES):
        raise InputError(
            f"--peer: {len(names)} answers for {len(paths)} scans: {sorted(set(names))}"
        )
    return [CLASSES[name] for name in names]


def asked(code: str, peer: Path, text: str) -> str:
    """Run code of the peer's environment with `text` as its input."""
    try:
        command = [str(peer), "-c", code]
        return subprocess.run(
            command, input=text, capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        said = str(getattr(error, "stderr", "") or error).strip().splitlines()[-1]
        raise InputError(
            f"--peer: {said}; it needs an environment of its own: python3 -m venv FOLDER &&"
            " FOLDER/bin/pip install detect-tumor==0.1.1"
        ) from None


def report(scans: pd.DataFrame) -> None:
    labels = sorted(CLASSES.values())
    code = {label: at for at, label in enumerate(labels)}
    groups = pd.factorize(scans["group"])[0]
    truth, guess = (scans[name].map(code).to_numpy() for name in ("label", "predicted"))
    (estimates,) = chief_estimates([confusions(groups, truth, guess, len(labels))], SEED)
    figures = with_intervals(estimates)
    print("| scans | groups | accuracy | macro F1 |\n|---|---|---|---|")
    values = [with_interval(figures, name) for name in ("accuracy", "macro_f1")]
    print(f"| {len(scans)} | {len(set(groups))} | {' | '.join(values)} |\n")
    print(pd.crosstab(scans["label"], scans["predicted"]).to_markdown())


if __name__ == "__main__":
    main()
