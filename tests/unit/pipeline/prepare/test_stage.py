"""prepare, on generated scans: who gets copies, what is in the shards, where masks go."""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import pandas as pd
import pytest

from scanvote.arrays import read_split
from scanvote.core.errors import InputError
from scanvote.core.files import sha256
from scanvote.manifest import COLUMNS, classes, read_manifest, write_manifest
from scanvote.params import Params
from scanvote.pipeline.prepare.shards import Preprocessor, ShardSpec
from scanvote.pipeline.prepare.stage import prepare
from scanvote.splits.groups import LINKS, SPLITS

SIZE = (60, 48)
"""Rows and columns of a generated scan."""

Task = Literal["classification", "segmentation"]


def with_task(params: Params, task: Task, **changes: object) -> Params:
    section = getattr(params.prepare, task).model_copy(update=changes)
    return params.model_copy(update={"prepare": params.prepare.model_copy(update={task: section})})


def write_image(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)


def head(random: np.random.Generator) -> np.ndarray:
    """An ellipse of noise on black, uint8 (60, 48)."""
    outline = np.zeros(SIZE, np.uint8)
    centre = int(random.integers(20, 28)), int(random.integers(26, 34))
    cv2.ellipse(outline, centre, (15, 20), 0, 0, 360, 1, -1)
    return outline * random.integers(90, 250, SIZE).astype(np.uint8)


def lesion(random: np.random.Generator) -> np.ndarray:
    mask = np.zeros(SIZE, np.uint8)
    cv2.circle(mask, random.integers(18, 30, 2).tolist(), 6, 255, -1)
    return mask


def write_scans(task: Task, root: Path, patients: int = 18, slices: int = 2) -> pd.DataFrame:
    """A raw folder, and its manifest, patients in three classes in turn; slice 1 has a tumour."""
    random = np.random.default_rng(1)
    rows = []
    for patient, number in np.ndindex(patients, slices):
        name = f"p{patient:02}-{number}"
        write_image(root / "raw" / f"{name}.png", head(random))
        mask = lesion(random) if number else np.zeros(SIZE, np.uint8)
        write_image(root / "raw" / "masks" / f"{name}.png", mask)
        rows.append(
            dict.fromkeys([*COLUMNS, "duplicate_of", "relatives"], "")
            | {
                "scan_id": name,
                "task": task,
                "path": f"{name}.png",
                "mask_path": f"masks/{name}.png",
                "label": ["zebra", "ant", "monkey"][patient % 3],
                "patient": f"p{patient:02}",
                "width": SIZE[1],
                "height": SIZE[0],
                "mask_pixels": int((mask > 0).sum()),
                "kept": True,
                "conflict": False,
            }
        )
    return pd.DataFrame(rows)


class Case:
    """The folders of one task, and what `prepare` makes of them."""

    def __init__(self, task: Task, root: Path, params: Params) -> None:
        self.task, self.root, self.params = task, root, params
        self.manifest = write_scans(task, root)

    def prepare(
        self, out: str = "out", processes: int | None = None, **changes: object
    ) -> dict[str, float]:
        write_manifest(self.manifest, self.root / "deduplicated" / "manifest.csv")
        params = with_task(self.params, self.task, **changes)
        folders = (self.root / "raw", self.root / "deduplicated")
        return prepare(self.task, *folders, params, self.root / out, processes)

    def split(self, split: str, out: str = "out") -> dict[str, np.ndarray]:
        return read_split(self.root / out, split)

    def rows(self, scans: pd.DataFrame, split: str, **changes: object) -> list[dict]:
        """The rows of some scans in one shard, as they are read back."""
        params = with_task(self.params, self.task, **changes)
        images = Preprocessor(self.task, self.root / "raw", params, classes(self.manifest))
        each = 1 + (images.config.copies if split == "train" else 0)
        portion = ShardSpec(split, 0, range(each * len(scans)), each, scans.assign(split=split))
        folder = Path(tempfile.mkdtemp(dir=self.root))
        images.write(folder, portion)
        shard = read_split(folder, split)
        return [{key: shard[key][at] for key in shard} for at in portion.rows]


@pytest.fixture(scope="module", params=["classification", "segmentation"])
def case(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, params: Params
) -> Iterator[Case]:
    """Prepared once; the tests that use it only read."""
    made = Case(request.param, tmp_path_factory.mktemp(request.param), params)
    dropped = made.manifest["scan_id"].isin(["p03-1", "p07-0"])
    made.manifest["kept"] = ~dropped
    with pytest.MonkeyPatch.context() as monkeypatch:
        # of seven rows: scans and their copies lie across two shards
        monkeypatch.setattr("scanvote.arrays.SHARD_ROWS", 7)
        made.metrics = made.prepare()
        yield made


