"""The CLAIM checklist: every part is there, nothing is invented."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from scanvote.pipeline.report.claim import answers, claim
from scanvote.pipeline.report.claim_items import ITEMS
from scanvote.pipeline.report.data_card import data_card
from scanvote.pipeline.report.limits import limitations
from scanvote.pipeline.report.page import page
from scanvote.pipeline.report.report_data import read_report_data
from tests.unit.pipeline.report.conftest import Finished
from tests.unit.pipeline.report.reading import Page

Make = Callable[..., Path]


def test_all_44_items_of_claim_are_answered(finished: Finished) -> None:
    asked = [number for items in ITEMS.values() for number in items]
    assert asked == list(range(1, 45))
    told = answers(finished.data)
    assert sorted(told) == asked
    assert all(told.values())


def test_the_checklist_has_a_row_an_item(finished: Finished) -> None:
    lines = finished.claim.splitlines()
    rows = [line.split(" | ") for line in lines if line.startswith("| ") and "---" not in line]
    items = [row for row in rows if row[0] != "| no."]
    assert [row[0] for row in items] == [f"| {number}" for number in range(1, 45)]
    assert {len(row) for row in items} == {3}


def test_it_says_first_and_last_what_it_is_not_for(make: Make) -> None:
    lines = claim(read_report_data(make(smoke=True))).splitlines()
    assert lines[2] == lines[-1] == "**Research use, not for diagnosis.**"
    assert lines[4].startswith("**Smoke run.**")


def test_words_of_data_are_no_markup(make: Make) -> None:
    text = claim(read_report_data(make(labels=("a|b", "<script>"))))
    assert "<script" not in text
    assert "&lt;script>" in text
    assert "a\\|b" in text


def test_what_only_an_author_knows_is_not_reported(finished: Finished) -> None:
    told = answers(finished.data)
    for number in (15, 18, 44):
        assert told[number] == "not reported"


def test_the_figures_are_those_of_the_page(finished: Finished) -> None:
    told = answers(finished.data)
    assert told[37] in finished.claim
    assert "180 test scans of 91 groups" in told[37]
    assert "exact McNemar p = 0.042, DeLong p < 0.001" in told[29]


def test_a_report_is_written_alike_by_another_process_without_a_network_library(
    finished: Finished, tmp_path: Path
) -> None:
    """A process of its own, as this one may have imported the libraries for others."""
    code = (
        "import sys; from pathlib import Path;"
        "from scanvote.pipeline.report.stage import write_report;"
        " write_report(Path(), *(Path(name) for name in sys.argv[1:]));"
        " print(sorted({'tensorflow', 'keras', 'mlflow', 'matplotlib'} & set(sys.modules)))"
    )
    outs = [tmp_path / name for name in ("report.html", "claim.md")]
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, outs)],
        cwd=finished.root,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
    assert [out.read_text(encoding="utf-8") for out in outs] == [finished.html, finished.claim]


CLAIMS = {
    "all": "Patient-disjoint: the patient of every scan is known, and nobody is on two sides.",
    "some": "Patients unknown for 1 of 3 test scans: look-alikes are kept together, slices of one"
    " patient mostly are not.",
    "none": "Patients unknown for 3 of 3 test scans: look-alikes are kept together, slices of one"
    " patient mostly are not.",
}


@pytest.mark.parametrize("known", CLAIMS)
def test_every_text_says_of_how_many_test_scans_the_patient_is_known(
    make: Make, known: str
) -> None:
    root = make(known=known)
    facts = read_report_data(root)
    told = {
        "answer": Page(page(facts)).text.partition("The data and their known issues Nothing")[0],
        "claim": claim(facts),
        "data card": data_card("classification", facts.params, root),
    }
    for where, text in told.items():
        assert CLAIMS[known] in text, where
        assert ("atients unknown" in text) == (known != "all"), where
    assert ("atient-disjoint" in told["data card"]) == (known == "all")


@pytest.mark.parametrize(("known", "share"), [("all", None), ("some", "33.3%"), ("none", "100.0%")])
def test_the_level_of_the_partitions_is_the_patient_only_where_all_are_known(
    make: Make, known: str, share: str | None
) -> None:
    facts = read_report_data(make(known=known))
    level = answers(facts)[20].partition(" segmentation: ")[0]
    assert level.startswith("classification: patient;") == (share is None)
    assert (f"The audit is blind for {share} of the scans" in level) == (share is not None)
    assert (CLAIMS[known] in " ".join(limitations(facts))) == (share is not None)


def test_a_split_by_chance_has_no_level(make: Make) -> None:
    root = make(known="some")
    facts = read_report_data(root)
    split = facts.params.split.model_copy(update={"protocol": "random"})
    random = replace(facts, params=facts.params.model_copy(update={"split": split}))
    assert answers(random)[20].startswith("classification: scan, it leaks;")


@pytest.mark.parametrize(
    ("known", "words"),
    [
        ("all", "scans grouped by patients 0."),
        ("some", "scans grouped by patients where known, else look-alikes 0."),
        ("none", "scans grouped by look-alikes 0."),
    ],
)
def test_what_a_leak_adds_is_told_by_what_the_groups_are(
    make: Make, known: str, words: str
) -> None:
    text = Page(page(read_report_data(make(known=known)))).text
    assert words in text
    assert ("under every protocol, and what that adds is not measured" in text) == (known != "all")


def test_what_contradicts_the_source_or_a_patient_is_listed(finished: Finished) -> None:
    text = finished.page.text
    told = "2 images are under two labels (1 of them here and at their source)"
    assert told in text
    assert "wrong glioma at its source pituitary" in text
    assert "other set/one scan set/two" in text
    assert "1 image is under two patients, and the files do not tell which is right" in text
    assert text.count("Patient conflicts: 1 image under two patients") == 2, "in the audit"
    assert "1 image under two patients, whose scans are one group" in answers(finished.data)[8]
    assert "A scan is named after its file, which says nothing about its patient" in text
