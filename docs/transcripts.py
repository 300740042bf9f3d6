"""Run the commands that a page shows, and put what they print below them.

    python docs/transcripts.py docs/tutorial.md /tmp/clone

runs every line that begins with `$` in the ``console`` blocks of the page, in order and in one
shell whose folder is the clone, and rewrites the page. A command of several lines ends where the
shell takes it for whole. What only a terminal needs is left out: progress, colours, DVC's hints. A
command that fails is an error, unless its block begins with ``console fails``.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

_BLOCK = re.compile(r"^```console( fails)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_END = "scanvote-transcript-end"
_NOISE = re.compile(
    r"^(> .*|To track the changes with git, run:|To enable auto staging, run:|Use `dvc push`.*"
    r"|\s+git add .*|\s+dvc config core.autostage true|Updating lock file.*|.*: no TTY.*"
    r"|Generating lock file.*|.*\d+%\|.*|Stage '.*' is cached.*)$"
)
_COLOUR = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


class Shell:
    """A shell that keeps its folder and variables from one command to the next."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            ["bash"],
            cwd=folder,
            env=os.environ | {"COLUMNS": "118", "TERM": "dumb", "NO_COLOR": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, command: str) -> tuple[list[str], int]:
        """Run a command; return the lines that it prints, and its exit code."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{command}\ncode=$?; echo; echo {_END} $code\n")
        self._process.stdin.flush()
        lines: list[str] = []
        for line in self._process.stdout:
            if line.startswith(_END):
                return lines, int(line.split()[1])
            lines.append(line.rstrip("\n").split("\r")[-1])
        raise SystemExit(f"the shell ended in: {command}")


def filled(page: str, shell: Shell) -> str:
    """Return the page with the outputs of its commands."""

    def block(found: re.Match[str]) -> str:
        fails, parts = bool(found[1]), []
        for command in commands(found[2]):
            started = time.monotonic()
            lines, code = shell.run(command)
            seconds = time.monotonic() - started
            print(f"{seconds:7.1f} s  rc {code}  {command.splitlines()[0]}", file=sys.stderr)
            if (code != 0) != fails:
                raise SystemExit("\n".join([*lines[-40:], f"exit code {code}: {command}"]))
            parts += ["$ " + command, *shown(lines)]
        return "```console" + (found[1] or "") + "\n" + "\n".join(parts) + "\n```"

    return _BLOCK.sub(block, page)


def commands(block: str) -> Iterator[str]:
    """Yield the commands of a block, without what was printed below them."""
    command = ""
    for line in block.splitlines():
        if command:
            command += "\n" + line
        elif line.startswith("$ "):
            command = line[2:]
        if command and _is_whole(command):
            yield command
            command = ""


def _is_whole(command: str) -> bool:
    if command.endswith("\\"):
        return False
    done = subprocess.run(["bash", "-n", "-c", command], capture_output=True, check=False)
    return done.returncode == 0


def shown(lines: list[str]) -> list[str]:
    """Return the lines that a reader is to see, without empty ones at the end."""
    plain = [_COLOUR.sub("", line).rstrip() for line in lines]
    kept = [line for line in plain if not _NOISE.match(line)]
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip("\n")
    return text.splitlines()


def main() -> None:
    """Rewrite the page."""
    page, clone = map(Path, sys.argv[1:])
    text = page.read_text(encoding="utf-8")
    page.write_text(filled(text, Shell(clone)), encoding="utf-8")


if __name__ == "__main__":
    main()
