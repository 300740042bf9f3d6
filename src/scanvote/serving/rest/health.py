"""Liveness and readiness of the server."""

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel

from scanvote.serving.engine_api import Engine
from scanvote.serving.http_errors import ApiError
from scanvote.serving.rest.api import failures

router = APIRouter(tags=["operation"])


class Health(BaseModel):
    """State of the server."""

    status: Literal["alive", "ready"]


@router.get("/healthz", responses=failures(421))
async def alive() -> Health:
    """Report that the server is alive."""
    return Health(status="alive")


@router.get("/readyz", responses=failures(421, 503))
async def ready(request: Request) -> Health:
    """Report that the model is loaded and its worker is alive."""
    engine: Engine = request.app.state.engine
    if not engine.ready:
        raise ApiError(503, "the model is not loaded yet")
    return Health(status="ready")
