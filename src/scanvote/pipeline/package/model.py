"""Loaded package: from decoded scans to the vote and the mask."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scanvote.core.errors import InputError
from scanvote.core.runtimes import Runtime
from scanvote.images.decode import Mask, Rgb
from scanvote.images.preprocess import preprocess, to_original_space
from scanvote.models.input_spec import to_class_probabilities
from scanvote.models.postprocess import Postprocess
from scanvote.params import PrepareTask
from scanvote.pipeline.ensemble.vote import Vote, VoteResult
from scanvote.pipeline.explain.panel import ExplainableEnsemble, ExplainableModel
from scanvote.pipeline.package.identity import ARCHIVE, GRAPH, check_files
from scanvote.pipeline.package.metadata import (
    VOTE,
    Classifiers,
    ModelMetadata,
    NetworkFiles,
    Segmenters,
    read_metadata,
)
from scanvote.pipeline.package.networks import KerasNetwork
from scanvote.pipeline.package.ood import OodScorer, load_ood_scorer
from scanvote.pipeline.package.runtime import (
    Network,
    choose_runtime,
    load_keras,
    network_loader,
)
from scanvote.pipeline.package.stacks import Windows, copied_windows, stack_slices

if TYPE_CHECKING:
    import keras

Load = Callable[[NetworkFiles], Network]


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
        load_keras: loads a member in Keras, for its gradients.
    """

    contents: Classifiers
    vote: Vote
    members: Sequence[Network]
    scorer: OodScorer
    load_keras: Callable[[NetworkFiles], KerasNetwork]

    def probabilities(self, images: Sequence[Rgb]) -> ClassificationOutput:
        """Vote on scans of any size, each by itself, as of `decode_image`."""
        return self.answer(preprocess_scans(images, self.contents.prepare))

    def answer(self, scans: np.ndarray) -> ClassificationOutput:
        """Vote on preprocessed scans, uint8 (n, size, size, channels)."""
        first, distances = self.scorer(scans)
        others = (member.predict(scans) for member in self.members[1:])
        members = np.stack(
            [to_class_probabilities(output).astype(float) for output in (first, *others)]
        )
        return ClassificationOutput(scans, members, self.vote(members), distances)

    @cached_property
    def panel(self) -> ExplainableEnsemble:
        """The ensemble for explanations."""
        files = self.contents.members
        members = [
            ExplainableModel(name, network.predict, partial(self._in_keras, network, one))
            for name, network, one in zip(self.vote.members, self.members, files, strict=True)
        ]
        return ExplainableEnsemble(self.vote, members)

    def _in_keras(self, network: Network, files: NetworkFiles) -> "keras.Model":
        loaded = network if isinstance(network, KerasNetwork) else self.load_keras(files)
        return loaded.model


@dataclass(frozen=True)
class LoadedSegmenters:
    """The U-Nets that mark the tumour, in memory.

    Attributes:
        contents: their metadata.
        unets: the networks.
        scorer: out-of-distribution scorer of the first U-Net.
    """

    contents: Segmenters
    unets: Sequence[Network]
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
            mean += unet.predict(stacks)[..., 0]
        mean /= len(self.unets)
        return mean, distances


@dataclass(frozen=True)
class Package:
    """The networks of a package, in memory.

    Attributes:
        contents: the metadata of the package.
        runtime: what computes the networks.
        classifiers: None if the study had no classification.
        segmenters: None if it had no segmentation.
    """

    contents: ModelMetadata
    runtime: Runtime
    classifiers: LoadedClassifiers | None
    segmenters: LoadedSegmenters | None


def load_package(
    folder: Path, runtime: Runtime | None = None, threads: int | None = None
) -> Package:
    """Load every network of the package in `folder`.

    The runtimes give the same up to rounding, and so do the backends of Keras: it uses the
    package's own, unless the process has imported Keras with another before.

    Args:
        folder: the folder.
        runtime: what computes the networks; by default ONNX Runtime if the package has graphs.
        threads: of a call of ONNX Runtime; by default one for each processor that is allowed.

    Raises:
        InputError: it is no package; one of its files is missing, damaged or another one; or the
            runtime cannot be used.
    """
    contents = read_metadata(folder)
    chosen = choose_runtime(contents, runtime)
    check_files(contents.files, folder, unread=GRAPH if chosen == "keras" else ARCHIVE)
    load = network_loader(contents, folder, chosen, threads)
    return Package(
        contents, chosen, _classifiers(folder, contents, load), _segmenters(folder, contents, load)
    )


def preprocess_scans(images: Sequence[Rgb], config: PrepareTask) -> np.ndarray:
    """Preprocess scans of any size, uint8 (n, size, size, channels)."""
    empty = np.zeros((0, config.image_size, config.image_size, config.channels), np.uint8)
    return np.stack([preprocess(image, config) for image in images]) if images else empty


def _classifiers(folder: Path, contents: ModelMetadata, load: Load) -> LoadedClassifiers | None:
    part = contents.classifiers
    if part is None:
        return None
    members = [load(files) for files in part.members]
    scorer = load_ood_scorer(folder, part.seen, members[0])
    vote, in_keras = Vote.read(folder / VOTE), partial(_load_checked, folder, contents)
    return LoadedClassifiers(part, vote, members, scorer, in_keras)


def _segmenters(folder: Path, contents: ModelMetadata, load: Load) -> LoadedSegmenters | None:
    part = contents.segmenters
    if part is None:
        return None
    unets = [load(files) for files in part.networks]
    return LoadedSegmenters(part, unets, load_ood_scorer(folder, part.seen, unets[0]))


def _load_checked(folder: Path, contents: ModelMetadata, files: NetworkFiles) -> KerasNetwork:
    """Load a network's Keras archive, which ONNX Runtime did not need."""
    check_files({files.keras: contents.files[files.keras]}, folder)
    try:
        return load_keras(contents, folder / files.keras)
    except InputError as error:
        raise InputError(f"gradcam: {error}; or choose occlusion or lime") from None
