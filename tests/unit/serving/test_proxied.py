"""What proxies and monitors send: names, prefixes, HEAD, and checks without a Host."""

import re
from typing import Any

import pytest

from scanvote.serving.options import LOOPBACK, ServeOptions
from scanvote.serving.server import guarded
from tests.clients import EXPLAIN, PREDICT, asking, files
from tests.serving import FakeEngine, tumour_png
from tests.unit.serving.test_security import ROUTES, SECRET

SCAN = files(("a.png", tumour_png()))
NGINX = {"Host": "127.0.0.1:8000"}
"""What nginx hands on by default, whatever the browser sent."""
HERE = "/scanvote"


def named(*names: str, host: str = "127.0.0.1", **options: Any) -> dict[str, Any]:
    """Options of a server that is told these names."""
    return vars(guarded(ServeOptions(names=names, **options), host, no_token=True))


@pytest.mark.parametrize(
    ("name", "headers", "status"),
    [
        # a proxy that hands the Host on
        ("scans.lab", {"Host": "scans.lab"}, 200),
        ("scans.lab", {"Host": "scans.lab", "Origin": "https://scans.lab"}, 200),
        ("scans.lab", {"Host": "scans.lab:8443", "Origin": "https://scans.lab:8443"}, 200),
        ("scans.lab", {"Host": "SCANS.lab", "Sec-Fetch-Site": "same-origin"}, 200),
        ("[fd00::7]", {"Host": "[fd00::7]:80", "Origin": "http://[fd00::7]:80"}, 200),
        # one that does not
        ("scans.lab", {**NGINX, "Origin": "http://scans.lab"}, 200),
        ("scans.lab", {**NGINX, "Origin": "https://scans.lab"}, 200),
        ("scans.lab:8443", {**NGINX, "Origin": "https://scans.lab:8443"}, 200),
        ("scans.lab:443", {**NGINX, "Origin": "https://scans.lab"}, 200),
        (
            "scans.lab",
            {**NGINX, "Origin": "https://scans.lab", "Sec-Fetch-Site": "same-origin"},
            200,
        ),
        # another port is another server
        ("scans.lab", {**NGINX, "Origin": "http://scans.lab:9000"}, 403),
        ("scans.lab:8443", {**NGINX, "Origin": "https://scans.lab"}, 403),
        # others are still refused
        ("scans.lab", {"Host": "example.org"}, 421),
        ("scans.lab", {"Host": "scans.lab.example.org"}, 421),
        ("scans.lab", {"Host": "evil-scans.lab"}, 421),
        ("scans.lab", {"Host": ""}, 421),
        ("scans.lab", {"Host": "example.org", "Origin": "http://scans.lab"}, 421),
        ("scans.lab", {**NGINX, "Origin": "https://example.org"}, 403),
        ("scans.lab", {**NGINX, "Origin": "https://scans.lab.example.org"}, 403),
        ("scans.lab", {**NGINX, "Origin": "null"}, 403),
        (
            "scans.lab",
            {**NGINX, "Origin": "https://scans.lab", "Sec-Fetch-Site": "cross-site"},
            403,
        ),
        ("scans.lab", {**NGINX, "Sec-Fetch-Site": "same-site"}, 403),
        (
            "scans.lab",
            {**NGINX, "X-Forwarded-Host": "scans.lab", "Origin": "http://other.lab"},
            403,
        ),
    ],
)
@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_server_answers_to_its_names_and_to_forms_of_their_pages(
    name: str, headers: dict[str, str], status: int, host: str
) -> None:
    with asking(**named(name, host=host)) as client:
        assert client.post(PREDICT, files=SCAN, headers=headers).status_code == status


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({"Host": "scans.lab"}, "not called 'scans.lab'"),
        ({**NGINX, "Origin": "http://scans.lab"}, "another site sent this, 'http://scans.lab'"),
    ],
)
def test_both_refusals_name_the_option(headers: dict[str, str], told: str) -> None:
    with asking(**named()) as client:
        detail = client.post(PREDICT, files=SCAN, headers=headers).json()["detail"]
        page = client.post("/", files=SCAN, headers=headers).text
    assert told in detail
    assert "--name" in detail
    assert "--name" in page


