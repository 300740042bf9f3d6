"""The data stages over the workers of a Dask scheduler: the same bytes as by one process."""

from collections.abc import Iterator
from contextlib import nullcontext
from functools import partial
from itertools import count
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from scanvote.core.parallel import Files, parallel_map, results
from scanvote.datasets.base import Scan
from scanvote.manifest import COLUMNS, write_manifest
from scanvote.params import Params
from scanvote.pipeline.deduplicate import hamming
from scanvote.pipeline.deduplicate.fingerprints import fingerprints
from scanvote.pipeline.deduplicate.hamming import pairs_within
from scanvote.pipeline.download.file_check import check_file
from scanvote.pipeline.download.stage import _files
from scanvote.pipeline.prepare.stage import prepare
from tests.clusters import Scheduler, computing, need_mounts, scheduler

RAW = Path("raw")
PATIENTS, SLICES = 12, 3


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The working folder, with scans and their masks in it."""
    root = tmp_path_factory.mktemp("client")
    random = np.random.default_rng(0)
    for name in [f"p{one:02}-{number}.png" for one, number in np.ndindex(PATIENTS, SLICES)]:
        image, mask = np.zeros((2, 60, 48), np.uint8)
        cv2.ellipse(image, (24, 30), (15, 20), 0, 0, 360, 1, -1)
        cv2.circle(mask, random.integers(18, 30, 2).tolist(), 6, 255, -1)
        for folder, pixels in (("", image * random.integers(90, 250, (60, 48))), ("masks", mask)):
            (root / RAW / folder).mkdir(parents=True, exist_ok=True)
            assert cv2.imwrite(str(root / RAW / folder / name), pixels)
    return root


@pytest.fixture(scope="module", params=["apart", "here"])
def workers(request: pytest.FixtureRequest, root: Path) -> Iterator[Scheduler]:
    """Two workers that do not see the working folder, or that do."""
    if request.param == "apart":
        need_mounts()
    with scheduler(root.with_name(f"{root.name}-{request.param}")) as started:
        for name in ("one", "two"):
            started.worker(name, apart=root if request.param == "apart" else None)
        yield started


@pytest.fixture(autouse=True)
def _in_the_folder(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    monkeypatch.setattr("scanvote.arrays.SHARD_ROWS", 7)


def names() -> list[str]:
    return sorted(path.name for path in RAW.glob("*.png"))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_every_file_is_checked_alike_damaged_and_missing_ones_too(workers: Scheduler) -> None:
    scans = [Scan(name, mask_path=f"masks/{name}") for name in [*names(), "missing.png"]]
    (RAW / "damaged.png").write_bytes((RAW / scans[0].path).read_bytes()[:300])
    scans += [Scan("damaged.png"), Scan(scans[0].path, mask_path="masks/missing.png")]
    alone = [check_file(RAW, scan) for scan in scans]
    with computing(workers):
        shared = parallel_map(partial(check_file, RAW), scans, "", 2, partial(_files, RAW))
    (RAW / "damaged.png").unlink()
    assert shared == alone
    assert [scan.path for scan, one in zip(scans, shared, strict=True) if one.problem] == [
        "missing.png",
        "damaged.png",
        scans[0].path,
    ]


def test_the_fingerprints_are_the_same(workers: Scheduler) -> None:
    paths = [RAW / name for name in names()] * 4
    alone = fingerprints(paths, 1)
    with computing(workers):
        shared = fingerprints(paths, 2)
    np.testing.assert_array_equal(shared.hashes, alone.hashes)
    np.testing.assert_array_equal(shared.thumbnails, alone.thumbnails)
    np.testing.assert_array_equal(shared.cropped, alone.cropped)


def test_the_shards_are_the_same_bytes(workers: Scheduler, params: Params) -> None:
    config = params.prepare.segmentation.model_copy(
        update={"intensity": "window", "intensity_of": "series"}
    )
    changed = params.prepare.model_copy(update={"segmentation": config})
    write_manifest(_manifest(), Path("deduplicated/manifest.csv"))
    made = {}
    for name, processes, where in (
        ("alone", 1, nullcontext()),
        ("shared", 2, computing(workers)),
    ):
        with where:
            folders = RAW, Path("deduplicated")
            whole = params.model_copy(update={"prepare": changed})
            made[name] = prepare("segmentation", *folders, whole, Path(name), processes)
    assert made["shared"] == made["alone"]
    assert len(contents(Path("alone"))) > 10
    assert contents(Path("shared")) == contents(Path("alone"))


def test_near_hashes_come_in_the_same_order(
    workers: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hamming, "WORTH_WORKERS", 100)
    random = np.random.default_rng(0)
    hashes = random.integers(0, 2**64, 20, np.uint64)[random.integers(0, 20, 300)]
    hashes ^= np.uint64(1) << random.integers(0, 64, 300, np.uint64)
    alone = list(pairs_within(hashes, 2))
    with computing(workers):
        shared = list(pairs_within(hashes, 2))
    assert sum(len(part[0]) for part in alone) > 300
    np.testing.assert_equal(shared, alone)
    assert not list(Path(".cache").iterdir())


def test_few_files_are_held_at_once_however_many_there_are(workers: Scheduler) -> None:
    taken, numbers = [], count()
    endless = (taken.append(number) or number for number in numbers)
    with computing(workers):
        made = results(abs, endless, 2, files=lambda _: Files.to_read([RAW / names()[0]]))
        assert [next(made) for _ in range(50)] == list(range(50))
        made.close()
    assert len(taken) <= 50 + 2 * 2 + 2


def _manifest() -> pd.DataFrame:
    rows = [
        dict.fromkeys([*COLUMNS, "duplicate_of", "relatives"], "")
        | {"scan_id": name, "task": "segmentation", "path": name, "mask_path": f"masks/{name}"}
        | {"label": ["ant", "zebra"][number % 2], "patient": name[:3], "series": name[:3]}
        | {"width": 48, "height": 60, "mask_pixels": 100, "kept": True, "conflict": False}
        for number, name in enumerate(names())
    ]
    return pd.DataFrame(rows)
