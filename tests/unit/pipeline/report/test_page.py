"""The page: whole, readable for everybody, true to the files, and the same each time."""

import base64
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from fnmatch import fnmatch
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

from scanvote.core.metrics_file import read_metrics, write_metrics
from scanvote.pipeline.report import numbers
from scanvote.pipeline.report.blocks import Block, Collapsible, Table
from scanvote.pipeline.report.claim import claim
from scanvote.pipeline.report.model_package import packaged
from scanvote.pipeline.report.page import page, sections
from scanvote.pipeline.report.report_data import read_report_data
from scanvote.pipeline.report.tables import brackets
from tests.unit.pipeline.report.conftest import Finished
from tests.unit.pipeline.report.making import MISSING, PICTURES
from tests.unit.pipeline.report.reading import ESTIMATE, Page

Make = Callable[..., Path]


def read(root: Path) -> Page:
    return Page(page(read_report_data(root)))


def test_every_figure_lies_in_the_page_itself(finished: Finished) -> None:
    shown = {str(one["src"]) for one in finished.page.of("img")}
    contents = {base64.b64decode(source.partition(",")[2]) for source in shown}
    assert contents == {(finished.root / path).read_bytes() for path in PICTURES}


def test_every_picture_has_words_and_its_size(finished: Finished) -> None:
    for picture in finished.page.of("img"):
        assert len(str(picture["alt"])) > 10
        assert (picture["width"], picture["height"]) == ("12", "7")


def test_nothing_is_fetched_and_no_script_runs(finished: Finished) -> None:
    html = finished.html
    found = Page(html)
    for _, attributes in found.elements:
        for name in ("src", "href", "srcset", "data", "action"):
            assert re.match(r"data:image/png;base64,|#|$", attributes.get(name) or "")
        assert not [name for name in attributes if name.startswith("on")]
    assert not {"script", "iframe", "object", "link", "form"} & {tag for tag, _ in found.elements}
    assert "url(" not in html
    assert "@import" not in html


def test_headings_form_a_tree(finished: Finished) -> None:
    levels = [int(tag[1]) for tag, _ in finished.page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_the_contents_lead_to_every_section(finished: Finished) -> None:
    found = finished.page
    sections = [one["id"] for one in found.of("section")]
    links = [str(one["href"]) for one in found.of("a")]
    assert links == ["#content", *(f"#{name}" for name in sections)]
    anchors = [str(one["id"]) for _, one in found.elements if "id" in one]
    assert len(anchors) == len(set(anchors))
    assert {link[1:] for link in links} <= set(anchors)


def test_every_table_has_a_caption_and_heads(finished: Finished) -> None:
    tags = [tag for tag, _ in finished.page.elements]
    assert tags.count("table") == tags.count("caption") > 10
    for place in (at for at, tag in enumerate(tags) if tag == "table"):
        assert tags[place + 1 : place + 6] == ["caption", "span", "thead", "tr", "th"]


def test_it_says_first_and_last_what_it_is_not_for(finished: Finished) -> None:
    text = finished.page.text
    assert text.count("Research use, not for diagnosis.") == 2
    assert text.endswith("Research use, not for diagnosis.")


def estimates(values: dict[str, float | None]) -> set[str]:
    return {numbers.metric(values, key) for key in values if f"{key}_low" in values}


def change(path: Path, figures: dict[str, float]) -> None:
    write_metrics(path.with_suffix(".json"), read_metrics(path) | figures, {})


def known_estimates(root: Path) -> set[str]:
    """All figures with intervals that any file holds, as the page writes them."""
    found: set[str] = set()
    for path in root.glob("metrics/*/*.csv"):
        found |= estimates(read_metrics(path))
    for path in root.glob("metrics/*/*/*.csv"):
        table = pd.read_csv(path)
        ends = {"low": "difference_low", "high": "difference_high"}
        for row in table.rename(columns=ends).to_dict("records"):
            found |= estimates({str(key): value for key, value in row.items()})
    return found


def test_every_figure_of_the_page_is_one_of_the_files(finished: Finished) -> None:
    shown = set(ESTIMATE.findall(finished.page.text.replace("95 % interval ", "")))
    assert len(shown) > 50
    assert shown <= known_estimates(finished.root)


def tables(blocks: Iterable[Block]) -> Iterator[Table]:
    for block in blocks:
        if isinstance(block, Collapsible):
            yield from tables(block.blocks)
        elif isinstance(block, Table):
            yield block


def test_every_table_with_intervals_names_how_they_are_made(finished: Finished) -> None:
    found = [one for part in sections(finished.data) for one in tables(part.blocks)]
    with_intervals = [one for one in found if ESTIMATE.search(str(one.rows))]
    assert len(with_intervals) > 6
    methods = {over: brackets(over) for over in ("groups", "patients")}
    for table in with_intervals:
        over = "patients" if "U-Net" in table.caption else "groups"
        assert table.note.startswith(methods[over]), table.caption


def test_every_chief_figure_is_on_the_page(finished: Finished) -> None:
    text = finished.page.text
    for task in ("classification", "segmentation"):
        for told in estimates(read_metrics(finished.root / "metrics/evaluate" / f"{task}.csv")):
            assert told in text
    assert "exact McNemar p = 0.042" in text
    assert "DeLong of the AUROC p < 0.001" in text


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        (0.01, 0.2, "the vote is better ("),
        (-0.2, -0.01, "the vote is worse ("),
        (-0.1, 0.1, "the vote is neither shown to be better nor worse ("),
    ],
)
def test_the_interval_decides_what_is_claimed(
    make: Make, low: float, high: float, told: str
) -> None:
    root = make()
    ends = {"difference_accuracy_low": low, "difference_accuracy_high": high}
    change(root / "metrics/evaluate/classification.csv", ends)
    assert told in read(root).text


