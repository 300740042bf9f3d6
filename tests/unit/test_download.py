"""From an archive to a manifest; the archives are made here."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from scanvote import datasets
from scanvote.datasets.base import DataSet, Scan, Task
from scanvote.datasets.brain_tumor_mri import BRAIN_TUMOR_MRI, LABELS
from scanvote.datasets.lgg_mri import LGG_MRI
from scanvote.download import download
from scanvote.errors import InputError
from scanvote.manifest import read_manifest
from scanvote.params import Params, load_params

ROOT = Path(__file__).parents[2]


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    """Of the repository, but for the data sets; the mirror is the test's folder."""
    monkeypatch.setenv("SCANVOTE_MIRROR", str(tmp_path))
    values = load_params(ROOT / "params.yaml").model_dump()
    values["classification"]["dataset"] = "brain_tumor_mri"
    values["segmentation"]["dataset"] = "lgg_mri"
    return Params.model_validate(values)


def png(seed: int = 0, size: tuple[int, int] = (40, 32), peak: int = 256) -> bytes:
    """A (height, width) picture of noise."""
    content = io.BytesIO()
    noise = np.random.default_rng(seed).integers(0, peak, size, np.uint8)
    Image.fromarray(noise).save(content, "PNG")
    return content.getvalue()


def brain_tree() -> dict[str, bytes]:
    return {
        f"{split}/{name}/p ({number}).jpg": png(number)
        for split in ("Training", "Testing")
        for name in LABELS
        for number in (1, 2)
    }


def lgg_tree() -> dict[str, bytes]:
    tree = {}
    for patient in ("TCGA_1", "TCGA_2"):
        for number in (1, 2, 3):
            stem = f"kaggle_3m/{patient}/{patient}_{number}"
            tree[f"{stem}.tif"] = png(number)
            tree[f"{stem}_mask.tif"] = png(0, peak=1 if number == 1 else 256)
    return tree


def packed(folder: Path, dataset: DataSet, tree: dict[str, bytes]) -> None:
    with zipfile.ZipFile(folder / dataset.archive, "w") as archive:
        for name, content in tree.items():
            archive.writestr(name, content)


def refusal(task: Task, params: Params, out: Path) -> str:
    with pytest.raises(InputError) as caught:
        download(task, params, out)
    assert "\n" not in str(caught.value)
    assert not out.exists()
    assert not list(out.parent.glob(".*"))
    return str(caught.value)


def test_classes_are_counted(tmp_path: Path, params: Params) -> None:
    packed(tmp_path, BRAIN_TUMOR_MRI, brain_tree())
    assert download("classification", params, tmp_path / "raw") == {
        "scans": 16,
        "excluded": 0,
        "patients": 0,
        "classes": 4,
        "label_glioma": 4,
        "label_meningioma": 4,
        "label_no_tumor": 4,
        "label_pituitary": 4,
    }


def test_the_manifest_describes_every_scan(tmp_path: Path, params: Params) -> None:
    packed(tmp_path, BRAIN_TUMOR_MRI, brain_tree())
    download("classification", params, tmp_path / "raw")
    first = read_manifest(tmp_path / "raw/manifest.csv").iloc[0]
    assert first["scan_id"] == "Testing/glioma_tumor/p (1)"
    assert (first["label"], first["source_split"]) == ("glioma", "Testing")
    assert (first["width"], first["height"]) == (32, 40)
    assert (tmp_path / "raw" / first["path"]).read_bytes() == png(1)


def test_patients_and_tumours_are_counted(tmp_path: Path, params: Params) -> None:
    packed(tmp_path, LGG_MRI, lgg_tree())
    metrics = download("segmentation", params, tmp_path / "raw")
    assert metrics == {
        "scans": 6,
        "excluded": 0,
        "patients": 2,
        "classes": 0,
        "tumour_masks": 4,
    }


