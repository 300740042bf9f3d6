"""The class of the user's that must not be missed, and the source of that knowledge."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from scanvote.class_roles import guess_positive, negative_class
from scanvote.params import Params


@dataclass(frozen=True)
class Roles:
    """Roles of the classes of a data set.

    Attributes:
        line: who has which role, and who says so; empty if there is nothing to say.
        overrides: changes of params.yaml, so that the roles are those of `line`.
        choices: the two classes, if nobody says which of them must not be missed.
    """

    line: str = ""
    overrides: Mapping[str, Any] = field(default_factory=dict)
    choices: tuple[str, ...] = ()


def roles_of(labels: Collection[str], params: Params) -> Roles:
    """Return the roles of the classes, after `classification.labels`."""
    return _of_two(labels, params) if len(labels) == 2 else _of_more(labels, params)


def _of_two(labels: Collection[str], params: Params) -> Roles:
    wanted = params.evaluate.positive
    if wanted in labels:
        return Roles(f"{wanted}, by evaluate.positive")
    guess = guess_positive(labels)
    if guess is None:
        return Roles(choices=tuple(sorted(labels)))
    return Roles(f"{guess}, told by the names of the classes", {"evaluate": {"positive": guess}})


def _of_more(labels: Collection[str], params: Params) -> Roles:
    changes: dict[str, str | None] = {}
    if params.evaluate.positive not in (None, *labels):
        changes["positive"] = None
    known = params.evaluate.negative in labels
    negative = negative_class(sorted(labels), params.evaluate.negative if known else None)
    if not known and params.evaluate.negative != negative:
        changes["negative"] = negative
    overrides = {"evaluate": changes} if changes else {}
    if negative is None:
        return Roles(overrides=overrides)
    source = "by evaluate.negative" if known else "told by its name"
    return Roles(f"any but {negative}, {source}", overrides)