@pytest.fixture
def fresh(tmp_path: Path, params: Params) -> Callable[[Task], Case]:
    return lambda task: Case(task, tmp_path, params)


def test_only_training_scans_have_copies(case: Case) -> None:
    for split, rows in (("train", 3), ("validation", 1), ("test", 1)):
        assert set(Counter(case.split(split)["scan_ids"]).values()) == {rows}


def test_each_kept_scan_is_in_the_shards_of_its_split_and_no_dropped_one(case: Case) -> None:
    written = read_manifest(case.root / "out" / "manifest.csv")
    kept = case.manifest.loc[case.manifest["kept"], "scan_id"]
    assert written["scan_id"].tolist() == kept.tolist()
    for split in SPLITS:
        there = written.loc[written["split"] == split, "scan_id"]
        assert set(case.split(split)["scan_ids"]) == set(there)


def test_the_metrics_count_what_was_written(case: Case) -> None:
    written = read_manifest(case.root / "out" / "manifest.csv")
    for split in SPLITS:
        part = written[written["split"] == split]
        assert case.metrics[f"{split}_scans"] == len(part)
        assert case.metrics[f"{split}_groups"] == part["patient"].nunique()
    leaks = [value for name, value in case.metrics.items() if name.startswith("leaked_pairs")]
    assert leaks == [0] * (len(LINKS) + 1)


def test_no_patient_is_on_two_sides(case: Case) -> None:
    written = read_manifest(case.root / "out" / "manifest.csv")
    assert written.groupby("patient")["split"].nunique().max() == 1
    assert written.groupby("group")["split"].nunique().max() == 1


def test_images_are_bytes_of_the_size_wanted(case: Case) -> None:
    for split in SPLITS:
        images = case.split(split)["images"]
        assert images.dtype == np.uint8
        assert images.shape[1:] == (32, 32, 1)
        assert (images.reshape(len(images), -1).std(axis=1) > 10).all()


def test_labels_are_places_in_the_alphabet_and_masks_are_binary(case: Case) -> None:
    for split in SPLITS:
        shard = case.split(split)
        if case.task == "classification":
            labels = dict(zip(case.manifest["scan_id"], case.manifest["label"], strict=True))
            names = [["ant", "monkey", "zebra"][code] for code in shard["labels"]]
            assert names == [labels[scan] for scan in shard["scan_ids"]]
            assert set(names) == {"ant", "monkey", "zebra"}
        else:
            assert shard["masks"].dtype == np.uint8
            assert shard["masks"].shape[1:] == (32, 32)
            assert set(np.unique(shard["masks"])) == {0, 1}
            tumour = shard["masks"].any(axis=(1, 2))
            assert tumour.tolist() == [scan.endswith("-1") for scan in shard["scan_ids"]]


def test_copies_differ_from_their_scan_and_from_each_other(case: Case) -> None:
    shard = case.split("train")
    for scan in set(shard["scan_ids"]):
        copies = shard["images"][shard["scan_ids"] == scan]
        assert len({image.tobytes() for image in copies}) == 3


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_the_same_bytes_whatever_the_number_of_processes(case: Case, processes: int) -> None:
    again = Case(case.task, case.root, case.params)
    again.manifest = case.manifest
    again.prepare(f"by-{processes}", processes)
    paths = sorted((case.root / "out").iterdir())
    assert len([path for path in paths if path.suffix == ".pkl"]) > 10
    assert [path.name for path in sorted((case.root / f"by-{processes}").iterdir())] == [
        path.name for path in paths
    ]
    for path in paths:
        assert sha256(path) == sha256(case.root / f"by-{processes}" / path.name)


def test_a_copy_does_not_depend_on_what_came_before(case: Case) -> None:
    scans = case.manifest.head(6)
    forth, back = case.rows(scans, "train"), case.rows(scans[::-1], "train")
    alone = case.rows(scans.tail(1), "train")

    def of(rows: list[dict], scan: str) -> list[bytes]:
        return [row["images"].tobytes() for row in rows if row["scan_ids"] == scan]

    for scan in scans["scan_id"]:
        assert of(forth, scan) == of(back, scan)
    assert of(alone, scans["scan_id"].iloc[-1]) == of(forth, scans["scan_id"].iloc[-1])