def test_names_are_added_to_those_of_the_machine() -> None:
    assert named("scans.lab:8443")["hosts"] == (*LOOPBACK, "127.0.0.1", "scans.lab")
    assert named(host="0.0.0.0")["hosts"] == ()


# ---- HEAD ------------------------------------------------------------------------------


def test_head_is_answered_as_get_without_a_body() -> None:
    with asking() as client:
        result = client.post("/", files=SCAN).headers["location"]
        paths = [path for method, path, _ in ROUTES if method == "GET"]
        paths += ["/static/page.css", "/samples/0", result, f"{result}/0", f"{result}/0/scan.png"]
        for path in (*paths, f"{result}/table.csv", f"{result}/0/picture.png", "/results/no"):
            get, head = client.get(path), client.head(path)
            assert (head.status_code, head.content) == (get.status_code, b""), path
            varying = {"content-length"} if path == "/metrics" else set()  # it counts requests
            assert _without(head.headers, varying) == _without(get.headers, varying), path


def _without(headers: Any, names: set[str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in names}


def test_head_without_the_token_or_by_another_name_is_refused_without_a_body() -> None:
    with asking(token=SECRET) as client:
        refused = client.head("/"), client.head("/model", headers={"Host": "example.org"})
    assert [(one.status_code, one.content) for one in refused] == [(401, b""), (421, b"")]


def test_whether_the_page_takes_requests_is_no_secret_and_gives_no_leave_by_cors() -> None:
    headers = {"Origin": "https://example.org", "Access-Control-Request-Method": "POST"}
    with asking(token=SECRET) as client:
        answer = client.options("/", headers=headers)
        assert (answer.status_code, answer.headers["allow"]) == (204, "GET, HEAD, OPTIONS, POST")
        assert not [name for name in answer.headers if name.startswith("access-control")]
        assert client.options("/model").status_code == 401


def test_head_is_counted_by_its_route() -> None:
    with asking() as client:
        client.head("/healthz")
        metrics = client.get("/metrics").text
    assert 'scanvote_requests_total{method="HEAD",route="/healthz",status="200"} 1.0' in metrics


# ---- a prefix --------------------------------------------------------------------------


def links(page: str) -> set[str]:
    """Every address in a page."""
    found = re.findall(r'(?:href|src|action|data-kept|data-url)="([^"#]+)', page)
    return {one.replace("&amp;", "&") for one in found}


@pytest.mark.parametrize("stripped", [True, False])
def test_below_a_prefix_every_address_has_it_and_leads_somewhere(stripped: bool) -> None:
    """Whether or not the proxy takes it off."""

    def at(address: str) -> str:
        assert address.startswith(f"{HERE}/"), address
        return address.removeprefix(HERE) if stripped else address

    with asking(root_path=HERE) as client:
        one = client.post(at(f"{HERE}/"), files=SCAN).headers["location"]
        several = client.post(at(f"{HERE}/"), files=[*SCAN, *SCAN]).headers["location"]
        explained = client.post(at(f"{one}/0"), data={"method": "lime"}).headers["location"]
        pages = [f"{HERE}/", f"{HERE}/model", f"{HERE}/docs", one, several, explained.split("#")[0]]
        seen = set[str]()
        for address in (*pages, f"{HERE}/results/unknown", f"{several}/1"):
            seen |= links(client.get(at(address)).text)
        assert len(seen) > 20
        assert {client.get(at(address)).status_code for address in seen} == {200}


@pytest.mark.parametrize("path", [HERE, f"{HERE}/", "/"])
def test_the_prefix_itself_is_the_page(path: str) -> None:
    with asking(root_path=HERE) as client:
        assert "What do the models see" in client.get(path).text
        assert client.get("/scanvoted").status_code == 404
        assert client.get(f"{HERE}{HERE}").status_code == 404


def test_no_redirect_leads_to_an_address_of_the_server_behind_the_proxy() -> None:
    with asking(root_path=HERE) as client:
        assert client.get("/model/").status_code == 404
        assert client.get(f"{HERE}/docs/").status_code == 404


def test_the_description_names_the_prefix() -> None:
    with asking(root_path=HERE) as client:
        assert client.get(f"{HERE}/openapi.json").json()["servers"] == [{"url": HERE}]
    with asking() as client:
        assert "servers" not in client.get("/openapi.json").json()


def test_errors_below_the_prefix_are_for_programs_or_people_as_without_it() -> None:
    with asking(root_path=HERE) as client:
        assert client.post(HERE + EXPLAIN, files=files(("no.txt", b"text"))).json()["detail"]
        page = client.get(f"{HERE}/nothing")
    assert page.headers["content-type"].startswith("text/html")
    assert f'href="{HERE}/"' in page.text


@pytest.mark.parametrize(
    ("origin", "secure"),
    [("http://scans.lab", False), ("https://scans.lab", True), (None, False)],
)
def test_the_cookie_is_for_the_prefix_and_for_https_alone_where_the_page_has_it(
    origin: str | None, secure: bool
) -> None:
    headers = {"Origin": origin} if origin else {}
    options = {**named("scans.lab", root_path=HERE), "token": SECRET}
    with asking(**options) as client:
        page = client.get(f"{HERE}/")
        assert (page.status_code, f'action="{HERE}/token"' in page.text) == (401, True)
        assert client.get(f"{HERE}/healthz").status_code == 200
        told = client.post(f"{HERE}/token", data={"token": SECRET}, headers=headers)
        cookie = told.headers["set-cookie"]
        assert told.headers["location"] == f"{HERE}/"
        assert f"Path={HERE}/" in cookie
        assert ("Secure" in cookie) == secure


@pytest.mark.parametrize(
    "path",
    [f"{HERE}/static/../model", f"{HERE}//model", f"{HERE}/%74oken", f"{HERE}/token/../model"],
)
def test_no_detour_by_the_prefix_leads_past_the_token(path: str) -> None:
    with asking(token=SECRET, root_path=HERE) as client:
        assert client.get(path).status_code in (401, 404, 405)


def test_what_is_public_is_public_below_the_prefix_alone() -> None:
    with asking(token=SECRET, root_path="/static2") as client:
        assert client.get("/static2/model").status_code == 401
        assert client.get("/static2/static/page.css").status_code == 200


# ---- another model lies there ------------------------------------------------------------


def test_the_page_and_readiness_tell_which_model_answers_and_that_another_lies_there() -> None:
    engine = FakeEngine()
    with asking(engine) as client:
        told = {"model_digest": engine.contents.digest, "newer_digest": None}
        assert client.get("/readyz").json() == {"status": "ready", **told}
        location = client.post("/", files=SCAN).headers["location"]
        assert "Another model" not in client.get(location).text
        engine.other = "0123456789abcdef" * 2
        assert client.get("/readyz").json()["newer_digest"] == engine.other
        for path in ("/", "/model", location):
            page = client.get(path).text
            assert "Another model (0123456789ab)" in page
            assert "restart" in page


def test_every_answer_names_the_model() -> None:
    engine = FakeEngine()
    digest = engine.contents.digest
    with asking(engine) as client:
        answers = [
            client.post(PREDICT, files=SCAN).json(),
            client.post(EXPLAIN, files=SCAN).json(),
            client.get("/api/v1/model").json(),
        ]
        one = client.post("/", files=SCAN).headers["location"]
        several = client.post("/", files=[*SCAN, *SCAN]).headers["location"]
        result, gallery = client.get(one).text, client.get(several).text
        assert [answer["model"]["digest"] for answer in answers] == [digest] * 3
        assert f"Answered by model {digest[:12]}." in result
        assert f"Answered by model {digest[:12]}." in gallery
        assert digest in result, "on paper"
        assert digest in client.get("/model").text
        assert digest in client.get(f"{several}/table.csv").text
        assert f'model_digest="{digest}"' in client.get("/metrics").text
