"""Liveness and readiness of the server."""

from typing import Literal

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from scanvote.serving.engine_api import Engine
from scanvote.serving.http_errors import ApiError
from scanvote.serving.rest.api import failures

router = APIRouter(tags=["operation"])


class Health(BaseModel):
    """State of the server."""

    status: Literal["alive", "ready"]


class Readiness(Health):
    """State of the server, and the model that it answers with."""

    model_digest: str = Field(description="of the model that answers")
    newer_digest: str | None = Field(
        description="of another model that now lies where the server was started; null: there is"
        " none. Restart the server to take it"
    )


@router.get("/healthz", responses=failures(421))
async def alive() -> Health:
    """Report that the server is alive."""
    return Health(status="alive")


@router.options("/", include_in_schema=False)
async def allowed() -> Response:
    """Name the methods of the page: HAProxy asks so by default whether a server is alive."""
    return Response(status_code=204, headers={"Allow": "GET, HEAD, OPTIONS, POST"})


@router.get("/readyz", responses=failures(421, 503))
def ready(request: Request) -> Readiness:
    """Report that the model is loaded and a worker is alive, and which model it is."""
    engine: Engine = request.app.state.engine
    if not engine.ready:
        raise ApiError(503, "the model is not loaded yet")
    return Readiness(
        status="ready", model_digest=engine.contents.digest, newer_digest=engine.newer()
    )
