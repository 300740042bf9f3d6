"""Templates of the page, with automatic escaping of values."""

import hashlib
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from scanvote.core.disclaimer import DISCLAIMER
from scanvote.pipeline.report.terms import listed, model, words
from scanvote.serving.page.texts import METHODS, percent, reason

STATIC = Path(__file__).parent / "static"
SWAGGER = ("swagger-ui-bundle.js", "swagger-ui.css")
"""Files of Swagger UI, as the package `fastapi-offline` ships them."""
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@cache
def environment() -> Environment:
    templates = Environment(
        loader=PackageLoader("scanvote.serving.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {
        "words": words,
        "listed": listed,
        "model": model,
        "percent": percent,
        "reason": reason,
    }
    templates.globals |= {"disclaimer": DISCLAIMER, "static": address, "METHODS": METHODS}
    return templates


def rendered(template: str, **values: Any) -> str:
    """Render a template to HTML; a missing value is an error."""
    return environment().get_template(template).render(**values)


@cache
def statics() -> dict[str, bytes]:
    """Read style sheets, scripts and the icon, by name.

    Nothing else is served from the disk.
    """
    own = {path.name: path.read_bytes() for path in STATIC.iterdir() if path.suffix in TYPES}
    swagger = files("fastapi_offline") / "static"
    return own | {name: (swagger / name).read_bytes() for name in SWAGGER}


def address(name: str) -> str:
    """Return the address of a static file without prefix; it changes with its content."""
    return f"/static/{name}?v={hashlib.sha256(statics()[name]).hexdigest()[:12]}"
