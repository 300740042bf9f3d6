"""Time and memory of `download`, beside another commit, in turn, in one run on one machine.

    SCANVOTE_MIRROR=FOLDER python benchmarks/own_data_cost.py COMMIT [--rounds 3] [--only REGEX]

The sets of the mirror: as own data (unpacked folders, a table with patients, the slices of LGG as
NIfTI volumes and as DICOM series), and by their names, from the archives. COMMIT and what is here
are worktrees in a temporary folder, as in `against.py`; both run with this interpreter. Of each:
seconds and processor seconds of the stage alone, with its pool of processes, and the peak memory of
the process and all that it started. The median of the rounds, and ours over COMMIT's; the exit
code is 1 where one of ours, the noisy wall time aside, is more than a tenth above COMMIT's.
"""

import csv
import json
import os
import platform
import re
import statistics
import sys
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from against import Side, sides
from measure import peak_memory

STAGE = """
import json, resource, sys, time
from pathlib import Path

def main():
    try:
        from scanvote.pipeline.download.stage import download
    except ImportError:
        from scanvote.download import download
    from scanvote.params import load_params
    task, path, out, told = sys.argv[1:]
    values = load_params(Path("params.yaml")).model_dump()
    values[task]["dataset"] = [path]
    params = load_params(Path("params.yaml")).__class__.model_validate(values)
    start = time.perf_counter()
    download(task, params, Path(out))
    seconds = time.perf_counter() - start
    used = [resource.getrusage(one) for one in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu = sum(one.ru_utime + one.ru_stime for one in used)
    Path(told).write_text(json.dumps({"s": seconds, "processor s": cpu}))

if __name__ == "__main__":
    main()
"""
NAMED = {
    "brain_tumor_yes_no": ("classification", "brain-mri-images-for-brain-tumor-detection.zip"),
    "brain_tumor_mri": ("classification", "brain-tumor-classification-mri.zip"),
    "chest_xray_pneumonia": ("classification", "chest-xray-pneumonia.zip"),
    "lgg_mri": ("segmentation", "lgg-mri-segmentation.zip"),
}
"""Sets by name: task and archive."""
MAXIMUM = 1.1
"""Largest ratio of what may grow."""

Sets = dict[str, tuple[str, str]]
"""Task and dataset, a name or a path, by what is shown."""


def own_sets(mirror: Path, place: Path) -> Sets:
    """Unpack the archives, and write the further forms of them to `place`."""
    found: Sets = {}
    for name, (task, archive) in NAMED.items():
        with zipfile.ZipFile(mirror / archive) as packed:
            packed.extractall(place / name)
        found[f"{name}, a folder"] = (task, str(place / name))
    found["lgg_mri, a table"] = ("segmentation", str(lgg_table(place / "lgg_mri")))
    found["lgg_mri, NIfTI"] = ("segmentation", str(lgg_volumes(place / "lgg_mri", place / "nifti")))
    found["lgg_mri, DICOM"] = ("classification", str(lgg_dicom(place / "lgg_mri", place / "dicom")))
    return found


def lgg_slices(root: Path) -> Mapping[Path, list[Path]]:
    """The slices of each patient's folder in their order."""
    slices: dict[Path, list[Path]] = defaultdict(list)
    for mask in root.rglob("*_mask.tif"):
        slices[mask.parent].append(mask.with_name(mask.name.replace("_mask", "")))
    for files in slices.values():
        files.sort(key=lambda one: int(one.stem.rsplit("_", 1)[1]))
    return dict(sorted(slices.items()))


def lgg_table(root: Path) -> Path:
    path = root / "own.csv"
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("path", "mask", "patient"))
        for folder, files in lgg_slices(root).items():
            for one in files:
                mask = one.with_name(f"{one.stem}_mask.tif")
                names = (each.relative_to(root).as_posix() for each in (one, mask))
                table.writerow((*names, folder.name))
    return path


