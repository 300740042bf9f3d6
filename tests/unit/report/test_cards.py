"""The model card and the CLAIM checklist: every part is there, nothing is invented."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from scanvote.report import write_report
from scanvote.report.card import card
from scanvote.report.claim import answers, claim
from scanvote.report.claim_items import ITEMS
from scanvote.report.facts import read_facts
from tests.unit.report.making import MISSING

Make = Callable[..., Path]


def test_all_44_items_of_claim_are_answered(make: Make) -> None:
    asked = [number for items in ITEMS.values() for number in items]
    assert asked == list(range(1, 45))
    told = answers(read_facts(make()))
    assert sorted(told) == asked
    assert all(told.values())


def test_the_checklist_has_a_row_an_item(make: Make) -> None:
    lines = claim(read_facts(make())).splitlines()
    rows = [line.split(" | ") for line in lines if line.startswith("| ") and "---" not in line]
    items = [row for row in rows if row[0] != "| no."]
    assert [row[0] for row in items] == [f"| {number}" for number in range(1, 45)]
    assert {len(row) for row in items} == {3}


def test_the_card_has_the_sections_of_mitchell(make: Make) -> None:
    lines = card(read_facts(make())).splitlines()
    assert [line[3:] for line in lines if line.startswith("## ")] == [
        *("Model details", "Intended use", "Factors", "Metrics", "Evaluation data"),
        *("Training data", "Quantitative analyses", "Ethical considerations"),
        "Caveats and recommendations",
    ]


def test_both_say_first_and_last_what_they_are_not_for(make: Make) -> None:
    facts = read_facts(make(smoke=True))
    for text in (card(facts), claim(facts)):
        lines = text.splitlines()
        assert lines[2] == lines[-1] == "**Research use, not for diagnosis.**"
        assert lines[4].startswith("**Smoke run.**")


def test_words_of_data_are_no_markup(make: Make) -> None:
    facts = read_facts(make(labels=("a|b", "<script>")))
    for text in (card(facts), claim(facts)):
        assert "<script" not in text
        assert "&lt;script>" in text
    assert "a\\|b" in card(facts)


def test_what_only_an_author_knows_is_not_reported(make: Make) -> None:
    told = answers(read_facts(make()))
    for number in (15, 18, 44):
        assert told[number] == "not reported"


def test_the_figures_are_those_of_the_page(make: Make) -> None:
    facts = read_facts(make())
    told = answers(facts)
    assert told[37] in claim(facts)
    assert "180 test scans of 91 groups" in told[37]
    assert "exact McNemar p = 0.042, DeLong p < 0.001" in told[29]


@pytest.mark.parametrize("path", MISSING)
def test_missing_pieces_stop_neither(make: Make, path: str) -> None:
    facts = read_facts(make(without=[path]))
    assert "## Quantitative analyses" in card(facts)
    assert "| 44 |" in claim(facts)


def test_all_three_are_written_twice_alike(make: Make, tmp_path: Path) -> None:
    root = make()
    written = []
    for run in ("one", "two"):
        paths = [tmp_path / run / name for name in ("report.html", "card.md", "claim.md")]
        write_report(root, *paths)
        written.append([path.read_bytes() for path in paths])
    assert written[0] == written[1]


def test_a_report_needs_no_network_library(make: Make, tmp_path: Path) -> None:
    """It is run in a process of its own, as this one may have imported them for others."""
    code = (
        "import sys; from pathlib import Path; from scanvote.report import write_report;"
        " write_report(Path(), *(Path(name) for name in sys.argv[1:]));"
        " print(sorted({'tensorflow', 'keras', 'mlflow', 'matplotlib'} & set(sys.modules)))"
    )
    outs = [str(tmp_path / name) for name in ("report.html", "card.md", "claim.md")]
    done = subprocess.run(
        [sys.executable, "-c", code, *outs],
        cwd=make(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
    assert all(Path(out).stat().st_size for out in outs)
