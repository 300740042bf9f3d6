#!/usr/bin/env bash
# Slurm refuses every job, and dask-jobqueue goes on as if they waited in the queue.
#
# Version: dask-jobqueue 0.9.0 with distributed 2026.8.0.
# Behaviour: `sbatch` ends with an error ("invalid partition"). `SLURMCluster.scale(jobs=2)` returns
#   without an exception, and `wait_for_workers` ends only by its own timeout, which does not tell
#   what sbatch said.
# Why it matters: a wrong partition or account looks like a full queue: a training of a night waits
#   until somebody reads the log. Who submits jobs has to await the submission itself, and say it.
# Source: observed with a pretended sbatch; SpecCluster.scale in distributed starts the submission as
#   a callback of the event loop, whose exceptions are only logged.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check \
  "dask-jobqueue==0.9.0" "distributed==2026.8.0" "dask==2026.8.0"
mkdir "$folder/bin"
printf '#!/bin/sh\necho "sbatch: error: invalid partition specified: gpu" >&2\nexit 1\n' >"$folder/bin/sbatch"
chmod +x "$folder/bin/sbatch"
cd "$folder"
PATH="$folder/bin:$PATH" "$folder/env/bin/python" - 2>"$folder/log" <<'PYTHON'
from dask_jobqueue import SLURMCluster
from distributed import Client, TimeoutError

cluster = SLURMCluster(
    cores=1, memory="1GB", queue="gpu", interface="lo",
    scheduler_options={"dashboard_address": "127.0.0.1:0"},
)
cluster.scale(jobs=2)
print("scale returned; asked for", len(cluster.worker_spec), "jobs")
try:
    Client(cluster).wait_for_workers(1, timeout=5)
except TimeoutError as error:
    said = str(error)
    print("wait_for_workers:", said)
assert "partition" not in said, "it tells now what sbatch said"
import os

os._exit(0)
PYTHON
echo "the log alone says: $(grep -o -m 1 'invalid partition.*' "$folder/log")"
