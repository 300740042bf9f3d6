"""Recipes: named experiments, each a small file of what differs from params.yaml."""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from scanvote.core.errors import InputError, did_you_mean
from scanvote.params import load_values, parse_values, validate
from scanvote.tracking.provenance import git

FOLDER, PARAMS = Path("recipes"), Path("params.yaml")
QUICK = "quick"
"""The recipe that is laid over another one for a smoke run."""

_PLAIN = re.compile(r"(?!(null|true|false|nan|inf)$)[A-Za-z_][\w./-]*", re.IGNORECASE)
"""Words that need no quotes."""


class Recipe(BaseModel):
    """What recipes/NAME.yaml says.

    Attributes:
        like: the recipe from which it takes all that it does not say itself.
        about: what it trains, in a line.
        source: whose method it is.
        published: the figure published there, and how it was measured.
        differs: where it does not do as was published.
        params: what differs from params.yaml, nested as there.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    like: str = ""
    about: str
    source: str
    published: str
    differs: str = ""
    params: dict[str, Any]


@dataclass(frozen=True)
class Change:
    """One key of params.yaml that a recipe sets."""

    key: str
    now: Any
    value: Any


@dataclass(frozen=True)
class Variant:
    """One of the experiments that together test every patient.

    Attributes:
        name: is added to the recipe's.
        settings: by dotted key, beside the recipe's.
    """

    name: str
    settings: Mapping[str, Any]


def folds(count: int) -> list[Variant]:
    """A cross-validation: each part tests other patients, or other scans, as the protocol says."""
    return [
        Variant(f"fold{number}", {"split.folds": count, "split.fold": number})
        for number in range(count)
    ]


def sites(names: Sequence[str]) -> list[Variant]:
    """Each part tests one institution."""
    plain = [re.sub(r"[^A-Za-z0-9]+", "_", name) for name in names]
    return [
        Variant(f"site-{word}", {"split.protocol": "site", "split.site": name})
        for word, name in zip(plain, names, strict=True)
    ]


def recipe_names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.yaml") if path.stem != QUICK)


def read_recipe(name: str) -> Recipe:
    """The recipe of that name, its params checked.

    Raises:
        InputError: there is none, or it does not fit params.yaml.
    """
    try:
        recipe = Recipe.model_validate(_told(name))
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"]))
        raise InputError(f"{FOLDER}/{name}.yaml: {where}: {fault['msg'].lower()}") from None
    changes(recipe, quick=False)
    return recipe


def _told(name: str, of: Sequence[str] = ()) -> dict[str, Any]:
    """The words of a recipe, over those of the one that it is like."""
    path = FOLDER / f"{name}.yaml"
    if name in [QUICK, *of] or not path.is_file():
        where = f"{FOLDER}/{of[-1]}.yaml: like: " if of else ""
        raise InputError(f"{where}there is no recipe {name!r}{did_you_mean(name, recipe_names())}")
    words = load_values(path)
    like = words.get("like")
    return _merged(_told(like, [*of, name]), words) if isinstance(like, str) else words


def changes(recipe: Recipe, quick: bool) -> list[Change]:
    """The keys of params.yaml that the recipe sets to another value, in the order of the file.

    A recipe is laid over what was committed: `dvc exp run` leaves in the folder the settings of
    the experiment before.

    Args:
        quick: lay the recipe `QUICK` over it.

    Raises:
        InputError: a key or a value of the recipe is wrong.
    """
    present, wanted = load_values(PARAMS), _committed()
    for layer in [recipe.params, *([load_values(FOLDER / f"{QUICK}.yaml")] if quick else [])]:
        wanted = _merged(wanted, layer)
    validate(wanted, f"recipe over params.yaml: {recipe.about}")
    before, after = _leaves(present), _leaves(wanted)
    return [
        Change(key, before.get(key), value)
        for key, value in after.items()
        if before.get(key) != value
    ]


def _committed() -> dict[str, Any]:
    """params.yaml of the last commit; the one at hand before the first."""
    text = git("show", f"HEAD:./{PARAMS}")
    present = load_values(PARAMS)
    return _merged(present, parse_values(text, f"{PARAMS} of HEAD")) if text else present


def command(
    name: str, recipe: Recipe, quick: bool, extra: Sequence[str] = (), part: Variant | None = None
) -> list[str]:
    """The `dvc exp run` that the recipe stands for, as words."""
    title = "-".join([name, *(["quick"] if quick else []), *([part.name] if part else [])])
    words = ["dvc", "exp", "run", "-n", title]
    settings = {change.key: change.value for change in changes(recipe, quick)}
    for key, value in {**settings, **(part.settings if part else {})}.items():
        # Hydra refuses keys that a mapping does not have yet, but for ++
        free = "++" if isinstance(value, Mapping) else ""
        words += ["-S", f"{free}{key}={to_overrides(value)}"]
    # all of the pipeline: DVC 3 cannot end an experiment whose lock names outputs, as of a fresh
    # clone, that are neither there nor made by it
    return [*words, *extra]


def describe_command(words: Sequence[str]) -> str:
    """A command to copy, a setting a line."""
    return shlex.join(words).replace(" -S ", " \\\n  -S ")


def to_overrides(value: Any) -> str:
    """`value` as `dvc exp run -S` reads it."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {to_overrides(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(to_overrides, value)) + "]"
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
