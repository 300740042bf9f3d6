"""The description of the REST interface as a page: Swagger UI, of this server's own files."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from scanvote.serving.page import templating

router = APIRouter()


@router.get("/docs", include_in_schema=False)
async def documentation(request: Request) -> HTMLResponse:
    """The operations, and a form to try each; its script is a file, as the headers demand."""
    token = request.app.state.guard is not None
    return HTMLResponse(templating.rendered("api.html", token=token))
