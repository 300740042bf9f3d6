"""The interface is asked whatever its own description allows, and what it does not allow."""

from contextlib import nullcontext
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from scanvote.serving.app import make_app
from scanvote.serving.options import ServeOptions
from tests.clients import EXPLAIN, PREDICT, asking, files
from tests.serving import FakeEngine, nifti_bytes, scan_png

EXAMPLES = 60
"""Of each operation."""
EXCLUDED = [positive_data_acceptance]
"""A file of random bytes is as it is described, and yet no scan."""


def described() -> Any:
    app = make_app(lambda: nullcontext(FakeEngine()), ServeOptions(hosts=()))
    return schemathesis.openapi.from_asgi("/openapi.json", app)


schema = described()


@schema.parametrize()
@settings(
    max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), derandomize=True, deadline=None
)
def test_whatever_is_asked_is_answered_as_described(case: schemathesis.Case) -> None:
    case.call_and_validate(excluded_checks=EXCLUDED)


@pytest.mark.parametrize("content", [scan_png(), nifti_bytes(), b"no scan"])
@pytest.mark.parametrize("path", [PREDICT, EXPLAIN])
def test_what_is_said_of_a_scan_is_as_described(path: str, content: bytes) -> None:
    operation = schema[path]["POST"]
    with asking() as client:
        answer = client.post(path, files=files(("a.png", content)))
    assert answer.status_code == (415 if content == b"no scan" else 200)
    operation.validate_response(answer)
