"""Who may ask, and what a browser is told to do with the answer."""

from typing import Any

import pytest

from scanvote.core.errors import InputError
from scanvote.serving.options import LOOPBACK, TOKEN, ServeOptions
from scanvote.serving.security import HEADERS
from scanvote.serving.server import guarded
from scanvote.serving.tokens import COOKIE, checked_token
from tests.clients import PREDICT, asking, files
from tests.serving import FakeEngine, scan_png

SECRET = "a-secret-of-many-signs"
BEARER = {"Authorization": f"Bearer {SECRET}"}
ROUTES = [
    ("GET", "/", 200),
    ("GET", "/model", 200),
    ("GET", "/docs", 200),
    ("GET", "/openapi.json", 200),
    ("GET", "/healthz", 200),
    ("GET", "/readyz", 200),
    ("GET", "/metrics", 200),
    ("GET", "/api/v1/model", 200),
    ("GET", "/nothing", 404),
    ("GET", "/api/nothing", 404),
    ("GET", "/static/nothing", 404),
    ("DELETE", "/", 405),
    ("GET", PREDICT, 405),
    ("OPTIONS", PREDICT, 405),
    ("POST", PREDICT, 415),
]


@pytest.mark.parametrize(("method", "path", "status"), ROUTES)
def test_every_answer_has_the_headers_that_hold_a_browser_back(
    method: str, path: str, status: int
) -> None:
    with asking() as client:
        answer = client.request(method, path)
    assert answer.status_code == status
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS


def test_a_bug_has_the_headers_too() -> None:
    class Broken(FakeEngine):
        async def predict(self, *_: Any) -> Any:
            raise RuntimeError

    with asking(Broken()) as client:
        answer = client.post(PREDICT, files=files(("a.png", scan_png())))
    assert answer.status_code == 500
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS


def test_no_other_site_is_given_leave_by_cors() -> None:
    with asking() as client:
        answers = [
            client.get("/api/v1/model", headers={"Origin": "https://example.org"}),
            client.options(
                PREDICT,
                headers={
                    "Origin": "https://example.org",
                    "Access-Control-Request-Method": "POST",
                },
            ),
        ]
    names = [name for answer in answers for name in answer.headers]
    assert not [name for name in names if name.startswith("access-control")]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("localhost:8000", 200),
        ("127.0.0.1:1", 200),
        ("[::1]:8000", 200),
        ("LOCALHOST", 200),
        ("example.org", 421),
        ("127.0.0.1.example.org", 421),
        ("localhost@example.org", 421),
        ("", 421),
        ("[::1", 421),
    ],
)
def test_a_server_of_this_machine_answers_to_no_other_name(host: str, status: int) -> None:
    with asking() as client:
        assert client.get("/healthz", headers={"Host": host}).status_code == status


def test_a_server_for_others_answers_to_any_name() -> None:
    with asking(hosts=()) as client:
        assert client.get("/healthz", headers={"Host": "scans.example.org"}).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"}, 403),
        ({"Origin": "http://localhost"}, 200),
        ({"Origin": "https://example.org"}, 403),
        ({"Origin": "http://localhost:1234"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://["}, 403),
    ],
)
def test_what_another_site_sends_is_refused(headers: dict[str, str], status: int) -> None:
    with asking() as client:
        form = files(("a.png", scan_png()))
        assert client.post(PREDICT, files=form, headers=headers).status_code == status
        assert client.get("/api/v1/model", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        (BEARER, 200),
        ({"Authorization": f"bearer {SECRET}"}, 200),
        ({"Authorization": f"Basic {SECRET}"}, 401),
        ({"Authorization": f"Bearer {SECRET}x"}, 401),
        ({"Authorization": "Bearer größe"}, 401),
        ({"Authorization": "Bearer"}, 401),
        ({"Cookie": f"{COOKIE}={SECRET}"}, 401),
        ({"Cookie": f"{COOKIE}="}, 401),
    ],
)
def test_a_server_with_a_token_wants_it_told(headers: dict[str, str], status: int) -> None:
    raw = {name: value.encode("latin-1") for name, value in headers.items()}
    with asking(token=SECRET) as client:
        for path in ("/", "/api/v1/model", "/metrics", "/docs", "/openapi.json"):
            answer = client.get(path, headers=raw)
            assert answer.status_code == status
            assert status == 200 or answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_whether_the_server_lives_is_no_secret(path: str) -> None:
    with asking(token=SECRET) as client:
        assert client.get(path).status_code == 200


@pytest.mark.parametrize(
    "path", ["//", "/token/../model", "/static/../model", "/healthz/", "/%74oken"]
)
def test_no_detour_leads_past_the_token(path: str) -> None:
    with asking(token=SECRET) as client:
        answer = client.get(path)
    assert answer.status_code in (401, 404, 405)


def test_a_browser_that_told_the_token_is_remembered_without_it() -> None:
    with asking(token=SECRET) as client:
        told = client.post("/token", data={"token": SECRET})
        assert told.status_code == 303
        cookie = told.headers["set-cookie"]
        assert SECRET not in cookie
        assert "HttpOnly" in cookie
        assert "samesite=strict" in cookie.lower()
        assert client.get("/").status_code == 200
        client.cookies.clear()
        assert client.get("/").status_code == 401


def test_the_cookie_of_one_server_opens_no_other() -> None:
    with asking(token=SECRET) as client, asking(token=SECRET) as other:
        client.post("/token", data={"token": SECRET})
        other.cookies.update(client.cookies)
        assert client.get("/").status_code == 200
        assert other.get("/").status_code == 401


@pytest.mark.parametrize("form", [{"token": "wrong"}, {}])
def test_a_wrong_token_opens_nothing(form: dict[str, str]) -> None:
    with asking(token=SECRET) as client:
        told = client.post("/token", data=form or None, headers={} if form else _FORM)
        assert told.status_code == 401
        assert "set-cookie" not in told.headers


_FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize("token", ["", "short", "with a space in it, long", "größer-als-sechzehn"])
def test_a_token_that_is_easily_guessed_or_cannot_be_told_is_refused(token: str) -> None:
    with pytest.raises(InputError, match=TOKEN):
        checked_token(token)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "scans.example.org"])
def test_others_are_let_in_with_a_token_or_when_told_so(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(TOKEN, raising=False)
    with pytest.raises(InputError, match="--no-token"):
        guarded(ServeOptions(), host, no_token=False)
    assert guarded(ServeOptions(), host, no_token=True).token is None
    monkeypatch.setenv(TOKEN, SECRET)
    assert guarded(ServeOptions(), host, no_token=False).token == SECRET


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_this_machine_needs_no_token_and_answers_to_its_own_names(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(TOKEN, raising=False)
    options = guarded(ServeOptions(), host, no_token=False)
    assert options.token is None
    assert set(options.hosts) == {*LOOPBACK, host}
