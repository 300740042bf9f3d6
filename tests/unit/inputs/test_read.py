"""Files that nobody vouches for: what they are is told by their content, or why they are not."""

import gzip
import re
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scanvote.inputs import InputScan, Limits, RejectedFile, read_content
from scanvote.inputs.sanitise import LONGEST
from scanvote.params import VolumesParams
from tests.hostile import KINDS, NAMES, Hostile, hostile_files, nifti, png

VOLUMES = VolumesParams(planes=["axial"], slices=3, span=[0.25, 0.75], window=None)
LIMITS = Limits(bytes=2**20, pixels=2_000_000)

every_kind = pytest.mark.parametrize("one", hostile_files(0, len(KINDS)), ids=lambda one: one.kind)


def asked(
    content: bytes, name: str = "x", limits: Limits = LIMITS
) -> list[InputScan] | RejectedFile:
    """The scans, or the refusal; anything else is a failure of the test."""
    try:
        return read_content(content, name, limits, VOLUMES)
    except RejectedFile as refused:
        return refused


def check_answer(answer: list[InputScan] | RejectedFile) -> None:
    if isinstance(answer, RejectedFile):
        assert answer.status in (413, 415, 422)
        assert str(answer).isprintable()
        return
    assert answer
    for scan in answer:
        assert scan.image.dtype == np.uint8
        assert scan.image.ndim == 3
        assert scan.image.shape[2] == 3
        assert scan.file.isprintable()


@every_kind
def test_every_kind_gets_the_answer_that_it_should(one: Hostile) -> None:
    answer = asked(one.content, one.name)
    check_answer(answer)
    status = answer.status if isinstance(answer, RejectedFile) else 200
    assert one.status in (status, None)


def test_the_same_seed_makes_the_same_files_and_another_others() -> None:
    first, again, other = (list(hostile_files(seed, 100)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


@pytest.mark.parametrize("content", [b"", b"<svg/>", b"\xff\xd8\xff", png(np.random.default_rng())])
@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_only_shown_and_in_one_printable_line(name: str, content: bytes) -> None:
    answer = asked(content, name)
    said = str(answer) if isinstance(answer, RejectedFile) else answer[0].file
    assert said.isprintable()
    said.encode()
    assert len(said) <= LONGEST + 100


def test_a_file_beyond_the_bytes_is_refused_before_it_is_looked_at() -> None:
    answer = asked(b"<svg>" + b" " * 2**20)
    assert isinstance(answer, RejectedFile)
    assert answer.status == 413
    assert str(answer) == "x has 1.0 MiB, allowed are 1 MiB"


@pytest.mark.parametrize("one", hostile_files(0, 27), ids=lambda one: one.kind)
def test_what_is_above_a_limit_of_pixels_is_refused(one: Hostile) -> None:
    assert one.status == 200
    answer = asked(one.content, limits=Limits(pixels=64))
    assert isinstance(answer, RejectedFile)
    assert answer.status == 413


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\n <SVG onload=alert(1)>", "x is an SVG drawing; taken are PNG, JPEG"),
        (b"\xef\xbb\xbf<!DOCTYPE HTML>", "x is a web page"),
        (b"PK\x03\x04", "x is a zip archive"),
        (b"NRRD0004\n", "x is an NRRD volume, which is read from a path alone: save it as NIfTI"),
        (b"ObjectType = Image\nNDims = 3\n", "x is a MetaImage volume, which is read from a path"),
        ("ä".encode() * 700, "x is text"),
        (b"\0", "x is no image that is known here"),
    ],
)
def test_what_is_no_scan_is_told_what_it_seems_to_be(content: bytes, said: str) -> None:
    answer = asked(content)
    assert isinstance(answer, RejectedFile)
    assert answer.status == 415
    assert str(answer).startswith(said)


def test_of_a_compressed_volume_no_more_is_unpacked_than_it_declares(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked_for: list[int] = []
    read = gzip.GzipFile.read

    def counted(self: gzip.GzipFile, size: int | None = -1) -> bytes:
        content = read(self, size)
        asked_for.append(len(content))
        return content

    monkeypatch.setattr(gzip.GzipFile, "read", counted)
    small = nifti(np.ones((9, 9, 9), np.uint8))
    answer = asked(gzip.compress(small + b"\0" * 2**24))
    assert not isinstance(answer, RejectedFile)
    assert len(small) <= sum(asked_for) <= len(small) + 1


@settings(max_examples=300, deadline=None)
@given(content=st.binary(max_size=600))
def test_no_bytes_make_anything_else_than_a_scan_or_a_refusal(content: bytes) -> None:
    check_answer(asked(content))


MAGICS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0+", b"BM", b"RIFF1234WEBPVP8X")


@settings(max_examples=300, deadline=None)
@given(magic=st.sampled_from(MAGICS), content=st.binary(max_size=300))
def test_nor_do_any_bytes_behind_a_magic(magic: bytes, content: bytes) -> None:
    check_answer(asked(magic + content))


def mutated(content: bytes, at: float, change: str, value: int) -> bytes:
    """`content` cut, or with a byte changed, left out or put in at the share `at` of it."""
    place = int(at * len(content))
    changes: dict[str, Callable[[], bytes]] = {
        "cut": lambda: content[:place],
        "change": lambda: content[:place] + bytes([value]) + content[place + 1 :],
        "leave out": lambda: content[:place] + content[place + 1 + value % 8 :],
        "put in": lambda: content[:place] + bytes([value]) * 4 + content[place:],
    }
    return changes[change]()


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    kind=st.integers(0, len(KINDS) - 1),
    # the header is where a byte means most
    at=st.one_of(st.floats(0, 1, exclude_max=True), st.floats(0, 0.1)),
    change=st.sampled_from(["cut", "change", "leave out", "put in"]),
    value=st.integers(0, 255),
)
def test_nor_does_any_mutation_of_any_kind(kind: int, at: float, change: str, value: int) -> None:
    check_answer(asked(mutated(FILES[kind].content, at, change, value)))


FILES = tuple(hostile_files(5, len(KINDS)))

whole = pytest.mark.parametrize(
    "one",
    [one for one in FILES if one.status == 200 and not re.search("behind|pages", one.kind)],
    ids=lambda one: one.kind,
)


@whole
@settings(max_examples=15, deadline=None)
@given(share=st.floats(0.3, 0.98))
def test_no_cut_file_gives_half_a_scan(one: Hostile, share: float) -> None:
    answer = asked(one.content[: int(len(one.content) * share)])
    if isinstance(answer, RejectedFile):
        # a header that is cut before it tells of an image is that of something else
        assert answer.status in ((422, 415) if "DICOM" in one.kind else (422,))
    else:  # an animation of which the first image is whole
        assert answer[0].notes[0].startswith("several images")
        np.testing.assert_array_equal(answer[0].image, whole_image(one))


def whole_image(one: Hostile) -> np.ndarray:
    answer = asked(one.content)
    assert not isinstance(answer, RejectedFile)
    return answer[0].image
