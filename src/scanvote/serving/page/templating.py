"""Templates of the page, with automatic escaping of values, and what each page shows."""

import hashlib
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from scanvote.core.disclaimer import DISCLAIMER
from scanvote.pipeline.package.identity import short_digest
from scanvote.pipeline.report.terms import listed, model, words
from scanvote.serving.engine_api import Engine
from scanvote.serving.options import ServeOptions
from scanvote.serving.page import views
from scanvote.serving.page.texts import METHODS, percent, reason

STATIC = Path(__file__).parent / "static"
SWAGGER = ("swagger-ui-bundle.js", "swagger-ui.css")
"""Files of Swagger UI, as the package `fastapi-offline` ships them."""
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
HEADINGS = {
    404: "There is nothing here",
    413: "That is too large",
    415: "That is no scan",
    422: "That cannot be read",
    429: "Too many requests",
    503: "The server cannot answer now",
}
"""Headings of error pages by HTTP status."""


@cache
def environment() -> Environment:
    templates = Environment(
        loader=PackageLoader("scanvote.serving.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters = words, listed, model, percent, reason
    templates.filters |= {one.__name__: one for one in filters}
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


def page(request: Request, template: str, status: int = 200, **values: object) -> HTMLResponse:
    """Render a page; every page offers the samples for its form."""
    engine = engine_of(request)
    common = {
        "samples": views.samples(engine.samples, engine.contents.labels),
        "problem": "",
        "refusals": (),
        "tasks": list(engine.contents.parts),
        "model_digest": short_digest(engine.contents.digest),
        "newer": short_digest(engine.newer() or ""),
    }
    return _rendered(request, template, status, **common | values)


def error_page(request: Request, status: int, message: str) -> HTMLResponse:
    """Render an error in one sentence, with a link to the form."""
    heading = HEADINGS.get(status, "That did not work")
    return _rendered(request, "error.html", status, code=status, heading=heading, message=message)


def token_page(request: Request, message: str = "") -> HTMLResponse:
    """Render the page where a person types the token."""
    return _rendered(request, "token.html", 401, message=message)


def _rendered(request: Request, template: str, status: int, **values: object) -> HTMLResponse:
    common = {"root": root_path(request), "path": request.scope["path"], "newer": ""}
    return HTMLResponse(rendered(template, **common | values), status)


def root_path(request: Request) -> str:
    return cast(ServeOptions, request.app.state.options).root_path


def engine_of(request: Request) -> Engine:
    return cast(Engine, request.app.state.engine)
