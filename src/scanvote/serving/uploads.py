"""Read uploaded forms in memory: uploads never touch a disk."""

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from scanvote.inputs.sanitise import sanitise_name
from scanvote.predict.schema import FileError
from scanvote.serving.engine_api import Upload
from scanvote.serving.http_errors import ApiError
from scanvote.serving.options import ServeOptions

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

FILES = "files"
LONGEST_FIELD = 4096
LONGEST_HEADER = 8192
"""Maximum bytes of a header line of a part; it contains the file name."""
MOST_FIELDS = 16


@dataclass(frozen=True)
class Form:
    """Files and fields of a form.

    Attributes:
        uploads: accepted files of the field `files`, in their order.
        refused: files of that field that are too large; their content is not kept.
        fields: texts of the other fields, by name.
    """

    uploads: list[Upload] = field(default_factory=list)
    refused: list[FileError] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)


async def read_form(request: Request) -> Form:
    """Read the form of a request, multipart or urlencoded.

    Raises:
        ApiError: the body is no form, is malformed, holds too many files, or holds files in
            another field.
    """
    kind, values = parse_options_header(request.headers.get("content-type"))
    if kind == b"application/x-www-form-urlencoded":
        return await _read_query(request)
    if kind != b"multipart/form-data" or not values.get(b"boundary"):
        raise ApiError(415, "send a form as multipart/form-data, its files in the field 'files'")
    parts = _Parts(request.app.state.options)
    try:
        parser = MultipartParser(
            values[b"boundary"], parts.callbacks(), max_header_size=LONGEST_HEADER
        )
        async for chunk in request.stream():
            parser.write(chunk)
    except FormParserError:
        raise ApiError(400, "the form is malformed") from None
    if not parts.complete:
        raise ApiError(400, "the form is cut off")
    return parts.form


async def _read_query(request: Request) -> Form:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_FIELD:
            raise ApiError(413, "the form is too long; files go as multipart/form-data")
    try:
        pairs = parse_qsl(body.decode("latin-1"), max_num_fields=MOST_FIELDS)
    except ValueError:
        raise ApiError(400, f"the form has more than {MOST_FIELDS} fields") from None
    return Form(fields=dict(pairs))


class _Parts:
    """Build a form from the callbacks of the multipart parser."""

    def __init__(self, options: ServeOptions) -> None:
        self.options = options
        self.form = Form()
        self.complete, self.part_count = False, 0
        self._begin()

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._header_name,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_end,
            "on_part_data": self._data,
            "on_part_end": self._part_end,
            "on_end": self._end,
        }

    def _begin(self) -> None:
        self.header, self.value = bytearray(), bytearray()
        self.headers: dict[bytes, bytes] = {}
        self.content, self.too_large = bytearray(), False
        self.name = ""
        self.file: str | None = None

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self.header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self.value += data[start:end]

    def _header_end(self) -> None:
        self.headers[bytes(self.header).lower()] = bytes(self.value)
        self.header, self.value = bytearray(), bytearray()

    def _headers_end(self) -> None:
        disposition = parse_options_header(self.headers.get(b"content-disposition"))[1]
        if b"name" not in disposition:
            raise ApiError(400, "a part of the form has no name")
        self.name = _text(disposition[b"name"])
        file = _text(disposition[b"filename"]) if b"filename" in disposition else None
        if file is not None and self.name != FILES:
            raise ApiError(
                422, f"files go in the field {FILES!r}, not in {sanitise_name(self.name)!r}"
            )
        self.file = file or "" if self.name == FILES else None
        self._check_counts()

    def _check_counts(self) -> None:
        form, max_files = self.form, self.options.files
        self.part_count += 1  # includes parts that add nothing: empty ones, repeated names
        if self.part_count > max_files + MOST_FIELDS:
            raise ApiError(413, f"the form has more than {max_files + MOST_FIELDS} parts")
        if self.file is not None and len(form.uploads) + len(form.refused) >= max_files:
            raise ApiError(413, f"more than {max_files} files; send them in several requests")
        if self.file is None and len(form.fields) >= MOST_FIELDS:
            raise ApiError(400, f"the form has more than {MOST_FIELDS} fields")

    def _data(self, data: bytes, start: int, end: int) -> None:
        max_bytes = LONGEST_FIELD if self.file is None else self.options.limits.bytes
        if len(self.content) + end - start > max_bytes:
            self.content, self.too_large = bytearray(), True
        if not self.too_large:
            self.content += data[start:end]

    def _part_end(self) -> None:
        if self.file is None:
            self._field()
        elif self.too_large:
            self.form.refused.append(self._refusal())
        elif self.file or self.content:  # a browser sends an empty part if no file was chosen
            self.form.uploads.append(Upload(_file_name(self.file), bytes(self.content)))
        self.content = bytearray()

    def _field(self) -> None:
        if self.too_large:
            raise ApiError(413, f"the field {sanitise_name(self.name)!r} is too long")
        self.form.fields[self.name] = _text(bytes(self.content))

    def _refusal(self) -> FileError:
        name, max_bytes = _file_name(self.file or ""), self.options.limits.bytes
        reason = f"{name} is larger than {max_bytes / 2**20:g} MiB"
        return FileError(file=name, status=413, reason=reason)

    def _end(self) -> None:
        self.complete = True


def _file_name(path: str) -> str:
    """Return the file name without folders, sanitised for display."""
    return sanitise_name(re.split(r"[\\/]", path)[-1])


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")
