"""The REST interface: each status that it knows, and that it says the same as the engine."""

import json
from base64 import b64decode
from typing import Any

import cv2
import numpy as np
import pytest

from scanvote.core.disclaimer import DISCLAIMER
from scanvote.inputs.scan import Limits
from scanvote.predict.quality import quality
from scanvote.serving.engine_api import (
    EngineError,
    Examined,
    QueueFull,
    RequestTimeout,
    Upload,
    WorkerDied,
)
from scanvote.serving.requests import AT_ONCE
from tests.clients import EXPLAIN, PREDICT, asking, files, watched_disk
from tests.serving import (
    MEMBERS,
    SIDE,
    FakeEngine,
    alone,
    constant,
    contents,
    nifti_bytes,
    scan_png,
    tumour_png,
)

TEXT = b"no scan at all"
CUT = scan_png()[:-20]


def predicted(engine: FakeEngine, content: bytes) -> list[dict[str, Any]]:
    """What the engine itself says of a file."""
    import asyncio

    said = asyncio.run(engine.predict(Upload("scan.png", content)))
    return [json.loads(one.finding.model_dump_json()) for one in said]


def test_a_scan_is_answered_with_what_the_engine_says_of_which_model() -> None:
    engine = FakeEngine()
    with asking(engine) as client:
        answer = client.post(PREDICT, files=files(("scan.png", scan_png())))
    told = answer.json()
    assert answer.status_code == 200
    assert told["findings"] == predicted(engine, scan_png())
    assert told["refused"] == []
    assert told["notice"] == DISCLAIMER
    assert told["model"]["test"] == engine.contents.test
    assert told["model"]["data"] == engine.contents.data
    assert told["model"]["versions"] == engine.contents.versions


def test_every_answer_says_how_good_its_model_is() -> None:
    for whole in (contents(), constant(), alone("classification"), alone("segmentation")):
        with asking(FakeEngine(contents=whole)) as client:
            form = files(("scan.png", scan_png()))
            told = client.post(PREDICT, files=form).json()["model"]["performance"]
            model = client.get("/api/v1/model").json()
        assert told == model["model"]["performance"]
        assert told["words"] == quality(whole)
        for task in ("classification", "segmentation"):
            part = whole.parts.get(task)
            assert told[task] == (part and json.loads(part.performance.model_dump_json()))
        assert bool(model["labels"]) == bool(model["methods"]) == bool(whole.classifiers)


def test_what_a_model_of_one_task_lacks_is_null_and_asking_for_it_is_422() -> None:
    form = files(("scan.png", scan_png()))
    with asking(FakeEngine(contents=alone("classification"))) as client:
        assert client.post(PREDICT, files=form).json()["findings"][0]["mask"] is None
        refused = client.post(PREDICT, params={"masks": True}, files=form)
        assert client.post(EXPLAIN, files=form).status_code == 200
    assert (refused.status_code, "marks nothing" in refused.json()["detail"]) == (422, True)
    with asking(FakeEngine(contents=alone("segmentation"))) as client:
        (found,) = client.post(PREDICT, params={"masks": True}, files=form).json()["findings"]
        refused = client.post(EXPLAIN, files=form)
    assert (refused.status_code, "no vote to explain" in refused.json()["detail"]) == (422, True)
    assert found["mask"]["png"]
    names = ("vote", "probabilities", "agreement", "members", "operating", "familiarity")
    assert [found[name] for name in names] == [None, {}, None, [], None, None]


def test_a_volume_has_a_finding_of_each_slice() -> None:
    with asking() as client:
        told = client.post(PREDICT, files=files(("head.nii.gz", nifti_bytes()))).json()
    assert [one["slice"] for one in told["findings"]] == [0, 1, 2]


class Crowded(FakeEngine):
    """Remembers how many files it had at a time."""

    most = 0

    async def predict(self, upload: Upload, pictures: bool = True) -> list[Examined]:
        self.most = max(self.most, self.waiting + 1)
        return await super().predict(upload, pictures)


