#!/usr/bin/env bash
# `dvc exp run -S` writes the whole params file anew, and deletes comments that follow a list.
#
# Version: DVC 3.67.1 with ruamel.yaml 0.19.1.
# Behaviour: to set one number, DVC loads params.yaml and writes all of it: a list in brackets
#   becomes a block, `null` becomes nothing, and a comment or an empty line between the last item of
#   a block list and the next key is gone. A list in brackets loses its comment only at the second
#   `-S`, when it is a block. The file says the same to a program; a person loses the headings.
# Why it matters: params.yaml is where a lab writes down why a setting is as it is, and
#   `git diff` after an experiment shows dozens of lines where one number was changed. A file stays
#   as it is if it stands in DVC's form from the start, without a comment after a list.
# Source: dvc/utils/hydra.py (apply_overrides) and dvc/utils/serialize/_yaml.py, which writes with
#   `default_flow_style = False`, read in the installed package.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check \
  "dvc==3.67.1" "ruamel.yaml==0.19.1"
export PATH="$folder/env/bin:$PATH" DVC_NO_ANALYTICS=1
mkdir "$folder/study" && cd "$folder/study"
git init --quiet
git config user.name nobody && git config user.email nobody@example.org
dvc init --quiet
cat > params.yaml <<'YAML'
network:
  units:
  - 32
  - 64

# ---- training: the rate was agreed on with the statistician ----
lr: 0.001
window: null
planes: [axial, coronal]
YAML
cat > dvc.yaml <<'YAML'
stages:
  train:
    cmd: cp params.yaml model.txt
    params: [lr]
    outs: [model.txt]
YAML
git add -A && git commit --quiet -m "a study"
dvc exp run --quiet --set-param lr=0.01
dvc --version
git diff params.yaml
grep --quiet '^lr: 0.01$' params.yaml
! grep --quiet 'statistician' params.yaml || { echo "the comment is kept now"; exit 1; }
! grep --quiet 'null' params.yaml || { echo "null is kept now"; exit 1; }
! grep --quiet '\[axial' params.yaml || { echo "lists in brackets are kept now"; exit 1; }
