"""A `python3` whose stages need not load TensorFlow, which takes seconds each time."""

import atexit
import os
import socket
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

SCRIPT = """#!{python} -IS
import json, os, socket, sys

if sys.argv[1] != "-m":
    os.execv("{python}", ["{python}", *sys.argv[1:]])
call = [sys.argv[2:], os.getcwd(), dict(os.environ), os.getpgrp(), os.getpid()]
with socket.socket(socket.AF_UNIX) as server:
    server.connect("{address}")
    socket.send_fds(server, [json.dumps(call).encode() + b"\\n"], [0, 1, 2])
    sys.exit(int(server.recv(8) or 1))
"""
"""Sends a call of a module to `forking.py`, and ends as it does."""


@cache
def commands() -> Path:
    """The folder of that `python3`, whose server runs as long as this process."""
    folder = Path(tempfile.mkdtemp(prefix="scanvote-"))
    address = folder / "server"
    script = folder / "python3"
    script.write_text(SCRIPT.format(python=sys.executable, address=address))
    script.chmod(0o755)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(address))
        listening.listen()
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.pipeline.forking", str(listening.fileno())],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            pass_fds=[listening.fileno()],
        )
    atexit.register(server.wait)  # so that its processor time counts as that of the tests
    atexit.register(server.kill)
    return folder