def test_each_scan_is_changed_in_its_own_way(case: Case) -> None:
    scan = case.manifest.head(1)
    one, twin = case.rows(scan, "train"), case.rows(scan.assign(scan_id="twin"), "train")
    same = [(a["images"] == b["images"]).all() for a, b in zip(one, twin, strict=True)]
    assert same == [True, False, False]


def test_more_copies_keep_the_first_ones(case: Case) -> None:
    scans = case.manifest.head(1)
    two, four = (case.rows(scans, "train", copies=copies) for copies in (2, 4))
    assert [row["images"].tobytes() for row in two] == [row["images"].tobytes() for row in four[:3]]


@pytest.mark.parametrize("channels", [1, 3])
def test_channels(case: Case, channels: int) -> None:
    rows = case.rows(case.manifest.head(2), "test", channels=channels, image_size=24)
    assert {row["images"].shape for row in rows} == {(24, 24, channels)}


def test_three_channels_are_the_colours_and_one_is_their_luminance(
    fresh: Callable[[Task], Case],
) -> None:
    colours = fresh("classification")
    blue_green_red = np.full((*SIZE, 3), (0, 0, 200), np.uint8)
    write_image(colours.root / "raw" / "p00-0.png", blue_green_red)
    scan = colours.manifest.head(1)
    one, three = (colours.rows(scan, "test", channels=n, crop=False)[0]["images"] for n in (1, 3))
    assert np.unique(three.reshape(-1, 3), axis=0).tolist() == [[200, 0, 0]]
    assert np.unique(one).tolist() == [60]  # 0.299 of red


# -- masks -----------------------------------------------------------------------


@pytest.mark.parametrize("crop", [True, False])
@pytest.mark.parametrize("size", [16, 24, 32, 96])
def test_the_crop_and_the_resize_move_the_mask_alike(
    fresh: Callable[[Task], Case], crop: bool, size: int
) -> None:
    mask = np.zeros((96, 120), np.uint8)
    cv2.ellipse(mask, (70, 40), (40, 30), 0, 0, 360, 255, -1)
    case = fresh("segmentation")
    write_image(case.root / "raw" / "p00-0.png", mask)
    write_image(case.root / "raw" / "masks" / "p00-0.png", mask)
    row = case.rows(case.manifest.head(1), "test", crop=crop, image_size=size)[0]
    np.testing.assert_array_equal(row["images"][..., 0] > 127, row["masks"])
    filled = row["masks"].any(axis=0).mean()
    assert filled > 0.85 if crop else filled < 0.75


# -- splits and what is refused ----------------------------------------------------


def test_patients_who_share_a_dropped_copy_stay_together(fresh: Callable[[Task], Case]) -> None:
    case = fresh("classification")
    frame = case.manifest.set_index("scan_id")
    # patients 0 to 9, of one class each in turn: 0 and 3, 3 and 6, 6 and 9 share a scan
    for one, other in (("p00-0", "p03-0"), ("p03-1", "p06-0"), ("p06-1", "p09-0")):
        frame.loc[other, ["duplicate_of", "kept"]] = [one, False]
    case.manifest = frame.reset_index()[case.manifest.columns]
    case.prepare()
    written = read_manifest(case.root / "out" / "manifest.csv")
    bound = written[written["patient"].isin(["p00", "p03", "p06", "p09"])]
    assert len(bound) == 5
    assert bound["split"].nunique() == 1
    assert bound["group"].nunique() == 1


def test_a_class_of_too_few_patients_is_named(fresh: Callable[[Task], Case]) -> None:
    case = fresh("classification")
    case.manifest = case.manifest[
        (case.manifest["label"] != "monkey") | (case.manifest["patient"] < "p06")
    ]
    with pytest.raises(InputError, match="class 'monkey' has 2 patients and needs 3"):
        case.prepare()


def test_tumour_slices_of_too_few_patients_are_named(fresh: Callable[[Task], Case]) -> None:
    case = fresh("segmentation")
    case.manifest.loc[case.manifest["patient"] >= "p02", "mask_pixels"] = 0
    with pytest.raises(InputError, match="slices with tumour come from 2 patients and need 3"):
        case.prepare()


def test_a_black_scan_is_whole_and_counted(fresh: Callable[[Task], Case]) -> None:
    case = fresh("classification")
    for scan in ("p00-0", "p01-1", "p02-0"):
        write_image(case.root / "raw" / f"{scan}.png", np.zeros(SIZE, np.uint8))
    assert case.prepare(crop=True)["crop_fallback_share"] == pytest.approx(3 / 36, abs=1e-4)
    written = read_manifest(case.root / "out" / "manifest.csv").set_index("scan_id")
    assert written.index[written["cropped"] == "False"].tolist() == ["p00-0", "p01-1", "p02-0"]
    assert case.prepare("uncropped", crop=False)["crop_fallback_share"] == 0