def lgg_volumes(root: Path, out: Path) -> Path:
    import cv2
    import nibabel

    for folder, files in lgg_slices(root).items():
        image = np.stack([cv2.imread(str(one))[..., 1] for one in files], -1)
        masks = [cv2.imread(str(one.with_name(f"{one.stem}_mask.tif")), 0) for one in files]
        (out / folder.name).mkdir(parents=True)
        for name, voxels in (("x", image), ("x_mask", (np.stack(masks, -1) > 0).astype(np.uint8))):
            nibabel.save(
                nibabel.Nifti1Image(voxels, np.eye(4)), out / folder.name / f"{name}.nii.gz"
            )
    return out


def lgg_dicom(root: Path, out: Path) -> Path:
    """A series a patient, in two folders of classes."""
    import cv2

    sys.path.insert(0, str(Path(__file__).parents[1]))
    from benchmarks.case_inputs import UIDS, dicom

    for number, (folder, files) in enumerate(lgg_slices(root).items()):
        for at, one in enumerate(files):
            dicom(
                out / ("yes" if number % 2 else "no") / folder.name / f"{at:03d}.dcm",
                cv2.imread(str(one))[..., 1].astype(np.uint16),
                PatientID=folder.name,
                SeriesInstanceUID=f"{UIDS}.77.{number + 1}",
                InstanceNumber=at + 1,
                ImagePositionPatient=[0, 0, 3.0 * at],
            )
    return out


def measured(side: Side, task: str, dataset: str) -> Mapping[str, float]:
    """Seconds and MiB of `download`; empty where it fails."""
    with tempfile.TemporaryDirectory() as place:
        told = Path(place, "told.json")
        script = Path(place, "stage.py")  # a pool imports it anew
        script.write_text(STAGE)
        source = f"PYTHONPATH={side.folder / 'src'}"
        words = ["env", "-C", str(side.folder), source, sys.executable, str(script)]
        try:
            _, peak = peak_memory([*words, task, dataset, f"{place}/out", str(told)])
        except RuntimeError as error:
            print(f"{side.name}: {dataset}: {str(error)[-300:]}", file=sys.stderr)
            return {}
        return {**json.loads(told.read_text()), "MiB": peak / 2**20}


def table(found: Mapping[str, Mapping[str, Mapping[str, list[float]]]], commit: str) -> float:
    """Print the medians of both and their ratio; return the largest ratio but of wall time."""
    print(f"| set | what | {commit} | here | ratio |\n|---|---|---|---|---|")
    largest = 0.0
    for name, by_side in found.items():
        for what in ("s", "processor s", "MiB"):
            pairs = [by_side.get(side, {}).get(what) for side in (commit, "here")]
            medians = [statistics.median(one) if one else None for one in pairs]
            both = medians[0] is not None and medians[1] is not None
            ratio = medians[1] / medians[0] if both else None
            shown = ["fails" if one is None else f"{one:,.3g}" for one in medians]
            print(f"| {name} | {what} | {' | '.join(shown)} | {f'{ratio:.2f}' if ratio else ''} |")
            largest = max(largest, ratio or 0) if what != "s" else largest
    return largest


def main(
    commit: str,
    rounds: Annotated[int, typer.Option(min=1)] = 3,
    only: Annotated[str, typer.Option(help="Regular expression of the sets.")] = "",
) -> None:
    """Measure COMMIT and this checkout in turn; Markdown on standard output."""
    mirror = Path(os.environ.get("SCANVOTE_MIRROR", "nowhere"))
    if not mirror.is_dir():
        raise typer.BadParameter("SCANVOTE_MIRROR should be the folder of the archives")
    found: dict[str, dict[str, dict[str, list[float]]]] = {}
    with tempfile.TemporaryDirectory() as place, sides(commit) as both:
        sets = own_sets(mirror, Path(place)) | {
            f"{name}, by name": (task, name) for name, (task, _) in NAMED.items()
        }
        for name, (task, dataset) in sets.items():
            if not re.search(only, name):
                continue
            for _ in range(rounds):
                for side in both:
                    for what, value in measured(side, task, dataset).items():
                        by_what = found.setdefault(name, {}).setdefault(side.name, {})
                        by_what.setdefault(what, []).append(value)
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    sys.exit(table(found, commit) > MAXIMUM)


if __name__ == "__main__":
    typer.run(main)
