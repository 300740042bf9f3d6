"""The finished model, loaded: from decoded scans to the vote and to the mask."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scanvote.images.decode import Mask, Rgb
from scanvote.images.framing import frame, unframed
from scanvote.package.contents import VOTE, Contents, Network, read_contents
from scanvote.package.networks import ask, load_network
from scanvote.params import PrepareTask
from scanvote.postprocess import Postprocess
from scanvote.voting import Vote, Voted

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Answer:
    """What a package says of n scans.

    Attributes:
        framed: uint8 (n, size, size, channels), what the networks saw.
        members: (M, n, C), the probabilities as the members give them.
        vote: of the members, calibrated.
    """

    framed: np.ndarray
    members: NDArray[np.float64]
    vote: Voted

    @property
    def agreement(self) -> NDArray[np.float64]:
        """(n,), the share of the members that hold the vote's class likeliest."""
        mine = np.take_along_axis(self.vote.votes, self.vote.winners[:, None], axis=1)
        return np.asarray(mine[:, 0] / len(self.members))


class Package:
    """The networks of a package, in memory.

    Attributes:
        contents: what it holds, and how it is asked.
        vote: what makes one answer of the members' probabilities.
        members: the networks that vote, in the order of `vote.members`.
        unets: the networks that mark the tumour.
    """

    def __init__(
        self,
        contents: Contents,
        vote: Vote,
        members: "Sequence[keras.Model]",
        unets: "Sequence[keras.Model]",
    ) -> None:
        self.contents, self.vote = contents, vote
        self.members, self.unets = members, unets

    def probabilities(self, images: Sequence[Rgb]) -> Answer:
        """The vote on scans of any size, each by itself, as `decode_image` gives them."""
        return self.answer(framed(images, self.contents.classifiers.prepare))

    def answer(self, scans: np.ndarray) -> Answer:
        """The vote on scans that are framed: uint8 (n, size, size, channels)."""
        from scanvote.models.brief import as_classes  # imports Keras, as the networks did

        said = [as_classes(ask(member, scans)).astype(float) for member in self.members]
        members = np.stack(said)
        return Answer(scans, members, self.vote(members))

    def masks(self, images: Sequence[Rgb]) -> list[Mask]:
        """What is marked as tumour of each scan, bool (H, W) as large as the scan.

        A single scan has no slices beside it: it stands in for them.
        """
        how = self.contents.segmenters.prepare
        found = self.framed_masks(self.stacked(framed(images, how)))
        return [unframed(mask, image, how) for mask, image in zip(found, images, strict=True)]

    def framed_masks(self, stacks: np.ndarray) -> list[Mask]:
        """bool (size, size) each, of uint8 (n, size, size, channels of all slices)."""
        way = Postprocess(**self.contents.segmenters.postprocess.model_dump())
        return [way(one) for one in self.mask_probabilities(stacks)]

    def mask_probabilities(self, stacks: np.ndarray) -> NDArray[np.float32]:
        """(n, size, size), the mean of the U-Nets."""
        mean = np.zeros(stacks.shape[:3], np.float32)
        for unet in self.unets:  # summed one by one, as the stage `unet` does
            mean += ask(unet, stacks)[..., 0]
        mean /= len(self.unets)
        return mean

    def stacked(self, scans: np.ndarray) -> np.ndarray:
        """Each slice as often as the U-Nets are shown slices, for want of those beside it."""
        slices = 2 * self.contents.segmenters.context + 1
        return np.concatenate([scans] * slices, axis=-1)


def load_package(folder: Path) -> Package:
    """Load every network of the package in `folder`.

    Keras is imported here and no sooner, so `scanvote.backend.use_backend` may be called with
    the backend of `read_contents` before; any backend gives the same to rounding.

    Raises:
        InputError: it is no package, or a file of it is missing or damaged.
    """
    contents = read_contents(folder)
    return Package(
        contents,
        Vote.read(folder / VOTE),
        _load(folder, contents.classifiers.members),
        _load(folder, contents.segmenters.networks),
    )


def framed(images: Sequence[Rgb], how: PrepareTask) -> np.ndarray:
    """uint8 (n, size, size, channels)."""
    empty = np.zeros((0, how.image_size, how.image_size, how.channels), np.uint8)
    return np.stack([frame(image, how) for image in images]) if images else empty


def _load(folder: Path, networks: Sequence[Network]) -> "list[keras.Model]":
    return [load_network(folder / network.keras) for network in networks]
