"""From an archive to a manifest; the archives are made here."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from scanvote.core.errors import InputError
from scanvote.datasets.base import Archive
from scanvote.datasets.brain_tumor_mri import ARCHIVE as BRAIN
from scanvote.datasets.brain_tumor_mri import LABELS
from scanvote.datasets.brain_tumor_yes_no import ARCHIVE as YES_NO
from scanvote.datasets.chest_xray_pneumonia import ARCHIVE as CHEST
from scanvote.datasets.lgg_mri import ARCHIVE as LGG
from scanvote.manifest import read_manifest
from scanvote.params import Params, Task, load_params
from scanvote.pipeline.download.stage import download

ROOT = Path(__file__).parents[4]


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    """Of the repository, but for the data sets; the mirror is the test's folder."""
    monkeypatch.setenv("SCANVOTE_MIRROR", str(tmp_path))
    values = load_params(ROOT / "params.yaml").model_dump()
    values["classification"]["dataset"] = "brain_tumor_mri"
    values["segmentation"]["dataset"] = "lgg_mri"
    values["phantom"]["image_size"] = 32
    values["phantom"]["classification"] = {"patients": 8, "slices": 2}
    return Params.model_validate(values)


def joined(params: Params, *names: str, **labels: str | None) -> Params:
    """`params` with other data sets for classification, and their labels mapped."""
    section = {"dataset": list(names), "labels": labels}
    return params.model_copy(
        update={"classification": params.classification.model_copy(update=section)}
    )


def png(seed: int = 0, size: tuple[int, int] = (40, 32), peak: int = 256) -> bytes:
    """A (height, width) picture of noise."""
    content = io.BytesIO()
    noise = np.random.default_rng(seed).integers(0, peak, size, np.uint8)
    Image.fromarray(noise).save(content, "PNG")
    return content.getvalue()


def mask(rows: int, size: tuple[int, int] = (40, 32)) -> bytes:
    """A (height, width) mask whose first `rows` are marked."""
    content = io.BytesIO()
    Image.fromarray(np.uint8(255) * (np.indices(size, np.uint8)[0] < rows)).save(content, "PNG")
    return content.getvalue()


def brain_tree() -> dict[str, bytes]:
    return {
        f"{split}/{name}/p ({number}).jpg": png(number)
        for split in ("Training", "Testing")
        for name in LABELS
        for number in (1, 2)
    }


def yes_no_tree() -> dict[str, bytes]:
    return {f"{name}/{number}.jpg": png(number) for name in ("yes", "no") for number in range(5)}


def lgg_tree() -> dict[str, bytes]:
    tree = {}
    for first, patient in ((0, "TCGA_CS_1"), (3, "TCGA_DU_2")):
        for number in (1, 2, 3):
            stem = f"kaggle_3m/{patient}/{patient}_{number}"
            tree[f"{stem}.tif"] = png(first + number)
            tree[f"{stem}_mask.tif"] = mask(4 if number > 1 else 0)
    return tree


def packed(folder: Path, archive: Archive, tree: dict[str, bytes]) -> None:
    with zipfile.ZipFile(folder / archive.name, "w") as file:
        for name, content in tree.items():
            file.writestr(name, content)


def refusal(task: Task, params: Params, out: Path) -> str:
    with pytest.raises(InputError) as caught:
        download(task, params, out)
    assert "\n" not in str(caught.value)
    assert not out.exists()
    assert not list(out.parent.glob(".*"))
    return str(caught.value)


def report(raw: Path) -> pd.DataFrame:
    return pd.read_csv(raw / "integrity.csv", keep_default_na=False)


def counts(metrics: dict[str, int | float]) -> dict[str, int | float]:
    return {name: count for name, count in metrics.items() if not name.startswith("finding_")}


def test_classes_are_counted(tmp_path: Path, params: Params) -> None:
    packed(tmp_path, BRAIN, brain_tree())
    assert counts(download("classification", params, tmp_path / "raw")) == {
        "scans": 16,
        "excluded": 0,
        "ignored": 0,
        "patients": 2,  # Training/glioma_tumor/p (1).jpg and another are in the table
        "classes": 4,
        "label_glioma": 4,
        "label_meningioma": 4,
        "label_no_tumor": 4,
        "label_pituitary": 4,
    }


def test_the_manifest_describes_every_scan(tmp_path: Path, params: Params) -> None:
    packed(tmp_path, BRAIN, brain_tree())
    download("classification", params, tmp_path / "raw")
    first = read_manifest(tmp_path / "raw/manifest.csv").iloc[0]
    assert first["scan_id"] == "brain_tumor_mri/Testing/glioma_tumor/p (1)"
    assert (first["source"], first["task"]) == ("brain_tumor_mri", "classification")
    assert (first["label"], first["source_split"]) == ("glioma", "Testing")
    assert (first["width"], first["height"], first["mode"]) == (32, 40, "L")
    assert (tmp_path / "raw" / first["path"]).read_bytes() == png(1)


