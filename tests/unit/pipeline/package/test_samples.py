"""Which scans travel with a package."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from scanvote.core.errors import InputError
from scanvote.manifest import COLUMNS, write_manifest
from scanvote.params import Task
from scanvote.pipeline.package.samples import Samples, write_samples
from tests.searching import tree

BOTH: tuple[Task, Task] = ("classification", "segmentation")


def row(task: str, name: str, **values: object) -> dict[str, object]:
    known = {"scan_id": f"{task}/{name}", "path": f"{name}.png", "source": "phantom"}
    return known | {"split": "test", "mask_pixels": 0, "width": 9, "height": 9} | values


CLASSES = [
    row("classification", "b", label="glioma"),
    row("classification", "a", label="glioma"),
    row("classification", "c", label="glioma", split="train"),
    row("classification", "d", label="No Tumor/x"),
    row("classification", "e", label="real", source="brain_tumor_mri"),
]
MASKS = [
    row("segmentation", "a", patient="one", mask_pixels=4),
    row("segmentation", "b", patient="one", mask_pixels=9),
    row("segmentation", "c", patient="two"),
    row("segmentation", "d", patient="three", mask_pixels=1),
    row("segmentation", "e", patient="four", mask_pixels=2),
    row("segmentation", "f", patient="five", mask_pixels=5, split="validation"),
]


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    raw, prepared = tmp_path / "raw", tmp_path / "prepared"
    for task, rows in (("classification", CLASSES), ("segmentation", MASKS)):
        table = pd.DataFrame(rows).reindex(columns=[*COLUMNS, "split"]).fillna("")
        write_manifest(table, prepared / task / "manifest.csv")
        for one in rows:
            (raw / task).mkdir(parents=True, exist_ok=True)
            (raw / task / str(one["path"])).write_bytes(str(one["scan_id"]).encode())
    return raw, prepared


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        ("none", {}),
        (
            "generated",
            {
                "glioma.png": b"classification/a",
                "class-1-no_tumor_x.png": b"classification/d",
                "tumour-1.png": b"segmentation/b",
                "tumour-2.png": b"segmentation/d",
            },
        ),
        (
            "test",
            {
                "glioma.png": b"classification/a",
                "class-1-no_tumor_x.png": b"classification/d",
                "real.png": b"classification/e",
                "tumour-1.png": b"segmentation/b",
                "tumour-2.png": b"segmentation/d",
                "tumour-3.png": b"segmentation/e",
            },
        ),
    ],
)
def test_of_each_class_one_and_as_many_tumours_of_different_patients(
    places: tuple[Path, Path], which: Samples, expected: dict[str, bytes], tmp_path: Path
) -> None:
    write_samples(*places, BOTH, which, tmp_path / "samples")
    assert tree(tmp_path / "samples") == expected


@pytest.mark.parametrize("task", BOTH)
def test_of_one_task_alone_nothing_of_the_other_is_there(
    places: tuple[Path, Path], task: Task, tmp_path: Path
) -> None:
    other = next(one for one in BOTH if one != task)
    shutil.rmtree(places[1] / other)
    write_samples(*places, [task], "test", tmp_path / "samples")
    names = {"classification": ["class-1-no_tumor_x", "glioma", "real"]}
    expected = names.get(task, ["tumour-1", "tumour-2", "tumour-3"])
    assert sorted(path.stem for path in (tmp_path / "samples").iterdir()) == expected


def test_a_scan_that_is_missing_is_one_line(places: tuple[Path, Path], tmp_path: Path) -> None:
    (places[0] / "classification" / "a.png").unlink()
    with pytest.raises(InputError, match=r"a\.png is missing; run `dvc repro download`"):
        write_samples(*places, BOTH, "test", tmp_path / "samples")
