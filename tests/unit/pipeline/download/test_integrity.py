"""What is found wrong or strange, by the rules that are stated."""

import pandas as pd
import pytest

from scanvote.core.errors import InputError
from scanvote.datasets.base import Scan
from scanvote.params import Task
from scanvote.pipeline.download.file_check import FileCheck
from scanvote.pipeline.download.integrity import (
    RULES,
    Issue,
    blocking_issue,
    check_usable,
    issues,
    rules,
)

FINE = FileCheck(width=10, height=10, mode="L")
TOO_FEW = 9


def scans(count: int, label: str, start: int = 0, **more: str) -> list[Scan]:
    return [Scan(f"{label}/{start + number}.png", label, **more) for number in range(count)]


def found(
    told: list[Scan],
    seen: list[FileCheck] | None = None,
    task: Task = "classification",
    sources: list[str] | None = None,
) -> pd.DataFrame:
    seen = seen or [FINE] * len(told)
    return issues(task, sources or ["set"] * len(told), told, seen)


def two_classes(count: int = 20) -> list[Scan]:
    return scans(count, "a") + scans(count, "b")


def test_nothing_is_found_in_sound_scans() -> None:
    report = found(two_classes())
    assert report.empty
    assert list(report) == ["kind", "path", "detail", "excluded", "rule"]


def test_every_finding_states_its_rule() -> None:
    seen = [FileCheck(problem="unreadable", detail="is empty"), *[FINE] * 39]
    row = found(two_classes(), seen).iloc[0]
    assert (row["kind"], row["path"], row["detail"]) == ("unreadable", "a/0.png", "is empty")
    assert row["rule"] == RULES["unreadable"].words
    assert row["excluded"]


@pytest.mark.parametrize(
    ("scan", "seen", "kind", "excludes"),
    [
        (Scan("a", "x"), FileCheck(problem="mask_size"), "mask_size", ("classification",)),
        (Scan("a", ""), FINE, "no_label", ("classification",)),
        (Scan("a", "x"), FileCheck(9, 9, constant=True), "constant", ("classification",)),
        (Scan("a", "x"), FileCheck(9, 9, mask_pixels=41), "large_mask", ()),
        (Scan("a"), FINE, "no_mask", ("segmentation",)),
        (Scan("a", mask_path="m"), FileCheck(9, 9, constant=True), "constant", ()),
        (Scan("a", mask_path="m"), FileCheck(9, 9, mask_pixels=41), "large_mask", ()),
    ],
)
def test_a_fault_of_a_scan_excludes_it_by_its_rule(
    scan: Scan, seen: FileCheck, kind: str, excludes: tuple[Task, ...]
) -> None:
    task: Task = "classification" if scan.label or kind == "no_label" else "segmentation"
    report = found([scan], [seen], task)
    assert kind in set(report["kind"])
    out = blocking_issue(task, scan, seen)
    assert (out.kind if out else None) == (kind if task in excludes else None)
    assert bool(report["excluded"].any()) == (task in excludes)


def test_a_mask_of_half_the_scan_is_not_large() -> None:
    seen = [FileCheck(10, 10, mask_pixels=50), FileCheck(10, 10, mask_pixels=51)]
    told = [Scan("a", mask_path="m"), Scan("b", mask_path="n")]
    assert found(told, seen, "segmentation")["path"].tolist() == ["b"]


@pytest.mark.parametrize(("smallest", "told"), [(51, True), (50, False)])
def test_masks_that_all_mark_most_of_their_scan_are_a_finding_of_the_set(
    smallest: int, told: bool
) -> None:
    seen = [FileCheck(10, 10, mask_pixels=count) for count in (smallest, 80, 90)]
    report = found([Scan(name, mask_path="m") for name in "abc"], seen, "segmentation")
    sets = report[report["kind"] == "inverted_masks"]
    assert sets["path"].tolist() == (["set"] if told else [])
    if told:
        assert "3 masks marks more than half of its scan, the smallest 51%" in sets["detail"].item()


def test_what_was_found_before_is_in_the_report_of_its_tasks() -> None:
    before = [Issue("mask_values", "set", "0, 1, 2"), Issue("several_pictures", "set/a", "2")]
    told, seen = two_classes(), [FINE] * 40
    kinds = [
        issues(task, ["set"] * 40, told, seen, before)["kind"].tolist()
        for task in ("classification", "segmentation")
    ]
    assert kinds[0] == ["several_pictures"]
    assert set(kinds[1]) - {"no_mask"} == {"several_pictures", "mask_values"}


def test_a_class_of_few_scans_is_tiny() -> None:
    report = found(scans(10, "a") + scans(TOO_FEW, "b"))
    assert report[["kind", "path", "detail"]].to_numpy().tolist() == [
        ["tiny_class", "b", "9 scans"]
    ]
    assert not report["excluded"].any()


