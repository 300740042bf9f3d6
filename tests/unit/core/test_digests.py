"""Digests change with what they are of, and with nothing else."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from scanvote.core.digests import digest, digest_code, digest_files

PARTS = ("trial", {"b": [1, 2.5, None], "a": True}, Path("x/y"))


def test_a_digest_is_32_hexadecimal_digits() -> None:
    assert len(digest(*PARTS)) == 32
    int(digest(*PARTS), 16)


def test_a_digest_is_the_same_in_every_process() -> None:
    code = "from pathlib import *; from scanvote.core.digests import digest;"
    code += f"print(digest(*{PARTS!r}))"
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == digest(*PARTS)


def test_the_order_of_keys_does_not_count_and_all_else_does() -> None:
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    others = [
        ({"a": 1},),
        ({"a": 2},),
        ({"b": 1},),
        ({"a": "1"},),
        ({"a": 1}, 1),
        ([{"a": 1}],),
        (),
    ]
    others += [(1, 2), (2, 1), (12,)]
    assert len({digest(*parts) for parts in others}) == len(others)


def files(folder: Path, **contents: str) -> list[Path]:
    folder.mkdir()
    for name, content in contents.items():
        (folder / name).write_text(content)
    return list(folder.iterdir())


def test_files_are_their_names_and_contents(tmp_path: Path) -> None:
    one = files(tmp_path / "one", a="1", b="2")
    same = files(tmp_path / "same", b="2", a="1")
    os.utime(same[0], (0, 0))
    assert digest_files(one) == digest_files(same) == digest_files(reversed(one))
    others = [
        files(tmp_path / "content", a="1", b="3"),
        files(tmp_path / "name", a="1", c="2"),
        files(tmp_path / "swapped", a="2", b="1"),
        files(tmp_path / "fewer", a="1"),
    ]
    assert len({digest_files(paths) for paths in [one, *others]}) == 5


def module(path: Path, source: str) -> ModuleType:
    path.write_text(source)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def test_code_is_its_sources_and_versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, same = (module(tmp_path / name, "x = 1\n") for name in ("one.py", "same.py"))
    other = module(tmp_path / "other.py", "x = 2\n")
    before = digest_code([one], ["numpy"])
    assert before == digest_code([same], ["numpy"])
    assert before != digest_code([other], ["numpy"])
    assert before != digest_code([one, other], ["numpy"])
    monkeypatch.setattr("numpy.__version__", "0.1")
    assert before != digest_code([one], ["numpy"])


COMMENTED = '''"""A module."""

LIMIT = 3
"""Of something."""


class Thing:
    """A thing."""

    def size(self) -> int:
        """In pixels."""
        return LIMIT  # the most
'''
BARE = """
LIMIT = 3
class Thing:
    def size(self) -> int:
        return (LIMIT)
"""


def test_code_is_what_it_does_not_what_is_said_of_it(tmp_path: Path) -> None:
    commented, bare = (
        module(tmp_path / f"{name}.py", source)
        for name, source in (("commented", COMMENTED), ("bare", BARE))
    )
    assert digest_code([commented], []) == digest_code([bare], [])
    texts = (("LIMIT = 3", "LIMIT = 4"), ("(LIMIT)", "'LIMIT'"), ("size", "sides"))
    changed = [
        module(tmp_path / f"{number}.py", BARE.replace(*text)) for number, text in enumerate(texts)
    ]
    assert len({digest_code([one], []) for one in [bare, *changed]}) == 4
