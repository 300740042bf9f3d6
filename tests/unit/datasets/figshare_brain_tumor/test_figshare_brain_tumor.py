"""From the published archives, as they may lie in a mirror, to scans."""

from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from scanvote.core.errors import InputError
from scanvote.datasets.base import Scan
from scanvote.datasets.figshare_brain_tumor import fetch, person
from scanvote.datasets.figshare_brain_tumor import scans as read_scans
from scanvote.manifest import read_manifest
from scanvote.params import Params, Task
from scanvote.pipeline.deduplicate.stage import deduplicate
from scanvote.pipeline.download.stage import download
from scanvote.pipeline.report.data_card import data_card
from tests.matlab import PARTS, cvind, fields, head, laid, lesion, mat, parts, slices, zipped

FOLDS = [1, 2, 1, 2, 3, 3]


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "mirror"
    folder.mkdir()
    monkeypatch.setenv("SCANVOTE_MIRROR", str(folder))
    return folder


@pytest.fixture
def chosen(params: Params) -> Params:
    """The set for both tasks."""
    named = {"dataset": ["figshare_brain_tumor"]}
    tasks = {
        task: getattr(params, task).model_copy(update=named)
        for task in ("classification", "segmentation")
    }
    return params.model_copy(update=tasks)


def brought(params: Params, folder: Path, task: Task = "classification") -> list[Scan]:
    fetch(folder, task, params)
    assert not list(folder.parent.glob(".*"))
    return list(read_scans(folder, task))


