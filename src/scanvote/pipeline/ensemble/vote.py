"""The vote: from the members' probabilities to a class, by one of four rules.

- majority: the class that most members hold likeliest; of equals the one of the highest mean
  probability (the published rule).
- soft: the class of the highest mean probability.
- weighted: likewise, the mean weighted.
- stacking: a logistic regression on the logarithms of the members' probabilities (Wolpert, 1992).

What remains equal goes to the first class.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from scanvote.core.errors import InputError
from scanvote.core.files import write_json
from scanvote.pipeline.ensemble.calibration import (
    Probabilities,
    apply_temperature,
    log_probabilities,
)

RULES = ("majority", "soft", "weighted", "stacking")
_FORM = 1
_DIGITS = 6


class VoteResult(NamedTuple):
    """What a vote says of n scans.

    Attributes:
        probabilities: (n, C) float64. By majority the highest may not be the winner's.
        winners: (n,) int, the index of the class.
        votes: (n, C) int, how many members hold each class likeliest.
    """

    probabilities: Probabilities
    winners: NDArray[np.int64]
    votes: NDArray[np.int64]


class Stacking(NamedTuple):
    """A logistic regression on M members' logarithms of C classes.

    Attributes:
        coefficients: (C, M * C), a member's classes beside each other.
        intercepts: (C,).
    """

    coefficients: tuple[tuple[float, ...], ...]
    intercepts: tuple[float, ...]


_NOTHING = Stacking((), ())


@dataclass(frozen=True)
class Vote:
    """All that turns the probabilities of M members into those of the vote.

    Attributes:
        rule: one of `RULES`.
        labels: names of the C classes.
        members: names of the M models.
        temperatures: (M,), of the members, which are tempered before they are joined.
        weights: (M,), at least 0, with the sum 1, of the rule of that name.
        stacking: the regression, of the rule of that name.
        temperature: of the vote; it changes no winner.
    """

    rule: str
    labels: tuple[str, ...]
    members: tuple[str, ...]
    temperatures: tuple[float, ...]
    weights: tuple[float, ...] = ()
    stacking: Stacking = _NOTHING
    temperature: float = 1.0

    def __call__(self, probabilities: Probabilities) -> VoteResult:
        """Vote on n scans.

        Args:
            probabilities: (M, n, C) as the members give them, in the order of `members`. They
                count to the 6 digits that the tables keep: a network that is asked and the
                table of its predictions make one vote.

        Raises:
            ValueError: they are not of M members and C classes.
        """
        raw = np.round(np.asarray(probabilities, float), _DIGITS)
        if raw.ndim != 3 or raw.shape[::2] != (len(self.members), len(self.labels)):
            wanted = f"({len(self.members)}, n, {len(self.labels)})"
            raise ValueError(f"the vote is of probabilities {wanted}, not {raw.shape}")
        joined = self._joined(calibrated(raw, self.temperatures))
        votes = (raw.argmax(axis=2)[..., None] == np.arange(raw.shape[2])).sum(axis=0)
        # a probability is at most 1, so it decides between equal numbers of votes only
        ranked = votes + 0.5 * joined if self.rule == "majority" else joined
        return VoteResult(apply_temperature(joined, self.temperature), ranked.argmax(axis=1), votes)

    def _joined(self, members: Probabilities) -> Probabilities:
        """(n, C) of the tempered (M, n, C)."""
        if self.rule == "weighted":
            return np.asarray(np.tensordot(self.weights, members, axes=1))
        if self.rule == "stacking":
            scores = log_probability_features(members) @ np.transpose(self.stacking.coefficients)
            return np.asarray(softmax(scores + self.stacking.intercepts, axis=1))
        # in order, as a sum of floats depends on it: a tie is one whoever comes first
        return np.asarray(np.sort(members, axis=0).mean(axis=0))

    def write(self, path: Path) -> None:
        members = zip(self.members, self.temperatures, strict=True)
        values: dict[str, Any] = {
            "form": _FORM,
            "rule": self.rule,
            "labels": list(self.labels),
            "members": [{"model": name, "temperature": degree} for name, degree in members],
            "weights": list(self.weights),
            "stacking": self.stacking._asdict(),
            "temperature": self.temperature,
        }
        write_json(path, values)

    @classmethod
    def read(cls, path: Path) -> "Vote":
        """What `write` left.

        Raises:
            InputError: the file is missing, or of a form that this version does not know.
        """
        if not path.is_file():
            raise InputError(f"{path} is missing; run `dvc repro ensemble`")
        values = json.loads(path.read_text(encoding="utf-8"))
        if values.get("form") != _FORM:
            raise InputError(f"{path}: form {values.get('form')} of a vote is not known here")
        rows = values["stacking"]["coefficients"]
        return cls(
            rule=values["rule"],
            labels=tuple(values["labels"]),
            members=tuple(one["model"] for one in values["members"]),
            temperatures=tuple(one["temperature"] for one in values["members"]),
            weights=tuple(values["weights"]),
            stacking=Stacking(tuple(map(tuple, rows)), tuple(values["stacking"]["intercepts"])),
            temperature=values["temperature"],
        )


def calibrated(probabilities: Probabilities, temperatures: tuple[float, ...]) -> Probabilities:
    """(M, n, C), each member by its temperature."""
    pairs = zip(probabilities, temperatures, strict=True)
    return np.stack([apply_temperature(one, temperature) for one, temperature in pairs])


def log_probability_features(members: Probabilities) -> Probabilities:
    """What stacking learns from: (n, M * C), the logarithms of (M, n, C)."""
    return np.moveaxis(log_probabilities(members), 0, 1).reshape(members.shape[1], -1)