@pytest.mark.parametrize(
    ("spacing", "unit", "side"),
    [
        pytest.param(None, "px", 1.0, id="no column"),
        pytest.param(["", "0.5"], "px", 1.0, id="some unknown"),
        pytest.param(["0.25", "0.5"], "mm", 0.25, id="all known"),
    ],
)
def test_pixels_are_in_mm_where_every_scan_tells_its_spacing(
    fresh: Callable[[Task], Case], spacing: list[str] | None, unit: str, side: float
) -> None:
    case = fresh("segmentation")
    if spacing:
        case.manifest["spacing"] = spacing * (len(case.manifest) // 2)
    case.prepare(image_size=SIZE[0])
    written = read_manifest(case.root / "out" / "manifest.csv")
    assert set(written["pixel_unit"]) == {unit}
    assert float(written["pixel_height"][0]) == pytest.approx(side)


def test_the_scans_of_a_series_are_changed_alike(fresh: Callable[[Task], Case]) -> None:
    case = fresh("segmentation")
    case.manifest["series"] = case.manifest["patient"]
    case.manifest.loc[0, "series"] = ""  # p00-0 stands alone
    for patient in ("p00", "p01"):
        path = str(case.root / "raw" / f"{patient}-1.png")
        assert cv2.imwrite(path, cv2.imread(path) // 2)
    means = {}
    for of in ("scan", "series"):
        case.prepare(of, intensity="window", intensity_of=of, copies=0)
        for split in SPLITS:
            shard = case.split(split, of)
            for scan, image in zip(shard["scan_ids"].tolist(), shard["images"], strict=True):
                means[of, scan] = image[image > 0].mean()
    assert means["scan", "p01-1"] == pytest.approx(means["scan", "p01-0"], rel=0.1)
    assert means["series", "p01-1"] < 0.6 * means["series", "p01-0"]
    for scan in ("p00-0", "p00-1"):
        assert means["series", scan] == pytest.approx(means["scan", scan])


def test_the_channels_of_a_volume_keep_their_difference(fresh: Callable[[Task], Case]) -> None:
    case = fresh("segmentation")
    case.manifest["series"] = case.manifest["patient"]
    for scan in case.manifest["scan_id"]:
        path = str(case.root / "raw" / f"{scan}.png")
        red, half = cv2.imread(path)[..., 0], cv2.imread(path)[..., 0] // 2
        assert cv2.imwrite(path, np.stack([half, half, red], axis=-1))  # OpenCV's last is red
    shares = {}
    for of in ("series", "volume"):
        case.prepare(of, intensity="window", intensity_of=of, channels=3, copies=0)
        images = case.split("test", of)["images"].astype(float)
        shares[of] = images[..., 1].sum() / images[..., 0].sum()
    assert shares["series"] == pytest.approx(1, abs=0.05)
    assert shares["volume"] < 0.65


@pytest.mark.parametrize("processes", [1, 2])
def test_a_missing_scan_is_one_line_and_leaves_what_was_there(
    fresh: Callable[[Task], Case], processes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scanvote.arrays.SHARD_ROWS", 7)
    case = fresh("classification")
    (case.root / "raw" / "p05-1.png").unlink()
    before = case.root / "out" / "manifest.csv"
    before.parent.mkdir()
    before.write_text("of an earlier run")
    with pytest.raises(InputError, match=r"p05-1\.png does not exist"):
        case.prepare(processes=processes)
    assert [path.name for path in before.parent.iterdir()] == ["manifest.csv"]
    assert before.read_text() == "of an earlier run"
    left = sorted(path.name for path in case.root.iterdir())
    assert left == ["deduplicated", "out", "raw"]


def test_no_shard_of_an_earlier_run_is_left(
    fresh: Callable[[Task], Case], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scanvote.arrays.SHARD_ROWS", 7)
    case = fresh("classification")
    killed = case.root / ".out.part"
    killed.mkdir()
    (killed / "train-00099.pkl").write_bytes(b"half of it")
    for copies in (3, 0):
        case.prepare(copies=copies)
        assert (
            len(case.split("train")["images"])
            == (copies + 1)
            * (read_manifest(case.root / "out" / "manifest.csv")["split"] == "train").sum()
        )
    assert not killed.exists()


# -- options -----------------------------------------------------------------------


def write_skull(case: Case, scan: str) -> None:
    """A bright scalp around dark bone around a brain, a lesion at its rim; its mask beside it."""
    image = np.zeros(SIZE, np.uint8)
    for axes, grey in (((21, 27), 220), ((18, 24), 10), ((14, 20), 120)):
        cv2.ellipse(image, (24, 30), axes, 0, 0, 360, grey, -1)
    mask = np.zeros(SIZE, np.uint8)
    mask[28:32, 6:26] = 255  # from the brain to the skin
    write_image(case.root / "raw" / f"{scan}.png", image)
    write_image(case.root / "raw" / "masks" / f"{scan}.png", mask)


def test_a_stripped_skull_is_black_and_cropped_away(fresh: Callable[[Task], Case]) -> None:
    case = fresh("segmentation")
    write_skull(case, "p00-0")
    scan = case.manifest.head(1)
    how = {"crop": False, "image_size": 96}
    whole, head, brain = (
        case.rows(scan, "test", strip=strip, **how)[0]["images"][..., 0]
        for strip in ("none", "background", "skull")
    )
    assert whole.max() == head.max() == 220
    assert 100 < brain.max() < 150
    assert 0.5 * (head > 0).sum() < (brain > 0).sum() < 0.8 * (head > 0).sum()
    cropped = case.rows(scan, "test", strip="skull", crop=True)[0]["images"][..., 0]
    assert (cropped > 60).mean() > 0.7


def test_a_mask_that_is_stripped_or_cropped_is_counted_as_lost(
    fresh: Callable[[Task], Case],
) -> None:
    case = fresh("segmentation")
    for scan in case.manifest["scan_id"]:
        write_skull(case, scan)
    case.manifest["mask_pixels"] = [80, 0] * 18
    for number, scan in enumerate(case.manifest["scan_id"]):
        if number % 2:
            write_image(case.root / "raw" / "masks" / f"{scan}.png", np.zeros(SIZE, np.uint8))
    assert case.prepare("whole", crop=False)["lost_mask_share"] == 0
    metrics = case.prepare("stripped", crop=False, strip="skull")
    assert 0.1 < metrics["lost_mask_share"] < 0.35
    assert metrics["strip_fallback_share"] == 0


def test_a_strip_that_fails_is_counted_and_named(fresh: Callable[[Task], Case]) -> None:
    case = fresh("classification")
    assert case.prepare("none")["strip_fallback_share"] == 0
    for scan in case.manifest["scan_id"]:
        write_skull(case, scan)
    for scan in ("p00-0", "p01-1", "p02-0"):
        write_image(case.root / "raw" / f"{scan}.png", np.zeros(SIZE, np.uint8))
    share = case.prepare("skull", strip="skull")["strip_fallback_share"]
    assert share == pytest.approx(3 / 36, abs=1e-4)
    written = read_manifest(case.root / "skull" / "manifest.csv").set_index("scan_id")
    assert written.index[written["stripped"] == "False"].tolist() == ["p00-0", "p01-1", "p02-0"]


@pytest.mark.parametrize("crop", [True, False])
def test_pad_keeps_the_proportions_of_image_and_mask(
    fresh: Callable[[Task], Case], crop: bool
) -> None:
    mask = np.zeros((60, 120), np.uint8)
    mask[5:55, 20:100] = 255
    case = fresh("segmentation")
    write_image(case.root / "raw" / "p00-0.png", mask)
    write_image(case.root / "raw" / "masks" / "p00-0.png", mask)
    row = case.rows(case.manifest.head(1), "test", crop=crop, image_size=64, resize="pad")[0]
    np.testing.assert_array_equal(row["images"][..., 0] > 127, row["masks"])
    rows, columns = np.nonzero(row["masks"])
    assert np.ptp(columns) / np.ptp(rows) == pytest.approx(80 / 50, abs=0.1)


@pytest.mark.parametrize("intensity", ["window", "standardise", "equalise"])
def test_intensities_change_the_image_and_not_the_mask(case: Case, intensity: str) -> None:
    scans = case.manifest.head(2)
    plain, changed = (
        case.rows(scans, "test", crop=False, intensity=how) for how in ("none", intensity)
    )
    for one, other in zip(plain, changed, strict=True):
        assert (one["images"] != other["images"]).any()
        if case.task == "segmentation":
            np.testing.assert_array_equal(one["masks"], other["masks"])


def test_the_montage_of_the_crop_is_there_where_there_is_a_crop(
    fresh: Callable[[Task], Case],
) -> None:
    case = fresh("classification")
    for crop in (True, False):
        case.prepare(f"{crop}", crop=crop)
        assert (case.root / f"{crop}" / "crop.png").exists() == crop
