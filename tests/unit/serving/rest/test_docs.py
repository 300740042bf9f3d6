"""The description of the interface, for people and for programs."""

import re

import pytest

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
