"""Digests of what a piece of work depends on: data, settings, code, versions."""

import hashlib
import importlib
import inspect
import json
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from scanvote.files import sha256


def digest(*parts: Any) -> str:
    """32 hexadecimal digits of plain values, the same in every process."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def digest_files(paths: Iterable[Path]) -> str:
    """Of the names and the contents, in the order of the names."""
    return digest([(path.name, sha256(path)) for path in sorted(paths)])


def digest_code(modules: Iterable[ModuleType], packages: Iterable[str]) -> str:
    """Of the sources of our modules and the versions of the packages they stand on."""
    sources = [inspect.getsource(module) for module in modules]
    versions = [importlib.import_module(package).__version__ for package in packages]
    return digest(sources, versions)