def test_of_one_request_the_engine_has_a_few_files_at_a_time() -> None:
    engine = Crowded(seconds=0.01)
    with asking(engine) as client:
        names = [f"{place}.png" for place in range(3 * AT_ONCE)]
        told = client.post(PREDICT, files=files(*((name, scan_png()) for name in names))).json()
    assert [one["file"] for one in told["findings"]] == names
    assert 1 < engine.most <= AT_ONCE


def test_the_mask_comes_as_png_where_it_is_asked_for() -> None:
    with asking() as client:
        form = files(("scan.png", tumour_png()))
        without = client.post(PREDICT, files=form).json()["findings"][0]["mask"]
        mask = client.post(PREDICT, params={"masks": True}, files=form).json()["findings"][0][
            "mask"
        ]
    image = cv2.imdecode(np.frombuffer(b64decode(mask["png"]), np.uint8), cv2.IMREAD_UNCHANGED)
    assert without["png"] is None
    assert image.shape == (SIDE, SIDE)
    assert (image > 0).sum() == mask["area_pixels"] > 0


def test_of_several_files_those_that_can_be_are_answered() -> None:
    form = files(("a.png", scan_png(1)), ("b.txt", TEXT), ("c.png", CUT), ("d.png", scan_png(2)))
    with asking() as client:
        answer = client.post(PREDICT, files=form)
    told = answer.json()
    assert answer.status_code == 200
    assert [one["file"] for one in told["findings"]] == ["a.png", "d.png"]
    assert [(one["file"], one["status"]) for one in told["refused"]] == [
        ("b.txt", 415),
        ("c.png", 422),
    ]


@pytest.mark.parametrize(
    ("form", "status"),
    [
        (files(("b.txt", TEXT)), 415),
        (files(("c.png", CUT)), 422),
        (files(("c.png", CUT), ("b.txt", TEXT)), 422),
        (files(("b.txt", TEXT), ("c.png", CUT)), 415),
        (files(("large.png", scan_png() + bytes(2**20))), 413),
    ],
)
def test_where_no_file_can_be_answered_the_first_tells_the_status(form: Any, status: int) -> None:
    with asking(limits=Limits(bytes=2**20)) as client:
        answer = client.post(PREDICT, files=form)
    told = answer.json()
    assert answer.status_code == status
    assert told["detail"] == told["refused"][0]["reason"]
    assert len(told["refused"]) == len(form)


def test_a_file_past_the_limit_leaves_the_others_alone() -> None:
    form = files(("large.png", bytes(2**20 + 1)), ("a.png", scan_png()))
    with asking(limits=Limits(bytes=2**20)) as client:
        told = client.post(PREDICT, files=form).json()
    assert [one["file"] for one in told["findings"]] == ["a.png"]
    assert [(one["file"], one["status"]) for one in told["refused"]] == [("large.png", 413)]


@pytest.mark.parametrize(
    ("failure", "status", "retry"),
    [
        (QueueFull("the queue is full"), 429, True),
        (RequestTimeout("no answer within 30 s"), 503, True),
        (WorkerDied("the worker died of it"), 503, True),
        (EngineError("the model cannot be loaded"), 503, True),
    ],
)
@pytest.mark.parametrize("path", [PREDICT, EXPLAIN])
def test_what_the_engine_cannot_serve_is_told_as_such(
    failure: EngineError, status: int, retry: bool, path: str
) -> None:
    with asking(FakeEngine(failure=failure)) as client:
        answer = client.post(path, files=files(("scan.png", scan_png())))
    assert answer.status_code == status
    assert answer.json()["detail"] == str(failure)
    assert ("retry-after" in answer.headers) == retry


def test_a_bug_is_a_500_that_tells_nothing_of_the_inside() -> None:
    class Broken(FakeEngine):
        async def predict(self, upload: Upload, pictures: bool = True) -> Any:
            raise RuntimeError("secret path /home/doe")

    with asking(Broken()) as client:
        answer = client.post(PREDICT, files=files(("scan.png", scan_png())))
    assert answer.status_code == 500
    assert "secret" not in answer.text


