"""Options of the server: limits, token and allowed hosts."""

from dataclasses import dataclass, field

from scanvote.inputs.scan import Limits

LOOPBACK = ("localhost", "127.0.0.1", "::1")
TOKEN = "SCANVOTE_TOKEN"
"""Name of the environment variable that holds the token."""
SHORTEST_TOKEN = 16


@dataclass(frozen=True)
class ServeOptions:
    """Limits of the web process, token and allowed hosts.

    Attributes:
        limits: limits of one file.
        files: maximum number of files in one request.
        request_bytes: maximum size of one request's body.
        held_bytes: maximum size of all bodies that the server holds at a time.
        body_seconds: seconds for a body to arrive, plus one second for each `body_rate` bytes
            received.
        body_rate: bytes received that extend the time of a body by one second.
        header_seconds: seconds for the headers of a request to arrive.
        send_seconds: seconds that a client may pause reading its response.
        connections: maximum number of connections at a time.
        token: secret that every request has to carry; None: no token is needed.
        hosts: hosts accepted in the Host header, without port; empty: any.
        names: names that the server is also called by, such as behind a proxy, as of
            `scanvote.serving.names.checked_names`; their pages may send forms.
        root_path: prefix of all addresses behind a proxy, as ``/scanvote``.
    """

    limits: Limits = field(default_factory=Limits)
    files: int = 32
    request_bytes: int = 128 * 2**20
    held_bytes: int = 512 * 2**20
    body_seconds: float = 20.0
    body_rate: int = 16 * 2**10
    header_seconds: float = 15.0
    send_seconds: float = 60.0
    connections: int = 512
    token: str | None = None
    hosts: tuple[str, ...] = LOOPBACK
    names: tuple[str, ...] = ()
    root_path: str = ""
