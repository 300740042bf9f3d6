"""Equal bytes under two patients or in two classes."""

from scanvote.datasets.base import Scan
from scanvote.pipeline.download.file_check import FileCheck
from scanvote.pipeline.download.same_picture import same_pictures


def found(*rows: tuple[str, str, str, str], constant: bool = False) -> list[tuple[str, str]]:
    """Kind and path of each conflict among rows of source, patient, label and bytes."""
    used = [
        (source, Scan(f"{number}", label, patient=patient), FileCheck(8, 8, sha256=digest))
        for number, (source, patient, label, digest) in enumerate(rows)
    ]
    if constant:
        used = [(a, b, FileCheck(8, 8, sha256=c.sha256, constant=True)) for a, b, c in used]
    return [(kind, path) for kind, path, _ in same_pictures(used)]


def test_two_patients_and_two_classes_are_conflicts() -> None:
    rows = ("a", "p", "yes", "1"), ("a", "q", "no", "1"), ("a", "r", "no", "2")
    assert found(*rows) == [("patient_conflict", "1"), ("label_conflict", "1")]
    details = same_pictures(
        [
            (source, Scan(f"{n}", patient=who), FileCheck(8, 8, sha256="1"))
            for n, (source, who) in enumerate((("a", "p"), ("a", "q")))
        ]
    )
    assert [one[2] for one in details] == ["q or p? the same picture as 0"]


def test_what_tells_nothing_of_two_people_is_none() -> None:
    assert found(("a", "p", "x", "1"), ("a", "p", "x", "1")) == []
    assert found(("a", "p", "x", "1"), ("b", "q", "x", "1")) == []  # names of two sets
    assert found(("a", "p", "x", "1"), ("a", "", "x", "1")) == []
    placeholder = [("a", who, "x", "1") for who in "pqr"]
    assert found(*placeholder) == []
    assert found(("a", "p", "x", "1"), ("a", "q", "y", "1"), constant=True) == []
    assert found(("a", "p", "x", ""), ("a", "q", "y", "")) == []
