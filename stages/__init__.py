"""Set-up of `sys.path` and Python for every stage script.

DVC runs a stage as `python3 -m stages.NAME` in a shell, in the workspace or in the copy of a
queued experiment. The stage must use the code of that copy, not of the editable install, and a
Python with the requirements, even if only `.venv/bin/dvc` was called.
"""

import importlib.util
import os
import sys

_HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(_HERE, "src"))

if importlib.util.find_spec("typer") is None or importlib.util.find_spec("keras") is None:
    _root = os.environ.get("DVC_ROOT", _HERE)
    _python = os.path.join(os.path.abspath(_root), ".venv", "bin", "python")
    if not os.path.exists(_python) or sys.executable == _python:  # this Python lacks them too
        sys.exit(
            "scanvote's requirements are not installed for " + sys.executable + ": run `make env`"
        )
    os.execv(_python, [_python, *sys.orig_argv[1:]])
