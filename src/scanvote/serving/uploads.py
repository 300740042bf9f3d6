"""Read uploaded forms in memory: uploads never touch a disk."""

import re
from contextlib import aclosing
from dataclasses import dataclass, field

from fastapi import Request
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import FormParser, MultiPartException, MultiPartParser

from scanvote.inputs.sanitise import sanitise_name
from scanvote.predict.schema import FileError
from scanvote.serving.engine_api import Upload
from scanvote.serving.http_errors import ApiError
from scanvote.serving.options import ServeOptions

FILES = "files"
LONGEST_FIELD = 4096
MOST_FIELDS = 16


@dataclass(frozen=True)
class Form:
    """Files and fields of a form.

    Attributes:
        uploads: accepted files of the field `files`, in their order.
        refused: files of that field that are too large.
        fields: texts of the other fields, by name.
    """

    uploads: list[Upload] = field(default_factory=list)
    refused: list[FileError] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)


class _InMemoryParser(MultiPartParser):
    """Starlette's parser; files stay in memory, and `ended` says that the form is whole."""

    spool_max_size = 0  # for `tempfile`, no limit
    ended = False

    def on_end(self) -> None:
        self.ended = True


async def read_form(request: Request) -> Form:
    """Read the form of a request, multipart or urlencoded.

    Raises:
        ApiError: the body is no form, is malformed, holds too many files, or holds files in
            another field.
    """
    options: ServeOptions = request.app.state.options
    try:
        data = await _parsed(request, options.files)
    except MultiPartException as error:
        too_much = "Too many files" in error.message or "exceeded" in error.message
        raise ApiError(413 if too_much else 400, error.message) from None
    form = Form()
    for name, value in data.multi_items():
        if not isinstance(value, UploadFile):
            form.fields[name] = value
        elif name != FILES:
            raise ApiError(422, f"files go in the field {FILES!r}, not in {sanitise_name(name)!r}")
        else:
            await _add_file(form, value, options.limits.bytes)
    return form


async def _parsed(request: Request, max_files: int) -> FormData:
    kind, values = parse_options_header(request.headers.get("content-type"))
    limits = {"max_fields": MOST_FIELDS, "max_part_size": LONGEST_FIELD}
    async with aclosing(request.stream()) as body:
        if kind == b"application/x-www-form-urlencoded":
            return await FormParser(request.headers, body, **limits).parse()
        if kind != b"multipart/form-data" or not values.get(b"boundary"):
            raise ApiError(
                415, "send a form as multipart/form-data, its files in the field 'files'"
            )
        parser = _InMemoryParser(request.headers, body, max_files=max_files, **limits)
        data = await parser.parse()
    if not parser.ended:
        raise ApiError(400, "the form is cut off")
    return data


async def _add_file(form: Form, file: UploadFile, max_bytes: int) -> None:
    """Move a file to the form, and free the memory that held it."""
    size, name = file.size or 0, sanitise_name(re.split(r"[\\/]", file.filename or "")[-1])
    if size > max_bytes:
        reason = f"{name} is larger than {max_bytes / 2**20:g} MiB"
        form.refused.append(FileError(file=name, status=413, reason=reason))
    elif size or file.filename:  # a browser sends an empty part if no file was chosen
        form.uploads.append(Upload(name, await file.read()))
    await file.close()
