"""The server process: socket, startup, logging and shutdown."""

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
from scanvote.serving.names import checked_names, checked_root_path, hostname
from scanvote.serving.options import LOOPBACK, TOKEN, ServeOptions
from scanvote.serving.slow_clients import timeout_protocol
from scanvote.serving.tokens import checked_token

GRACE = 10
"""Seconds that running requests have to finish at shutdown."""
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
        folder: folder of the package.
        host: address to bind; one that other machines can reach needs a token.
        port: port to bind; 0: any free port.
        options: limits, names and prefix; token and hosts are filled in here.
        engine_options: runtime, workers and timeouts of the model.
        no_token: accept everybody who can reach `host`.

    Raises:
        InputError: `folder` is no package, the port is taken, a token is missing, or a name or the
            prefix is none.
    """
    read_metadata(folder)
    options = guarded(options or ServeOptions(), host, no_token)
    with (
        bound(host, port) as listening,
        _protect_logs(),
        asyncio.Runner(loop_factory=_loop) as runner,
    ):
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            runner.run(_serve(folder, listening, options, engine_options or EngineOptions()))
        except KeyboardInterrupt:  # before uvicorn handles the signals
            return


def guarded(options: ServeOptions, host: str, no_token: bool) -> ServeOptions:
    """Add the environment's token and the allowed hosts to the options, and check the rest.

    A server for other machines answers to any host, unless it has names.

    Raises:
        InputError: other machines can reach `host`, without a token and without `no_token`; or a
            name or the prefix is none.
    """
    names, root_path = checked_names(options.names), checked_root_path(options.root_path)
    token = None if no_token else checked_token(os.environ.get(TOKEN) or None)
    local = _is_loopback(host)
    if not local and token is None and not no_token:
        raise InputError(
            f"{host} can be reached from other machines; set {TOKEN} to a secret that they have to"
            " send, or pass --no-token"
        )
    hosts = (*LOOPBACK, host, *map(hostname, names)) if local or names else ()
    return replace(options, token=token, hosts=hosts, names=names, root_path=root_path)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@contextmanager
def bound(host: str, port: int) -> Iterator[socket.socket]:
    """Provide a socket that listens at `port` of `host`.

    Raises:
        InputError: the port is taken, or `host` is no address of this machine.
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
def _protect_logs() -> Iterator[None]:
    """Keep data of clients out of logs: file names may name patients."""
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
    """Configure uvicorn for `app`: with timeouts and a connection limit, without logs."""
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
    """Print the address once the model is ready; end quietly on signals."""

    def __init__(self, config: uvicorn.Config, engine: Engine) -> None:
        super().__init__(config)
        self.engine = engine

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.announcement = asyncio.create_task(self._announce(sockets or []))

    async def _announce(self, sockets: list[socket.socket]) -> None:
        while not self.engine.ready:
            await asyncio.sleep(0.05)
        for one in sockets:
            print(f"scanvote: {address(one)}  {DISCLAIMER}", flush=True)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle signals as uvicorn does, but do not raise them again afterwards."""
        before = {one: signal.signal(one, self.handle_exit) for one in SIGNALS}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)


def address(listening: socket.socket) -> str:
    """Return the URL for a browser."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
