"""The error that a request ends with, and its JSON body."""

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from scanvote.predict.schema import FileError

RETRY = {"Retry-After": "2"}


class ErrorResponse(BaseModel):
    """Reason why a request failed."""

    model_config = ConfigDict(extra="forbid")

    detail: str = Field(examples=["scan.txt is no image of a format that is taken"])
    refused: list[FileError] = Field(
        default=[], description="reason for each file, if the request had files"
    )


class ApiError(HTTPException):
    """A request that fails with `status`; `refused` lists its rejected files."""

    def __init__(
        self,
        status: int,
        detail: str,
        refused: Sequence[FileError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        retry = RETRY if status in (429, 503) else {}
        super().__init__(status, detail, {**retry, **(headers or {})})
        self.refused = list(refused)


def api_error(refused: Sequence[FileError]) -> ApiError:
    """Build the error of a request without any successful file.

    Status and reason are those of the first file.
    """
    return ApiError(refused[0].status, refused[0].reason, refused)
