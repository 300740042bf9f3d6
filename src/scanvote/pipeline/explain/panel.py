"""The members of a vote at work, and the explanations of each and of the vote."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

import scanvote.models.backbones  # noqa: F401 - registers a layer that saved networks hold
from scanvote.core.seeds import rng
from scanvote.models.input_spec import to_class_probabilities
from scanvote.models.saving import load_saved_model
from scanvote.params.whole import ExplainParams, Method
from scanvote.pipeline.ensemble.members import model_paths
from scanvote.pipeline.ensemble.vote import Vote
from scanvote.pipeline.explain.gradcam import FeatureSplit, gradcam, split_at_last_conv
from scanvote.pipeline.explain.lime import hide_superpixels
from scanvote.pipeline.explain.occlusion import occlude
from scanvote.pipeline.explain.perturbation import (
    Floats,
    Hidden,
    Perturbation,
    blurred,
    class_log_odds,
    perturb,
)

VOTE = "vote"
BATCH = 64
"""Variants of a scan that are shown at once: bounds the memory."""
BLUR = 0.5
"""Of what is hidden, in sides of the window that occlusion hides: a Gaussian's σ."""

Image = NDArray[np.uint8]
"""(H, W, C) of a prepared scan."""
Maps = dict[str, Floats]
"""By model, what speaks for the class that it predicts: float (H, W), not negative."""


@dataclass(frozen=True)
class ExplainableModel:
    """A network of the vote.

    Attributes:
        name: as it stands in the tables of predictions.
        model: gives its probabilities.
        cut: at its last feature map; None where there is none, and so no Grad-CAM.
    """

    name: str
    model: keras.Model
    cut: FeatureSplit | None


@dataclass(frozen=True)
class ExplainableEnsemble:
    """A vote and its members, which are in its order."""

    vote: Vote
    members: list[ExplainableModel]

    def probabilities(self, images: Image) -> Floats:
        """(M, n, C) of scans (n, H, W, C), untempered."""
        said = [to_class_probabilities(one.model.predict_on_batch(images)) for one in self.members]
        return np.stack(said).astype(float)

    def supports(self, method: Method) -> bool:
        """Whether the vote can be explained so."""
        return method != "gradcam" or any(one.cut for one in self.members)


def load_ensemble(searches: Path, vote: Vote) -> ExplainableEnsemble:
    """Load the members of a vote from `models/search`.

    Raises:
        InputError: one is missing, or no Keras model.
    """
    paths = model_paths(searches, vote.members)
    return from_models(vote, [load_saved_model(path, "explain") for path in paths])


def from_models(vote: Vote, models: Sequence[keras.Model]) -> ExplainableEnsemble:
    """Of the networks of a vote's members, in their order."""
    members = [
        ExplainableModel(name, model, split_at_last_conv(model))
        for name, model in zip(vote.members, models, strict=True)
    ]
    return ExplainableEnsemble(vote, members)


def explain_scan(
    panel: ExplainableEnsemble,
    scan_id: str,
    image: Image,
    method: Method,
    params: ExplainParams,
    seed: int,
) -> Maps:
    """The maps of the members and of the vote, without those that the method does not serve.

    Args:
        scan_id: what is random depends on it, on the method and on `seed`.
        image: the prepared scan.
    """
    if method == "gradcam":
        return _by_gradient(panel, image)
    height, width = image.shape[:2]
    side = max(1, round(params.window * min(height, width)))
    if method == "occlusion":
        hiding = occlude((height, width), side)
    else:
        random = rng(seed, method, scan_id)
        hiding = hide_superpixels(image, params.segments, params.samples, random)
    return _by_hiding(panel, image, hiding, BLUR * side)


def _by_gradient(panel: ExplainableEnsemble, image: Image) -> Maps:
    """The vote's map is the mean of the members' for its class, each scaled to its maximum."""
    said = panel.probabilities(image[None])
    winner = int(panel.vote(said).winners[0])
    maps, together = Maps(), list[Floats]()
    for member, own in zip(panel.members, said[:, 0].argmax(axis=1), strict=True):
        if member.cut is not None:
            maps[member.name] = gradcam(member.cut, image, int(own))
            agrees = int(own) == winner
            for_vote = maps[member.name] if agrees else gradcam(member.cut, image, winner)
            together.append(normalise_map(for_vote))
    return maps | ({VOTE: np.mean(together, axis=0)} if together else {})


def _by_hiding(
    panel: ExplainableEnsemble, image: Image, hiding: Perturbation, sigma: float
) -> Maps:
    """Members are explained by their own probabilities, the vote by those of the vote."""
    variants = _variants(image, blurred(image, sigma), hiding.hidden)
    said = np.concatenate([panel.probabilities(batch) for batch in variants], axis=1)
    voted = panel.vote(said)
    owners = [VOTE, *(member.name for member in panel.members)]
    winners = [voted.winners[0], *said[:, 0].argmax(axis=1)]
    found = [
        class_log_odds(own, int(winner))
        for own, winner in zip([voted.probabilities, *said], winners, strict=True)
    ]
    maps = [hiding.attribute(one[1:], float(one[0])) for one in found]
    return dict(zip(owners, maps, strict=True))


def _variants(image: Image, neutral: Image, hidden: Hidden) -> Iterator[Image]:
    """The scan itself, and then what is left of it, at most `BATCH` at a time."""
    yield image[None]
    for first in range(0, len(hidden), BATCH):
        yield perturb(image, neutral, hidden[first : first + BATCH])


def normalise_map(heat: Floats) -> Floats:
    """To a maximum of 1; a blank map stays blank."""
    peak = heat.max()
    return heat / peak if peak > 0 else heat
