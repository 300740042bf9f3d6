"""The server's process: what it binds, how it starts, and how it ends."""

import asyncio
import ipaddress
import logging
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from scanvote.core.disclaimer import DISCLAIMER
from scanvote.core.errors import InputError
from scanvote.pipeline.package import read_metadata
from scanvote.serving.app import make_app
from scanvote.serving.engine import EngineOptions, start_engine
from scanvote.serving.engine_api import Engine
from scanvote.serving.options import LOOPBACK, TOKEN, ServeOptions
from scanvote.serving.slow_clients import timeout_protocol
from scanvote.serving.tokens import checked_token

GRACE = 10
"""Seconds that requests have to end when the server does."""
SIGNALS = (signal.SIGINT, signal.SIGTERM)


def serve(
    folder: Path,
    host: str = "127.0.0.1",
    port: int = 8000,
    options: ServeOptions | None = None,
    engine_options: EngineOptions | None = None,
    no_token: bool = False,
) -> None:
    """Serve the package in `folder` until SIGINT or SIGTERM.

    Args:
        folder: of the package.
        host: to bind to; other than this machine only with a token.
        port: 0: any that is free.
        options: bounds; token and hosts are filled in here.
        engine_options: how the model is asked.
        no_token: let anybody in who reaches `host`.

    Raises:
        InputError: `folder` is no package, the port is taken, or a token is missing.
    """
    read_metadata(folder)
    options = guarded(options or ServeOptions(), host, no_token)
    with bound(host, port) as listening, _quiet(), asyncio.Runner(loop_factory=_loop) as runner:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            runner.run(_serve(folder, listening, options, engine_options or EngineOptions()))
        except KeyboardInterrupt:  # before the server took over the signals
            return


def guarded(options: ServeOptions, host: str, no_token: bool) -> ServeOptions:
    """With the token of the environment, and the hosts that a request may be meant for.

    Raises:
        InputError: others can reach `host`, and neither a token is set nor `no_token` said.
    """
    token = None if no_token else checked_token(os.environ.get(TOKEN) or None)
    local = _is_loopback(host)
    if not local and token is None and not no_token:
        raise InputError(
            f"{host} can be reached from other machines; set {TOKEN} to a secret that they have to"
            " tell, or say --no-token"
        )
    return replace(options, token=token, hosts=(*LOOPBACK, host) if local else ())


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@contextmanager
def bound(host: str, port: int) -> Iterator[socket.socket]:
    """A socket at `port` of `host`, which the server listens at.

    Raises:
        InputError: the port is taken, or there is no such host here.
    """
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind)
    except OSError as error:
        raise InputError(f"{host} is no address of this machine: {error.strerror}") from None
    with listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(address)
            listening.listen()
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise InputError(
                f"cannot listen at port {port} of {host}: {reason}; choose another by --port"
            ) from None
        yield listening


def _loop() -> asyncio.AbstractEventLoop:
    import uvloop

    return uvloop.new_event_loop()


@contextmanager
def _quiet() -> Iterator[None]:
    """Names of files, which may name patients, and what clients send stay out of the log."""
    for name in ("uvicorn.error", "python_multipart"):
        logging.getLogger(name).setLevel(logging.ERROR)
    logging.getLogger("uvicorn.access").disabled = True
    yield


async def _serve(
    folder: Path, listening: socket.socket, options: ServeOptions, engine_options: EngineOptions
) -> None:
    async with start_engine(folder, options.limits, engine_options) as engine:
        app = make_app(lambda: nullcontext(engine), options)
        await _Server(configured(app, options), engine).serve([listening])


def configured(app: FastAPI, options: ServeOptions) -> uvicorn.Config:
    """How uvicorn serves `app`: what may come slowly is bounded, and nothing is logged of it."""
    return uvicorn.Config(
        app,
        http=timeout_protocol(options.header_seconds, options.send_seconds),
        ws="none",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=options.connections,
        timeout_graceful_shutdown=GRACE,
    )


class _Server(uvicorn.Server):
    """Tells its address as soon as it can answer, and ends a signal with it."""

    def __init__(self, config: uvicorn.Config, engine: Engine) -> None:
        super().__init__(config)
        self.engine = engine

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.telling = asyncio.create_task(self._tell(sockets or []))

    async def _tell(self, sockets: list[socket.socket]) -> None:
        while not self.engine.ready:
            await asyncio.sleep(0.05)
        for one in sockets:
            print(f"scanvote: {address(one)}  {DISCLAIMER}", flush=True)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn does, only that the signal is not raised again after the end."""
        before = {one: signal.signal(one, self.handle_exit) for one in SIGNALS}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)


def address(listening: socket.socket) -> str:
    """For a browser."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
