import re

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from scanvote.serving.page.overlays import (
    add_caption,
    draw_heatmap,
    draw_outline,
    encoded,
    outline,
    pixels,
)


def mask(height: int = 40, width: int = 60) -> NDArray[np.uint8]:
    marks = np.zeros((height, width), np.uint8)
    marks[10:20, 30:45] = 255
    return marks


def grey(height: int = 40, width: int = 60) -> NDArray[np.uint8]:
    return np.full((height, width), 100, np.uint8)


def filled(path: str, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """What an SVG's path encloses, by its rule ``evenodd``."""
    rings = [
        np.array(re.findall(r"([\d.]+) ([\d.]+)", ring), float) for ring in path.split("M")[1:]
    ]
    whole = np.zeros(shape, np.uint8)
    for ring in rings:
        own = np.zeros(shape, np.uint8)
        cv2.fillPoly(own, [(ring - 0.5).astype(np.int32)], 1)
        whole ^= own
    return whole.astype(bool)


def test_nothing_marked_has_no_outline() -> None:
    assert outline(encoded(np.zeros((5, 7), np.uint8))) == ""


def test_the_outline_of_a_rectangle_joins_the_centres_of_its_corners() -> None:
    path = outline(encoded(mask()))
    corners = {tuple(map(float, one)) for one in re.findall(r"([\d.]+) ([\d.]+)", path)}
    assert corners == {(30.5, 10.5), (44.5, 10.5), (30.5, 19.5), (44.5, 19.5)}
    assert path.count("M") == path.count("Z") == 1


@given(st.lists(st.tuples(st.integers(4, 25), st.integers(4, 35), st.integers(1, 6)), max_size=4))
def test_the_outline_encloses_what_is_marked(discs: list[tuple[int, int, int]]) -> None:
    marks = np.zeros((30, 40), np.uint8)
    for y, x, radius in discs:
        cv2.circle(marks, (x, y), radius, 255, -1)
    assert np.array_equal(filled(outline(encoded(marks)), (30, 40)), marks > 0)


def test_an_explanation_colours_the_scan_only_where_it_speaks() -> None:
    drawn = pixels(draw_heatmap(encoded(grey()), encoded(mask())))
    assert (drawn[mask() == 0] == 100).all()
    strong = drawn[mask() > 0].astype(int)
    assert (strong[:, 2] > strong[:, 0]).all(), "yellow: more red than blue"


def test_the_outline_is_drawn_on_the_scan_and_nowhere_else() -> None:
    drawn = draw_outline(encoded(grey()), encoded(mask()))
    assert drawn.shape[1] >= 640
    coloured = drawn[..., 0] != drawn[..., 2]
    ys, xs = np.nonzero(coloured)
    times = drawn.shape[1] // 60
    near = 4
    assert xs.min() >= 30 * times - near
    assert xs.max() <= 45 * times + near
    assert ys.min() >= 10 * times - near
    assert ys.max() <= 20 * times + near


def test_the_caption_stands_below_and_grows_with_its_words() -> None:
    short = pixels(add_caption(encoded(grey()), encoded(mask()), ["a.png"]))
    long = pixels(add_caption(encoded(grey()), encoded(mask()), ["x" * 300, "日本 " * 40]))
    plain = draw_outline(encoded(grey()), encoded(mask()))
    assert short.shape[1] == long.shape[1] == plain.shape[1]
    assert plain.shape[0] < short.shape[0] < long.shape[0]
    assert np.array_equal(short[: plain.shape[0]], plain)
    assert (short[plain.shape[0] :] > 128).any(), "white on black"


@pytest.mark.parametrize("letters", ["ßé", "≥–", "жы", "測定", "스캔", "שם", "سم"])
def test_letters_of_any_script_are_drawn_and_none_as_a_question_mark(letters: str) -> None:
    drawn = {add_caption(encoded(grey()), b"", [one]) for one in (*letters, "?", "")}
    assert len(drawn) == len(letters) + 2


def test_a_narrow_and_high_scan_is_enlarged_within_bounds() -> None:
    thin = np.full((20_000, 1), 100, np.uint8)
    assert draw_outline(encoded(thin), encoded(thin)).shape[:2] == (28 * 20_000, 28)
    low = np.full((200, 1), 100, np.uint8)
    kept = pixels(add_caption(encoded(low), encoded(low), ["a.png"]))
    assert kept.shape[1] >= 640, "the caption can be read"


def test_the_same_scan_has_the_same_bytes() -> None:
    first, again = (add_caption(encoded(grey()), encoded(mask()), ["a"]) for _ in range(2))
    assert first == again
