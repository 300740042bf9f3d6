"""Section about where the work is done, which decides no result."""

import os
import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, model_validator

from scanvote.core.errors import InputError
from scanvote.params.section import Positive, Section

SCHEDULER, WORKERS = "SCANVOTE_SCHEDULER", "SCANVOTE_WORKERS"
"""Environment variables that override the settings."""
_ADDRESS = re.compile(r"(?:tcp|tls)://(?:\[[0-9A-Fa-f:.]+\]|[^\s:/@\[\]]+):([0-9]{1,5})")
_MAX_PORT = 65535
_FORMER = ("search.workers", "unet.workers")
"""Settings that `compute.workers` replaced; they stand in older experiments."""


def _check_scheduler(value: str) -> str:
    address = _ADDRESS.fullmatch(value)
    known = 0 < int(address[1]) <= _MAX_PORT if address else value in ("processes", "slurm")
    if not known:
        raise ValueError(
            "should be processes, slurm, or the address of a Dask scheduler, such as"
            " tcp://127.0.0.1:8786"
        )
    return value


class ComputeParams(Section):
    scheduler: Annotated[str, AfterValidator(_check_scheduler)]
    workers: Positive | None

    @model_validator(mode="after")
    def _check_jobs_are_counted(self) -> "ComputeParams":
        if self.scheduler == "slurm" and self.workers is None:
            raise ValueError("scheduler: slurm needs workers, the number of jobs to ask for")
        return self


def overridden(params: ComputeParams, environment: Mapping[str, str] = os.environ) -> ComputeParams:
    """Apply SCANVOTE_SCHEDULER and SCANVOTE_WORKERS; an empty one counts as not set.

    Raises:
        InputError: the value of a variable is wrong, or slurm lacks the number of workers.
    """
    scheduler, workers = params.scheduler, params.workers
    if text := environment.get(SCHEDULER):
        try:
            scheduler = _check_scheduler(text)
        except ValueError as error:
            raise InputError(f"{SCHEDULER} {error}, is {text!r}") from None
    if text := environment.get(WORKERS):
        if not re.fullmatch("0*[1-9][0-9]{0,8}", text):
            raise InputError(f"{WORKERS} should be a whole number greater than 0, is {text!r}")
        workers = int(text)
    if scheduler == "slurm" and workers is None:
        raise InputError(
            f"{SCHEDULER} is slurm, which needs the number of jobs to ask for; set {WORKERS} or"
            " compute.workers"
        )
    return ComputeParams(scheduler=scheduler, workers=workers)


def decides_results(key: str) -> bool:
    """Tell if the setting of a dotted key can change a result."""
    return key.partition(".")[0] != "compute" and key not in _FORMER
