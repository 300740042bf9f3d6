"""Behind a real nginx, with the example of docs/how-to/serve.md; without nginx it is skipped."""

import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from scanvote.serving.engine import EngineOptions
from scanvote.serving.options import ServeOptions
from scanvote.serving.server import guarded
from tests.browser.serving import served, starting
from tests.clients import EXPLAIN, PREDICT, files
from tests.serving import FakeEngine, scan_png, tumour_png

pytestmark = pytest.mark.slow
PAGE = Path(__file__).parents[2] / "docs/how-to/serve.md"
EXAMPLE = re.search(r"```nginx\n(.*?)```", PAGE.read_text(), re.DOTALL)[1]
HERE, NAME = "/scanvote", "scans.lab"
PLACES = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
"""What nginx could write uploads and answers to."""
MAIN = """
daemon off;
master_process off;
pid nginx.pid;
error_log stderr;
events {{}}
http {{
access_log access.log;
{places}
{example}
}}
"""
BROWSER = {"Origin": f"https://{NAME}", "Sec-Fetch-Site": "same-origin"}
STARTS = 20.0
"""Seconds."""


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def _certificate(folder: Path) -> Path:
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    named = ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME},IP:127.0.0.1"]
    files = ["-keyout", folder / "key.pem", "-out", folder / "cert.pem"]
    subprocess.run(["openssl", *words.split(), *named, *files], check=True, capture_output=True)
    return folder / "cert.pem"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of nginx."""
    for program in ("nginx", "openssl"):
        if shutil.which(program) is None:
            pytest.skip(
                f"no {program}: apt-get install --no-install-recommends nginx-light openssl"
            )
    return tmp_path_factory.mktemp("nginx")


@pytest.fixture(scope="module")
def proxied(folder: Path) -> Iterator[httpx.Client]:
    """A browser before nginx before a server."""
    options = guarded(ServeOptions(names=(NAME,), root_path=HERE), "127.0.0.1", no_token=True)
    certificate, port = _certificate(folder), _free_port()
    with served(starting(FakeEngine()), options) as address:
        changes = {
            "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
            "/etc/ssl/certs/scans.lab.pem": "cert.pem",
            "/etc/ssl/private/scans.lab.key": "key.pem",
            "http://127.0.0.1:8000": address,
        }
        example = EXAMPLE
        for before, after in changes.items():
            assert before in example
            example = example.replace(before, after)
        places = "\n".join(f"{place}_temp_path temporary-{place};" for place in PLACES)
        (folder / "nginx.conf").write_text(MAIN.format(places=places, example=example))
        words = ["nginx", "-p", folder, "-c", "nginx.conf", "-e", "stderr"]
        with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as nginx:
            _wait(nginx, port)
            trusted = ssl.create_default_context(cafile=certificate)
            base = f"https://127.0.0.1:{port}"
            with httpx.Client(base_url=base, verify=trusted, headers={"Host": NAME}) as client:
                yield client
            nginx.terminate()


def _wait(nginx: "subprocess.Popen[str]", port: int) -> None:
    end = time.monotonic() + STARTS
    while time.monotonic() < end:
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert nginx.poll() is None, nginx.stderr.read() if nginx.stderr else ""
        time.sleep(0.02)
    raise AssertionError("nginx does not start")


def test_a_person_gets_pages_pictures_and_results(proxied: httpx.Client) -> None:
    form = proxied.get(f"{HERE}/")
    assert form.status_code == 200
    for address in re.findall(r'(?:href|src)="([^"#]+)"', form.text):
        assert proxied.get(address).status_code == 200, address
    moved = proxied.get(HERE)
    assert (moved.status_code, moved.headers["location"].endswith(f"{HERE}/")) == (301, True)
    answer = proxied.post(f"{HERE}/", files=files(("a.png", tumour_png())), headers=BROWSER)
    location = answer.headers["location"]
    assert (answer.status_code, location.startswith(f"{HERE}/results/")) == (303, True)
    result = proxied.get(location)
    pictures = re.findall(r'src="([^"#]+scan\.png)"', result.text)
    assert pictures
    assert all(proxied.get(one).headers["content-type"] == "image/png" for one in pictures)


def test_a_program_gets_answers_and_head_is_as_get(proxied: httpx.Client) -> None:
    form = files(("a.png", scan_png()))
    assert proxied.post(f"{HERE}{PREDICT}", files=form).json()["findings"]
    assert proxied.post(f"{HERE}{EXPLAIN}", files=form).json()["maps"]
    assert proxied.get(f"{HERE}/openapi.json").json()["servers"] == [{"url": HERE}]
    for path in ("/", "/readyz", "/healthz", "/model", "/static/page.css"):
        head, get = proxied.head(HERE + path), proxied.get(HERE + path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == str(len(get.content))


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": f"https://{NAME}"}, 200),  # an older browser
        ({"Host": "example.org"}, 421),
        ({"Origin": "https://example.org"}, 403),
        ({"Origin": f"https://{NAME}", "Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
def test_others_are_refused_through_it_too(
    proxied: httpx.Client, headers: dict[str, str], status: int
) -> None:
    form = files(("a.png", scan_png()))
    assert proxied.post(f"{HERE}{PREDICT}", files=form, headers=headers).status_code == status


def test_a_large_file_comes_through_and_is_not_written_to_disk(
    proxied: httpx.Client, folder: Path
) -> None:
    large = scan_png()[:-12] + bytes(5 * 2**20) + scan_png()[-12:]
    places = [folder / f"temporary-{place}" for place in PLACES]
    before = [place.stat().st_mtime_ns for place in places]  # also of a file that is deleted again
    assert proxied.post(f"{HERE}{PREDICT}", files=files(("a.png", large))).status_code == 200
    assert [place.stat().st_mtime_ns for place in places] == before
    assert (folder / "access.log").read_text() == ""


def test_its_limits_are_those_of_the_server() -> None:
    megabytes = int(re.search(r"client_max_body_size (\d+)m;", EXAMPLE)[1])
    assert megabytes * 2**20 == ServeOptions().request_bytes
    assert f"max_size {megabytes}MiB" in PAGE.read_text()
    seconds = int(re.search(r"proxy_read_timeout (\d+)s;", EXAMPLE)[1])
    assert seconds > EngineOptions().explain_timeout
