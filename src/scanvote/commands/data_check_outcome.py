"""The end of `scanvote data check`: what the pipeline will refuse, and the lines to paste."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from scanvote.commands.data_check import Check
from scanvote.commands.data_check_params import as_yaml, command, merged, param_overrides
from scanvote.commands.data_check_rehearsal import Refusal, refusal, usable_classes
from scanvote.commands.data_check_roles import roles_of
from scanvote.params import Params, Task
from scanvote.pipeline.sources.survey import survey
from scanvote.pipeline.sources.taken import TAKEN, difference, own_data, read_entries


def changed_since(task: Task, path: Path, params: Params) -> Iterator[str]:
    """Yield a line if the data differ from what `download` has taken of them."""
    taken = read_entries(TAKEN / f"{task}.json")
    for one in own_data(task, params):
        if one.name in taken and one.path.resolve() == path.resolve():
            now = survey(one.path)
            if now.entry != taken[one.name]:
                yield f"! {difference(one, taken[one.name], now)}"


def show_params(path: Path, checks: Sequence[Check], params: Params, console: Console) -> str:
    """Print the changes of params.yaml to use the data; return what the pipeline refuses, if any.

    What it refuses is followed by the lines that mend it. Of two classes whose names do not tell
    which must not be missed, there is a line for each choice.
    """
    overrides = param_overrides(checks, params)
    for one in checks:
        if refused := refusal(one, params):
            _show_refusal(one, refused, overrides, params, console)
            return f"the pipeline will refuse {path}: {refused.text}"
    choices: tuple[str, ...] = ()
    for one in checks:
        if one.task == "classification":
            roles = roles_of(usable_classes(one, params), params)
            overrides, choices = merged(overrides, roles.overrides), roles.choices
    if choices:
        _say("\nWhich class must not be missed? Choose one:", console)
        for label in choices:
            _say(f"  {command(merged(overrides, {'evaluate': {'positive': label}}))}", console)
        return (
            f"the pipeline will refuse {path} without evaluate.positive: the names"
            f" {' and '.join(choices)} do not tell which class must not be missed"
        )
    console.print("\n[bold]params.yaml[/]: change these keys, or")
    for text in (f"  {command(overrides)}", "", as_yaml(overrides)):
        _say(text, console)
    return ""


def _show_refusal(
    one: Check, refused: Refusal, overrides: Mapping[str, Any], params: Params, console: Console
) -> None:
    """Print what is refused, at least, and each way out that was tried."""
    _say(f"\n! the pipeline will refuse this: {refused.text}", console)
    if refused.too_few:
        _say("  (only copies with equal bytes are known here: look-alikes may tie more)", console)
    if refused.ways:
        _say("  ways out:", console)
    for changes, words in refused.ways:
        labels = usable_classes(one, params) - set(
            changes.get("classification", {}).get("labels", ())
        )
        roles = roles_of(labels, params) if one.task == "classification" else None
        whole = merged(merged(overrides, roles.overrides if roles else {}), changes)
        _say(f"  {command(whole)}    # {words}", console)


def _say(text: str, console: Console) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)