def refusal(params: Params, folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        fetch(folder, "classification", params)
    assert "\n" not in str(caught.value)
    assert not folder.exists()
    assert not list(folder.parent.glob(".*"))
    return str(caught.value)


def ignored(folder: Path) -> dict[str, str]:
    table = pd.read_csv(folder / "ignored.csv", keep_default_na=False)
    return dict(zip(table["name"], table["reason"], strict=True))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def loose(folder: Path) -> None:
    laid(folder, slices() | {"cvind.mat": cvind(FOLDS)})


def four_zips(folder: Path) -> None:
    laid(folder, parts(slices()) | {"cvind.mat": cvind(FOLDS), "README.txt": b""})


def unpacked_parts(folder: Path) -> None:
    for number, (name, content) in enumerate(slices().items()):
        laid(folder / PARTS[number % 4].removesuffix(".zip"), {name: content})
    laid(folder, {"cvind.mat": cvind(FOLDS)})


def outer(folder: Path) -> None:
    inside = parts(slices()) | {"cvind.mat": cvind(FOLDS), "README.txt": b""}
    laid(folder, {"1512427.zip": zipped(inside)})


def outer_of_loose(folder: Path) -> None:
    inside = {f"brain/{name}": content for name, content in slices().items()}
    macos = {"__MACOSX/brain/._1.mat": b"?", "brain/._2.mat": b"?"}
    inside |= {"brain/cvind.mat": cvind(FOLDS)} | macos
    laid(folder, {"figshare-brain-tumor.zip": zipped(inside)})


def folder_of_zips(folder: Path) -> None:
    four_zips(folder / "figshare-brain-tumor")


def folder_of_loose(folder: Path) -> None:
    loose(folder / "1512427/data")


LAYOUTS = (
    four_zips,
    unpacked_parts,
    outer,
    outer_of_loose,
    folder_of_zips,
    folder_of_loose,
)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_however_it_lies_the_same_bytes_come_of_it(
    mirror: Path, chosen: Params, tmp_path: Path, layout: Callable[[Path], None]
) -> None:
    loose(mirror)
    first = brought(chosen, tmp_path / "loose")
    for path in mirror.iterdir():
        path.unlink()
    layout(mirror)
    before = {path: path.stat().st_size for path in mirror.rglob("*")}
    assert brought(chosen, tmp_path / "other") == first
    assert contents(tmp_path / "other") == contents(tmp_path / "loose")
    assert {path: path.stat().st_size for path in mirror.rglob("*")} == before


def test_a_slice_is_written_with_its_own_values_and_the_right_way_up(
    mirror: Path, chosen: Params, tmp_path: Path
) -> None:
    four_zips(mirror)
    brought(chosen, tmp_path / "set")
    image = cv2.imread(str(tmp_path / "set/2.png"), cv2.IMREAD_UNCHANGED)
    assert image.dtype == np.uint16
    assert np.array_equal(image, head(1))
    mask = cv2.imread(str(tmp_path / "set/2_mask.png"), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(mask, lesion() * 255)


def test_a_scan_tells_class_person_and_published_fold(
    mirror: Path, chosen: Params, tmp_path: Path
) -> None:
    four_zips(mirror)
    found = brought(chosen, tmp_path / "set")
    assert [scan.path for scan in found] == [f"{number}.png" for number in range(1, 7)]
    labels = ["meningioma", "pituitary", "glioma", "glioma", "glioma", "meningioma"]
    assert [scan.label for scan in found] == labels
    people = ["100360", "112649", "MR7260", "MR7260", "MR7260", "98"]
    assert [scan.patient for scan in found] == people
    assert [scan.source_split for scan in found] == [f"fold{fold}" for fold in FOLDS]
    assert {scan.series for scan in found} == {""}
    assert found[0].facts == {"contrast": "t1c"}


def test_to_segment_the_class_is_the_kind(mirror: Path, chosen: Params, tmp_path: Path) -> None:
    four_zips(mirror)
    first = brought(chosen, tmp_path / "set", "segmentation")[0]
    assert (first.label, first.mask_path) == ("", "1_mask.png")
    assert first.facts == {"contrast": "t1c", "kind": "meningioma"}


def test_without_the_table_there_are_no_folds(mirror: Path, chosen: Params, tmp_path: Path) -> None:
    laid(mirror, parts(slices()))
    assert {scan.source_split for scan in brought(chosen, tmp_path / "set")} == {""}


def test_spacing_is_known_of_full_size_alone(mirror: Path, chosen: Params, tmp_path: Path) -> None:
    laid(mirror, {f"{at}.mat": mat(fields(side=side)) for at, side in ((1, 512), (2, 256))})
    told = [scan.facts.get("spacing") for scan in brought(chosen, tmp_path / "set")]
    assert told == ["0.49", None]


@pytest.mark.parametrize(
    ("pid", "who"),
    [
        *(("MR7260A", "MR7260"), ("112649", "112649"), ("12AB", "12"), ("98b", "98")),
        *(("MR", "MR"), ("A1B2", "A1B2")),
    ],
)
def test_a_person_is_the_identifier_without_letters_behind_it(pid: str, who: str) -> None:
    assert person(pid) == who


def test_a_part_of_the_set_will_do(mirror: Path, chosen: Params, tmp_path: Path) -> None:
    laid(mirror, {PARTS[1]: zipped({"767.mat": slices()["1.mat"]})})
    assert [scan.path for scan in brought(chosen, tmp_path / "set")] == ["767.png"]


def test_files_that_cannot_be_used_are_left_out_with_a_reason(
    mirror: Path, chosen: Params, tmp_path: Path
) -> None:
    broken = {
        "1.mat": mat(fields(), group="other"),
        "2.mat": mat(fields(label=4.0)),
        "3.mat": slices()["3.mat"][:600],
        "scan.mat": slices()["4.mat"],
    }
    laid(mirror, {PARTS[0]: zipped(slices() | broken)})
    found = brought(chosen, tmp_path / "set")
    assert [scan.path for scan in found] == ["4.png", "5.png", "6.png"]
    assert not (tmp_path / "set/2.png").exists()
    assert ignored(tmp_path / "set") == {
        f"{PARTS[0]}/1.mat": "has no cjdata; is it a file of this set?",
        f"{PARTS[0]}/2.mat": "its label is 4; the set has 1 meningioma, 2 glioma, 3 pituitary",
        f"{PARTS[0]}/3.mat": "is damaged or no MATLAB 7.3 file; fetch it anew",
        f"{PARTS[0]}/scan.mat": "is named neither as 17.mat nor cvind.mat",
    }


REFUSED: dict[str, tuple[Mapping[str, bytes], str]] = {
    "empty mirror": ({"lgg-mri-segmentation.zip": b""}, "put there what doi.org/10.6084/m9"),
    "no .mat files": ({PARTS[2]: zipped({"a.txt": b""})}, f"{PARTS[2]} holds no .mat files"),
    "outer without .mat files": (
        {"1512427.zip": zipped(parts(slices()) | {PARTS[3]: zipped({"a.txt": b""})})},
        f"{PARTS[3]} holds no .mat files",
    ),
    "folds alone": ({PARTS[0]: zipped({"cvind.mat": cvind(FOLDS)})}, "no 1.mat, 2.mat… is there"),
    "a number twice": (
        {name: zipped({"7.mat": slices()["1.mat"]}) for name in PARTS[:2]},
        f"7.mat is there twice, as {PARTS[0]}/7.mat and as {PARTS[1]}/7.mat",
    ),
    "truncated zip": ({PARTS[0]: zipped(slices())[:-60]}, "is damaged or no archive"),
    "leads outside": ({PARTS[0]: zipped({"../1.mat": b""})}, "leads outside of the folder"),
    "nothing usable": (
        {PARTS[0]: zipped({"1.mat": mat(fields(label=9.0))})},
        f"no slice can be used ({PARTS[0]}/1.mat: its label is 9",
    ),
    "short table of folds": (
        slices() | {"cvind.mat": cvind(FOLDS[:-1])},
        "cvind.mat has 5 folds, so none for 6.mat",
    ),
    "wrong folds": (slices() | {"cvind.mat": cvind([7] * 6)}, "holds other numbers than 1 to 5"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_had_is_one_line_and_leaves_nothing(
    mirror: Path, chosen: Params, tmp_path: Path, case: str
) -> None:
    files, said = REFUSED[case]
    laid(mirror, files)
    assert said in refusal(chosen, tmp_path / "out/set")


def test_archives_in_an_archive_are_limited_together(
    mirror: Path, chosen: Params, tmp_path: Path
) -> None:
    inside = parts(slices())
    laid(mirror, {"1512427.zip": zipped(inside)})
    most = sum(map(len, inside.values())) + 2 * max(map(len, slices().values()))
    limit = chosen.download.model_copy(update={"max_gigabytes": most / 1e9})
    said = refusal(chosen.model_copy(update={"download": limit}), tmp_path / "out/set")
    assert "unpacks to more than" in said


def test_links_in_a_mirror_are_passed_over(mirror: Path, chosen: Params, tmp_path: Path) -> None:
    folder_of_loose(mirror)
    (mirror / "1512427/data/99.mat").symlink_to(mirror / "1512427/data/1.mat")
    assert len(brought(chosen, tmp_path / "set")) == 6


def test_a_mirror_that_is_no_folder_is_one_line(
    chosen: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCANVOTE_MIRROR", str(tmp_path / "nowhere"))
    assert "is no folder" in refusal(chosen, tmp_path / "out/set")


def test_the_processes_change_no_byte(
    mirror: Path, chosen: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    four_zips(mirror)
    brought(chosen, tmp_path / "one")
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    monkeypatch.setattr("scanvote.core.parallel.WORTH_A_POOL", 1)
    brought(chosen, tmp_path / "two")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


@pytest.mark.parametrize("task", ["classification", "segmentation"])
def test_the_stage_serves_both_tasks(
    mirror: Path, chosen: Params, tmp_path: Path, task: Task
) -> None:
    wide = mat(fields(tumorMask=lesion(48)))
    laid(mirror, parts(slices() | {"7.mat": wide, "8.mat": mat(fields(label=4.0))}))
    raw = tmp_path / f"data/raw/{task}"
    metrics = download(task, chosen, raw)
    assert (metrics["scans"], metrics["excluded"], metrics["ignored"]) == (6, 1, 1)
    assert metrics["patients"] == 4
    frame = read_manifest(raw / "manifest.csv")
    assert frame["patient"][2] == "figshare_brain_tumor/MR7260"
    assert (frame["mask_pixels"] > 0).all()
    assert set(frame["mode"]) == {"I;16"}
    report = pd.read_csv(raw / "integrity.csv")
    said = report["detail"][report["kind"] == "mask_size"].tolist()
    assert said == ["mask is 48x48, scan 64x64"]
    card = data_card(task, chosen, tmp_path)
    assert "10.6084/m9.figshare.1512427" in card
    assert "CC BY 4.0" in card


def jpeg(slice_: np.ndarray, side: int) -> bytes:
    """`slice_` as the copies at Kaggle are: spread from least to most, smaller, compressed."""
    low, high = int(slice_.min()), int(slice_.max())
    grey = np.rint((slice_.astype(float) - low) / (high - low) * 255).astype(np.uint8)
    small = cv2.resize(grey, (side, side), interpolation=cv2.INTER_AREA)
    return cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()


def test_the_copies_in_the_set_of_unknown_patients_are_found(
    mirror: Path, chosen: Params, tmp_path: Path
) -> None:
    laid(mirror, parts(slices(side=512)))
    folders = ("meningioma", "pituitary", "glioma", "glioma", "glioma")
    copies = {
        f"Training/{label}_tumor/copy ({at + 1}).jpg": jpeg(head(at, 512), 256)
        for at, label in enumerate(folders)
    }
    other = {"Training/no_tumor/m.jpg": jpeg(head(50, 512), 256)}
    laid(mirror, {"brain-tumor-classification-mri.zip": zipped(copies | other)})
    both = {"dataset": ["figshare_brain_tumor", "brain_tumor_mri"]}
    joined = chosen.model_copy(
        update={"classification": chosen.classification.model_copy(update=both)}
    )
    download("classification", joined, tmp_path / "raw")
    (tmp_path / "overrule.csv").write_text("action,scan_id,other,reason\n")
    (tmp_path / "patients.csv").write_text("scan_id,patient\n")
    tables = tmp_path / "overrule.csv", tmp_path / "patients.csv"
    deduplicate(tmp_path / "raw", chosen.deduplicate, *tables, tmp_path / "judged")
    frame = read_manifest(tmp_path / "judged/manifest.csv").set_index("scan_id")
    kaggle = frame[frame["source"] == "brain_tumor_mri"]
    found = kaggle["duplicate_of"].str.removeprefix("figshare_brain_tumor/")
    numbers = found.index.str.extract(r"copy \((\d)\)$", expand=False).fillna("")
    assert found.tolist() == numbers.tolist()
    assert sorted(numbers) == ["", "1", "2", "3", "4", "5"]
    assert frame.loc[frame["source"] == "figshare_brain_tumor", "kept"].all()
    known = found[found != ""]
    patients = frame.loc["figshare_brain_tumor/" + known, "patient"]
    assert kaggle.loc[known.index, "patient"].tolist() == patients.tolist()
    assert (patients != "").all()
    assert kaggle.index[kaggle["kept"]].tolist() == ["brain_tumor_mri/Training/no_tumor/m"]
