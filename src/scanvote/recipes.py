"""Recipes: named experiments, each a small file of what differs from params.yaml."""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from scanvote.errors import InputError, did_you_mean
from scanvote.params import load_values, validate

FOLDER = Path("recipes")
QUICK = "quick"
"""The recipe that is laid over another one for a smoke run."""

_PLAIN = re.compile(r"(?!(null|true|false|nan|inf)$)[A-Za-z_][\w./-]*", re.IGNORECASE)
"""Words that need no quotes."""


class Recipe(BaseModel):
    """What recipes/NAME.yaml says.

    Attributes:
        about: what it trains, in a line.
        source: whose method it is.
        published: the figure published there, and how it was measured.
        differs: where it does not do as was published.
        params: what differs from params.yaml, nested as there.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    about: str
    source: str
    published: str
    differs: str = ""
    params: dict[str, Any]


@dataclass(frozen=True)
class Change:
    """One key of params.yaml that a recipe sets."""

    key: str
    default: Any
    value: Any


def recipe_names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.yaml") if path.stem != QUICK)


def read_recipe(name: str) -> Recipe:
    """The recipe of that name, its params checked.

    Raises:
        InputError: there is none, or it does not fit params.yaml.
    """
    path = FOLDER / f"{name}.yaml"
    if name == QUICK or not path.is_file():
        raise InputError(f"there is no recipe {name!r}{did_you_mean(name, recipe_names())}")
    try:
        recipe = Recipe.model_validate(load_values(path))
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"]))
        raise InputError(f"{path}: {where}: {fault['msg'].lower()}") from None
    changes(recipe, quick=False)
    return recipe


def changes(recipe: Recipe, quick: bool) -> list[Change]:
    """The keys that the recipe sets to another value than params.yaml, in the order of the file.

    Args:
        quick: lay the recipe `QUICK` over it.

    Raises:
        InputError: a key or a value of the recipe is wrong.
    """
    defaults = load_values(Path("params.yaml"))
    layers = [recipe.params, *([load_values(FOLDER / f"{QUICK}.yaml")] if quick else [])]
    wanted: Mapping[str, Any] = defaults
    for layer in layers:
        wanted = _merged(wanted, layer)
    validate(wanted, f"recipe over params.yaml: {recipe.about}")
    before, after = _leaves(defaults), _leaves(wanted)
    return [
        Change(key, before.get(key), value)
        for key, value in after.items()
        if before.get(key) != value
    ]


def command(name: str, recipe: Recipe, quick: bool, extra: Sequence[str] = ()) -> list[str]:
    """The `dvc exp run` that the recipe stands for, as words."""
    words = ["dvc", "exp", "run", "-n", f"{name}-quick" if quick else name]
    for change in changes(recipe, quick):
        # Hydra refuses keys that a mapping does not have yet, but for ++
        free = "++" if isinstance(change.value, Mapping) else ""
        words += ["-S", f"{free}{change.key}={hydra(change.value)}"]
    # all of the pipeline: DVC 3 cannot end an experiment whose lock names outputs, as of a fresh
    # clone, that are neither there nor made by it
    return [*words, *extra]


def shown(words: Sequence[str]) -> str:
    """A command to copy, a setting a line."""
    return shlex.join(words).replace(" -S ", " \\\n  -S ")


def hydra(value: Any) -> str:
    """`value` as `dvc exp run -S` reads it."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {hydra(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(hydra, value)) + "]"
    if isinstance(value, str) and _PLAIN.fullmatch(value):
        return value
    return json.dumps(value, ensure_ascii=False)


def _merged(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`changes` laid over `values`; what params.yaml holds as a free mapping is replaced."""
    merged = dict(values)
    for key, value in changes.items():
        deeper = isinstance(value, Mapping) and isinstance(values.get(key), Mapping)
        merged[key] = _merged(values[key], value) if deeper else value
    return merged


def _leaves(values: Mapping[str, Any]) -> dict[str, Any]:
    """By dotted key; the mapping of labels is one value, as its keys are the user's."""
    leaves: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and key != "labels":
            leaves |= {f"{key}.{inner}": leaf for inner, leaf in _leaves(value).items()}
        else:
            leaves[key] = value
    return leaves
