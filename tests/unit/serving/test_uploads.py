"""Forms are read in memory, within bounds, and whatever is sent as one is answered."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanvote.inputs.scan import Limits
from scanvote.serving.uploads import LONGEST_FIELD, MOST_FIELDS
from tests.clients import PREDICT, asking, files
from tests.serving import FakeEngine, scan_png

MULTIPART = {"content-type": "multipart/form-data; boundary=B"}


def part(head: str, content: bytes = b"x") -> bytes:
    return b"--B\r\n" + head.encode() + b"\r\n\r\n" + content + b"\r\n"


FILE = 'Content-Disposition: form-data; name="files"; filename="a.png"'
END = b"--B--\r\n"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"nothing of a form", 400),
        (part(FILE, scan_png()), 400),  # cut off before the last boundary
        (part(FILE, scan_png()) + END, 200),
        (part("Content-Disposition: form-data") + END, 400),
        (part("Content-Type: image/png") + END, 400),
        (part('Content-Disposition: form-data; name="scan"; filename="a.png"') + END, 422),
        (part('Content-Disposition: form-data; name="other"') + END, 422),
        (part('Content-Disposition: form-data; name="files"', scan_png()) + END, 422),
        (part('Content-Disposition: form-data; name="files"; filename=""', b"") + END, 422),
        (part(FILE + "\r\nX: " + "y" * 2**16) + END, 400),
        (part(FILE + "\r\nX: y" * 1000) + END, 400),
        (END, 422),
    ],
)
def test_a_form_that_is_none_is_told_why(body: bytes, status: int) -> None:
    with asking() as client:
        answer = client.post(PREDICT, content=body, headers=MULTIPART)
    assert answer.status_code == status
    assert status == 200 or answer.json()["detail"]


@pytest.mark.parametrize("kind", ["", "image/png", "application/json", "multipart/form-data"])
def test_what_is_no_form_is_not_taken(kind: str) -> None:
    with asking() as client:
        answer = client.post(PREDICT, content=scan_png(), headers={"content-type": kind})
    assert answer.status_code == 415


def test_more_files_than_the_server_takes_are_refused() -> None:
    form = files(*((f"{at}.png", scan_png()) for at in range(4)))
    with asking(files=3) as client:
        assert client.post(PREDICT, files=form).status_code == 413
        assert client.post(PREDICT, files=form[1:]).status_code == 200


@pytest.mark.parametrize(
    ("data", "status"),
    [
        ({f"f{at}": "" for at in range(MOST_FIELDS + 1)}, 400),
        ({"f": "x" * (LONGEST_FIELD + 1)}, 413),
    ],
)
def test_fields_are_bounded(data: Any, status: int) -> None:
    with asking() as client:
        form = files(("a.png", scan_png()))
        assert client.post(PREDICT, data=data, files=form).status_code == status
        assert client.post(PREDICT, data=data).status_code == status


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("scan.png", "scan.png"),
        ("../../etc/passwd", "passwd"),
        ("C:\\patients\\doe.png", "doe.png"),
        ("größe 測定.png", "größe 測定.png"),
    ],
)
def test_a_name_is_shown_without_the_folders_that_it_lay_in(name: str, shown: str) -> None:
    engine = FakeEngine()
    head = f'Content-Disposition: form-data; name="files"; filename="{name}"'
    with asking(engine) as client:
        client.post(PREDICT, content=part(head, scan_png()) + END, headers=MULTIPART)
    assert engine.asked == [shown]


@settings(max_examples=40)
@given(name=st.binary(max_size=400), content=st.binary(max_size=400))
def test_no_name_and_no_content_is_a_bug(name: bytes, content: bytes) -> None:
    head = b'Content-Disposition: form-data; name="files"; filename="' + name + b'"\r\n\r\n'
    engine = FakeEngine()
    with asking(engine, limits=Limits(bytes=200)) as client:
        body = b"--B\r\n" + head + content + b"\r\n" + END
        answer = client.post(PREDICT, content=body, headers=MULTIPART)
    assert answer.status_code in (400, 413, 415, 422)
    assert all(shown.isprintable() and len(shown) <= 200 for shown in engine.asked)


@pytest.mark.parametrize(
    ("head", "status"), [('name="f"', 400), ('name="files"; filename=""', 413)]
)
def test_parts_that_leave_nothing_behind_are_counted(head: str, status: int) -> None:
    nothing = part(f"Content-Disposition: form-data; {head}", b"")
    with asking(files=3) as client:
        answer = client.post(PREDICT, content=nothing * (MOST_FIELDS + 1) + END, headers=MULTIPART)
    assert answer.status_code == status
    assert answer.json()["detail"].startswith("Too many fi")
