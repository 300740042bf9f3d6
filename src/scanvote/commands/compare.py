"""Comparison of experiments: figures, settings, and differences beyond chance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from scanvote.commands.compare_metrics import Difference, Figures, measure
from scanvote.commands.compare_results import TASKS, TestedTask, matched, read_tested
from scanvote.core.errors import InputError
from scanvote.core.overrides import override_value
from scanvote.params import Task
from scanvote.tracking.experiments import (
    WORKSPACE,
    Experiment,
    all_experiments,
    find_experiments,
)
from scanvote.tracking.provenance import git

_UNSET = object()


@dataclass(frozen=True)
class Row:
    """Figures of one task of an experiment.

    Attributes:
        why: reason why it is not compared; empty if it is.
        tested: None without results.
        figures: by metric.
    """

    name: str
    why: str = ""
    tested: TestedTask | None = None
    figures: Figures = field(default_factory=dict)


@dataclass(frozen=True)
class TaskComparison:
    """One task of all experiments.

    Attributes:
        reference: the experiment that the others are compared with; empty if none has results.
        rows: the reference, then those that are compared with it.
        apart: those that cannot be compared.
    """

    task: Task
    reference: str
    rows: Sequence[Row]
    apart: Sequence[Row]
    differences: Sequence[Difference]


@dataclass(frozen=True)
class Comparison:
    """Experiments side by side.

    Attributes:
        experiments: by name, in their order.
        params: by experiment its settings by dotted key.
        stale: settings of the workspace's params.yaml that its results were not made with: the
            value now, and the value then.
    """

    experiments: Mapping[str, Experiment]
    params: Mapping[str, Mapping[str, object]]
    tasks: Sequence[TaskComparison]
    stale: Mapping[str, tuple[object, object]]

    def differing_params(self) -> dict[str, dict[str, str]]:
        """Return the settings that differ, with the value of each experiment in words."""
        told = {name: settings for name, settings in self.params.items() if settings}
        keys = sorted({key for settings in told.values() for key in settings})
        values = {key: [one.get(key, _UNSET) for one in told.values()] for key in keys}
        return {
            key: dict(zip(told, map(_in_words, found), strict=True))
            for key, found in values.items()
            if any(value != found[0] for value in found)
        }


def compare_experiments(names: Sequence[str]) -> Comparison:
    """Compare experiments, each with the first of them that has results.

    Args:
        names: see `find_experiments`; without any, the workspace and all experiments.

    Raises:
        InputError: this is no DVC repository, there is nothing of a name, or no results.
    """
    chosen = find_experiments(names) if names else _everything()
    params = {one.name: _params(one) for one in chosen}
    own = [
        task
        for task in TASKS
        if any(settings.get(f"{task}.dataset") is not None for settings in params.values())
    ]
    tasks = [_compare_task(task, chosen, params) for task in own]
    if not any(row.figures for task in tasks for row in (*task.rows, *task.apart)):
        reasons = [f"{row.name}: {row.why}" for task in tasks[:1] for row in task.apart]
        raise InputError(f"there are no results to compare; {reasons[0] if reasons else ''}")
    stale = _stale([one for one in chosen if one.revision is None])
    return Comparison({one.name: one for one in chosen}, params, tasks, stale)


def _in_words(value: object) -> str:
    return "not set" if value is _UNSET else override_value(value)


def _everything() -> list[Experiment]:
    """Return the workspace and all experiments, and the commit if the workspace differs."""
    workspace, found = Experiment(WORKSPACE, None), all_experiments()
    commits = [Experiment("HEAD", one, one) for one in [git("rev-parse", "HEAD")] if one]
    # after `dvc exp run` the workspace holds the experiment, and the commit what it started from
    return [
        workspace,
        *(one for one in commits if one.lock() not in ({}, workspace.lock())),
        *found,
    ]


def _params(experiment: Experiment) -> dict[str, object]:
    try:
        return experiment.params()
    except InputError:
        return {}


def _stale(workspace: Sequence[Experiment]) -> dict[str, tuple[object, object]]:
    if not workspace:
        return {}
    written, recorded = workspace[0].written_params(), workspace[0].recorded_params()
    return {
        key: (written[key], value)
        for key, value in recorded.items()
        if key in written and written[key] != value
    }


def _compare_task(
    task: Task, chosen: Sequence[Experiment], params: Mapping[str, Mapping[str, object]]
) -> TaskComparison:
    tested: list[TestedTask] = []
    apart: list[Row] = []
    for experiment in chosen:
        own, settings = None, params[experiment.name]
        try:
            own = read_tested(experiment, task, settings)
            if own.smoke:
                raise InputError("a smoke run, which is no result")
            tested.append(matched(tested[0] if tested else own, own))
        except InputError as error:
            figures = measure([own], settings)[0][own.name] if own else {}
            apart.append(Row(experiment.name, str(error), own, figures))
    if not tested:
        return TaskComparison(task, "", [], apart, [])
    reference = tested[0].name
    figures_of, differences = measure(tested, params[reference])
    rows = [Row(one.name, "", one, figures_of[one.name]) for one in tested]
    return TaskComparison(task, reference, rows, apart, differences)