def test_patients_and_tumours_are_counted(tmp_path: Path, params: Params) -> None:
    packed(tmp_path, LGG, lgg_tree())
    assert counts(download("segmentation", params, tmp_path / "raw")) == {
        "scans": 6,
        "excluded": 0,
        "ignored": 0,
        "patients": 2,
        "classes": 0,
        "tumour_masks": 4,
    }


def test_facts_are_columns_where_a_set_has_them(tmp_path: Path, params: Params) -> None:
    packed(tmp_path, LGG, lgg_tree())
    download("segmentation", params, tmp_path / "lgg")
    assert set(read_manifest(tmp_path / "lgg/manifest.csv")["institution"]) == {"CS", "DU"}
    packed(tmp_path, BRAIN, brain_tree())
    download("classification", params, tmp_path / "brain")
    assert "institution" not in read_manifest(tmp_path / "brain/manifest.csv")


def test_every_kind_of_finding_is_a_metric(tmp_path: Path, params: Params) -> None:
    packed(tmp_path, BRAIN, brain_tree())
    broken = brain_tree() | {"Training/glioma_tumor/p (1).jpg": b"?"}
    whole = download("classification", params, tmp_path / "raw")
    packed(tmp_path, BRAIN, broken)
    faulty = download("classification", params, tmp_path / "raw")
    assert list(whole) == list(faulty)
    assert (whole["finding_unreadable"], faulty["finding_unreadable"]) == (0, 1)


def test_an_unreadable_scan_is_listed_and_left_out(tmp_path: Path, params: Params) -> None:
    broken = "Training/glioma_tumor/p (1).jpg"
    packed(tmp_path, BRAIN, brain_tree() | {broken: png(1)[:90]})
    metrics = download("classification", params, tmp_path / "raw")
    assert (metrics["scans"], metrics["excluded"]) == (15, 1)
    place = f"brain_tumor_mri/{broken}"
    assert place not in set(read_manifest(tmp_path / "raw/manifest.csv")["path"])
    first = report(tmp_path / "raw").iloc[0]
    assert (first["kind"], first["path"], first["detail"]) == (
        *("unreadable", place, "is no whole image"),
    )
    assert first["excluded"]


def test_a_mask_of_another_size_is_listed_with_both_sizes(tmp_path: Path, params: Params) -> None:
    packed(
        tmp_path, LGG, lgg_tree() | {"kaggle_3m/TCGA_CS_1/TCGA_CS_1_2_mask.tif": mask(9, (64, 48))}
    )
    assert download("segmentation", params, tmp_path / "raw")["excluded"] == 1
    assert report(tmp_path / "raw")["detail"].tolist() == ["mask is 48x64, scan 32x40"]


def test_an_unreadable_mask_is_named(tmp_path: Path, params: Params) -> None:
    packed(tmp_path, LGG, lgg_tree() | {"kaggle_3m/TCGA_CS_1/TCGA_CS_1_2_mask.tif": b""})
    download("segmentation", params, tmp_path / "raw")
    said = report(tmp_path / "raw")["detail"].tolist()
    assert said == ["lgg_mri/kaggle_3m/TCGA_CS_1/TCGA_CS_1_2_mask.tif is empty"]


def test_a_constant_scan_leaves_classification_only(tmp_path: Path, params: Params) -> None:
    packed(tmp_path, BRAIN, brain_tree() | {"Training/no_tumor/p (1).jpg": mask(0)})
    assert download("classification", params, tmp_path / "raw")["scans"] == 15
    packed(tmp_path, LGG, lgg_tree() | {"kaggle_3m/TCGA_CS_1/TCGA_CS_1_1.tif": mask(0)})
    metrics = download("segmentation", params, tmp_path / "raw")
    assert (metrics["scans"], metrics["finding_constant"]) == (6, 1)


def test_a_name_does_not_depend_on_what_else_can_be_read(tmp_path: Path, params: Params) -> None:
    tree = yes_no_tree() | {"no/1.png": png(7)}
    names = []
    for content in (png(7), b"?"):
        packed(tmp_path, YES_NO, tree | {"no/1.png": content})
        download("classification", joined(params, "brain_tumor_yes_no"), tmp_path / "raw")
        names.append(set(read_manifest(tmp_path / "raw/manifest.csv")["scan_id"]))
    assert names[1] < names[0]


