"""The page as a browser without a script has it; with one, in tests/browser."""

import csv
import io
import re
import time
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser

import pytest

from scanvote.core.disclaimer import DISCLAIMER
from scanvote.params import Task
from scanvote.serving.engine_api import QueueFull, RequestTimeout
from scanvote.serving.page.pages import DRAWN
from scanvote.serving.page.result_cache import ResultCache
from tests.clients import asking, files, watched_disk
from tests.serving import (
    DISJOINT,
    FakeEngine,
    alone,
    constant,
    contents,
    nifti_bytes,
    scan_png,
    tumour_png,
)

SCAN = ("slice.png", tumour_png())
HOSTILE = "<img src=x onerror=alert(1)>\"'&.png"


class Inline(HTMLParser):
    """Collects what the content security policy would refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if tag == "style" or (tag == "script" and "src" not in named):
            self.found.append(tag)
        self.found += [name for name in named if name == "style" or name.startswith("on")]
        for name in ("src", "href", "action"):
            if (named.get(name) or "/").split("?")[0].startswith(("http:", "https:", "//")):
                self.found.append(str(named[name]))


def given(client, *named: tuple[str, bytes]) -> str:
    """The path of the result."""
    answer = client.post("/", files=files(*named))
    assert answer.status_code == 303
    return answer.headers["location"]


def alerts(html: str) -> list[str]:
    """What stands in the alerts of a page, as text."""
    found = re.findall(r'<(\w+)[^>]* role="alert">(.*?)</\1>', html, re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", " ", words).split()) for _, words in found]


def main_part(html: str) -> str:
    return html.split("<main")[1].split("</main>")[0]


def visited(client) -> list[str]:
    """Every kind of page."""
    one, several = given(client, SCAN), given(client, SCAN, ("no.txt", b"text"))
    client.post(f"{one}/0", data={"method": "lime"})
    paths = ["/", "/model", one, f"{several}/0", several, f"{one}/0?method=lime", "/results/no"]
    pages = [client.get(path).text for path in paths]
    return [*pages, client.post("/", files=files(("no.txt", b"text"))).text]


def test_every_page_says_what_it_is_not_for_and_keeps_to_the_policy() -> None:
    with asking() as client:
        for html in visited(client):
            assert DISCLAIMER in html.split("<main")[0], "before all else"
            inline = Inline()
            inline.feed(html)
            assert inline.found == []


def test_a_name_with_markup_stays_a_name() -> None:
    with asking() as client:
        path = given(client, (HOSTILE, tumour_png()), ("<b>no.txt", b"text"))
        for html in (client.get(path).text, client.get(f"{path}/0").text):
            assert "<img src=x" not in html
            assert "<b>no" not in html
        assert "&lt;b&gt;no" in client.get(path).text


def test_a_result_is_private_and_had_by_its_address_alone() -> None:
    with asking() as client:
        first, second = given(client, SCAN), given(client, SCAN)
        assert first != second
        answer = client.get(first)
        assert "no-store" in answer.headers["cache-control"]
        assert client.get(f"{first}/1").status_code == 404
        assert client.get(f"{first}/-1").status_code == 404
        assert client.get("/results/unknown/0/scan.png").status_code == 404


@pytest.mark.parametrize(
    ("name", "content", "status"),
    [("no.txt", b"text", 415), ("cut.png", scan_png()[:-20], 422), ("big.png", bytes(99), 413)],
)
def test_a_refused_file_has_its_status_and_a_sentence(name, content, status) -> None:
    from scanvote.inputs.scan import Limits

    limits = Limits(bytes=98) if status == 413 else Limits()
    with asking(limits=limits) as client:
        answer = client.post("/", files=files((name, content)))
    assert answer.status_code == status
    assert len(alerts(answer.text)) == 1
    assert alerts(answer.text)[0].startswith(name)


@pytest.mark.parametrize(
    "failure", [QueueFull("the queue is full"), RequestTimeout("it took too long")]
)
def test_a_server_that_cannot_says_so_on_the_page(failure) -> None:
    with asking(FakeEngine(failure=failure)) as client:
        answer = client.post("/", files=files(SCAN))
        assert answer.status_code == failure.status
        assert str(failure) in alerts(answer.text)[0]


def test_an_explanation_that_fails_leaves_the_answer_on_the_page() -> None:
    engine = FakeEngine()
    with asking(engine) as client:
        path = given(client, SCAN)
        engine.failure = RequestTimeout("it took too long")
        answer = client.post(f"{path}/0", data={"method": "lime"})
    assert answer.status_code == 503
    assert alerts(answer.text) == ["it took too long"]
    assert ">Glioma</h1>" in answer.text


def test_an_explanation_is_made_once_and_kept() -> None:
    engine = FakeEngine()
    with asking(engine) as client:
        path = given(client, SCAN)
        before = len(engine.asked)
        for _ in range(2):
            assert client.post(f"{path}/0", data={"method": "lime"}).status_code == 303
        assert len(engine.asked) == before + 1
        pictures = [
            client.get(f"{path}/0/explanation.png", params={"method": "lime", "member": member})
            for member in ("vote", "cnn/filters64")
        ]
    assert [one.headers["content-type"] for one in pictures] == ["image/png"] * 2
    assert pictures[0].content != pictures[1].content


def test_only_what_was_made_and_what_the_package_serves_is_shown() -> None:
    with asking(FakeEngine(contents=contents(["occlusion"]))) as client:
        path = given(client, SCAN)
        page = client.get(f"{path}/0").text
        assert re.findall(r'name="method" value="(\w+)"', page) == ["occlusion"]
        assert client.post(f"{path}/0", data={"method": "lime"}).status_code == 422
        assert client.post(f"{path}/0", data={"way": "lime"}).status_code == 422
        missing = client.get(f"{path}/0/explanation.png", params={"method": "occlusion"})
        assert missing.status_code == 404
        assert "explained" not in client.get(f"{path}/0", params={"method": "occlusion"}).text


def test_only_methods_that_can_be_computed_here_are_offered() -> None:
    with asking(FakeEngine(unusable=("gradcam",))) as client:
        path = given(client, SCAN)
        page = client.get(f"{path}/0").text
        assert re.findall(r'name="method" value="(\w+)"', page) == ["occlusion", "lime"]
        assert client.post(f"{path}/0", data={"method": "gradcam"}).status_code == 422


def test_the_explanation_of_a_slice_is_of_that_slice() -> None:
    engine = FakeEngine()
    with asking(engine) as client:
        path = given(client, ("head.nii.gz", nifti_bytes()))
        assert "3 scans examined" in client.get(path).text
        for number in (0, 2):
            client.post(f"{path}/{number}", data={"method": "lime"})
        first, last = (
            client.get(f"{path}/{number}/explanation.png?method=lime").content for number in (0, 2)
        )
    assert first != last


def test_the_table_has_a_row_of_every_file() -> None:
    with asking() as client:
        path = given(client, SCAN, ("no.txt", b"text"), ("head.nii.gz", nifti_bytes()))
        answer = client.get(f"{path}/table.csv")
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        own = list(csv.DictReader(io.StringIO(client.get(f"{path}/0/table.csv").text)))
    assert [row["file"] for row in rows] == ["slice.png", *["head.nii.gz"] * 3, "no.txt"]
    assert own == rows[:1]
    assert rows[-1]["error"]
    assert rows[-1]["vote"] == ""


def test_a_download_is_called_after_its_file_whatever_that_is_called() -> None:
    with asking() as client:
        path = given(client, ('a"b\\ü.png', tumour_png()))
        how = client.get(f"{path}/0/picture.png").headers["content-disposition"]
    assert re.fullmatch(r"attachment; filename=\"[\w.\- ]+\"; filename\*=UTF-8''[\w.%\-]+", how)
    assert "%C3%BC-picture.png" in how


def test_the_downloads_of_a_volume_s_slices_are_told_apart() -> None:
    with asking() as client:
        path = given(client, ("head.nii.gz", nifti_bytes()))
        how = client.get(f"{path}/2/picture.png").headers["content-disposition"]
    assert 'filename="head-axial-2-picture.png"' in how


def test_no_cell_of_the_table_is_a_formula() -> None:
    with asking() as client:
        path = given(client, ("=cmd().png", tumour_png()), ("@no.txt", b"text"))
        rows = list(csv.DictReader(io.StringIO(client.get(f"{path}/table.csv").text)))
    assert [row["file"] for row in rows] == ["'=cmd().png", "'@no.txt"]
    assert rows[1]["error"].startswith("'@no.txt")
    assert not [cell for row in rows for cell in row.values() if cell[:1] in set("=+-@\t\r")]


def test_samples_of_classes_come_first_and_say_that_they_are_labelled() -> None:
    samples = {f"{name}.png": tumour_png() for name in ("tumour-1", "no_tumor", "a-1", "glioma")}
    with asking(FakeEngine(samples=samples)) as client:
        html = client.get("/").text
        asked = re.findall(r'name="sample" value="(.+?)">\s*<img src="/samples/(\d)"', html)
    assert asked == [(name, str(list(samples).index(name))) for name, _ in asked]
    assert [name for name, _ in asked] == ["glioma.png", "no_tumor.png", "tumour-1.png", "a-1.png"]
    said = re.findall(r"<span>(.+?)</span>\s*</button>", html)
    assert said == ["labelled glioma", "labelled no tumor", "labelled with an outline, 1", "a-1"]


def test_of_a_card_all_warnings_are_shown() -> None:
    smoke = contents().model_copy(update={"smoke": True})
    scans = [(f"{number}.png", scan_png(number)) for number in range(12)]
    with asking(FakeEngine(contents=smoke)) as client:
        html = client.get(given(client, *scans)).text
    flagged = [re.findall("<li>(.+?)</li>", one) for one in html.split('class="flags"')[1:]]
    assert len(flagged) == len(scans)
    assert all(one[0] == "smoke run" for one in flagged)
    assert {flag for one in flagged for flag in one} == {
        "smoke run",
        "class: outside",
        "outline: outside",
    }


def test_the_model_s_page_tells_no_distance_in_a_unit_of_its_own() -> None:
    with asking() as client:
        html = client.get("/model").text
    assert "Distance 1" in html
    assert str(contents().classifiers.seen.radius) not in html


def test_the_model_s_page_and_interface_say_what_the_test_may_claim_about_patients() -> None:
    told = "Patients unknown for 1 of 3 test scans: look-alikes are kept together."
    whole = contents()
    classifiers = whole.classifiers.model_copy(update={"patients": told})
    engine = FakeEngine(contents=whole.model_copy(update={"classifiers": classifiers}))
    with asking(engine) as client:
        html, answer = client.get("/model").text, client.get("/api/v1/model").json()
    assert told in html
    assert DISJOINT in html
    assert answer["contents"]["classifiers"]["patients"] == told


def test_beside_the_answer_and_with_the_model_stands_how_good_it_is() -> None:
    with asking() as client:
        html = client.get(given(client, SCAN)).text
    html = html.replace("\N{WORD JOINER}", "")
    assert "tested on 172 scans of 110 patients: accuracy 0.92 (0.86–0.96)" in html
    assert "tested on 57 slices of 7 patients: mean Dice 0.81 (0.66–0.90)" in html
    told = "The vote named glioma for all of 172 test scans"
    with asking(FakeEngine(contents=constant())) as client:
        for path in (given(client, SCAN), given(client, SCAN, SCAN), "/model"):
            assert main_part(client.get(path).text).count(told) == 1, path
    assert told not in html


@pytest.mark.parametrize(
    ("task", "absent"),
    [
        ("classification", ("utline", "marks the tumour", "umour found", "U-Net")),
        ("segmentation", (r"\bvote", "Why this answer", "robability", r"\bmember")),
    ],
)
def test_of_a_model_of_one_task_the_page_has_no_empty_half(
    task: Task, absent: tuple[str, ...]
) -> None:
    with asking(FakeEngine(contents=alone(task), samples={}, card="")) as client:
        one, two = given(client, SCAN), given(client, SCAN, ("b.png", scan_png(4)))
        pages = [client.get(path) for path in ("/", "/model", one, two)]
        assert [page.status_code for page in pages] == [200] * 4
        for page in pages:
            told = re.sub(r"<[^>]+>", " ", main_part(page.text))
            assert not [words for words in absent if re.search(words, told)]
        for name in ("picture.png", "table.csv", "scan.png"):
            assert client.get(f"{one}/0/{name}").status_code == 200
        refused = client.post(f"{one}/0", data={"method": "lime"}).status_code
        assert refused == (303 if task == "classification" else 422)


def test_a_sample_is_asked_for_by_name_and_shown_as_it_lies() -> None:
    engine = FakeEngine()
    with asking(engine) as client:
        answer = client.post("/", data={"sample": "no_tumor.png"})
        assert answer.status_code == 303
        assert engine.asked == ["no_tumor.png"]
        assert client.get("/samples/1").content == engine.samples["no_tumor.png"]
        assert client.get("/samples/2").status_code == 404


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.png", "image/png"), ("a.jpeg", "image/jpeg"), ("a.xyz1", "application/octet-stream")],
)
def test_a_sample_is_sent_as_what_its_ending_says(name: str, kind: str) -> None:
    with asking(FakeEngine(samples={name: scan_png()})) as client:
        assert client.get("/samples/0").headers["content-type"] == kind
        assert client.post("/", data={"sample": "../card.md"}).status_code == 422


@pytest.mark.parametrize("path", ["/static/nothing.css", "/static/..%2fpages.py", "/static/a%00"])
def test_only_the_page_s_own_files_are_served(path: str) -> None:
    with asking() as client:
        assert client.get(path).status_code == 404
        assert client.get("/static/page.css").headers["content-type"].startswith("text/css")


def test_the_model_s_page_has_card_versions_and_digests_under_one_heading() -> None:
    engine = FakeEngine(card="# A card\n\n## Use\n\n<script>alert(1)</script> `code`\n")
    with asking(engine) as client:
        html = client.get("/model").text
    for words in (
        "a" * 64,
        "c" * 64,
        "keras",
        "3.15",
        engine.runtime,
        "<h2>A card</h2>",
        "<h3>Use</h3>",
    ):
        assert words in html
    assert html.count("<h1") == 1
    assert "<script>alert" not in html


def test_a_result_is_forgotten() -> None:
    with asking() as client:
        clock = [0.0]
        client.app.state.recent = ResultCache(seconds=60, now=lambda: clock[0])
        path = given(client, SCAN)
        assert client.get(path).status_code == 200
        clock[0] = 60
        answer = client.get(path)
    assert answer.status_code == 404
    assert "no longer kept" in alerts(answer.text)[0]


def test_nothing_that_the_page_does_touches_the_disk() -> None:
    with asking() as client:
        visited(client)  # modules and fonts that are read once
        given_path = given(client, SCAN)
        client.get(f"{given_path}/0/picture.png")
        with watched_disk() as seen:
            path = given(client, ("large.png", tumour_png() + bytes(3 * 2**20) + b"IEND"), SCAN)
            client.post(f"{path}/0", data={"method": "lime"})
            for name in ("picture.png", "table.csv", "scan.png"):
                assert client.get(f"{path}/0/{name}").status_code == 200
        assert seen == []


def test_every_way_to_fail_has_a_page_of_its_own() -> None:
    with asking(token="t" * 20) as client:
        answer = client.get("/")
        assert answer.status_code == 401
        assert 'name="token"' in answer.text
        assert 'action="/token"' in answer.text


def test_only_a_few_pictures_are_drawn_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once, most = 0, 0

    def drawing(scan: bytes, heat: bytes) -> bytes:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        time.sleep(0.05)
        at_once -= 1
        return scan

    monkeypatch.setattr("scanvote.serving.page.overlays.draw_heatmap", drawing)
    with asking() as client, ThreadPoolExecutor(8) as threads:
        one = f"{given(client, SCAN)}/0"
        client.post(one, data={"method": "gradcam"})
        path = f"{one}/explanation.png?method=gradcam"
        answers = list(threads.map(lambda _: client.get(path).status_code, range(8)))
    assert answers == [200] * 8
    assert most == DRAWN


def test_explanations_count_among_what_is_kept() -> None:
    with asking() as client:
        older, newer = given(client, SCAN), given(client, SCAN)
        kept = client.app.state.recent
        kept._bytes = sum(kept.get(path.split("/")[-1]).bytes for path in (older, newer))
        client.post(f"{newer}/0", data={"method": "gradcam"})
        assert client.get(older).status_code == 404
        assert client.get(newer).status_code == 200
