"""Digests of what a piece of work depends on: data, settings, code, versions."""

import ast
import hashlib
import importlib
import inspect
import json
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from scanvote.core.files import sha256


def digest(*parts: Any) -> str:
    """32 hexadecimal digits of plain values, the same in every process."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def digest_files(paths: Iterable[Path]) -> str:
    """Of the names and the contents, in the order of the names."""
    return digest([(path.name, sha256(path)) for path in sorted(paths)])


def digest_code(modules: Iterable[ModuleType], packages: Iterable[str]) -> str:
    """Of what our modules do, and the versions of the packages they stand on.

    A comment, a docstring or another layout of the same code is the same: a trial that was
    trained by it need not be trained again.
    """
    sources = [_syntax(inspect.getsource(module)) for module in modules]
    versions = [importlib.import_module(package).__version__ for package in packages]
    return digest(sources, versions)


def _syntax(source: str) -> str:
    """The syntax tree in one line, without the strings that stand for themselves."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(body := getattr(node, "body", None), list):
            node.body = [one for one in body if not _is_docstring(one)]  # type: ignore[attr-defined]
    return ast.dump(tree)


def _is_docstring(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
