#!/usr/bin/env bash
# Measure training on a GPU machine that has PyTorch and JAX, but neither TensorFlow nor internet.
#
#   benchmarks/gpu.sh wheels [--python-version 3.12]   with internet: download Keras and its needs
#   benchmarks/gpu.sh [--tiny] [--only TEXT] …         there: print a Markdown table (see gpu.py)
#
# The wheels, 21 MB, go to .cache/gpu-wheels, which git ignores: carry that folder beside
# the tracked files. The images are generated on the spot, as speed does not depend on them, so no
# data are carried. The machine must have NumPy and OpenCV too; a wheel of OpenCV alone is 61 MB.
# --tiny runs the same code on a CPU in small sizes. PYTHON names another interpreter than python3.
# With OUT set, the table is also written to $OUT/gpu.md.
set -euo pipefail
cd "$(dirname "$0")/.."

PYTHON=${PYTHON:-python3}
WHEELS=.cache/gpu-wheels
DIRECT="keras keras-tuner pydantic ruamel-yaml psutil six"
NEEDED="absl-py annotated-types certifi charset-normalizer grpcio h5py idna kt-legacy markdown-it-py mdurl
  namex optree packaging protobuf pydantic-core pygments requests rich typing-extensions typing-inspection
  urllib3"

pinned() { # NAME...: the versions of the lock
  for name in "$@"; do grep -o "^$name==[^ ]*" requirements-gpu.txt; done
}

wheels() {
  local version=3.12
  case "${1:-}" in
    "") ;;
    --python-version) version=${2:?} ;;
    *) echo "gpu: unknown option $1" >&2; exit 2 ;;
  esac
  local platforms=(--platform manylinux1_x86_64 --platform manylinux2014_x86_64)
  for glibc in 12 17 24 27 28; do platforms+=(--platform "manylinux_2_${glibc}_x86_64"); done
  rm -rf "$WHEELS"
  # shellcheck disable=SC2046,SC2086
  "$PYTHON" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
    --python-version "$version" --implementation cp "${platforms[@]}" --dest "$WHEELS" \
    $(pinned $DIRECT $NEEDED)
  du -sh "$WHEELS"
}

environment() { # FOLDER: what the machine has, and the wheels
  [ -d "$WHEELS" ] || { echo "gpu: $WHEELS is missing; run benchmarks/gpu.sh wheels" >&2; exit 1; }
  "$PYTHON" -m venv --without-pip "$1"
  # --system-site-packages would show the Python below a virtual environment, without PyTorch
  "$PYTHON" - > "$(echo "$1"/lib/python3.*/site-packages)/machine.pth" <<'END'
import site
for folder in site.getsitepackages() + [site.getusersitepackages()] * bool(site.ENABLE_USER_SITE):
    print(f"import site; site.addsitedir({folder!r})")
END
  # files without their needs: nothing is looked up elsewhere
  "$PYTHON" -m pip --python "$1/bin/python" install --quiet --disable-pip-version-check \
    --no-warn-conflicts --no-deps "$WHEELS"/*.whl
}

if [ "${1:-}" = wheels ]; then
  wheels "${@:2}"
  exit
fi
"$PYTHON" benchmarks/gpu.py check "$@"
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
environment "$made/env"
PYTHONPATH=src${PYTHONPATH:+:$PYTHONPATH} "$made/env/bin/python" benchmarks/gpu.py run "$@" |
  tee "${OUT:-$made}/gpu.md"
