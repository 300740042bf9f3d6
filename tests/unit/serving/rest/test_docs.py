"""The description of the interface, for people and for programs."""

import re

import pytest

from tests.clients import EXPLAIN, PREDICT, asking

FAILURES = {"400", "401", "403", "408", "413", "415", "421", "422", "429", "503"}


def test_the_page_is_of_this_server_s_own_files_and_has_no_script_in_itself() -> None:
    with asking() as client:
        page = client.get("/docs").text
        files = re.findall(r'(?:src|href)="(/static/[^"]+)"', page)
        assert all(client.get(one).status_code == 200 for one in files)
    assert len(files) == 4
    assert "http" not in page
    assert not re.search(r"<script(?![^>]*src=)|\son\w+=|style=", page)
    assert "Research use, not for diagnosis." in page


def test_the_page_tells_of_a_token_where_one_is_wanted() -> None:
    with asking(token="0123456789abcdef") as client:
        page = client.get("/docs", headers={"Authorization": "Bearer 0123456789abcdef"}).text
    assert "Authorization: Bearer" in page


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
