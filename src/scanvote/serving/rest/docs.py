"""The description of the REST interface as a page of its own: nothing of other hosts, no script."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from scanvote.serving.page.pages import page

REFERENCE = "#/components/schemas/"
Schema = Mapping[str, Any]

router = APIRouter()


@dataclass(frozen=True)
class Item:
    """A parameter, an answer or a field: its name, of what kind it is, and what it means."""

    name: str
    kind: str
    meaning: str


@dataclass(frozen=True)
class Operation:
    """What may be asked.

    Attributes:
        name: such as ``POST /api/v1/predict``.
        summary: one sentence.
        details: the sentences after it.
        curl: a command to try.
        parameters: of the query, and the fields of the form.
        answers: by status.
        failure: JSON, such as a failure looks like.
    """

    name: str
    summary: str
    details: str
    curl: str
    parameters: list[Item]
    answers: list[Item]
    failure: str


@router.get("/docs", include_in_schema=False)
async def documentation(request: Request) -> HTMLResponse:
    """The interface, operation by operation, and the form of its answers."""
    description = request.app.openapi()
    schemas = description["components"]["schemas"]
    return page(
        request,
        "api.html",
        operations=list(operations(description, str(request.base_url).rstrip("/"))),
        forms={name: fields(schema) for name, schema in sorted(schemas.items())},
        token=request.app.state.guard is not None,
    )


def operations(description: Schema, address: str) -> Iterator[Operation]:
    """All of an OpenAPI description, those that scans are sent to first."""
    for path, methods in description["paths"].items():
        for method, told in methods.items():
            summary, _, details = told.get("description", "").partition("\n\n")
            yield Operation(
                f"{method.upper()} {path}",
                summary,
                details,
                _curl(method, address + path),
                [*_query(told), *_body(told)],
                [_answer(status, one) for status, one in told["responses"].items()],
                _failure(told["responses"]),
            )


def fields(schema: Schema) -> list[Item]:
    """Of an object."""
    return [
        Item(name, kind(one), one.get("description", ""))
        for name, one in schema.get("properties", {}).items()
    ]


def kind(schema: Schema) -> str:
    """In words, such as ``list of Finding``."""
    if "$ref" in schema:
        return str(schema["$ref"]).removeprefix(REFERENCE)
    if "anyOf" in schema:
        return " or ".join(kind(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        return f"list of {kind(schema.get('items', {}))}"
    if isinstance(schema.get("additionalProperties"), Mapping):
        return f"{kind(schema['additionalProperties'])} by name"
    return "file" if schema.get("format") == "binary" else str(schema.get("type", "anything"))


def _query(told: Schema) -> Iterator[Item]:
    for one in told.get("parameters", []):
        meaning = one.get("description", "")
        default = one["schema"].get("default")
        shown = f"; else {json.dumps(default)}" if default is not None else ""
        yield Item(one["name"], f"query: {kind(one['schema'])}{shown}", meaning)


def _body(told: Schema) -> Iterator[Item]:
    for content in told.get("requestBody", {}).get("content", {}).values():
        for name, one in content["schema"]["properties"].items():
            yield Item(name, f"form: {kind(one)}", one.get("items", one).get("description", ""))


def _answer(status: str, told: Schema) -> Item:
    kinds = [kind(one["schema"]) for one in told.get("content", {}).values() if one.get("schema")]
    return Item(status, " or ".join(kinds), told.get("description", ""))


def _failure(responses: Schema) -> str:
    """The most telling of its examples."""
    examples = [
        one["content"]["application/json"]["example"]
        for status, one in responses.items()
        if status >= "400" and "example" in one.get("content", {}).get("application/json", {})
    ]
    examples.sort(key=lambda one: not one["refused"])
    return json.dumps(examples[0], indent=2, ensure_ascii=False) if examples else ""


def _curl(method: str, address: str) -> str:
    return f"curl {'--form files=@scan.png ' if method == 'post' else ''}{address}"