def test_excluded_scans_do_not_make_a_class_larger() -> None:
    told = scans(10, "a") + scans(10, "b")
    seen = [FINE] * 19 + [FileCheck(problem="unreadable")]
    assert found(told, seen)["kind"].tolist() == ["unreadable", "tiny_class"]


@pytest.mark.parametrize(("patients", "tiny"), [("pq", True), ("pqr", False), ("p ", False)])
def test_a_class_of_few_patients_is_tiny_where_all_are_known(patients: str, tiny: bool) -> None:
    told = [
        Scan(f"{number}", "a", patient=patients[number % len(patients)].strip())
        for number in range(30)
    ]
    report = found(told)
    assert report["detail"].tolist() == (["2 patients"] if tiny else [])


def test_modes_and_sizes_are_counted_once_for_each_set() -> None:
    seen = [
        FileCheck(8, 8, "L"),
        FileCheck(8, 8, "RGB"),
        FileCheck(8, 9, "RGB"),
        FileCheck(8, 9, "RGB"),
    ] * 5
    told = scans(10, "a") + scans(10, "b")
    report = found(told, seen, sources=["one"] * 10 + ["two"] * 10)
    told_of = report[["kind", "path", "detail"]].to_numpy().tolist()
    assert told_of[0] == ["mixed_modes", "one", "RGB 7, L 3"]
    assert [row[:2] for row in told_of] == [
        *(["mixed_modes", "one"], ["mixed_modes", "two"]),
        *(["mixed_sizes", "one"], ["mixed_sizes", "two"]),
    ]


def test_two_sets_that_differ_are_not_mixed_in_themselves() -> None:
    seen = [FINE] * 20 + [FileCheck(7, 7, "RGB")] * 20
    assert found(two_classes(), seen, sources=["one"] * 20 + ["two"] * 20).empty


def test_an_unknown_mode_is_no_other_mode() -> None:
    assert found(two_classes(), [FINE, FileCheck(10, 10, "")] * 20).empty


def test_rare_sizes_are_summed_up() -> None:
    seen = [FileCheck(width, 8, "L") for width in range(10, 30)] * 2
    assert "15 others 30" in found(two_classes(), seen)["detail"].iloc[0]


@pytest.mark.parametrize(("count", "told"), [(10, True), (TOO_FEW, False)])
def test_a_size_of_one_class_alone_tells_the_class(count: int, told: bool) -> None:
    seen = [FINE] * 20 + [FileCheck(9, 9, "L")] * count + [FINE] * (20 - count)
    report = found(two_classes(), seen)
    kinds = set(report["kind"])
    assert ("telling_format" in kinds) == told
    if told:
        detail = report[report["kind"] == "telling_format"]["detail"].item()
        assert detail == "9x9: 10 scans, all b"


def test_the_order_of_the_scans_changes_no_count() -> None:
    seen = [FileCheck(8, 8, "L"), FileCheck(9, 9, "RGB")] * 20
    forth = found(two_classes(), seen)
    back = found(two_classes()[::-1], seen[::-1])
    assert forth.equals(back)


@pytest.mark.parametrize(
    ("told", "seen", "said"),
    [
        (
            two_classes(2),
            [FileCheck(problem="unreadable", detail="is empty")] * 4,
            "^no scan can be",
        ),
        (
            two_classes(2),
            [*[FINE] * 2, *[FileCheck(problem="unreadable", detail="is empty")] * 2],
            r"^no scan of the class 'b' can be used \(b/0\.png: unreadable, is empty\)$",
        ),
        (
            [*scans(2, "a"), Scan("b/0.png", "b")],
            [FINE, FINE, FileCheck(4, 4, constant=True)],
            "no scan of the class 'b' can be used .* constant",
        ),
        (scans(3, "a"), [FINE] * 3, "all 3 scans are of the class 'a'.*classification.dataset"),
    ],
)
def test_what_cannot_be_learned_is_one_line(
    told: list[Scan], seen: list[FileCheck], said: str
) -> None:
    with pytest.raises(InputError, match=said) as caught:
        check_usable("classification", told, seen)
    assert "\n" not in str(caught.value)


def test_masks_that_are_all_empty_are_one_line() -> None:
    told = [Scan("a", mask_path="m"), Scan("b", mask_path="n")]
    check_usable("segmentation", told, [FINE, FileCheck(9, 9, mask_pixels=1)])
    with pytest.raises(InputError, match=r"all 2 masks are empty \(m is the first\)"):
        check_usable("segmentation", told, [FINE, FINE])


def test_scans_without_masks_are_no_segmentation() -> None:
    with pytest.raises(InputError, match=r"no scan can be used .* no_mask"):
        check_usable("segmentation", [Scan("a")], [FINE])


def test_a_task_has_only_the_rules_that_can_apply() -> None:
    assert "no_mask" in rules("segmentation")
    assert "no_mask" not in rules("classification")
    assert "tiny_class" not in rules("segmentation")
    assert set(rules("classification")) | set(rules("segmentation")) == set(RULES)
