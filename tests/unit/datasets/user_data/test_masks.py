"""What masks mark, told from the values of all masks of a set."""

from collections.abc import Sequence
from itertools import permutations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import zoom

from scanvote.core.errors import InputError
from scanvote.datasets.user_data.mask_values import BINS, DISTINCT, ValueCounts, count_values
from scanvote.datasets.user_data.masks import MaskRule, describe_values, find_rule

Values = NDArray[np.generic]


def counted(masks: Sequence[Values], lossy: bool = False) -> ValueCounts:
    total = ValueCounts()
    for mask in masks:
        total.add(count_values(mask, lossy))
    return total


def marked(masks: Sequence[Values], lossy: bool = False, **labels: object) -> list[int]:
    """The pixels that each mask marks."""
    rule = find_rule(counted(masks, lossy), **labels)  # type: ignore[arg-type]
    return [int((rule.marked(mask) > 0).sum()) for mask in masks]


def lesion(state: int) -> NDArray[np.uint8]:
    """A lesion of 613 pixels: oedema (2), its core (1) and a rim around that (4)."""
    mask = np.zeros((64, 64), np.uint8)
    cv2.circle(mask, (32, 30), 14, 2, -1)
    if state > 0:
        cv2.circle(mask, (32, 30), 9, 1, -1)
    if state > 1:
        cv2.circle(mask, (32, 30), 9, 4, 3)
    return mask


def through_jpeg(mask: NDArray[np.uint8], quality: int = 90) -> NDArray[np.uint8]:
    _, data = cv2.imencode(".jpg", mask, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)


def disc(peak: int = 255) -> NDArray[np.uint8]:
    mask = np.zeros((64, 64), np.uint8)
    cv2.circle(mask, (30, 30), 7, peak, -1)
    return mask


LESIONS = [lesion(state) for state in range(4)]
INNER = [int(np.isin(mask, [1, 4]).sum()) for mask in LESIONS]


@pytest.mark.parametrize("factor", [1, 60, 1000, 0.5])
def test_any_label_marks_in_every_slice(factor: float) -> None:
    scaled = [mask.astype(np.uint16 if factor >= 1 else np.float32) * factor for mask in LESIONS]
    assert marked(scaled) == [613] * 4
    assert marked([np.stack([mask] * 3, axis=2) for mask in scaled]) == [3 * 613] * 4


@pytest.mark.parametrize("lossy", [True, False])
@pytest.mark.parametrize("quality", [90, 95, 100])
def test_any_label_marks_after_jpeg_even_if_saved_anew(quality: int, lossy: bool) -> None:
    assert marked([through_jpeg(mask * 60, quality) for mask in LESIONS], lossy) == [613] * 4


@pytest.mark.parametrize("quality", [30, 60, 90])
def test_noise_of_jpeg_does_not_mark(quality: int) -> None:
    masks = [through_jpeg(np.uint8(255) * (mask > 0), quality) for mask in LESIONS]
    assert marked(masks, lossy=True) == [613] * 4


@pytest.mark.parametrize(("order", "voxels"), [(1, 742), (3, 741)])
def test_interpolated_masks_are_cut_at_half_of_the_peak(order: int, voxels: int) -> None:
    grid = np.meshgrid(*(np.arange(side) for side in (24, 24, 12)), indexing="ij")
    low = (sum((a - c) ** 2 for a, c in zip(grid, (12, 11, 6), strict=True)) < 9).astype(np.float32)
    soft = zoom(low, 2, order=order)
    assert marked([soft, np.zeros_like(soft)]) == [voxels, 0]
    if order == 1:  # the same of its slices, saved as images
        slices = [np.rint(one * 255).astype(np.uint8) for one in np.moveaxis(soft, 2, 0)]
        assert sum(marked(slices)) == voxels


@pytest.mark.parametrize("sigma", [1, 5, 15])
def test_blurred_masks_are_cut_at_half_of_the_peak(sigma: int) -> None:
    mask = np.zeros((256, 256), np.uint8)
    cv2.rectangle(mask, (64, 64), (191, 191), 255, -1)
    (pixels,) = marked([cv2.GaussianBlur(mask, (0, 0), sigma)])
    assert pixels == pytest.approx(128 * 128, rel=0.05)


def test_noise_beside_real_masks_does_not_mark() -> None:
    noise = np.where(np.random.default_rng(0).random((64, 64)) < 0.02, 2, 0).astype(np.uint8)
    assert marked([noise, disc()]) == [0, 149]


def test_small_labels_need_no_area() -> None:
    thin = np.zeros((16, 16), np.uint8)
    thin[8, 2:14], thin[4, 4] = 1, 31
    assert marked([thin]) == [13]


def test_lesions_that_are_numbered_all_mark() -> None:
    mask = np.zeros((330, 330), np.uint16)
    for number, (y, x) in enumerate(np.ndindex(20, 20), 1):
        cv2.circle(mask, (8 + 16 * x, 8 + 16 * y), 4, number, -1)
    assert marked([mask]) == [int((mask > 0).sum())]
    counts = counted([mask])
    assert counts.exact is None
    assert "values from 0 to 400: any but 0" in describe_values(counts, find_rule(counts))


