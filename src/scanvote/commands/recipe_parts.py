"""What the `dvc exp run` of a recipe would make now, and where."""

from collections.abc import Iterator, Sequence

from scanvote.commands.recipes import PARAMS
from scanvote.core.errors import InputError
from scanvote.params import validate
from scanvote.params.compute import ComputeParams, overridden
from scanvote.tracking.experiments import (
    Experiment,
    changed_params,
    differing_settings,
    overridden_params,
)
from scanvote.tracking.provenance import changed_sources


def check_same(found: Experiment, words: Sequence[str]) -> None:
    """Check that an experiment has the settings and the code of a `dvc exp run`.

    Raises:
        InputError: it has others, so that it and what the command makes cannot be pooled.
    """
    wanted, present = overridden_params(list(_overrides(words))), found.written_params()
    differ = [f"{key} {now}, not {then}" for key, now, then in differing_settings(present, wanted)]
    if not differ and found.revision:
        files = changed_sources(found.revision)
        differ = [f"another {files[0]}"] if files else []
    if differ:
        raise InputError(
            f"{found.name} is there with {differ[0]}, so it cannot be pooled with what is trained"
            f" now; go on as it was begun, or `dvc exp remove {found.name}` and its other parts"
        )


def where_it_runs(words: Sequence[str]) -> ComputeParams:
    """Return the section `compute` that a `dvc exp run` would work under.

    Raises:
        InputError: a setting, or a variable that overrides it, is wrong.
    """
    values = changed_params(list(_overrides(words)))
    return overridden(validate(values, "params.yaml as changed by -S").compute)


def _overrides(words: Sequence[str]) -> Iterator[str]:
    """Yield the values of the options -S and --set-param."""
    for at, word in enumerate(words):
        if word in ("-S", "--set-param"):
            value = words[at + 1] if at + 1 < len(words) else ""
        elif word.startswith("--set-param="):
            value = word.partition("=")[2]
        elif word.startswith("-S"):
            value = word[2:]
        else:
            continue
        yield value.removeprefix(f"{PARAMS}:")
