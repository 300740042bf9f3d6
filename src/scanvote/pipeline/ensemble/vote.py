"""Vote: turn the members' probabilities into a class.

- majority: the class that is the most likely for most members; ties go to the highest mean
  probability (the published rule).
- soft: the class with the highest mean probability.
- weighted: likewise, with a weighted mean.
- stacking: a logistic regression on the logarithms of the members' probabilities (Wolpert, 1992).

Remaining ties go to the first class.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanvote.core.errors import InputError
from scanvote.core.files import write_json
from scanvote.pipeline.ensemble.calibration import (
    Probabilities,
    apply_temperature,
    log_probabilities,
    softmax,
)

RULES = ("majority", "soft", "weighted", "stacking")
_FORM = 1
_DIGITS = 6


class VoteResult(NamedTuple):
    """Result of a vote on n scans.

    Attributes:
        probabilities: (n, C) float64. With the majority rule the highest may not be the winner's.
        winners: (n,) int, the index of the class.
        votes: (n, C) int, the number of members for which each class is the most likely.
    """

    probabilities: Probabilities
    winners: NDArray[np.int64]
    votes: NDArray[np.int64]


class Stacking(NamedTuple):
    """A logistic regression on the members' log probabilities.

    There are M members and C classes.

    Attributes:
        coefficients: (C, M * C), the classes of a member side by side.
        intercepts: (C,).
    """

    coefficients: tuple[tuple[float, ...], ...]
    intercepts: tuple[float, ...]


_NOTHING = Stacking((), ())


@dataclass(frozen=True)
class Vote:
    """All parameters of the vote of M members.

    Attributes:
        rule: one of `RULES`.
        labels: names of the C classes.
        members: names of the M models.
        temperatures: (M,), for the calibration of the members before they are combined.
        weights: (M,), non-negative, with the sum 1, for the rule of that name.
        stacking: the regression, for the rule of that name.
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
            probabilities: (M, n, C), the members' uncalibrated output, in the order of `members`.
                They are rounded to the 6 digits of the tables, so that a network and the table of
                its predictions give the same vote.

        Raises:
            ValueError: the shape does not have M members and C classes.
        """
        raw = np.round(np.asarray(probabilities, float), _DIGITS)
        if raw.ndim != 3 or raw.shape[::2] != (len(self.members), len(self.labels)):
            wanted = f"({len(self.members)}, n, {len(self.labels)})"
            raise ValueError(f"the vote is of probabilities {wanted}, not {raw.shape}")
        combined = self._combine(calibrated(raw, self.temperatures))
        votes = (raw.argmax(axis=2)[..., None] == np.arange(raw.shape[2])).sum(axis=0)
        # a probability is at most 1, so half of it only breaks ties between numbers of votes
        ranked = votes + 0.5 * combined if self.rule == "majority" else combined
        return VoteResult(
            apply_temperature(combined, self.temperature), ranked.argmax(axis=1), votes
        )

    def _combine(self, members: Probabilities) -> Probabilities:
        """Combine the calibrated (M, n, C) into (n, C)."""
        if self.rule == "weighted":
            return np.asarray(np.tensordot(self.weights, members, axes=1))
        if self.rule == "stacking":
            scores = log_probability_features(members) @ np.transpose(self.stacking.coefficients)
            return softmax(scores + self.stacking.intercepts)
        # sorted, as a sum of floats depends on its order: ties must not depend on that of members
        return np.asarray(np.sort(members, axis=0).mean(axis=0))

    def write(self, path: Path) -> None:
        members = zip(self.members, self.temperatures, strict=True)
        values: dict[str, Any] = {
            "form": _FORM,
            "rule": self.rule,
            "labels": list(self.labels),
            "members": [
                {"model": name, "temperature": temperature} for name, temperature in members
            ],
            "weights": list(self.weights),
            "stacking": self.stacking._asdict(),
            "temperature": self.temperature,
        }
        write_json(path, values)

    @classmethod
    def read(cls, path: Path) -> "Vote":
        """Read a file of `write`.

        Raises:
            InputError: the file is missing, or of a format that this version does not know.
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
    """Calibrate the members (M, n, C), each by its temperature."""
    pairs = zip(probabilities, temperatures, strict=True)
    return np.stack([apply_temperature(one, temperature) for one, temperature in pairs])


def log_probability_features(members: Probabilities) -> Probabilities:
    """Return the features of stacking, (n, M * C).

    They are the logarithms of (M, n, C).
    """
    return np.moveaxis(log_probabilities(members), 0, 1).reshape(members.shape[1], -1)
