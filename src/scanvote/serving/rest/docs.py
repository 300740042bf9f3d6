"""The description of the REST interface as a page of its own: nothing of other hosts, no script."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from scanvote.serving.page.pages import page

REFERENCE = "#/components/schemas/"
JSON = "application/json"
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
        answers: by status, where it succeeds.
    """

    name: str
    summary: str
    details: str
    curl: str
    parameters: list[Item]
    answers: list[Item]


@dataclass(frozen=True)
class Form:
    """Of an object that is answered: what it is, and its fields."""

    name: str
    summary: str
    fields: list[Item]


@router.get("/docs", include_in_schema=False)
async def documentation(request: Request) -> HTMLResponse:
    """The interface, operation by operation, and the form of its answers."""
    description = request.app.openapi()
    schemas = description["components"]["schemas"]
    return page(
        request,
        "api.html",
        operations=list(operations(description, str(request.base_url).rstrip("/"))),
        failures=failures(description),
        failure=failure(description),
        forms=forms(schemas),
        token=request.app.state.guard is not None,
    )


def operations(description: Schema, address: str) -> Iterator[Operation]:
    """All of an OpenAPI description, those that scans are sent to first."""
    schemas = description["components"]["schemas"]
    for path, methods in description["paths"].items():
        for method, told in methods.items():
            summary, _, details = told.get("description", "").partition("\n\n")
            responses = told["responses"].items()
            yield Operation(
                f"{method.upper()} {path}",
                summary,
                details,
                _curl(method, address + path),
                [*_query(told), *_body(told)],
                [_answer(status, one, schemas) for status, one in responses if status < "400"],
            )


def failures(description: Schema) -> list[Item]:
    """Every status that tells a failure, once, with what it is said of."""
    told = {status: one for status, one in _responses(description) if status >= "400"}
    return [Item(status, "", one["description"]) for status, one in sorted(told.items())]


def failure(description: Schema) -> str:
    """JSON, such as a failure looks like: the most telling of the examples."""
    contents = [one.get("content", {}).get(JSON, {}) for _, one in _responses(description)]
    examples = [one["example"] for one in contents if "example" in one]
    examples.sort(key=lambda one: not one["refused"])
    return json.dumps(examples[0], indent=2, ensure_ascii=False) if examples else ""


def forms(schemas: Schema) -> list[Form]:
    """All objects that are answered, by name."""
    named = sorted((short(name), schema) for name, schema in schemas.items())
    return [Form(name, summary(schema), fields(schema)) for name, schema in named if fields(schema)]


def summary(schema: Schema) -> str:
    """The first sentence or two of what is said of it."""
    return " ".join(str(schema.get("description", "")).partition("\n\n")[0].split())


def fields(schema: Schema) -> list[Item]:
    """Of an object."""
    return [
        Item(name, kind(one), one.get("description", ""))
        for name, one in schema.get("properties", {}).items()
    ]


def kind(schema: Schema) -> str:
    """In words, such as ``list of Finding``."""
    if "$ref" in schema:
        return short(str(schema["$ref"]).removeprefix(REFERENCE))
    if "anyOf" in schema:
        return " or ".join(kind(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        return f"list of {kind(schema.get('items', {}))}"
    if isinstance(schema.get("additionalProperties"), Mapping):
        return f"{kind(schema['additionalProperties'])} by name"
    return "file" if schema.get("format") == "binary" else str(schema.get("type", "anything"))


def short(name: str) -> str:
    """Without the modules that tell schemas of one name apart."""
    return name.rpartition("__")[2]


def _responses(description: Schema) -> Iterator[tuple[str, Schema]]:
    for methods in description["paths"].values():
        for told in methods.values():
            yield from told["responses"].items()


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


def _answer(status: str, told: Schema, schemas: Schema) -> Item:
    """What it is, instead of that it succeeded."""
    contents = told.get("content", {})
    answered = [one["schema"] for one in contents.values() if one.get("schema")]
    names = [str(one.get("$ref", "")).removeprefix(REFERENCE) for one in answered]
    words = [summary(schemas[name]) for name in names if name in schemas]
    form = " or ".join(kind(one) for one in answered if one.get("$ref"))
    types = " or ".join(contents)
    return Item(status, f"{form}, as {types}" if form else types, " ".join(words) or "Text.")


def _curl(method: str, address: str) -> str:
    return f"curl {'--form files=@scan.png ' if method == 'post' else ''}{address}"
