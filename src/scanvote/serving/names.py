"""Names and prefix under which the server is reached, as behind a proxy."""

import re
from collections.abc import Iterable
from ipaddress import IPv6Address
from urllib.parse import urlsplit

from scanvote.core.errors import InputError

LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
"""A part of a host's name between two dots."""
PREFIX = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+/?")
"""A path whose parts need no percent sign, and are neither ``.`` nor ``..``."""
OWN = (
    *("api", "docs", "openapi.json", "healthz", "readyz", "metrics", "token"),
    *("model", "results", "samples", "static"),
)
"""First parts of the server's own paths, which a prefix could not be told from."""
_PORTS = {"http": 80, "https": 443}


def checked_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names in lower case, each with its port if one was given.

    Raises:
        InputError: a name is none, as a URL or a wildcard is.
    """
    return tuple(_checked_name(name) for name in names)


def _checked_name(name: str) -> str:
    if "*" in name:
        raise InputError(
            f"--name {name}: a wildcard would let every site ask; give each name, such as"
            " --name scans.lab --name scans"
        )
    try:
        parts = urlsplit(f"//{name}")
        host, port = parts.hostname or "", parts.port
        plain = (parts.path, parts.query, parts.fragment, parts.username) == ("", "", "", None)
    except ValueError:
        host, port, plain = "", None, False
    host = host.removesuffix(".")
    if not plain or port == 0 or name.endswith(":") or not _is_host(host):
        raise InputError(
            f"--name {name!r} is no name of a host, with or without a port, such as scans.lab or"
            f" scans.lab:8443{_instead(name)}"
        )
    bracketed = f"[{host}]" if ":" in host else host
    return bracketed if port is None else f"{bracketed}:{port}"


def _is_host(host: str) -> bool:
    if ":" in host:
        try:
            return bool(IPv6Address(host))
        except ValueError:
            return False
    return len(host) <= 253 and all(LABEL.fullmatch(part) for part in host.split("."))


def _instead(name: str) -> str:
    """Return a hint: the name within a URL, or to write it in ASCII."""
    if "://" in name and (host := name.split("/")[2]):
        return f"; did you mean {host!r}?"
    return "" if name.isascii() else "; write it in ASCII, as browsers send it: xn--…"


def hostname(host: str) -> str:
    """Return the host of a Host header without port and IPv6 brackets; empty if it is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def origins(name: str) -> set[str]:
    """Return the origins of pages under a name, of HTTP and of HTTPS.

    Without a port they are those of the schemes. Browsers leave that port out.
    """
    parts = urlsplit(f"//{name}")
    host = name if parts.port is None else name.rpartition(":")[0]
    return {
        f"{scheme}://{host}" if parts.port in (None, default) else f"{scheme}://{name}"
        for scheme, default in _PORTS.items()
    }


def checked_root_path(path: str) -> str:
    """Return a prefix without slash at its end; empty for none.

    Raises:
        InputError: it is no prefix, or one that the server itself uses.
    """
    if path in ("", "/"):
        return ""
    if not PREFIX.fullmatch(path):
        raise InputError(
            f"--root-path {path!r} is no prefix of letters, digits, - and _, such as /scanvote"
        )
    first = path.split("/")[1]
    if first in OWN:
        raise InputError(
            f"--root-path {path}: /{first} is an address of the server itself; choose another"
            " prefix, such as /scanvote"
        )
    return path.removesuffix("/")
