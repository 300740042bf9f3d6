"""A package that is asked; its networks are stand-ins, so that the test knows what they say."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scanvote.params import Params
from scanvote.pipeline.ensemble.vote import Vote
from scanvote.pipeline.package import Package
from scanvote.pipeline.package.metadata import (
    Classifiers,
    ExplainSpec,
    ModelMetadata,
    NetworkFiles,
    OodReference,
    PostprocessSpec,
    Segmenters,
)
from scanvote.pipeline.package.model import LoadedClassifiers, LoadedSegmenters
from scanvote.pipeline.package.ood import OodScorer
from scanvote.pipeline.package.ood_features import NUMBERS
from scanvote.pipeline.package.ood_reference import Reference
from tests.making import picture
from tests.packing import performances

SOURCES = Path(__file__).parents[4] / "src"
LABELS = ("glioma", "no_tumor")


class Brightness:
    """Says how bright a scan is: of two classes the second. That is its only feature, too."""

    feature_count = 1

    def __init__(self, scale: float) -> None:
        self.scale = scale

    def predict(self, scans: np.ndarray) -> np.ndarray:
        return (scans.mean(axis=(1, 2)) / 255 * self.scale)[:, :1]

    def predict_with_features(self, scans: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return scans.mean(axis=(1, 2, 3))[:, None] / 255, self.predict(scans)


class Pixels(Brightness):
    """Marks what is bright in the first channel."""

    def __init__(self, channels: int) -> None:
        self.channels = channels

    def predict(self, scans: np.ndarray) -> np.ndarray:
        assert scans.shape[3] == self.channels
        return scans[..., :1] / 255


def gauge(network: Brightness, radius: float = 0.5) -> OodScorer:
    """Of a training with one black scan; of a scan's looks nothing counts."""
    black = np.zeros((1, 1 + NUMBERS), np.float32)
    scale = np.full(1 + NUMBERS, np.inf, np.float32)
    scale[0] = 1
    return OodScorer(network, Reference(black[0], scale, black.astype(np.float16)), radius)


def no_gradients(files: NetworkFiles) -> Any:
    raise AssertionError("no gradients are asked for")


@pytest.fixture
def contents(params: Params) -> ModelMetadata:
    way = PostprocessSpec(threshold=0.5, smallest=0, largest_only=False, fill_holes=False)
    how, seen = params.prepare, OodReference(arrays="seen.pkl", radius=0.5)
    return ModelMetadata(
        form=5,
        smoke=False,
        backend="tensorflow",
        classifiers=Classifiers(
            labels=list(LABELS),
            members=[],
            operating=None,
            negative=None,
            prepare=how.classification,
            seen=seen,
            explain=ExplainSpec(methods=["occlusion"], window=0.2, segments=5, samples=8),
            patients="",
            performance=performances(list(LABELS))["classification"],
        ),
        segmenters=Segmenters(
            networks=[],
            context=1,
            postprocess=way,
            prepare=how.segmentation,
            seen=seen,
            largest_mask=0.1,
            patients="",
            performance=performances(list(LABELS))["segmentation"],
        ),
        volumes=params.volumes,
        data={},
        test="",
        versions={},
        digest="",
        files={},
    )


@pytest.fixture
def package(contents: ModelMetadata) -> Package:
    vote = Vote("soft", LABELS, ("a", "b"), (1.0, 1.0))
    members, unets = [Brightness(1.0), Brightness(0.5)], [Pixels(3)]
    return Package(
        contents,
        "onnx",
        LoadedClassifiers(contents.classifiers, vote, members, gauge(members[0]), no_gradients),
        LoadedSegmenters(contents.segmenters, unets, gauge(unets[0])),
    )


def flat(value: int, shape: tuple[int, int] = (30, 20)) -> np.ndarray:
    return np.full((*shape, 3), value, np.uint8)


def test_the_vote_is_of_the_members_and_one_output_speaks_of_the_second_class(package: Package):
    answer = package.classifiers.probabilities([flat(0), flat(255)])
    assert answer.members == pytest.approx(np.array([[[1, 0], [0, 1]], [[1, 0], [0.5, 0.5]]]))
    assert answer.vote.probabilities == pytest.approx(np.array([[1, 0], [0.25, 0.75]]))
    assert answer.vote.winners.tolist() == [0, 1]


def test_agreement_is_the_share_of_members_that_hold_the_votes_class(package: Package):
    # the second holds a scan of half of the light for no tumour, the first does not
    answer = package.classifiers.probabilities([flat(0), flat(200), flat(255)])
    assert answer.agreement.tolist() == [1.0, 0.5, 0.5]


def test_scans_of_any_size_and_number_each_by_itself(package: Package):
    images = [picture(seed, 20 + seed)[..., None].repeat(3, axis=2) for seed in range(70)]
    together = package.classifiers.probabilities(images)
    assert together.framed.shape == (70, 32, 32, 1)
    alone = [package.classifiers.probabilities([image]).members[:, 0] for image in images[::23]]
    assert np.allclose(together.members[:, ::23], np.stack(alone, axis=1), atol=1e-6)


def test_no_scan_gets_no_answer(package: Package):
    answer = package.classifiers.probabilities([])
    assert answer.vote.probabilities.shape == (0, 2)
    assert answer.agreement.shape == (0,)
    assert answer.distances.shape == (0,)
    marked = package.segmenters.segment([])
    assert (marked.masks, marked.distances.shape) == ([], (0,))


def test_a_mask_is_as_large_as_its_scan_and_lies_where_it_is_bright(package: Package):
    scan = flat(40, (50, 70))
    scan[10:30, 20:40] = 250
    (mask,) = package.segmenters.segment([scan]).masks
    there = scan[..., 0] > 128
    assert package.segmenters.segment([scan]).shares[0] == pytest.approx(there.mean(), rel=0.2)
    assert mask.shape == (50, 70)
    assert (mask & there).sum() * 2 / (mask.sum() + there.sum()) > 0.85


def test_masks_are_of_the_mean_of_the_networks(contents: ModelMetadata):
    class Dark(Pixels):
        def predict(self, scans: np.ndarray) -> np.ndarray:
            return 1 - scans[..., :1] / 255

    side = contents.segmenters.prepare.image_size
    unets = [Pixels(3), Dark(3)]
    segmenters = LoadedSegmenters(contents.segmenters, unets, gauge(unets[0]))
    stacks = segmenters.repeat_slices(np.full((2, side, side, 1), 250, np.uint8))
    probabilities, _ = segmenters.mask_probabilities(stacks)
    assert probabilities == pytest.approx(np.full((2, side, side), 0.5))


def test_distances_are_in_units_of_the_radius(package: Package):
    images = [flat(0), flat(51), flat(255)]
    assert package.classifiers.probabilities(images).distances == pytest.approx(
        [0, 0.4, 2], abs=1e-3
    )
    assert package.segmenters.segment(images).distances == pytest.approx([0, 0.4, 2], abs=1e-3)


def test_nothing_heavy_is_imported_before_a_network_is_loaded():
    code = (
        "import sys; import scanvote.pipeline.package;"
        "print([name for name in ('keras', 'tensorflow', 'mlflow', 'onnx', 'statsmodels',"
        " 'matplotlib') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(SOURCES), "PATH": "/usr/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
