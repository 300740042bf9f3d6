"""Explanations of the members of a vote, and of the vote itself."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scanvote.core.seeds import rng
from scanvote.models.input_spec import to_class_probabilities
from scanvote.params.whole import ExplainParams, Method
from scanvote.pipeline.ensemble.vote import Vote
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

if TYPE_CHECKING:
    import keras

    from scanvote.pipeline.explain.gradcam import FeatureSplit

VOTE = "vote"
BATCH = 64
"""Variants of a scan in one batch: bounds the memory."""
BLUR = 0.5
"""Gaussian σ for hidden parts, as a share of the side of the occlusion window."""

Image = NDArray[np.uint8]
"""(H, W, C) of a prepared scan."""
Maps = dict[str, Floats]
"""Non-negative evidence for the predicted class of each model, float (H, W) by model."""


def _go_on() -> None:
    """Check nothing."""


@dataclass(frozen=True)
class ExplainableModel:
    """A network of the vote.

    Attributes:
        name: as in the tables of predictions.
        predict: returns its output for scans (n, H, W, C).
        load: returns it in Keras, which has the gradients for Grad-CAM.
    """

    name: str
    predict: Callable[[Image], NDArray[np.float32]]
    load: "Callable[[], keras.Model]"

    @cached_property
    def split(self) -> "FeatureSplit | None":
        """The network, split at its last feature map; None if it has none for Grad-CAM."""
        model = self.load()
        from scanvote.pipeline.explain.gradcam import split_at_last_conv  # imports Keras

        return split_at_last_conv(model)


@dataclass(frozen=True)
class ExplainableEnsemble:
    """A vote and its members, in the order of the vote.

    Attributes:
        check: called before the networks are, and may raise to end an explanation.
    """

    vote: Vote
    members: list[ExplainableModel]
    check: Callable[[], None] = _go_on

    def probabilities(self, images: Image) -> Floats:
        """Return uncalibrated probabilities (M, n, C) of scans (n, H, W, C)."""
        self.check()
        outputs = [to_class_probabilities(one.predict(images)) for one in self.members]
        return np.stack(outputs).astype(float)

    def supports(self, method: Method) -> bool:
        """Return whether the method can explain the vote."""
        return method != "gradcam" or any(one.split for one in self.members)


def load_ensemble(searches: Path, vote: Vote) -> ExplainableEnsemble:
    """Load the members of a vote from `models/search`.

    Raises:
        InputError: a member is missing, or is not a Keras model.
    """
    # Keras must know our own layers before it reads them in an archive
    from scanvote.models import backbones, flip_tta  # noqa: F401
    from scanvote.models.saving import load_saved_model
    from scanvote.pipeline.ensemble.members import model_paths

    paths = model_paths(searches, vote.members)
    models = [load_saved_model(path, "explain") for path in paths]
    members = [in_keras(name, model) for name, model in zip(vote.members, models, strict=True)]
    return ExplainableEnsemble(vote, members)


def in_keras(name: str, model: "keras.Model") -> ExplainableModel:
    """Make a network that is loaded in Keras explainable."""
    return ExplainableModel(name, model.predict_on_batch, lambda: model)


def explain_scan(
    ensemble: ExplainableEnsemble,
    scan_id: str,
    image: Image,
    method: Method,
    params: ExplainParams,
    seed: int,
) -> Maps:
    """Return the maps of the vote and of its members.

    Members that do not support the method have no map.

    Args:
        scan_id: random numbers depend on it, on the method and on `seed`.
        image: the prepared scan.
    """
    if method == "gradcam":
        return _by_gradient(ensemble, image)
    height, width = image.shape[:2]
    side = max(1, round(params.window * min(height, width)))
    if method == "occlusion":
        perturbation = occlude((height, width), side)
    else:
        random = rng(seed, method, scan_id)
        perturbation = hide_superpixels(image, params.segments, params.samples, random)
    return _by_perturbation(ensemble, image, perturbation, BLUR * side)


def _by_gradient(ensemble: ExplainableEnsemble, image: Image) -> Maps:
    """Explain by Grad-CAM.

    The map of the vote is the mean of the members' maps for the vote's class, each scaled to its
    maximum.
    """
    from scanvote.pipeline.explain.gradcam import gradcam  # imports Keras

    probabilities = ensemble.probabilities(image[None])
    winner = int(ensemble.vote(probabilities).winners[0])
    maps, for_vote_class = Maps(), list[Floats]()
    for member, predicted in zip(ensemble.members, probabilities[:, 0].argmax(axis=1), strict=True):
        ensemble.check()
        if member.split is not None:
            maps[member.name] = gradcam(member.split, image, int(predicted))
            agrees = int(predicted) == winner
            map_for_vote = maps[member.name] if agrees else gradcam(member.split, image, winner)
            for_vote_class.append(normalise_map(map_for_vote))
    return maps | ({VOTE: np.mean(for_vote_class, axis=0)} if for_vote_class else {})


def _by_perturbation(
    ensemble: ExplainableEnsemble, image: Image, perturbation: Perturbation, sigma: float
) -> Maps:
    """Explain members by their own probabilities, and the vote by its own."""
    variants = _variants(image, blurred(image, sigma), perturbation.hidden)
    probabilities = np.concatenate([ensemble.probabilities(batch) for batch in variants], axis=1)
    voted = ensemble.vote(probabilities)
    owners = [VOTE, *(member.name for member in ensemble.members)]
    winners = [voted.winners[0], *probabilities[:, 0].argmax(axis=1)]
    evidence = [
        class_log_odds(each, int(winner))
        for each, winner in zip([voted.probabilities, *probabilities], winners, strict=True)
    ]
    maps = [perturbation.attribute(one[1:], float(one[0])) for one in evidence]
    return dict(zip(owners, maps, strict=True))


def _variants(image: Image, neutral: Image, hidden: Hidden) -> Iterator[Image]:
    """Yield the scan, then its perturbed variants, in batches of `BATCH`."""
    yield image[None]
    for first in range(0, len(hidden), BATCH):
        yield perturb(image, neutral, hidden[first : first + BATCH])


def normalise_map(heat: Floats) -> Floats:
    """Scale a map to a maximum of 1, unless it is blank."""
    peak = heat.max()
    return heat / peak if peak > 0 else heat
