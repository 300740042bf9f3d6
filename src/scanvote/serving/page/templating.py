"""The templates of the page, rendered with everything escaped that comes from files."""

import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from scanvote.core.disclaimer import DISCLAIMER
from scanvote.pipeline.report.terms import listed, model, words
from scanvote.serving.page.texts import percent, reason

STATIC = Path(__file__).parent / "static"
_CODE = re.compile(r"``?([^`]+)``?")
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@cache
def environment() -> Environment:
    found = Environment(
        loader=PackageLoader("scanvote.serving.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {
        "words": words,
        "listed": listed,
        "model": model,
        "percent": percent,
        "reason": reason,
        "coded": coded,
    }
    found.globals |= {"disclaimer": DISCLAIMER, "static": address}
    return found


def coded(words: str) -> Markup:
    """What stands between backticks, one or two, as code; all else as text."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(words))))


def rendered(template: str, **values: Any) -> str:
    """HTML; a value that the template names and that is not given is an error."""
    return environment().get_template(template).render(**values)


@cache
def statics() -> dict[str, bytes]:
    """The style, the script and the icon, by name: nothing else is served from the disk."""
    return {path.name: path.read_bytes() for path in STATIC.iterdir() if path.suffix in TYPES}


def address(name: str) -> str:
    """Where the page finds a static file: another version of it, another address."""
    return f"/static/{name}?v={hashlib.sha256(statics()[name]).hexdigest()[:12]}"
