"""The stage on a folder of images named by their perturbation."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from scanvote.core.errors import InputError
from scanvote.core.files import sha256
from scanvote.manifest import COLUMNS, Metrics, read_manifest, write_manifest
from scanvote.params import DeduplicateParams
from scanvote.pipeline.deduplicate.stage import deduplicate
from scanvote.splits.groups import group_scans

PARAMS = DeduplicateParams(shortlist=10, correlation=0.98, aligned=0.998, relatives=0.9)


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


def neighbour() -> np.ndarray:
    """A picture that looks like scan(0), as slices of two people do, but is another one."""
    return cv2.addWeighted(scan(0), 0.7, scan(1), 0.3, 0)


def raw_folder(
    folder: Path, files: dict[str, bytes], below: str = "", **columns: list[str]
) -> Path:
    """A raw folder as `download` leaves it, the scans in its folder `below`."""
    (folder / below).mkdir(parents=True)
    rows = []
    for name, content in files.items():
        (folder / below / name).write_bytes(content)
        height, width = cv2.imdecode(np.frombuffer(content, np.uint8), 0).shape[:2]
        rows.append(
            dict.fromkeys(COLUMNS, "")
            | {"scan_id": Path(name).stem, "path": str(Path(below, name)), "label": "glioma"}
            | {"width": width, "height": height, "mask_pixels": 0}
            | {"sha256": sha256(folder / below / name)}
        )
    write_manifest(pd.DataFrame(rows).assign(**columns), folder / "manifest.csv")
    return folder


def deduplicated(raw: Path, out: Path, *lines: str) -> Metrics:
    """The stage, overridden by `lines` of the table."""
    override_table = raw.parent / "overrule.csv"
    override_table.write_text("\n".join(["action,scan_id,other,reason", *lines, ""]))
    patients = raw.parent / "patients.csv"
    if not patients.exists():
        patients.write_text("scan_id,patient\n")
    return deduplicate(raw, PARAMS, override_table, patients, out)


def test_copies_are_found_and_the_others_kept(tmp_path: Path) -> None:
    metrics = deduplicated(raw_folder(tmp_path / "raw", perturbed()), tmp_path / "out")
    assert metrics == {
        "scans": 5,
        "kept": 2,
        "redundant": 3,
        "byte_copies": 1,
        "clusters": 1,
        "largest_cluster": 4,
        "conflicts": 0,
        "conflict_scans": 0,
        "source_label_conflicts": 0,
        "relatives_groups": 1,
        "largest_relatives_group": 4,
        "relatives_of_two_patients": 0,
        "blank": 0,
        "overruled": 0,
        "patients_given": 0,
        "patient_conflicts": 0,
        "pairs_of_two_patients": 0,
    }
    frame = read_manifest(tmp_path / "out/manifest.csv")
    assert frame[frame["kept"]]["scan_id"].tolist() == ["byte_copy", "other"]
    assert frame["relatives"].tolist() == ["byte_copy", "byte_copy", "", "byte_copy", "byte_copy"]


def test_the_table_tells_what_spoke_for_each_copy(tmp_path: Path) -> None:
    deduplicated(raw_folder(tmp_path / "raw", perturbed()), tmp_path / "out")
    table = pd.read_csv(tmp_path / "out/duplicates.csv")
    assert table["scan_id"].tolist() == ["original", "reencoded", "resized"]
    assert set(table["duplicate_of"]) == {"byte_copy"}
    assert table["rule"].tolist() == ["bytes", "perceptual", "perceptual"]
    assert (table["correlation"] >= 0.98).all()
    assert (table["distance"] <= 10).all()
    assert table["aligned"].isna().all()


def test_a_cut_and_a_turned_copy_are_found_once_aligned(tmp_path: Path) -> None:
    turn = cv2.getRotationMatrix2D((47.5, 47.5), 2, 1)
    files = {
        "cut.png": coded(scan(0)[3:-3, 3:-3]),
        "original.png": coded(scan(0)),
        "other.png": coded(scan(1)),
        "turned.png": coded(cv2.warpAffine(scan(0), turn, (96, 96))[2:-4, 4:-2]),
    }
    assert deduplicated(raw_folder(tmp_path / "raw", files), tmp_path / "out")["kept"] == 2
    table = pd.read_csv(tmp_path / "out/duplicates.csv", index_col="scan_id")
    assert table["duplicate_of"].to_dict() == {"cut": "original", "turned": "original"}
    assert (table["rule"] == "aligned").all()
    assert (table["correlation"] < 0.98).all()
    assert (table["aligned"] >= 0.998).all()


def test_a_copy_under_another_label_is_a_conflict(tmp_path: Path) -> None:
    labels = ["glioma", "pituitary", "glioma", "glioma", "glioma"]
    raw = raw_folder(tmp_path / "raw", perturbed(), label=labels)
    metrics = deduplicated(raw, tmp_path / "out")
    assert (metrics["conflicts"], metrics["conflict_scans"]) == (1, 4)
    assert (metrics["redundant"], metrics["kept"]) == (0, 1)
    table = pd.read_csv(tmp_path / "out/duplicates.csv")
    assert table["conflict"].all()
    assert table["label"].tolist() == ["pituitary", "glioma", "glioma"]


def test_neighbours_are_kept_even_when_they_are_equal(tmp_path: Path) -> None:
    files = perturbed()
    keys = ["p"] * len(files)
    raw = raw_folder(tmp_path / "raw", files, patient=keys, series=keys)
    metrics = deduplicated(raw, tmp_path / "out")
    assert metrics["kept"] == metrics["scans"]
    assert metrics["byte_copies"] == metrics["relatives_groups"] == 0


def test_black_slices_are_no_copies_even_with_equal_bytes(tmp_path: Path) -> None:
    files = {
        "black.png": coded(np.zeros((64, 64), np.uint8)),
        "black_copy.png": coded(np.zeros((64, 64), np.uint8)),
        "black_larger.png": coded(np.zeros((96, 96), np.uint8)),
        "grey.png": coded(np.full((64, 64), 90, np.uint8)),
    }
    labels = ["glioma", "pituitary", "glioma", "glioma"]
    raw = raw_folder(tmp_path / "raw", files, label=labels, patient=["p", "q", "", ""])
    metrics = deduplicated(raw, tmp_path / "out")
    frame = read_manifest(tmp_path / "out/manifest.csv")
    assert frame["kept"].all()
    assert frame["blank"].all()
    assert metrics["blank"] == 4
    assert metrics["conflicts"] == metrics["relatives_groups"] == metrics["byte_copies"] == 0
    assert group_scans(frame).tolist() == [0, 1, 2, 3]


def test_nothing_found_still_writes_every_file(tmp_path: Path) -> None:
    files = {f"{seed}.png": coded(scan(seed)) for seed in range(3)}
    metrics = deduplicated(raw_folder(tmp_path / "raw", files), tmp_path / "out")
    assert (metrics["clusters"], metrics["largest_cluster"]) == (0, 0)
    assert len(pd.read_csv(tmp_path / "out/duplicates.csv")) == 0
    assert cv2.imread(str(tmp_path / "out/montage.png")) is not None


def test_the_same_scans_give_the_same_bytes(tmp_path: Path) -> None:
    raw = raw_folder(tmp_path / "raw", perturbed())
    for name in ("one", "two"):
        deduplicated(raw, tmp_path / name)
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == ["duplicates.csv", "manifest.csv", "montage.png"]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_planted_copies_are_held_against_what_was_found(tmp_path: Path) -> None:
    raw = raw_folder(tmp_path / "raw", perturbed(), below="phantom")
    (raw / "phantom/truth.csv").write_text("")
    (raw / "phantom/planted.csv").write_text(
        "path,kind,original\n"
        "byte_copy.png,byte_copy,original.png\n"
        "reencoded.jpg,reencoded,original.png\n"
        "resized.png,resized,original.png\n"
        "other.png,resized,original.png\n"
    )
    metrics = deduplicated(raw, tmp_path / "out")
    assert (metrics["recall"], metrics["precision"]) == (0.75, 1)
    assert metrics["recall_byte_copy"] == metrics["recall_reencoded"] == 1
    assert metrics["recall_resized"] == metrics["recall_same_side_resized"] == 0.5


def test_a_pair_that_a_person_keeps_is_no_copy(tmp_path: Path) -> None:
    names = ("original.png", "resized.png")
    raw = raw_folder(tmp_path / "raw", {name: perturbed()[name] for name in names})
    assert deduplicated(raw, tmp_path / "rule")["redundant"] == 1
    metrics = deduplicated(raw, tmp_path / "out", "keep,original,resized,neighbours")
    assert (metrics["redundant"], metrics["kept"], metrics["overruled"]) == (0, 2, 1)
    assert metrics["relatives_groups"] == 1


def test_a_pair_kept_apart_but_joined_through_a_third_is_one_line(tmp_path: Path) -> None:
    raw = raw_folder(tmp_path / "raw", perturbed())
    with pytest.raises(InputError, match="line 2: original and resized are still joined"):
        deduplicated(raw, tmp_path / "out", "keep,original,resized,neighbours")
    assert not (tmp_path / "out").exists()


def test_a_pair_that_a_person_merges_is_one_image(tmp_path: Path) -> None:
    raw = raw_folder(tmp_path / "raw", perturbed())
    metrics = deduplicated(raw, tmp_path / "out", "merge,other,resized,the same head")
    assert (metrics["kept"], metrics["largest_cluster"], metrics["overruled"]) == (1, 5, 1)
    table = pd.read_csv(tmp_path / "out/duplicates.csv", index_col="scan_id")
    assert table["rule"].to_dict() == {
        "original": "bytes",
        "other": "overruled",
        "reencoded": "perceptual",
        "resized": "perceptual",
    }
    assert table["duplicate_of"]["other"] == "byte_copy"


def test_a_dropped_scan_leaves_without_being_a_copy(tmp_path: Path) -> None:
    raw = raw_folder(tmp_path / "raw", perturbed())
    lines = ("drop,byte_copy,,cut off", "drop,other,,a collage")
    metrics = deduplicated(raw, tmp_path / "out", *lines)
    assert (metrics["redundant"], metrics["kept"], metrics["overruled"]) == (2, 1, 2)
    frame = read_manifest(tmp_path / "out/manifest.csv").set_index("scan_id")
    assert frame.index[frame["kept"]].tolist() == ["original"]
    assert (frame["duplicate_of"][["byte_copy", "other"]] == "").all()
    table = pd.read_csv(tmp_path / "out/duplicates.csv", keep_default_na=False)
    hand = table[table["rule"] == "overruled"]
    assert list(zip(hand["scan_id"], hand["duplicate_of"], strict=True)) == [
        ("byte_copy", ""),
        ("other", ""),
    ]


def test_the_processes_change_no_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = raw_folder(tmp_path / "raw", perturbed(), patient=["p", "", "q", "", ""])
    for processes in (1, 2):
        monkeypatch.setattr("os.cpu_count", lambda count=processes: count)
        monkeypatch.setattr("scanvote.core.parallel.WORTH_A_POOL", 1)
        deduplicated(raw, tmp_path / str(processes))
    for path in sorted((tmp_path / "1").iterdir()):
        assert path.read_bytes() == (tmp_path / "2" / path.name).read_bytes()


def test_a_missing_manifest_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"manifest\.csv is missing"):
        deduplicated(tmp_path / "raw", tmp_path / "out")


def test_an_image_that_went_missing_is_named(tmp_path: Path) -> None:
    raw = raw_folder(tmp_path / "raw", perturbed())
    (raw / "other.png").unlink()
    with pytest.raises(InputError, match=r"other\.png does not exist"):
        deduplicated(raw, tmp_path / "out")


def test_a_missing_table_is_one_line(tmp_path: Path) -> None:
    raw = raw_folder(tmp_path / "raw", perturbed())
    deduplicated(raw, tmp_path / "out")
    for name in ("overrule", "patients"):
        tables = {one: tmp_path / f"{one}.csv" for one in ("overrule", "patients")}
        tables[name] = tmp_path / f"no_{name}.csv"
        with pytest.raises(InputError, match=rf"no_{name}\.csv is missing"):
            deduplicate(raw, PARAMS, *tables.values(), tmp_path / "out")


def test_copies_inherit_the_patient_and_a_conflict_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = raw_folder(tmp_path / "raw", perturbed())
    patients = tmp_path / "patients.csv"
    patients.write_text("scan_id,patient\nresized,p1\n")
    deduplicated(raw, tmp_path / "out")
    frame = read_manifest(tmp_path / "out/manifest.csv").set_index("scan_id")
    assert frame["patient"].to_dict() == dict.fromkeys(frame.index, "p1") | {"other": ""}
    assert frame.index[frame["kept"]].tolist() == ["other", "resized"]
    table = pd.read_csv(tmp_path / "out/duplicates.csv")
    assert set(table["rule"]) == {"perceptual"}

    patients.write_text("scan_id,patient\noriginal,p1\nbyte_copy,p2\nother,p3\n")
    metrics = deduplicated(raw, tmp_path / "out")
    assert (metrics["patients_given"], metrics["patient_conflicts"]) == (3, 1)
    assert "byte_copy is of p2, original is of p1" in capsys.readouterr().err
    frame = read_manifest(tmp_path / "out/manifest.csv").set_index("scan_id")
    assert frame["patient"]["reencoded"] == ""
    table = pd.read_csv(tmp_path / "out/duplicates.csv", keep_default_na=False)
    told = table.set_index("scan_id")[["patient", "patient_of"]].to_numpy().tolist()
    assert ["p1", "p2"] in told


def test_two_known_patients_are_not_tied_by_what_looks_alike(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("original.png", "other.png", "reencoded.jpg", "resized.png")
    files = {name: perturbed()[name] for name in names}
    files["reencoded.jpg"] = coded(neighbour(), ".jpg")
    patients = ["p", "r", "q", ""]  # resized, of nobody known, resembles p's and q's scan
    raw = raw_folder(tmp_path / "raw", files, patient=patients)
    metrics = deduplicated(raw, tmp_path / "out")
    assert (metrics["kept"], metrics["redundant"], metrics["patient_conflicts"]) == (3, 1, 0)
    assert (metrics["pairs_of_two_patients"], metrics["relatives_of_two_patients"]) == (1, 0)
    frame = read_manifest(tmp_path / "out/manifest.csv").set_index("scan_id")
    assert frame["kept"].to_dict() == dict.fromkeys(frame.index, True) | {"resized": False}
    groups = dict(zip(frame.index, group_scans(frame.reset_index()), strict=True))
    assert groups["original"] != groups["reencoded"]
    table = pd.read_csv(tmp_path / "out/duplicates.csv", keep_default_na=False)
    row = table[table["rule"] == "two patients"].iloc[0]
    assert sorted([row["scan_id"], row["duplicate_of"]]) == ["original", "reencoded"]
    assert sorted([row["patient"], row["patient_of"]]) == ["p", "q"]
    assert "1 pairs of scans look like copies but are of two known patients" in (
        capsys.readouterr().err
    )


def test_one_picture_under_two_patients_is_a_conflict_that_keeps_both_together(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("original.png", "other.png", "reencoded.jpg")
    files = {name: perturbed()[name] for name in names} | {"q.png": coded(scan(2))}
    raw = raw_folder(tmp_path / "raw", files, patient=["p", "r", "q", "q"])
    metrics = deduplicated(raw, tmp_path / "out")
    assert (metrics["patient_conflicts"], metrics["kept"]) == (1, 3)
    frame = read_manifest(tmp_path / "out/manifest.csv").set_index("scan_id")
    assert frame["patient_conflict"].tolist() == [True, False, True, False]
    groups = dict(zip(frame.index, group_scans(frame.reset_index()), strict=True))
    assert groups["original"] == groups["reencoded"] == groups["q"] != groups["other"]
    (row,) = pd.read_csv(tmp_path / "out/duplicates.csv").to_dict("records")
    assert (row["kind"], {row["patient"], row["patient_of"]}) == ("patient_conflict", {"p", "q"})
    assert "patient conflict, one picture under two patients" in capsys.readouterr().err
    metrics = deduplicated(raw, tmp_path / "out", "keep,original,reencoded,two people")
    assert (metrics["patient_conflicts"], metrics["kept"]) == (0, 4)


def test_the_names_of_two_sets_may_be_of_one_patient(tmp_path: Path) -> None:
    files = {name: perturbed()[name] for name in ("original.png", "reencoded.jpg")}
    columns = {"patient": ["a/1", "b/1"], "source": ["a", "b"]}
    metrics = deduplicated(raw_folder(tmp_path / "raw", files, **columns), tmp_path / "out")
    assert (metrics["kept"], metrics["pairs_of_two_patients"]) == (1, 0)


def test_within_one_known_patient_only_equal_bytes_are_redundant(tmp_path: Path) -> None:
    raw = raw_folder(tmp_path / "raw", perturbed(), patient=["p"] * 5)
    metrics = deduplicated(raw, tmp_path / "out")
    assert (metrics["redundant"], metrics["kept"], metrics["pairs_of_two_patients"]) == (1, 4, 0)
    frame = read_manifest(tmp_path / "out/manifest.csv")
    assert frame["scan_id"][~frame["kept"]].tolist() == ["original"]


def placeholder() -> np.ndarray:
    image = np.full((96, 96), 40, np.uint8)
    cv2.putText(image, "NO", (12, 42), cv2.FONT_HERSHEY_SIMPLEX, 1.3, 220, 3)
    cv2.putText(image, "IMAGE", (4, 80), cv2.FONT_HERSHEY_SIMPLEX, 0.9, 220, 3)
    return image


def test_a_picture_under_many_known_patients_is_a_placeholder(tmp_path: Path) -> None:
    files = {
        "a.png": coded(placeholder()),
        "b.png": coded(placeholder()),
        "c.jpg": coded(placeholder(), ".jpg", cv2.IMWRITE_JPEG_QUALITY, 90),
        "d.png": coded(placeholder()),
        "e.png": coded(scan(1)),
    }
    labels = ["glioma", "glioma", "pituitary", "glioma", "glioma"]
    patients = ["p", "q", "r", "", ""]
    raw = raw_folder(tmp_path / "raw", files, label=labels, patient=patients)
    metrics = deduplicated(raw, tmp_path / "out")
    assert (metrics["kept"], metrics["blank"], metrics["conflicts"]) == (5, 4, 0)
    frame = read_manifest(tmp_path / "out/manifest.csv")
    assert frame["blank"].tolist() == [True, True, True, True, False]
    assert group_scans(frame).tolist() == [0, 1, 2, 3, 4]


def test_a_picture_under_two_known_patients_ties_them_until_it_is_kept_apart(
    tmp_path: Path,
) -> None:
    files = {name: coded(placeholder()) for name in ("a.png", "b.png")}
    raw = raw_folder(tmp_path / "raw", files, patient=["p", "q"])
    metrics = deduplicated(raw, tmp_path / "out")
    assert (metrics["kept"], metrics["patient_conflicts"]) == (1, 1)
    metrics = deduplicated(raw, tmp_path / "out", "keep,a,b,a test pattern")
    assert (metrics["kept"], metrics["patient_conflicts"], metrics["blank"]) == (2, 0, 2)
    assert group_scans(read_manifest(tmp_path / "out/manifest.csv")).tolist() == [0, 1]


def test_known_patients_tied_by_an_unknown_look_alike_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {
        "a.png": coded(scan(0)),
        "b.png": coded((0.9 * scan(0) + 0.1 * scan(1)).astype(np.uint8)),
        "c.png": coded((0.8 * scan(0) + 0.2 * scan(1)).astype(np.uint8)),
    }
    raw = raw_folder(tmp_path / "raw", files, patient=["p", "", "q"])
    strict = PARAMS.model_copy(update={"correlation": 1.0, "aligned": None})
    for name, header in (
        ("overrule", "action,scan_id,other,reason"),
        ("patients", "scan_id,patient"),
    ):
        (tmp_path / f"{name}.csv").write_text(header + "\n")
    tables = (tmp_path / "overrule.csv", tmp_path / "patients.csv")
    metrics = deduplicate(raw, strict, *tables, tmp_path / "out")
    assert metrics["relatives_of_two_patients"] == 1
    assert "1 groups that stay together, as p, q; to part them" in capsys.readouterr().err


def test_another_label_at_the_source_is_a_conflict(tmp_path: Path) -> None:
    source = ["", "", "pituitary", "glioma", ""]
    raw = raw_folder(tmp_path / "raw", perturbed(), source_label=source)
    metrics = deduplicated(raw, tmp_path / "out")
    assert metrics["source_label_conflicts"] == metrics["conflict_scans"] == 1
    frame = read_manifest(tmp_path / "out/manifest.csv").set_index("scan_id")
    assert frame.index[frame["kept"]].tolist() == ["byte_copy"]
    table = pd.read_csv(tmp_path / "out/duplicates.csv", keep_default_na=False).set_index("scan_id")
    other = table.loc["other"]
    assert (other["rule"], other["label"], other["label_of"], other["conflict"]) == (
        "source label",
        "glioma",
        "pituitary",
        True,
    )


def test_a_copy_with_another_label_at_its_source_taints_the_cluster(tmp_path: Path) -> None:
    source = ["", "", "", "pituitary", ""]
    raw = raw_folder(tmp_path / "raw", perturbed(), source_label=source)
    metrics = deduplicated(raw, tmp_path / "out")
    assert (metrics["conflicts"], metrics["conflict_scans"], metrics["kept"]) == (1, 4, 1)
