"""The FastAPI application: page, REST interface, middleware and metrics around one engine."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial

from fastapi import FastAPI, Request

import scanvote
from scanvote.core.disclaimer import DISCLAIMER
from scanvote.serving import tokens
from scanvote.serving.body_limits import BodyLimitMiddleware
from scanvote.serving.engine_api import Engine
from scanvote.serving.failures import FailureMiddleware, handle_failures
from scanvote.serving.names import origins
from scanvote.serving.options import ServeOptions
from scanvote.serving.page import pages
from scanvote.serving.page.result_cache import ResultCache
from scanvote.serving.proxied import HeadAsGet, RootPath
from scanvote.serving.rest import api, health, metrics
from scanvote.serving.rest.metrics import Measuring, Metrics
from scanvote.serving.security import Checks, SecurityHeaders, check_host, check_site
from scanvote.serving.tokens import TokenAuth

Starting = Callable[[], AbstractAsyncContextManager[Engine]]
"""Return a context manager that provides the engine while the application runs."""

DESCRIPTION = f"""Class and tumour outline of a scan, predicted by an ensemble. **{DISCLAIMER}**

Uploaded files are never written to disk. Every error has the same form: `detail`, and `refused`
with one entry for each file."""


def make_app(start: Starting, options: ServeOptions) -> FastAPI:
    """Build the application.

    Args:
        start: called at startup; provides the engine while the application runs.
        options: limits, token, allowed hosts and prefix.
    """
    app = FastAPI(
        title="scanvote",
        version=scanvote.__version__,
        description=DESCRIPTION,
        lifespan=_lifespan(start),
        docs_url=None,
        redirect_slashes=False,  # to an absolute address, which a proxy's client cannot reach
        servers=[{"url": options.root_path}] if options.root_path else None,
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.options = options
    app.state.auth = TokenAuth(options.token) if options.token else None
    handle_failures(app)
    _add_middleware(app, options)
    for part in (api, health, metrics, tokens, pages):
        app.include_router(part.router)
    return app


def _lifespan(start: Starting) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with start() as engine:
            app.state.engine = engine
            app.state.metrics = Metrics(engine)
            app.state.recent = ResultCache()
            app.state.drawing_slots = asyncio.Semaphore(pages.DRAWN)
            yield

    return lifespan


def _add_middleware(app: FastAPI, options: ServeOptions) -> None:
    """Add the middleware, innermost first: the last added sees a request first."""
    app.add_middleware(BodyLimitMiddleware, options=options)
    app.add_middleware(Checks, checks=list(_checks(app, options)))
    app.add_middleware(FailureMiddleware)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(HeadAsGet)
    app.add_middleware(Measuring)
    app.add_middleware(RootPath, root_path=options.root_path)


def _checks(app: FastAPI, options: ServeOptions) -> Iterator[Callable[[Request], None]]:
    if options.hosts:
        yield partial(check_host, hosts=options.hosts)
    yield partial(check_site, origins={one for name in options.names for one in origins(name)})
    if app.state.auth is not None:
        yield app.state.auth.check
