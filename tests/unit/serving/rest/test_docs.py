"""The description of the interface, for people and for programs."""

import re

import pytest

from scanvote.serving.page.templating import coded
from scanvote.serving.rest.docs import kind
from tests.clients import EXPLAIN, PREDICT, asking

FAILURES = {"400", "401", "403", "408", "413", "415", "421", "422", "429", "503"}


def test_the_page_names_every_operation_and_no_other_host() -> None:
    with asking() as client:
        page = client.get("/docs").text
        description = client.get("/openapi.json").json()
    for path in description["paths"]:
        assert path in page
    others = [one for one in re.findall(r"https?://[^\s\"'<]+", page) if "localhost" not in one]
    assert others == []
    assert "Research use, not for diagnosis." in page


def test_the_page_is_written_for_people() -> None:
    with asking() as client:
        page = client.get("/docs").text
    assert "Successful Response" not in page
    assert "`" not in page
    assert "<code>refused</code>" in page
    assert "__" not in re.sub(r"<pre>.*?</pre>", "", page, flags=re.DOTALL)
    for form in ("BMP", "WebP"):
        assert form in page


def test_schemas_of_one_name_are_called_by_it() -> None:
    assert kind({"$ref": "#/components/schemas/scanvote__findings__Point"}) == "Point"


def test_what_is_said_in_the_page_is_text_but_for_code() -> None:
    assert coded("a `b` ``c`` <i>") == "a <code>b</code> <code>c</code> &lt;i&gt;"


def test_no_script_stands_in_the_page() -> None:
    with asking() as client:
        page = client.get("/docs").text
    assert not re.search(r"<script(?![^>]*src=)|\son\w+=|style=", page)


@pytest.mark.parametrize("path", [PREDICT, EXPLAIN])
def test_each_failure_is_described_with_an_example(path: str) -> None:
    with asking() as client:
        responses = client.get("/openapi.json").json()["paths"][path]["post"]["responses"]
    assert set(responses) == {"200", *FAILURES}
    for status in FAILURES:
        example = responses[status]["content"]["application/json"]["example"]
        assert example["detail"]
        assert all(one["status"] == int(status) for one in example["refused"])


def test_the_descriptions_of_the_libraries_are_off() -> None:
    with asking() as client:
        assert client.get("/redoc").status_code == 404
        assert client.get("/docs/oauth2-redirect").status_code == 404
