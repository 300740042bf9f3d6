"""Jobs of a pretended Slurm, whose commands run them in the background."""

import os
import subprocess
import sys
import time
from pathlib import Path

import dask
import dask_jobqueue  # noqa: F401  its configuration
import pytest

from scanvote.core.cluster import _slurm
from scanvote.core.errors import InputError

SBATCH = """#!/bin/sh
test ! -e "$FAKE_SLURM/refuse" || { echo "sbatch: error: invalid partition: short" >&2; exit 1; }
cp "$1" "$FAKE_SLURM/script"
setsid bash "$FAKE_SLURM/script" >>"$FAKE_SLURM/output" 2>&1 &
echo $! >>"$FAKE_SLURM/jobs"
echo "Submitted batch job $!"
"""
SCANCEL = """#!/bin/sh
kill -TERM -- -"$1"
"""
JOBQUEUE = "jobqueue: {slurm: {queue: short, interface: lo, cores: 1, memory: 1GB}}"
CODE = """
from scanvote.core.parallel import Files, open_pool, parallel_map, use_compute

use_compute("slurm", 2)
print(parallel_map(abs, range(-200, 0), "", processes=2, files=lambda item: Files())[:3])
with open_pool(2) as pool:
    print(pool.submit(abs, -7).result(), pool._client.scheduler.address[:6])
"""


@pytest.fixture
def slurm(tmp_path: Path) -> dict[str, str]:
    """The variables under which Python finds such a Slurm."""
    for name, script in (("sbatch", SBATCH), ("scancel", SCANCEL)):
        (tmp_path / name).write_text(script)
        (tmp_path / name).chmod(0o755)
    (tmp_path / "jobqueue.yaml").write_text(JOBQUEUE)
    return os.environ | {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "DASK_CONFIG": str(tmp_path / "jobqueue.yaml"),
        "DVC_ROOT": str(tmp_path),
        "FAKE_SLURM": str(tmp_path),
    }


def test_jobs_work_over_tls_and_end_with_the_process(slurm: dict[str, str], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        env=slurm,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.splitlines() == ["[200, 199, 198]", "7 tls://"], done.stderr
    jobs = (tmp_path / "jobs").read_text().split()
    assert len(jobs) == 2
    end = time.monotonic() + 10
    while any(Path(f"/proc/{job}").exists() for job in jobs):
        assert time.monotonic() < end
        time.sleep(0.1)
    assert "-p short" in (tmp_path / "script").read_text()
    assert not [*(tmp_path / ".cache").iterdir()], "no key is left"


def test_what_is_missing_or_refused_is_one_line(
    slurm: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PATH", "DVC_ROOT", "FAKE_SLURM"):
        monkeypatch.setenv(name, slurm[name])
    settings = {"jobqueue.slurm.cores": 1, "jobqueue.slurm.memory": None}
    needs = r"^slurm: dask-jobqueue needs cores and memory of a job; write "
    with dask.config.set(settings), pytest.raises(InputError, match=needs):
        _slurm(1)
    (tmp_path / "refuse").touch()
    settings["jobqueue.slurm.memory"] = "1GB"
    refused = r"^slurm: sbatch: error: invalid partition: short$"
    with dask.config.set(settings), pytest.raises(InputError, match=refused):
        _slurm(1)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(InputError, match=r"^slurm: there is no sbatch here"):
        _slurm(1)
