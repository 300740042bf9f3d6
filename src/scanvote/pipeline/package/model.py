"""Loaded package: from decoded scans to the vote and the mask."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scanvote.images.decode import Mask, Rgb
from scanvote.images.preprocess import preprocess, to_original_space
from scanvote.models.postprocess import Postprocess
from scanvote.params import PrepareTask
from scanvote.pipeline.ensemble.vote import Vote, VoteResult
from scanvote.pipeline.package.metadata import VOTE, ModelMetadata, Network, read_metadata
from scanvote.pipeline.package.networks import load_network, predict
from scanvote.pipeline.package.ood import OodScorer, load_ood_scorer

if TYPE_CHECKING:
    import keras

    from scanvote.pipeline.explain.panel import ExplainableEnsemble


@dataclass(frozen=True)
class ClassificationOutput:
    """Output of a package for n scans.

    Attributes:
        framed: uint8 (n, size, size, channels), the input of the networks.
        members: (M, n, C), the members' uncalibrated probabilities.
        vote: of the members, calibrated.
        distances: (n,), distance to the nearest training scan, by the first member; above 1 a scan
            is out of distribution.
    """

    framed: np.ndarray
    members: NDArray[np.float64]
    vote: VoteResult
    distances: NDArray[np.float64]

    @property
    def agreement(self) -> NDArray[np.float64]:
        """Share of members that favour the vote's class, (n,)."""
        votes = np.take_along_axis(self.vote.votes, self.vote.winners[:, None], axis=1)
        return np.asarray(votes[:, 0] / len(self.members))


@dataclass(frozen=True)
class SegmentationOutput:
    """Tumour masks of a package for n scans.

    Attributes:
        masks: bool (H, W) each, as large as the scan.
        distances: (n,), as in `ClassificationOutput`, by the first U-Net.
    """

    masks: list[Mask]
    distances: NDArray[np.float64]


class Package:
    """The networks of a package, in memory.

    Attributes:
        contents: the metadata of the package.
        vote: combines the members' probabilities.
        members: the networks that vote, in the order of `vote.members`.
        unets: the networks that mark the tumour.
        gauges: out-of-distribution scorers of the first member and of the first U-Net.
    """

    def __init__(
        self,
        contents: ModelMetadata,
        vote: Vote,
        members: "Sequence[keras.Model]",
        unets: "Sequence[keras.Model]",
        gauges: tuple[OodScorer, OodScorer],
    ) -> None:
        self.contents, self.vote = contents, vote
        self.members, self.unets = members, unets
        self.gauges = gauges
        self._panel: ExplainableEnsemble | None = None

    def probabilities(self, images: Sequence[Rgb]) -> ClassificationOutput:
        """Vote on scans of any size, each by itself, as of `decode_image`."""
        return self.answer(preprocess_scans(images, self.contents.classifiers.prepare))

    def answer(self, scans: np.ndarray) -> ClassificationOutput:
        """Vote on preprocessed scans, uint8 (n, size, size, channels)."""
        from scanvote.models.input_spec import (
            to_class_probabilities,  # imports Keras, as the networks did
        )

        first, distances = self.gauges[0](scans)
        others = (predict(member, scans) for member in self.members[1:])
        members = np.stack(
            [to_class_probabilities(output).astype(float) for output in (first, *others)]
        )
        return ClassificationOutput(scans, members, self.vote(members), distances)

    def segment(self, images: Sequence[Rgb]) -> SegmentationOutput:
        """Segment the tumour in scans of any size, each by itself.

        A single scan has no adjacent slices, so it is repeated instead of them.
        """
        config = self.contents.segmenters.prepare
        output = self.segment_preprocessed(self.repeat_slices(preprocess_scans(images, config)))
        pairs = zip(output.masks, images, strict=True)
        return SegmentationOutput(
            [to_original_space(mask, image, config) for mask, image in pairs], output.distances
        )

    def segment_preprocessed(self, stacks: np.ndarray) -> SegmentationOutput:
        """Return masks (size, size) of preprocessed scans.

        Args:
            stacks: uint8 (n, size, size, all channels).
        """
        postprocess = Postprocess(**self.contents.segmenters.postprocess.model_dump())
        probabilities, distances = self.mask_probabilities(stacks)
        return SegmentationOutput([postprocess(one) for one in probabilities], distances)

    def mask_probabilities(
        self, stacks: np.ndarray
    ) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """Return the U-Nets' mean, (n, size, size), and the distances (n,)."""
        mean = np.zeros(stacks.shape[:3], np.float32)
        first, distances = self.gauges[1](stacks)
        mean += first[..., 0]
        for unet in self.unets[1:]:  # summed one by one as in the stage `unet`, for equal rounding
            mean += predict(unet, stacks)[..., 0]
        mean /= len(self.unets)
        return mean, distances

    def panel(self) -> "ExplainableEnsemble":
        """Return the ensemble for explanations, created at the first call."""
        from scanvote.pipeline.explain.panel import (
            from_models,  # imports Keras, as the networks did
        )

        if self._panel is None:
            self._panel = from_models(self.vote, self.members)
        return self._panel

    def repeat_slices(self, scans: np.ndarray) -> np.ndarray:
        """Repeat each slice as often as the U-Nets have input slices.

        The copies replace the missing adjacent slices.
        """
        slices = 2 * self.contents.segmenters.context + 1
        return np.concatenate([scans] * slices, axis=-1)


def load_package(folder: Path) -> Package:
    """Load every network of the package in `folder`.

    Keras is imported here and not earlier, so `scanvote.core.backend.use_backend` may be called
    before with the backend of `read_metadata`; all backends give the same up to rounding.

    Raises:
        InputError: it is no package, or one of its files is missing or damaged.
    """
    contents = read_metadata(folder)
    classifiers, segmenters = contents.classifiers, contents.segmenters
    members, unets = _load(folder, classifiers.members), _load(folder, segmenters.networks)
    scorers = (
        load_ood_scorer(folder, classifiers.seen, members[0]),
        load_ood_scorer(folder, segmenters.seen, unets[0]),
    )
    return Package(contents, Vote.read(folder / VOTE), members, unets, scorers)


def preprocess_scans(images: Sequence[Rgb], config: PrepareTask) -> np.ndarray:
    """Preprocess scans of any size, uint8 (n, size, size, channels)."""
    empty = np.zeros((0, config.image_size, config.image_size, config.channels), np.uint8)
    return np.stack([preprocess(image, config) for image in images]) if images else empty


def _load(folder: Path, networks: Sequence[Network]) -> "list[keras.Model]":
    return [load_network(folder / network.keras) for network in networks]
