"""Where the work is done: what is accepted, and what the environment overrides."""

import pytest
from pydantic import ValidationError

from scanvote.core.errors import InputError
from scanvote.params import ComputeParams, Params, decides_results, overridden, validate

ADDRESSES = ["tcp://127.0.0.1:8786", "tls://scheduler.lab.org:65535", "tcp://[::1]:1"]
WRONG = [
    *("", "dask", "Processes", "8786", "127.0.0.1:8786", "http://127.0.0.1:8786"),
    *("tcp://:8786", "tcp://lab", "tcp://lab:", "tcp://lab:0", "tcp://lab:65536", "tcp://::1:8786"),
    *("tcp://lab:8786/x", "tcp://me@lab:8786", "tcp://a b:8786", "tcp://lab:8786\n"),
]
PLAIN = ComputeParams(scheduler="processes", workers=None)


def test_by_default_one_network_is_trained_at_a_time_here(params: Params) -> None:
    assert params.compute == PLAIN


@pytest.mark.parametrize("scheduler", ["processes", *ADDRESSES])
@pytest.mark.parametrize("workers", [None, 1, 64])
def test_it_may_be_processes_or_an_address(scheduler: str, workers: int | None) -> None:
    found = ComputeParams(scheduler=scheduler, workers=workers)
    assert (found.scheduler, found.workers) == (scheduler, workers)


def fault(params: Params, **compute: object) -> str:
    with pytest.raises(InputError) as refused:
        validate(params.model_dump() | {"compute": {**PLAIN.model_dump(), **compute}}, "here")
    assert "\n" not in str(refused.value)
    return str(refused.value).removeprefix("here: ")


@pytest.mark.parametrize("scheduler", WRONG)
def test_another_scheduler_is_one_line_that_names_the_forms(params: Params, scheduler: str) -> None:
    assert fault(params, scheduler=scheduler) == (
        "compute.scheduler: should be processes, slurm, or the address of a Dask scheduler, such"
        f" as tcp://127.0.0.1:8786, is {scheduler!r}"
    )


@pytest.mark.parametrize("workers", [0, -1, 1.5, "2", True])
def test_workers_are_a_number_above_0(params: Params, workers: object) -> None:
    assert fault(params, workers=workers).startswith("compute.workers: should be ")


def test_slurm_needs_the_number_of_jobs(params: Params) -> None:
    assert ComputeParams(scheduler="slurm", workers=4).workers == 4
    assert fault(params, scheduler="slurm") == (
        "compute: scheduler: slurm needs workers, the number of jobs to ask for"
    )


# -- the environment ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "scheduler", "workers"),
    [
        ({}, "processes", 3),
        ({"SCANVOTE_SCHEDULER": "", "SCANVOTE_WORKERS": ""}, "processes", 3),
        ({"SCANVOTE_SCHEDULER": ADDRESSES[0]}, ADDRESSES[0], 3),
        ({"SCANVOTE_SCHEDULER": "slurm"}, "slurm", 3),
        ({"SCANVOTE_WORKERS": "16"}, "processes", 16),
        ({"SCANVOTE_SCHEDULER": "slurm", "SCANVOTE_WORKERS": "16"}, "slurm", 16),
    ],
)
def test_the_environment_goes_before_params(
    environment: dict[str, str], scheduler: str, workers: int
) -> None:
    found = overridden(ComputeParams(scheduler="processes", workers=3), environment)
    assert found == ComputeParams(scheduler=scheduler, workers=workers)


def test_the_environment_is_that_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCANVOTE_WORKERS", "5")
    assert overridden(PLAIN).workers == 5


@pytest.mark.parametrize("scheduler", [one for one in WRONG if one])
def test_a_wrong_scheduler_names_its_variable(scheduler: str) -> None:
    with pytest.raises(InputError, match=r"^SCANVOTE_SCHEDULER should be processes, ") as refused:
        overridden(PLAIN, {"SCANVOTE_SCHEDULER": scheduler})
    assert str(refused.value).endswith(f", is {scheduler!r}")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("workers", ["0", "-1", "1.5", "two", " ", "²", "٣", "1_0", "1\n"])
def test_wrong_workers_name_their_variable(workers: str) -> None:
    with pytest.raises(InputError, match=r"^SCANVOTE_WORKERS should be a whole number") as refused:
        overridden(PLAIN, {"SCANVOTE_WORKERS": workers})
    assert "\n" not in str(refused.value)


def test_slurm_of_the_environment_needs_the_number_too() -> None:
    with pytest.raises(InputError, match=r"^SCANVOTE_SCHEDULER is slurm, .*SCANVOTE_WORKERS"):
        overridden(PLAIN, {"SCANVOTE_SCHEDULER": "slurm"})


def test_what_is_overridden_cannot_be_changed_either() -> None:
    with pytest.raises(ValidationError):
        overridden(PLAIN, {}).workers = 2


@pytest.mark.parametrize(
    ("key", "decides"),
    [
        *(("compute", False), ("compute.workers", False), ("search.workers", False)),
        *(("unet.workers", False), ("search", True), ("search.epochs", True), ("lr", True)),
    ],
)
def test_where_the_work_is_done_decides_nothing(key: str, decides: bool) -> None:
    assert decides_results(key) == decides