def test_a_class_without_a_readable_scan_is_one_line(tmp_path: Path, params: Params) -> None:
    tree = {name: b"?" if "no_tumor" in name else content for name, content in brain_tree().items()}
    packed(tmp_path, BRAIN, tree)
    said = refusal("classification", params, tmp_path / "out/raw")
    assert said.startswith("no scan of the class 'no_tumor' can be used (brain_tumor_mri/Testing/")


def test_no_readable_scan_is_one_line(tmp_path: Path, params: Params) -> None:
    packed(tmp_path, LGG, dict.fromkeys(lgg_tree(), b""))
    assert "no scan can be used" in refusal("segmentation", params, tmp_path / "out/raw")


def test_a_corrupt_archive_leaves_nothing_behind(tmp_path: Path, params: Params) -> None:
    packed(tmp_path, LGG, lgg_tree())
    archive = tmp_path / LGG.name
    archive.write_bytes(archive.read_bytes()[:-200])
    assert "is damaged" in refusal("segmentation", params, tmp_path / "out/raw")


def test_what_is_there_is_replaced_only_by_what_is_whole(tmp_path: Path, params: Params) -> None:
    out = tmp_path / "raw"
    packed(tmp_path, LGG, lgg_tree())
    download("segmentation", params, out)
    (out / "stray.txt").write_text("")
    packed(tmp_path, LGG, {"other.txt": b""})
    with pytest.raises(InputError):
        download("segmentation", params, out)
    assert (out / "stray.txt").exists()
    packed(tmp_path, LGG, lgg_tree())
    download("segmentation", params, out)
    assert not (out / "stray.txt").exists()


def test_the_same_archive_gives_the_same_bytes(tmp_path: Path, params: Params) -> None:
    packed(tmp_path, LGG, lgg_tree())
    for name in ("one", "two"):
        download("segmentation", params, tmp_path / name)
    for name in ("manifest.csv", "integrity.csv"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_two_sets_become_one_task_under_its_labels(tmp_path: Path, params: Params) -> None:
    packed(tmp_path, YES_NO, yes_no_tree())
    both = joined(
        *(params, "brain_tumor_yes_no", "phantom"),
        **{"glioma": "tumor", "meningioma": "tumor", "pituitary": None},
    )
    metrics = download("classification", both, tmp_path / "raw")
    rows = read_manifest(tmp_path / "raw/manifest.csv")
    assert metrics["classes"] == 2
    assert list(rows["source"].unique()) == ["brain_tumor_yes_no", "phantom"]
    phantom = rows[rows["source"] == "phantom"]
    assert set(phantom["label"]) == {"tumor", "no_tumor"}
    assert not phantom["path"].str.contains("pituitary/patient").any()
    assert len(rows) == 10 + len(phantom) == metrics["scans"]


def test_files_and_patients_of_two_sets_keep_apart(tmp_path: Path, params: Params) -> None:
    packed(tmp_path, YES_NO, {f"{name}/IM-1-1.jpeg": png(1) for name in ("yes", "no")})
    chest = {"NORMAL": "IM-1-1.jpeg", "PNEUMONIA": "person1_virus_1.jpeg"}
    packed(tmp_path, CHEST, {f"train/{name}/{file}": png(2) for name, file in chest.items()})
    both = joined(params, "brain_tumor_yes_no", "chest_xray_pneumonia", normal="no_tumor")
    download("classification", both, tmp_path / "raw")
    rows = read_manifest(tmp_path / "raw/manifest.csv")
    assert rows["scan_id"].is_unique
    assert set(rows["patient"]) == {
        *("", "chest_xray_pneumonia/IM-1", "chest_xray_pneumonia/person1_virus"),
    }
    for row in rows.itertuples():
        assert (tmp_path / "raw" / str(row.path)).is_file()


def test_a_label_that_no_scan_has_is_one_line(tmp_path: Path, params: Params) -> None:
    packed(tmp_path, YES_NO, yes_no_tree())
    wrong = joined(params, "brain_tumor_yes_no", tumour="tumor")
    said = refusal("classification", wrong, tmp_path / "out/raw")
    assert said.endswith("no scan has the label 'tumour'; did you mean 'tumor'?")


def test_labels_that_leave_no_scan_are_one_line(tmp_path: Path, params: Params) -> None:
    packed(tmp_path, YES_NO, yes_no_tree())
    wrong = joined(params, "brain_tumor_yes_no", tumor=None, no_tumor=None)
    assert "leaves no scan" in refusal("classification", wrong, tmp_path / "out/raw")


def test_labels_that_leave_one_class_are_one_line(tmp_path: Path, params: Params) -> None:
    packed(tmp_path, YES_NO, yes_no_tree())
    wrong = joined(params, "brain_tumor_yes_no", tumor=None)
    said = refusal("classification", wrong, tmp_path / "out/raw")
    assert said.startswith("all 5 scans are of the class 'no_tumor'")