def test_of_masks_of_two_values_the_brighter_is_marked_without_a_word() -> None:
    for peak in (1, 128, 255):
        counts = counted([disc(peak), disc(0)])
        assert describe_values(counts, find_rule(counts)) == ""
        assert marked([disc(peak), disc(0)]) == [149, 0]


def test_below_zero_and_no_number_mark_nothing() -> None:
    mask = disc(1).astype(np.float64)
    mask[0, :3] = np.nan, -5, np.inf
    assert marked([mask]) == [149]
    assert marked([mask == 1, mask.astype(np.float32)]) == [149, 149]


def test_empty_masks_mark_nothing() -> None:
    assert marked([disc(0)] * 2) == [0, 0]
    assert MaskRule().marked(np.zeros((2, 2))).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize("way", ["plain", "jpeg", "volume"])
def test_chosen_labels_alone_mark(way: str) -> None:
    factor, masks = 60 if way == "jpeg" else 1, LESIONS
    if way == "jpeg":
        masks = [through_jpeg(mask * 60) for mask in LESIONS]
    if way == "volume":
        masks = [np.dstack([mask] * 2).astype(np.float64) for mask in LESIONS]
    times = 2 if way == "volume" else 1
    expected = [times * count for count in INNER]
    assert marked(masks, way == "jpeg", labels=[factor, 4 * factor]) == expected
    names = {"core": (factor, 4 * factor), "oedema": (2 * factor,)}
    assert marked(masks, way == "jpeg", labels=["core"], names=names) == expected


@pytest.mark.parametrize(
    ("labels", "names", "said"),
    [
        ([1, 3], {}, r"mask_labels: no mask holds 3; they hold 1, 2, 4$"),
        (["core"], {}, "no label is called 'core'; the data give no names"),
        (["cor"], {"core": (1,)}, "no label is called 'cor'; the names are core"),
        (["rim"], {"rim": (5,)}, "no mask holds 'rim'; they hold 1, 2, 4"),
    ],
)
def test_a_label_that_no_mask_holds_is_one_line(
    labels: list[int | str], names: dict[str, tuple[int, ...]], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        find_rule(counted(LESIONS), labels, names)


@pytest.mark.parametrize(
    ("masks", "lossy", "said"),
    [
        (LESIONS, False, "the masks hold the values 0, 1, 2, 4: any but 0 is marked; to mark only"),
        (
            [through_jpeg(mask * 60) for mask in LESIONS],
            True,
            "the values 0, 60, 120, 240 and others between: marked is what reaches 30;",
        ),
        ([cv2.GaussianBlur(disc(), (9, 9), 0)], False, "from 0 to 255: marked is what reaches 127"),
    ],
)
def test_values_that_are_not_plain_are_described(
    masks: Sequence[Values], lossy: bool, said: str
) -> None:
    counts = counted(masks, lossy)
    assert said in describe_values(counts, find_rule(counts))


def test_the_order_of_the_masks_changes_nothing_and_the_counts_do_not_grow() -> None:
    soft = np.linspace(0, 3000, 64 * 64, dtype=np.float32).reshape(64, 64)
    masks = [through_jpeg(disc()), disc(3), soft]
    rules = {find_rule(counted(order)) for order in permutations(masks)}
    assert len(rules) == 1
    total = counted(masks)
    assert total.exact is None or len(total.exact) <= DISTINCT
    assert total.soft_flat.shape == (BINS,)


@pytest.mark.parametrize("quality", [50, 70, 95])
@pytest.mark.parametrize("labels", [(0, 127, 254), (0, 60, 120)])
def test_jpeg_loses_no_class_whatever_its_quality(labels: tuple[int, ...], quality: int) -> None:
    truth = [np.minimum(lesion(state), 2) for state in range(3)]
    masks = [through_jpeg(np.array(labels, np.uint8)[one], quality) for one in truth]
    for found, one in zip(marked(masks, lossy=True), truth, strict=True):
        assert abs(found - int((one > 0).sum())) < 25  # of 613
    assert len(find_rule(counted(masks, lossy=True)).levels) == 2


def test_rounding_leaves_no_level_and_no_background_of_its_own() -> None:
    traces = np.float32(1e-8) + disc(1).astype(np.float32)
    empty = np.full((9, 9), 1e-8, np.float32)
    counts = counted([traces, empty])
    assert find_rule(counts).levels == (1.0,)
    assert describe_values(counts, find_rule(counts)) == ""
    sigmoid = 0.001 + 0.9 * cv2.GaussianBlur(disc(1).astype(np.float32), (9, 9), 0)
    assert marked([sigmoid]) == [int((sigmoid >= sigmoid.max() / 2).sum())]


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (disc(1) + 1, r"no pixel of any mask is 0.* such as \[2\]; they hold 1, 2$"),
        (np.full((9, 9), 255, np.uint8), "no pixel of any mask is 0.*are they masks"),
        (disc(1).astype(np.int16) * 1024 - 1024, "no value above 0, but values from -1024 to 0"),
    ],
)
def test_masks_without_a_background_are_refused(mask: Values, said: str) -> None:
    with pytest.raises(InputError, match=said):
        find_rule(counted([mask]))


def test_labels_say_what_is_the_background() -> None:
    assert marked([disc(1) + 1], labels=[2]) == [int(disc(1).sum())]
    assert marked([disc(1) + 1, disc(1)]) == [64 * 64, int(disc(1).sum())]
