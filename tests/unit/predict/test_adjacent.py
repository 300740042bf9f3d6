"""Which slices stand beside a slice that is predicted."""

from pathlib import Path

import numpy as np
import pytest

from scanvote.inputs import InputScan, Limits, discover_inputs, read_discovered
from scanvote.params import Params
from scanvote.predict.adjacent import adjacent_windows
from tests.making import write_series

PIXEL = np.zeros((1, 1, 3), np.uint8)


def slices(file: str, plane: str, *numbers: int | None) -> list[InputScan]:
    return [InputScan(file, PIXEL, plane, number) for number in numbers]


def test_they_are_the_next_of_those_that_were_read_and_the_last_is_repeated():
    windows = adjacent_windows(slices("a", "axial", 3, 9, 40), 1)
    assert windows.tolist() == [[0, 0, 1], [0, 1, 2], [1, 2, 2]]
    windows = adjacent_windows(slices("a", "", 0, 1, 2, 3), 2)
    assert windows.tolist() == [[0, 0, 0, 1, 2], [0, 0, 1, 2, 3], [0, 1, 2, 3, 3], [1, 2, 3, 3, 3]]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(slices("b", "axial", 5, 6), id="another file"),
        pytest.param(slices("a", "coronal", 5, 6), id="another plane"),
        pytest.param(slices("a", "axial", 4, 5), id="the same file once more"),
    ],
)
def test_they_are_of_one_plane_of_one_volume(other: list[InputScan]):
    windows = adjacent_windows([*slices("a", "axial", 3, 4), *other], 1)
    assert windows.tolist() == [[0, 0, 1], [0, 1, 1], [2, 2, 3], [2, 3, 3]]


def test_what_is_no_slice_of_a_volume_stands_alone():
    assert adjacent_windows(slices("a", "", None, None), 1).tolist() == [[0, 0, 0], [1, 1, 1]]
    assert adjacent_windows(slices("a", "", 1, 2), 0).tolist() == [[0], [1]]
    assert adjacent_windows([], 1).shape == (0, 3)


def test_the_files_of_a_series_are_one_volume(params: Params, tmp_path: Path):
    write_series(tmp_path)
    (file,) = discover_inputs([tmp_path])
    scans = read_discovered(file, Limits(), params.volumes.model_copy(update={"slices": 3}))
    assert adjacent_windows(scans, 1).tolist() == [[0, 0, 1], [0, 1, 2], [1, 2, 2]]