def test_an_explanation_has_a_map_of_the_vote_and_of_each_member() -> None:
    with asking() as client:
        answer = client.post(
            EXPLAIN, params={"method": "lime"}, files=files(("scan.png", scan_png()))
        )
    told = answer.json()
    assert answer.status_code == 200
    assert told["method"] == "lime"
    assert list(told["maps"]) == ["vote", *MEMBERS]
    assert all(b64decode(png).startswith(b"\x89PNG") for png in told["maps"].values())
    assert told["notice"] == DISCLAIMER


def test_an_explanation_may_be_had_as_a_picture() -> None:
    form = files(("scan.png", scan_png()))
    with asking() as client:
        picture = client.post(EXPLAIN, files=form, headers={"Accept": "image/png"})
        told = client.post(EXPLAIN, files=form).json()
    assert picture.headers["content-type"] == "image/png"
    assert picture.content == b64decode(told["maps"]["vote"])


@pytest.mark.parametrize(
    ("params", "form", "status"),
    [
        ({"method": "guess"}, files(("scan.png", scan_png())), 422),
        ({"finding": -1}, files(("scan.png", scan_png())), 422),
        ({"finding": 1}, files(("scan.png", scan_png())), 422),
        ({}, files(("b.txt", TEXT)), 415),
        ({}, files(("a.png", scan_png()), ("b.png", scan_png())), 422),
        ({}, files(("large.png", bytes(2**20 + 1))), 413),
    ],
)
def test_what_cannot_be_explained_is_told(params: Any, form: Any, status: int) -> None:
    with asking(limits=Limits(bytes=2**20)) as client:
        answer = client.post(EXPLAIN, params=params, files=form)
    assert answer.status_code == status
    assert answer.json()["detail"]


def test_a_method_that_needs_keras_is_not_offered_where_there_is_none() -> None:
    form = files(("scan.png", scan_png()))
    with asking(FakeEngine(unusable=("gradcam",))) as client:
        assert client.get("/api/v1/model").json()["methods"] == ["occlusion", "lime"]
        assert client.post(EXPLAIN, files=form).json()["method"] == "occlusion"
    with asking(FakeEngine(contents=contents(["gradcam"]), unusable=("gradcam",))) as client:
        refused = client.post(EXPLAIN, files=form)
    assert (refused.status_code, "needs Keras" in refused.json()["detail"]) == (422, True)


def test_the_model_tells_its_card_and_what_it_may_be_sent() -> None:
    engine = FakeEngine()
    with asking(engine, files=5) as client:
        told = client.get("/api/v1/model").json()
    assert told["card"] == engine.card
    assert told["model"]["runtime"] == engine.runtime
    assert told["contents"] == engine.contents.model_dump(mode="json")
    assert told["limits"]["files"] == 5


@pytest.mark.parametrize(("ready", "status"), [(True, 200), (False, 503)])
def test_the_server_is_ready_when_the_engine_is_and_alive_before(ready: bool, status: int) -> None:
    with asking(FakeEngine(ready=ready)) as client:
        assert client.get("/healthz").status_code == 200
        assert client.get("/readyz").status_code == status


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/api/v1/nothing", 404), ("GET", PREDICT, 405)]
)
def test_what_there_is_not_is_told_as_json_below_api(method: str, path: str, status: int) -> None:
    with asking() as client:
        answer = client.request(method, path)
    assert answer.status_code == status
    assert set(answer.json()) == {"detail", "refused"}


def test_nothing_that_is_uploaded_touches_the_disk() -> None:
    large = scan_png() + bytes(3 * 2**20)  # more than starlette would keep in memory
    with asking() as client, watched_disk() as written:
        client.post(PREDICT, files=files(("large.png", large), ("scan.png", scan_png())))
        client.post(EXPLAIN, files=files(("large.png", large)))
    assert written == []


def test_the_watch_of_the_disk_sees_a_spooled_file() -> None:
    from tempfile import SpooledTemporaryFile

    with watched_disk() as written, SpooledTemporaryFile(max_size=10) as file:
        file.write(bytes(100))
    assert written
