"""Documentation page of the REST interface: Swagger UI without external files."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from scanvote.serving.page import templating

router = APIRouter()


@router.get("/docs", include_in_schema=False)
async def documentation(request: Request) -> HTMLResponse:
    """Show the operations, with a form to try each.

    The script is a file, because the content security policy forbids inline scripts.
    """
    token, root = request.app.state.auth is not None, request.app.state.options.root_path
    return HTMLResponse(templating.rendered("api.html", token=token, root=root))
