"""Recipes: named experiments, each a small file of changes to params.yaml."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from scanvote.core.errors import InputError, did_you_mean
from scanvote.core.overrides import check_override, override_value
from scanvote.params import decides_results, load_values, parse_values, validate, with_changes
from scanvote.params.reading import FREE
from scanvote.tracking.provenance import git

FOLDER, PARAMS = Path("recipes"), Path("params.yaml")
QUICK = "quick"
"""The recipe that is merged over another one for a smoke run."""


class Recipe(BaseModel):
    """Content of recipes/NAME.yaml.

    Attributes:
        like: another recipe that gives the keys missing here.
        about: one line on the training.
        source: the publication of the method.
        published: the published result, and how it was measured.
        differs: differences to the published method.
        params: changes to params.yaml, nested as there.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    like: str = ""
    about: str
    source: str
    published: str
    differs: str = ""
    params: dict[str, Any]


@dataclass(frozen=True)
class Setting:
    """One key of params.yaml that a recipe sets."""

    key: str
    now: Any
    value: Any


@dataclass(frozen=True)
class Variant:
    """One of the experiments that together test every patient.

    Attributes:
        name: suffix of the recipe's name.
        settings: additional settings by dotted key.
    """

    name: str
    settings: Mapping[str, Any]


def folds(count: int) -> list[Variant]:
    """Return the parts of a cross-validation, each with its own test fold.

    The protocol of the split decides if folds are of patients or of scans.
    """
    return [
        Variant(f"fold{number}", {"split.folds": count, "split.fold": number})
        for number in range(count)
    ]


def sites(names: Sequence[str]) -> list[Variant]:
    """Return one part per institution, which is its test set."""
    suffixes = [re.sub(r"[^A-Za-z0-9]+", "_", name) for name in names]
    for place, name in enumerate(names):
        check_override("split.site", name)
        if suffixes.count(suffixes[place]) > 1:  # names that differ in other signs alone
            suffixes[place] += f"_{sha256(name.encode()).hexdigest()[:6]}"
    return [
        Variant(f"site-{suffix}", {"split.protocol": "site", "split.site": name})
        for suffix, name in zip(suffixes, names, strict=True)
    ]


def recipe_names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.yaml") if path.stem != QUICK)


def read_recipe(name: str) -> Recipe:
    """Read the recipe of that name, and check its params.

    Raises:
        InputError: it does not exist, or does not fit params.yaml.
    """
    try:
        recipe = Recipe.model_validate(_load(name))
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"]))
        raise InputError(f"{FOLDER}/{name}.yaml: {where}: {fault['msg'].lower()}") from None
    changes(recipe, quick=False)
    return recipe


def _load(name: str, children: Sequence[str] = ()) -> dict[str, Any]:
    """Load a recipe, merged over the one in its key `like`.

    `children` are the recipes that led to this one by `like`.
    """
    path = FOLDER / f"{name}.yaml"
    if name in [QUICK, *children] or not path.is_file():
        where = f"{FOLDER}/{children[-1]}.yaml: like: " if children else ""
        raise InputError(f"{where}there is no recipe {name!r}{did_you_mean(name, recipe_names())}")
    values = load_values(path)
    like = values.get("like")
    return with_changes(_load(like, [*children, name]), values) if isinstance(like, str) else values


def changes(recipe: Recipe, quick: bool) -> list[Setting]:
    """List the keys of params.yaml that the recipe changes, in order.

    The recipe is merged over the committed params.yaml, because `dvc exp run` leaves the settings
    of the previous experiment in the folder. Where the work is done stays as the folder has it.

    Args:
        recipe: the recipe.
        quick: merge the recipe `QUICK` over it.

    Raises:
        InputError: a key or a value of the recipe is wrong.
    """
    present, changed = load_values(PARAMS), _committed()
    for layer in [recipe.params, *([load_values(FOLDER / f"{QUICK}.yaml")] if quick else [])]:
        changed = with_changes(changed, layer)
    validate(changed, f"recipe over params.yaml: {recipe.about}")
    before, after = _leaves(present), _leaves(changed)
    found = [
        Setting(key, before.get(key), value)
        for key, value in after.items()
        if before.get(key) != value
    ]
    for change in found:
        check_override(change.key, change.value)
    return found


def _committed() -> dict[str, Any]:
    """Return params.yaml of the last commit; without one, the present file."""
    text = git("show", f"HEAD:./{PARAMS}")
    present = load_values(PARAMS)
    if not text:
        return present
    committed = parse_values(text, f"{PARAMS} of HEAD")
    return with_changes(present, {key: committed[key] for key in committed if decides_results(key)})


def command(
    name: str, recipe: Recipe, quick: bool, extra: Sequence[str] = (), part: Variant | None = None
) -> list[str]:
    """Return the `dvc exp run` of a recipe, as arguments."""
    title = "-".join([name, *(["quick"] if quick else []), *([part.name] if part else [])])
    words = ["dvc", "exp", "run", "-n", title]
    settings = {change.key: change for change in changes(recipe, quick)}
    own = part.settings if part else {}
    settings |= {key: Setting(key, None, value) for key, value in own.items()}
    words += [word for change in settings.values() for one in _settings(change) for word in one]
    # no target stages, so the whole pipeline runs: DVC 3 cannot finish an experiment if its lock
    # lists outputs that neither exist, as in a fresh clone, nor are made by the experiment
    return [*words, *extra]


def _settings(change: Setting) -> Iterator[tuple[str, str]]:
    """Yield the options that make a change."""
    text = f"{change.key}={override_value(change.value)}"
    if not isinstance(change.value, Mapping):
        yield "-S", text
    elif change.now:  # ++ would add to the mapping, and = is refused for new keys
        yield "-S", f"~{change.key}"
        yield "-S", f"+{text}"
    else:
        yield "-S", f"++{text}"


def describe_command(words: Sequence[str]) -> str:
    """Format a command to copy, with one setting per line."""
    return " ".join("\\\n  -S" if word == "-S" else shlex.quote(word) for word in words)


def _leaves(values: Mapping[str, Any]) -> dict[str, Any]:
    """Flatten to dotted keys.

    `FREE` stays one value.
    """
    leaves: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and key != FREE:
            leaves |= {f"{key}.{inner}": leaf for inner, leaf in _leaves(value).items()}
        else:
            leaves[key] = value
    return leaves
