#!/usr/bin/env bash
# Importing ONNX Runtime starts a thread, so whoever forks afterwards forks a process with threads.
#
# Version: onnxruntime 1.31.1 (CPU), NumPy below 2.5, Linux.
# Behaviour: after `import onnxruntime` the process has a second thread, before any session is made
#   and with OpenBLAS held to one thread. NumPy and OpenCV, imported in the same way, start none.
# Why it matters: a server of models that forks its workers from a process with all imports behind
#   it (multiprocessing's fork server with a preload, gunicorn's --preload) would fork beside a
#   thread, of which the child has no copy and whose locks it may inherit; Python warns of that since
#   3.12. ONNX Runtime has to stay out of the preload, and each worker pays for its import.
# Source: observed in /proc; the advice not to fork beside threads is that of Python's
#   documentation of os.fork and of multiprocessing's start methods.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check \
  "onnxruntime==1.31.1" "opencv-python-headless==5.0.0.93" "numpy<2.5"
OPENBLAS_NUM_THREADS=1 "$folder/env/bin/python" - <<'PYTHON'
import importlib
import os


def threads_after(name):
    importlib.import_module(name)
    return len(os.listdir("/proc/self/task"))


found = {name: threads_after(name) for name in ("numpy", "cv2", "onnxruntime")}
print("threads after the import of", *(f"{name}: {count};" for name, count in found.items()))
assert found["numpy"] == found["cv2"] == 1, "another library starts a thread, too"
assert found["onnxruntime"] > 1, "ONNX Runtime starts none any longer"
PYTHON
