"""The templates of the page, rendered with everything escaped that comes from files."""

import hashlib
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from scanvote.core.disclaimer import DISCLAIMER
from scanvote.pipeline.report.terms import listed, model, words
from scanvote.serving.page.texts import percent, reason

STATIC = Path(__file__).parent / "static"
SWAGGER = ("swagger-ui-bundle.js", "swagger-ui.css")
"""What draws the description of the REST interface, as the package `fastapi-offline` ships it."""
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
    }
    found.globals |= {"disclaimer": DISCLAIMER, "static": address}
    return found


def rendered(template: str, **values: Any) -> str:
    """HTML; a value that the template names and that is not given is an error."""
    return environment().get_template(template).render(**values)


@cache
def statics() -> dict[str, bytes]:
    """Styles, scripts and the icon, by name: nothing else is served from the disk."""
    own = {path.name: path.read_bytes() for path in STATIC.iterdir() if path.suffix in TYPES}
    swagger = files("fastapi_offline") / "static"
    return own | {name: (swagger / name).read_bytes() for name in SWAGGER}


def address(name: str) -> str:
    """Where the page finds a static file: another version of it, another address."""
    return f"/static/{name}?v={hashlib.sha256(statics()[name]).hexdigest()[:12]}"
