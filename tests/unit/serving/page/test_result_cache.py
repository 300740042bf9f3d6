import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from scanvote.predict.schema import FileError
from scanvote.serving.engine_api import Upload
from scanvote.serving.page.result_cache import CachedResult, CachedScan, ResultCache
from tests.serving import FakeEngine, nifti_bytes, tumour_png


def asked(content: bytes) -> CachedResult:
    upload = Upload("scan", content)
    examined = asyncio.run(FakeEngine().predict(upload))
    return CachedResult(tuple(CachedScan(upload, place, one) for place, one in enumerate(examined)))


@pytest.fixture
def one() -> CachedResult:
    return asked(tumour_png())


def test_what_is_kept_is_had_by_its_id_alone(one: CachedResult) -> None:
    recent = ResultCache()
    first, second = (
        recent.keep(one),
        recent.keep(CachedResult((), (FileError(file="a", status=415, reason="b"),))),
    )
    assert recent.get(first) is one
    assert recent.get(second) is not one
    assert recent.get("") is None
    assert first != second
    assert min(len(first), len(second)) >= 22, "128 bits"


def test_it_is_forgotten_after_a_while(one: CachedResult) -> None:
    clock = [0.0]
    recent = ResultCache(seconds=10, now=lambda: clock[0])
    name = recent.keep(one)
    clock[0] = 9.9
    assert recent.get(name) is one
    clock[0] = 10.0
    assert recent.get(name) is None
    recent.evict()
    assert len(recent) == 0


def test_the_oldest_make_room_for_the_newest(one: CachedResult) -> None:
    recent = ResultCache(bytes=2 * one.bytes)
    names = [recent.keep(one) for _ in range(5)]
    assert [recent.get(name) is one for name in names] == [False, False, False, True, True]


def test_the_newest_is_kept_though_it_takes_more_than_there_is(one: CachedResult) -> None:
    recent = ResultCache(bytes=1)
    recent.keep(one)
    name = recent.keep(one)
    assert recent.get(name) is one
    assert len(recent) == 1


def test_a_file_counts_once_however_many_slices_it_has() -> None:
    volume = asked(nifti_bytes() + bytes(10**6))
    assert len(volume.scans) == 3
    assert 10**6 < volume.bytes < 1.5 * 10**6


def test_an_explanation_that_is_made_later_counts_too(one: CachedResult) -> None:
    before = one.bytes
    shown = one.scans[0]
    explained = asyncio.run(FakeEngine().explain(shown.upload, "lime"))
    shown.explained["lime"] = explained
    assert one.bytes == before + sum(map(len, explained.maps.values())) + len(explained.scan)


def test_however_small_only_so_many_are_kept(one: CachedResult) -> None:
    recent = ResultCache(results=3)
    names = [recent.keep(one) for _ in range(5)]
    assert [recent.get(name) is one for name in names] == [False, False, True, True, True]


def test_threads_that_keep_at_the_same_time_lose_nothing(one: CachedResult) -> None:
    recent = ResultCache()
    with ThreadPoolExecutor(8) as threads:
        names = list(threads.map(lambda _: recent.keep(one), range(400)))
    assert all(recent.get(name) is one for name in names)
