"""The stage on a folder of images named by their perturbation."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from scanvote.deduplicate import deduplicate, relatives
from scanvote.errors import InputError
from scanvote.files import sha256
from scanvote.manifest import COLUMNS, read_manifest, write_manifest
from scanvote.params import DeduplicateParams

PARAMS = DeduplicateParams(shortlist=10, correlation=0.98, relatives=0.9)


def scan(seed: int, side: int = 96) -> np.ndarray:
    """Blobs within a bright head, (side, side) uint8."""
    blobs = np.random.default_rng(seed).random((8, 8)).astype(np.float32)
    image = 80 + 150 * cv2.resize(blobs, (side, side), interpolation=cv2.INTER_CUBIC)
    head = cv2.ellipse(
        np.zeros((side, side), np.uint8), (side // 2, side // 2), (40, 44), 0, 0, 360, 1, -1
    )
    return (np.clip(image, 0, 255) * head).astype(np.uint8)


def coded(image: np.ndarray, suffix: str = ".png", *settings: int) -> bytes:
    return cv2.imencode(suffix, image, list(settings))[1].tobytes()


def perturbed() -> dict[str, bytes]:
    one = scan(0)
    return {
        "byte_copy.png": coded(one),
        "original.png": coded(one),
        "other.png": coded(scan(1)),
        "reencoded.jpg": coded(one, ".jpg", cv2.IMWRITE_JPEG_QUALITY, 80),
        "resized.png": coded(cv2.resize(one, (72, 72), interpolation=cv2.INTER_AREA)),
    }


def raw_folder(folder: Path, files: dict[str, bytes], **columns: list[str]) -> Path:
    """A raw folder as `download` leaves it."""
    folder.mkdir()
    rows = []
    for name, content in files.items():
        (folder / name).write_bytes(content)
        height, width = cv2.imdecode(np.frombuffer(content, np.uint8), 0).shape[:2]
        rows.append(
            dict.fromkeys(COLUMNS, "")
            | {"scan_id": Path(name).stem, "path": name, "label": "glioma"}
            | {"width": width, "height": height, "sha256": sha256(folder / name)}
        )
    write_manifest(pd.DataFrame(rows).assign(**columns), folder / "manifest.csv")
    return folder


def test_copies_are_found_and_the_others_kept(tmp_path: Path) -> None:
    metrics = deduplicate(raw_folder(tmp_path / "raw", perturbed()), PARAMS, tmp_path / "out")
    assert metrics == {
        "scans": 5,
        "kept": 2,
        "redundant": 3,
        "byte_copies": 1,
        "clusters": 1,
        "largest_cluster": 4,
        "conflicts": 0,
        "conflict_scans": 0,
        "relatives_groups": 1,
        "largest_relatives_group": 4,
    }
    frame = read_manifest(tmp_path / "out/manifest.csv")
    assert frame[frame["kept"]]["scan_id"].tolist() == ["byte_copy", "other"]
    assert frame["relatives"].tolist() == ["byte_copy", "byte_copy", "", "byte_copy", "byte_copy"]


def test_the_table_tells_what_spoke_for_each_copy(tmp_path: Path) -> None:
    deduplicate(raw_folder(tmp_path / "raw", perturbed()), PARAMS, tmp_path / "out")
    table = pd.read_csv(tmp_path / "out/duplicates.csv")
    assert table["scan_id"].tolist() == ["original", "reencoded", "resized"]
    assert set(table["duplicate_of"]) == {"byte_copy"}
    assert table["rule"].tolist() == ["bytes", "perceptual", "perceptual"]
    assert (table["correlation"] >= 0.98).all()
    assert (table["distance"] <= 10).all()


def test_a_copy_under_another_label_is_a_conflict(tmp_path: Path) -> None:
    labels = ["glioma", "pituitary", "glioma", "glioma", "glioma"]
    raw = raw_folder(tmp_path / "raw", perturbed(), label=labels)
    metrics = deduplicate(raw, PARAMS, tmp_path / "out")
    assert (metrics["conflicts"], metrics["conflict_scans"]) == (1, 4)
    assert (metrics["redundant"], metrics["kept"]) == (0, 1)
    table = pd.read_csv(tmp_path / "out/duplicates.csv")
    assert table["conflict"].all()
    assert table["label"].tolist() == ["pituitary", "glioma", "glioma"]


def test_neighbours_are_kept_even_when_they_are_equal(tmp_path: Path) -> None:
    files = perturbed()
    keys = ["p"] * len(files)
    raw = raw_folder(tmp_path / "raw", files, patient=keys, series=keys)
    metrics = deduplicate(raw, PARAMS, tmp_path / "out")
    assert metrics["kept"] == metrics["scans"]
    assert metrics["byte_copies"] == metrics["relatives_groups"] == 0


def test_black_slices_are_alike_only_by_their_bytes(tmp_path: Path) -> None:
    files = {
        "black.png": coded(np.zeros((64, 64), np.uint8)),
        "black_copy.png": coded(np.zeros((64, 64), np.uint8)),
        "black_larger.png": coded(np.zeros((96, 96), np.uint8)),
        "grey.png": coded(np.full((64, 64), 90, np.uint8)),
    }
    deduplicate(raw_folder(tmp_path / "raw", files), PARAMS, tmp_path / "out")
    frame = read_manifest(tmp_path / "out/manifest.csv")
    assert frame["kept"].tolist() == [True, False, True, True]


def test_nothing_found_still_writes_every_file(tmp_path: Path) -> None:
    files = {f"{seed}.png": coded(scan(seed)) for seed in range(3)}
    metrics = deduplicate(raw_folder(tmp_path / "raw", files), PARAMS, tmp_path / "out")
    assert (metrics["clusters"], metrics["largest_cluster"]) == (0, 0)
    assert len(pd.read_csv(tmp_path / "out/duplicates.csv")) == 0
    assert cv2.imread(str(tmp_path / "out/montage.png")) is not None


def test_the_same_scans_give_the_same_bytes(tmp_path: Path) -> None:
    raw = raw_folder(tmp_path / "raw", perturbed())
    for name in ("one", "two"):
        deduplicate(raw, PARAMS, tmp_path / name)
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == ["duplicates.csv", "manifest.csv", "montage.png"]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_planted_copies_are_held_against_what_was_found(tmp_path: Path) -> None:
    raw = raw_folder(tmp_path / "raw", perturbed())
    (raw / "planted.csv").write_text(
        "path,kind,original\n"
        "byte_copy.png,byte_copy,original.png\n"
        "reencoded.jpg,reencoded,original.png\n"
        "resized.png,resized,original.png\n"
        "other.png,resized,original.png\n"
    )
    metrics = deduplicate(raw, PARAMS, tmp_path / "out")
    assert (metrics["recall"], metrics["precision"]) == (0.75, 1)
    assert metrics["recall_byte_copy"] == metrics["recall_reencoded"] == 1
    assert metrics["recall_resized"] == 0.5


def test_relatives_are_sought_among_unknown_patients_only() -> None:
    noise = np.random.default_rng(0).random((4, 64, 64)).astype(np.float32)
    cropped = np.stack([noise[0], noise[0], noise[0], noise[1]])
    frame = pd.DataFrame({"scan_id": list("abcd"), "patient": ["", "p", "", ""]})
    assert relatives(frame, cropped, 0.9) == ["a", "", "a", ""]


def test_relatives_chain() -> None:
    first, last = np.random.default_rng(0).random((2, 64, 64)).astype(np.float32)
    steps = [first, 0.7 * first + 0.3 * last, 0.5 * first + 0.5 * last]
    cropped = np.stack([*steps, 0.3 * first + 0.7 * last, last])
    frame = pd.DataFrame({"scan_id": list("abcde"), "patient": [""] * 5})
    assert relatives(frame, cropped, 0.9) == ["a"] * 5


def test_a_missing_manifest_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"manifest\.csv is missing"):
        deduplicate(tmp_path, PARAMS, tmp_path / "out")


def test_an_image_that_went_missing_is_named(tmp_path: Path) -> None:
    raw = raw_folder(tmp_path / "raw", perturbed())
    (raw / "other.png").unlink()
    with pytest.raises(InputError, match=r"other\.png does not exist"):
        deduplicate(raw, PARAMS, tmp_path / "out")