def test_a_class_named_as_a_script_is_words(make: Make) -> None:
    name = "<script>alert(1)</script>"
    html = page(read_report_data(make(labels=("glioma", name))))
    assert "<script" not in html.lower()
    assert name in Page(html).text


def test_of_two_classes_the_one_not_to_be_missed_is_named(make: Make) -> None:
    """By what `evaluate` wrote, not by the alphabet, in which pneumonia comes last."""
    text = read(make(labels=("normal", "pneumonia"))).text
    assert "The class not to be missed is normal." in text
    assert "A scan is called normal if its probability of normal is at least 0.270" in text
    assert "misses 4 scans that are normal, and raises 17 false alarms" in text
    assert "scans called normal, and those missed" in text
    assert "called pneumonia" not in text


def test_of_more_classes_there_is_no_operating_point(finished: Finished) -> None:
    assert "operating point" not in finished.page.text
    assert "not to be missed" not in finished.page.text


def test_a_family_that_was_not_searched_is_named_so(finished: Finished) -> None:
    assert "Published exact networks of published systems not searched – – –" in finished.page.text


@pytest.mark.parametrize("path", MISSING)
def test_what_a_stage_has_not_left_is_left_out_or_not_reported(make: Make, path: str) -> None:
    data = read_report_data(make(without=[path]))
    assert "| 44 |" in claim(data)
    found = Page(page(data))
    assert len(found.of("section")) == 11
    if fnmatch(path, "metrics/*/*.csv") and path.count("/") == 2:
        assert "not reported" in found.text


def test_a_finding_names_what_it_was_found_in(finished: Finished) -> None:
    text = finished.page.text
    assert "mixed sizes The scans of a data set differ in width or height. 1 data set" in text


def test_usable_scans_are_not_taken_for_those_of_the_splits(finished: Finished) -> None:
    assert "Scans 12 usable, copies included; number of published scans: 253" in finished.page.text


def test_no_lesion_known_is_said(make: Make) -> None:
    root = make()
    write_metrics(root / "metrics/explain/classification.json", {"scans": 5, "lesions": 0}, {})
    assert "Share inside a known lesion: not reported, as no lesion is known" in read(root).text


def test_a_table_without_rows_makes_no_table(make: Make) -> None:
    root = make()
    path = root / "metrics/evaluate/classification/subgroups.csv"
    path.write_text("column,value,scans\n", encoding="utf-8")
    assert "Subgroups are not reported" in read(root).text


def test_a_leak_is_said_at_the_answer_and_at_the_audit(make: Make) -> None:
    root = make()
    change(root / "metrics/prepare/classification.csv", {"leaked_pairs_group": 402})
    text = read(root).text
    assert "Training and test scans share patients" in text
    assert "This split leaks by its protocol: 402 pairs in the classification." in text
    assert "The split leaks: the results are not those of unseen patients." in text


def test_a_smoke_run_says_so(make: Make) -> None:
    assert "Smoke run. It only checks that everything runs." in read(make(smoke=True)).text


def test_a_run_that_is_none_does_not(finished: Finished) -> None:
    assert "Smoke run" not in finished.page.text


def test_the_same_files_give_the_same_page_wherever_they_lie(make: Make, tmp_path: Path) -> None:
    first = make()
    html = page(read_report_data(first))
    other = first.rename(tmp_path / "elsewhere")
    assert page(read_report_data(other)) == html
    assert str(tmp_path) not in html


def test_every_setting_is_in_the_page(finished: Finished) -> None:
    text = finished.page.text
    assert "search.plateau.factor 0.3" in text
    assert "evaluate.positive null" in text
    assert "unet.postprocess.threshold 0.3, 0.4, 0.5, 0.6, 0.7" in text


def test_the_digests_are_of_the_manifests(finished: Finished) -> None:
    assert len(finished.data.digests) == 6
    for path, digest in finished.data.digests.items():
        assert f"{path} {digest}" in finished.page.text


def test_the_parity_of_the_package_is_not_rounded_to_nothing(finished: Finished) -> None:
    text = finished.page.text
    assert "largest difference of a probability from the pipeline's 2.4e-07" in text
    assert "size, MB 12.3" in text


def test_it_names_the_model_digest_of_the_package(finished: Finished) -> None:
    told = {"models/package/package.json": {"digest": "d" * 32}}
    records = {**finished.data.records, **told}
    section = packaged(replace(finished.data, records=records))
    assert "d" * 32 in str(section.blocks)


def test_it_tells_how_many_test_scans_the_package_holds_for_strange(finished: Finished) -> None:
    text = finished.page.text
    assert "is unlike the training scans if the scan is farther from these than 99 %" in text
    assert "test scans that the vote finds unlike the training scans, % 2.1" in text


def test_a_digest_is_not_taken_for_a_number() -> None:
    table = Table("", ("a", "b", "c"), (("x", "575d50de", "1,234"), ("y", "12ab", "undefined")))
    assert table.numeric == (False, False, True)
