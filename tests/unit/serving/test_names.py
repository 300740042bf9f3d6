"""Names and prefixes that a server may be told, and what is told of others."""

import pytest

from scanvote.core.errors import InputError
from scanvote.serving.names import OWN, checked_names, checked_root_path, hostname, origins
from scanvote.serving.page.pages import router
from tests.clients import asking


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("scans.lab", "scans.lab"),
        ("Scans.LAB", "scans.lab"),
        ("scans", "scans"),
        ("scans.lab.", "scans.lab"),
        ("scans.lab:8443", "scans.lab:8443"),
        ("my_host-1", "my_host-1"),
        ("10.0.0.7", "10.0.0.7"),
        ("[::1]:80", "[::1]:80"),
        ("[fd00::7]", "[fd00::7]"),
        ("xn--grsse-lab-x9a", "xn--grsse-lab-x9a"),
    ],
)
def test_a_name_is_that_of_a_host(given: str, name: str) -> None:
    assert checked_names([given]) == (name,)
    assert hostname(name) in name


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("*", "a wildcard"),
        ("*.lab", "a wildcard"),
        ("", "no name"),
        (" ", "no name"),
        (".", "no name"),
        ("scans..lab", "no name"),
        ("-scans", "no name"),
        ("scans lab", "no name"),
        ("scans.lab/scanvote", "no name"),
        ("scans.lab?x", "no name"),
        ("me@scans.lab", "no name"),
        ("scans.lab:", "no name"),
        ("scans.lab:0", "no name"),
        ("scans.lab:port", "no name"),
        ("scans.lab:99999", "no name"),
        ("a,b", "no name"),
        ("https://scans.lab/x", "did you mean 'scans.lab'"),
        ("http://", r"scans\.lab:8443$"),
        ("größe.lab", "in ASCII, .* xn--"),
        ("fd00::7", "no name"),
        ("[fd00::7", "no name"),
        ("x" * 64, "no name"),
        ("scans.lab\nX: y", "no name"),
    ],
)
def test_what_is_no_name_is_one_line(given: str, told: str) -> None:
    with pytest.raises(InputError, match=told) as caught:
        checked_names(["good.lab", given])
    assert "\n" not in str(caught.value)
    assert "--name" in str(caught.value)


def test_an_origin_has_the_port_that_browsers_send() -> None:
    assert origins("scans.lab") == {"http://scans.lab", "https://scans.lab"}
    assert origins("scans.lab:8443") == {"http://scans.lab:8443", "https://scans.lab:8443"}
    assert origins("scans.lab:443") == {"http://scans.lab:443", "https://scans.lab"}
    assert origins("[::1]:80") == {"http://[::1]", "https://[::1]:80"}
    assert origins("[::1]") == {"http://[::1]", "https://[::1]"}


@pytest.mark.parametrize(
    ("given", "prefix"),
    [
        ("", ""),
        ("/", ""),
        ("/scanvote", "/scanvote"),
        ("/scanvote/", "/scanvote"),
        ("/a/b-c/~d_e.f", "/a/b-c/~d_e.f"),
        ("/models", "/models"),
    ],
)
def test_a_prefix_has_no_slash_at_its_end(given: str, prefix: str) -> None:
    assert checked_root_path(given) == prefix


@pytest.mark.parametrize(
    "given",
    [
        *("scanvote", "//", "//scanvote", "/a//b", "/scanvote//", "/..", "/a/../b", "/./a", "/*"),
        *("/a b", "/a?b", "/a#b", "/a%20b", "/größe", "https://lab/scanvote", "/a\nb", " ", "/a'b"),
        *(f"/{own}" for own in OWN),
        "/static/lab",
    ],
)
def test_what_is_no_prefix_is_one_line(given: str) -> None:
    with pytest.raises(InputError, match="--root-path") as caught:
        checked_root_path(given)
    assert "\n" not in str(caught.value)


def test_no_address_of_the_server_may_be_a_prefix() -> None:
    with asking() as client:
        paths = {*client.get("/openapi.json").json()["paths"], "/docs", "/openapi.json", "/token"}
    paths |= {route.path for route in router.routes}
    assert {path.split("/")[1] for path in paths} - {""} == set(OWN)
