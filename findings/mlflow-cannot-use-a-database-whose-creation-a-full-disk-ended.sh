#!/usr/bin/env bash
# MLflow cannot use a SQLite database again whose creation was cut short, as by a full disk.
#
# Version: MLflow 3.17.2 with SQLAlchemy 2.1.
# Behaviour: the first use of a `sqlite:///` store runs the migrations one after the other, each a
#   transaction of its own, and SQLite keeps the tables of one that failed. When there is room again,
#   the store is not created anew and not continued: every later use ends with "table … already
#   exists", until a person deletes the file.
# Why it matters: a pipeline makes its store at the first stage of a first run, on a disk that an
#   archive of scans has just filled. After making room, the same command fails with another error,
#   which does not say that the file is of no use. Create the database beside its place and rename it.
# Source: mlflow/store/db/utils.py (_initialize_tables, _upgrade_db), read in the installed package.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check "mlflow==3.17.2"
cd "$folder"
export MLFLOW_DISABLE_TELEMETRY=true
cat > create.py <<'PY'
import logging

logging.disable(logging.CRITICAL)
from mlflow import MlflowClient

try:
    print("experiment", MlflowClient("sqlite:///mlflow.db").create_experiment("study"))
except Exception as error:
    print(type(error).__name__, str(error).splitlines()[0][:120])
PY
"$folder/env/bin/python" -c "import mlflow, sqlalchemy; print(mlflow.__version__, sqlalchemy.__version__)"
echo "no file may be larger than 300 KiB, as if the disk were full:"
(ulimit -f 300; "$folder/env/bin/python" create.py)
echo "with room again:"
"$folder/env/bin/python" create.py | tee again.txt
grep --quiet 'already exists' again.txt || { echo "MLflow goes on now"; exit 1; }
echo "after the file was deleted:"
rm mlflow.db*
"$folder/env/bin/python" create.py | tee anew.txt
grep --quiet '^experiment 1$' anew.txt
