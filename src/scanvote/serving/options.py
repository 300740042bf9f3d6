"""How the server behaves, and what it refuses."""

from dataclasses import dataclass, field

from scanvote.inputs.scan import Limits

LOOPBACK = ("localhost", "127.0.0.1", "::1")
TOKEN = "SCANVOTE_TOKEN"
"""The variable of the environment that names the token."""
SHORTEST_TOKEN = 16


@dataclass(frozen=True)
class ServeOptions:
    """Bounds of the web side; those of a file are `limits`.

    Attributes:
        limits: of one file.
        files: of one request.
        request_bytes: of the body of one request.
        held_bytes: of all bodies that the server holds at a time.
        body_seconds: within which a body has to come, and a second more for each
            `body_rate` bytes of it that came.
        header_seconds: within which the headers of a request have to come.
        send_seconds: that a client may not read its answer.
        connections: at a time.
        token: that a request has to tell; None: none.
        hosts: that a request may be meant for; none: any.
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
