"""The geometry below the pictures: fields, sampling, patients, lesions."""

import numpy as np
import pytest

from scanvote.datasets.phantom.anatomy import TemplateVolume, anatomy
from scanvote.datasets.phantom.lesions import GrowthZone, draw_lesion, mass_effect
from scanvote.datasets.phantom.noise import smooth_noise, step
from scanvote.datasets.phantom.patients import (
    CONTRASTS,
    LABELS,
    PLANES,
    draw_plane,
    draw_shape,
    patient,
)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def test_waves_have_the_deviation_asked_for(rng):
    points = rng.uniform(-500, 500, (20_000, 3)).astype(np.float32)
    field = smooth_noise(rng, length=20, deviation=3, components=2, count=200)(points)
    assert field.shape == (20_000, 2)
    assert field.dtype == np.float32
    assert field.std(0) == pytest.approx([3, 3], rel=0.2)


def test_step_is_half_at_zero():
    assert step(np.array([-9, 0, 9], np.float32), 2).tolist() == [0, 0.5, 1]


def test_volume_interpolates_linearly_and_goes_on_outside():
    x, y, z = np.indices((4, 5, 6), np.float32)
    volume = TemplateVolume(np.stack([x, y + 10 * z], -1), np.array([-1, 0, 0], np.float32), 2.0)
    points = np.array([[0, 3, 5], [-99, 1, 1]], np.float32)
    np.testing.assert_allclose(volume.at(points), [[0.5, 26.5], [0, 5.5]], atol=1e-5)


def test_shape_is_inverted(rng):
    shape = draw_shape(rng)
    point = np.array([20, -30, 25], np.float32)
    np.testing.assert_allclose(shape.to_template(shape.to_scanner(point)[None])[0], point, atol=0.1)


@pytest.mark.parametrize("plane", PLANES)
def test_slice_lies_where_its_offset_says(plane, rng):
    view = draw_plane(rng, plane)
    points = view.points(12.5, 16)
    assert points.shape == (256, 3)
    assert {view.offset(point) for point in points} == {12.5}


def test_a_round_of_patients_shows_every_label_plane_and_contrast_once():
    count = len(LABELS) * len(PLANES) * len(CONTRASTS)
    first = [patient(index, "classification") for index in range(count)]
    assert len({(one.label, one.plane, one.contrast) for one in first}) == count


@pytest.mark.parametrize("label", LABELS)
def test_lesion_covers_its_centre_not_the_far_side(label, rng):
    lesion = draw_lesion(rng, label, anatomy())
    if lesion is None:
        assert label == "no_tumor"
        return
    far = lesion.centre + np.array([0, 0, 4 * lesion.radius + 20], np.float32)
    points = np.stack([lesion.centre, far]).astype(np.float32)
    around = GrowthZone(*np.array([[-9, -9], [1, 1], [1, 1]], np.float32))
    cover = np.max([part for _, part in lesion.parts(points, around)], 0)
    assert cover[0] > 0.9
    assert cover[1] == 0


def test_lesion_pushes_tissue_outwards(rng):
    lesion = draw_lesion(rng, "glioma", anatomy())
    beside = lesion.centre + np.array([[lesion.radius, 0, 0], [200, 0, 0]], np.float32)
    moved = np.linalg.norm(mass_effect(beside, lesion) - lesion.centre, axis=1)
    assert moved[0] < lesion.radius
    assert moved[1] == pytest.approx(200, rel=1e-3)
