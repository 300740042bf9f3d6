"""The finished model, loaded: from decoded scans to the vote and to the mask."""

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
    """What a package says of n scans.

    Attributes:
        framed: uint8 (n, size, size, channels), what the networks saw.
        members: (M, n, C), the probabilities as the members give them.
        vote: of the members, calibrated.
        distances: (n,), to the nearest scan of the training, by the first member; above 1 a scan
            lies outside what has been seen.
    """

    framed: np.ndarray
    members: NDArray[np.float64]
    vote: VoteResult
    distances: NDArray[np.float64]

    @property
    def agreement(self) -> NDArray[np.float64]:
        """(n,), the share of the members that hold the vote's class likeliest."""
        mine = np.take_along_axis(self.vote.votes, self.vote.winners[:, None], axis=1)
        return np.asarray(mine[:, 0] / len(self.members))


@dataclass(frozen=True)
class SegmentationOutput:
    """What a package marks as tumour of n scans.

    Attributes:
        masks: bool (H, W) each, as large as the scan.
        distances: (n,), as those of `ClassificationOutput`, by the first U-Net.
    """

    masks: list[Mask]
    distances: NDArray[np.float64]


class Package:
    """The networks of a package, in memory.

    Attributes:
        contents: what it holds, and how it is asked.
        vote: what makes one answer of the members' probabilities.
        members: the networks that vote, in the order of `vote.members`.
        unets: the networks that mark the tumour.
        gauges: the first of the members and the first of the U-Nets, which tell how far a scan is
            from those of the training.
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
        """The vote on scans of any size, each by itself, as `decode_image` gives them."""
        return self.answer(preprocess_scans(images, self.contents.classifiers.prepare))

    def answer(self, scans: np.ndarray) -> ClassificationOutput:
        """The vote on scans that are framed: uint8 (n, size, size, channels)."""
        from scanvote.models.input_spec import (
            to_class_probabilities,  # imports Keras, as the networks did
        )

        first, distances = self.gauges[0](scans)
        others = (predict(member, scans) for member in self.members[1:])
        members = np.stack(
            [to_class_probabilities(said).astype(float) for said in (first, *others)]
        )
        return ClassificationOutput(scans, members, self.vote(members), distances)

    def segment(self, images: Sequence[Rgb]) -> SegmentationOutput:
        """What is marked as tumour of scans of any size, each by itself.

        A single scan has no slices beside it: it stands in for them.
        """
        how = self.contents.segmenters.prepare
        found = self.segment_preprocessed(self.repeat_slices(preprocess_scans(images, how)))
        pairs = zip(found.masks, images, strict=True)
        return SegmentationOutput(
            [to_original_space(mask, image, how) for mask, image in pairs], found.distances
        )

    def segment_preprocessed(self, stacks: np.ndarray) -> SegmentationOutput:
        """Masks (size, size) of scans that are framed: uint8 (n, size, size, all channels)."""
        way = Postprocess(**self.contents.segmenters.postprocess.model_dump())
        probabilities, distances = self.mask_probabilities(stacks)
        return SegmentationOutput([way(one) for one in probabilities], distances)

    def mask_probabilities(
        self, stacks: np.ndarray
    ) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """(n, size, size), the mean of the U-Nets, and the distances (n,)."""
        mean = np.zeros(stacks.shape[:3], np.float32)
        first, distances = self.gauges[1](stacks)
        mean += first[..., 0]
        for unet in self.unets[1:]:  # summed one by one, as the stage `unet` does
            mean += predict(unet, stacks)[..., 0]
        mean /= len(self.unets)
        return mean, distances

    def panel(self) -> "ExplainableEnsemble":
        """The members as they are explained, cut at their feature maps when first asked for."""
        from scanvote.pipeline.explain.panel import (
            from_models,  # imports Keras, as the networks did
        )

        if self._panel is None:
            self._panel = from_models(self.vote, self.members)
        return self._panel

    def repeat_slices(self, scans: np.ndarray) -> np.ndarray:
        """Each slice as often as the U-Nets are shown slices, for want of those beside it."""
        slices = 2 * self.contents.segmenters.context + 1
        return np.concatenate([scans] * slices, axis=-1)


def load_package(folder: Path) -> Package:
    """Load every network of the package in `folder`.

    Keras is imported here and no sooner, so `scanvote.core.backend.use_backend` may be called with
    the backend of `read_metadata` before; any backend gives the same to rounding.

    Raises:
        InputError: it is no package, or a file of it is missing or damaged.
    """
    contents = read_metadata(folder)
    classifiers, segmenters = contents.classifiers, contents.segmenters
    members, unets = _load(folder, classifiers.members), _load(folder, segmenters.networks)
    gauges = (
        load_ood_scorer(folder, classifiers.seen, members[0]),
        load_ood_scorer(folder, segmenters.seen, unets[0]),
    )
    return Package(contents, Vote.read(folder / VOTE), members, unets, gauges)


def preprocess_scans(images: Sequence[Rgb], how: PrepareTask) -> np.ndarray:
    """uint8 (n, size, size, channels)."""
    empty = np.zeros((0, how.image_size, how.image_size, how.channels), np.uint8)
    return np.stack([preprocess(image, how) for image in images]) if images else empty


def _load(folder: Path, networks: Sequence[Network]) -> "list[keras.Model]":
    return [load_network(folder / network.keras) for network in networks]