def test_an_unreadable_scan_is_listed_and_left_out(tmp_path: Path, params: Params) -> None:
    broken = "Training/glioma_tumor/p (1).jpg"
    packed(tmp_path, BRAIN_TUMOR_MRI, brain_tree() | {broken: png(1)[:90]})
    metrics = download("classification", params, tmp_path / "raw")
    assert (metrics["scans"], metrics["excluded"]) == (15, 1)
    assert broken not in set(read_manifest(tmp_path / "raw/manifest.csv")["path"])
    excluded = pd.read_csv(tmp_path / "raw/excluded.csv")
    assert excluded.to_numpy().tolist() == [[broken, "is no whole image"]]


def test_a_mask_of_another_size_is_listed_with_both_sizes(tmp_path: Path, params: Params) -> None:
    tree = lgg_tree() | {"kaggle_3m/TCGA_1/TCGA_1_2_mask.tif": png(0, (64, 48))}
    packed(tmp_path, LGG_MRI, tree)
    assert download("segmentation", params, tmp_path / "raw")["excluded"] == 1
    excluded = pd.read_csv(tmp_path / "raw/excluded.csv")
    assert excluded["problem"].tolist() == ["mask is 48x64, scan 32x40"]


def test_an_unreadable_mask_is_named(tmp_path: Path, params: Params) -> None:
    packed(tmp_path, LGG_MRI, lgg_tree() | {"kaggle_3m/TCGA_1/TCGA_1_2_mask.tif": b""})
    download("segmentation", params, tmp_path / "raw")
    excluded = pd.read_csv(tmp_path / "raw/excluded.csv")
    assert excluded["problem"].tolist() == ["kaggle_3m/TCGA_1/TCGA_1_2_mask.tif is empty"]


def test_a_class_without_a_readable_scan_is_one_line(tmp_path: Path, params: Params) -> None:
    tree = {name: b"?" if "no_tumor" in name else content for name, content in brain_tree().items()}
    packed(tmp_path, BRAIN_TUMOR_MRI, tree)
    said = refusal("classification", params, tmp_path / "out/raw")
    assert said.startswith("brain_tumor_mri: no scan of the class 'no_tumor' can be used (Test")


def test_no_readable_scan_is_one_line(tmp_path: Path, params: Params) -> None:
    packed(tmp_path, LGG_MRI, dict.fromkeys(lgg_tree(), b""))
    assert "no scan can be used" in refusal("segmentation", params, tmp_path / "out/raw")


def test_a_corrupt_archive_leaves_nothing_behind(tmp_path: Path, params: Params) -> None:
    packed(tmp_path, LGG_MRI, lgg_tree())
    archive = tmp_path / LGG_MRI.archive
    archive.write_bytes(archive.read_bytes()[:-200])
    assert "is damaged" in refusal("segmentation", params, tmp_path / "out/raw")


def test_what_is_there_is_replaced_only_by_what_is_whole(tmp_path: Path, params: Params) -> None:
    out = tmp_path / "raw"
    packed(tmp_path, LGG_MRI, lgg_tree())
    download("segmentation", params, out)
    (out / "stray.txt").write_text("")
    packed(tmp_path, LGG_MRI, {"other.txt": b""})
    with pytest.raises(InputError):
        download("segmentation", params, out)
    assert (out / "stray.txt").exists()
    packed(tmp_path, LGG_MRI, lgg_tree())
    download("segmentation", params, out)
    assert not (out / "stray.txt").exists()


def test_the_same_archive_gives_the_same_bytes(tmp_path: Path, params: Params) -> None:
    packed(tmp_path, LGG_MRI, lgg_tree())
    for name in ("one", "two"):
        download("segmentation", params, tmp_path / name)
    for path in (tmp_path / "one").rglob("*.csv"):
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_a_set_that_is_generated_needs_no_archive(
    tmp_path: Path, params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    def generate(folder: Path, phantom: object, task: Task, seed: int, progress: object) -> None:
        assert (phantom, task, seed) == (params.phantom, "classification", params.seed)
        (folder / "a.png").write_bytes(png())

    made = DataSet("made", ("classification",), "", "", lambda *_: [Scan("a.png", "x")])
    made = DataSet(**(vars(made) | {"generate": generate}))
    monkeypatch.setattr(datasets, "find", lambda name, task: made)
    assert download("classification", params, tmp_path / "raw")["label_x"] == 1
