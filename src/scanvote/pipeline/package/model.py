"""Loaded package: from decoded scans to the vote and the mask."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scanvote.images.decode import Mask, Rgb
from scanvote.images.preprocess import preprocess, to_original_space
from scanvote.models.postprocess import Postprocess
from scanvote.params import PrepareTask
from scanvote.pipeline.ensemble.vote import Vote, VoteResult
from scanvote.pipeline.package.identity import check_files
from scanvote.pipeline.package.metadata import (
    VOTE,
    Classifiers,
    ModelMetadata,
    Network,
    Segmenters,
    read_metadata,
)
from scanvote.pipeline.package.networks import load_network, predict
from scanvote.pipeline.package.ood import OodScorer, load_ood_scorer
from scanvote.pipeline.package.stacks import Windows, copied_windows, stack_slices

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
        shares: (n,), share of the prepared picture inside the mask.
        distances: (n,), as in `ClassificationOutput`, by the first U-Net.
    """

    masks: list[Mask]
    shares: NDArray[np.float64]
    distances: NDArray[np.float64]


@dataclass(frozen=True)
class LoadedClassifiers:
    """The networks that vote, in memory.

    Attributes:
        contents: their metadata.
        vote: combines the members' probabilities.
        members: the networks, in the order of `vote.members`.
        scorer: out-of-distribution scorer of the first member.
    """

    contents: Classifiers
    vote: Vote
    members: "Sequence[keras.Model]"
    scorer: OodScorer

    def probabilities(self, images: Sequence[Rgb]) -> ClassificationOutput:
        """Vote on scans of any size, each by itself, as of `decode_image`."""
        return self.answer(preprocess_scans(images, self.contents.prepare))

    def answer(self, scans: np.ndarray) -> ClassificationOutput:
        """Vote on preprocessed scans, uint8 (n, size, size, channels)."""
        from scanvote.models.input_spec import (
            to_class_probabilities,  # imports Keras, as the networks did
        )

        first, distances = self.scorer(scans)
        others = (predict(member, scans) for member in self.members[1:])
        members = np.stack(
            [to_class_probabilities(output).astype(float) for output in (first, *others)]
        )
        return ClassificationOutput(scans, members, self.vote(members), distances)

    @cached_property
    def panel(self) -> "ExplainableEnsemble":
        """The ensemble for explanations."""
        from scanvote.pipeline.explain.panel import (
            from_models,  # imports Keras, as the networks did
        )

        return from_models(self.vote, self.members)


@dataclass(frozen=True)
class LoadedSegmenters:
    """The U-Nets that mark the tumour, in memory.

    Attributes:
        contents: their metadata.
        unets: the networks.
        scorer: out-of-distribution scorer of the first U-Net.
    """

    contents: Segmenters
    unets: "Sequence[keras.Model]"
    scorer: OodScorer

    def segment(self, images: Sequence[Rgb], windows: Windows | None = None) -> SegmentationOutput:
        """Segment the tumour in scans of any size.

        Args:
            images: the scans, each of which is preprocessed by itself.
            windows: for each scan to segment the places in `images` of itself and its adjacent
                slices; by default each of `images` is segmented, with copies of it instead.
        """
        config, context = self.contents.prepare, self.contents.context
        windows = copied_windows(len(images), context) if windows is None else windows
        stacks = stack_slices(preprocess_scans(images, config), windows)
        output = self.segment_preprocessed(stacks)
        pairs = zip(output.masks, windows[:, context].tolist(), strict=True)
        masks = [to_original_space(mask, images[place], config) for mask, place in pairs]
        return SegmentationOutput(masks, output.shares, output.distances)

    def segment_preprocessed(self, stacks: np.ndarray) -> SegmentationOutput:
        """Return masks (size, size) of preprocessed scans.

        Args:
            stacks: uint8 (n, size, size, all channels).
        """
        postprocess = Postprocess(**self.contents.postprocess.model_dump())
        probabilities, distances = self.mask_probabilities(stacks)
        masks = [postprocess(one) for one in probabilities]
        return SegmentationOutput(masks, np.array([mask.mean() for mask in masks]), distances)

    def mask_probabilities(
        self, stacks: np.ndarray
    ) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """Return the U-Nets' mean, (n, size, size), and the distances (n,)."""
        mean = np.zeros(stacks.shape[:3], np.float32)
        first, distances = self.scorer(stacks)
        mean += first[..., 0]
        for unet in self.unets[1:]:  # summed one by one as in the stage `unet`, for equal rounding
            mean += predict(unet, stacks)[..., 0]
        mean /= len(self.unets)
        return mean, distances


@dataclass(frozen=True)
class Package:
    """The networks of a package, in memory.

    Attributes:
        contents: the metadata of the package.
        classifiers: None if the study had no classification.
        segmenters: None if it had no segmentation.
    """

    contents: ModelMetadata
    classifiers: LoadedClassifiers | None
    segmenters: LoadedSegmenters | None

    @property
    def networks(self) -> "list[keras.Model]":
        """All networks, with those that score distances."""
        networks: list[keras.Model] = []
        if self.classifiers:
            networks += [*self.classifiers.members, self.classifiers.scorer.network]
        if self.segmenters:
            networks += [*self.segmenters.unets, self.segmenters.scorer.network]
        return networks


def load_package(folder: Path, graphs: bool = True) -> Package:
    """Load every network of the package in `folder`.

    Keras is imported here and not earlier, so `scanvote.core.backend.use_backend` may be called
    before with the backend of `read_metadata`; all backends give the same up to rounding.

    Args:
        folder: the folder.
        graphs: as in `check_files`.

    Raises:
        InputError: it is no package, or one of its files is missing, damaged or another one.
    """
    contents = read_metadata(folder)
    check_files(contents.files, folder, graphs)
    classifiers, segmenters = contents.classifiers, contents.segmenters
    return Package(
        contents,
        _load_classifiers(folder, classifiers) if classifiers else None,
        _load_segmenters(folder, segmenters) if segmenters else None,
    )


def preprocess_scans(images: Sequence[Rgb], config: PrepareTask) -> np.ndarray:
    """Preprocess scans of any size, uint8 (n, size, size, channels)."""
    empty = np.zeros((0, config.image_size, config.image_size, config.channels), np.uint8)
    return np.stack([preprocess(image, config) for image in images]) if images else empty


def _load_classifiers(folder: Path, contents: Classifiers) -> LoadedClassifiers:
    members = _load(folder, contents.members)
    scorer = load_ood_scorer(folder, contents.seen, members[0])
    return LoadedClassifiers(contents, Vote.read(folder / VOTE), members, scorer)


def _load_segmenters(folder: Path, contents: Segmenters) -> LoadedSegmenters:
    unets = _load(folder, contents.networks)
    return LoadedSegmenters(contents, unets, load_ood_scorer(folder, contents.seen, unets[0]))


def _load(folder: Path, networks: Sequence[Network]) -> "list[keras.Model]":
    return [load_network(folder / network.keras) for network in networks]
