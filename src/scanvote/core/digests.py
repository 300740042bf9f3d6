"""Digests of the data, settings and code that a result depends on."""

import ast
import hashlib
import importlib
import inspect
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from scanvote.core.files import sha256


def digest(*parts: Any) -> str:
    """Return 32 hexadecimal digits of plain values, the same in every process."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def digest_files(paths: Iterable[Path]) -> str:
    """Digest the names and contents of files, sorted by name."""
    return digest([(path.name, sha256(path)) for path in sorted(paths)])


def digest_code(modules: Iterable[ModuleType], packages: Iterable[str]) -> str:
    """Digest the code of our modules and the versions of `packages`.

    Comments, docstrings and layout do not count: changing them must not train a finished trial
    again.
    """
    sources = [_syntax(inspect.getsource(module)) for module in modules]
    versions = [importlib.import_module(package).__version__ for package in packages]
    return digest(sources, versions)


def _syntax(source: str) -> str:
    """Return the syntax tree as one line; in every Python the same."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(body := getattr(node, "body", None), list):
            node.body = [one for one in body if not _is_docstring(one)]  # type: ignore[attr-defined]
    options: dict[str, Any] = {"show_empty": True} if sys.version_info >= (3, 13) else {}
    return ast.dump(tree, **options).replace(
        ", type_params=[]", ""
    )  # 3.12 added it, 3.13 omits what is empty


def _is_docstring(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
