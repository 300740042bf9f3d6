#!/usr/bin/env bash
# DVC does not go on after a kill that met it while it wrote its list of locks.
#
# Version: DVC 3.67.1.
# Behaviour: `.dvc/tmp/rwlock` is JSON that DVC writes anew, in place, before and after every stage.
#   A `kill -9` or a power cut in between leaves a part of it. From then on each `dvc repro` fails
#   before its first stage, and its message does not say that deleting the file is the way out.
#   Locks of processes that are gone are otherwise removed by DVC itself.
# Why it matters: a training of days is resumed by the same command after a crash; this is the one
#   place where it is not. It happened once in 38 kills at moments drawn over a pipeline.
# Source: dvc/rwlock.py (_edit_rwlock), read in the installed package.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check "dvc==3.67.1"
export PATH="$folder/env/bin:$PATH" DVC_NO_ANALYTICS=1
mkdir "$folder/study" && cd "$folder/study"
git init --quiet
dvc init --quiet
echo scans > scans.txt
cat > dvc.yaml <<'YAML'
stages:
  train:
    cmd: cp .dvc/tmp/rwlock held.json && echo trained > model.txt
    deps: [scans.txt]
    outs: [model.txt]
YAML
dvc repro --quiet
dvc --version
echo "the list of locks while the stage ran, and its first half, as a kill leaves it:"
cat held.json && echo
head -c "$(($(stat -c %s held.json) / 2))" held.json | tee .dvc/tmp/rwlock && echo
if dvc repro 2> said.txt; then echo "DVC goes on now"; exit 1; fi
cat said.txt
grep --quiet 'RWLock-file' said.txt
rm .dvc/tmp/rwlock
dvc repro
