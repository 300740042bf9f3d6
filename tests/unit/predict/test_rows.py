"""What is said of a scan as a flat row."""

from scanvote.predict.rows import columns, row, row_columns, to_row
from scanvote.predict.schema import FileError, MaskFinding, OperatingPoint
from tests.asking import finding, of_two_classes
from tests.serving import LABELS, MEMBERS, alone, constant, contents


def test_a_row_has_the_columns_of_the_table_in_their_order():
    whose = finding(slice=3, plane="axial")
    assert list(to_row(whose, contents())) == row_columns(contents())
    one = finding(mask=None)
    assert list(to_row(one, alone("classification"))) == row_columns(alone("classification"))
    nothing = {"vote": None, "probabilities": {}, "agreement": None, "members": []}
    other = finding(**nothing, familiarity=None)
    assert list(to_row(other, alone("segmentation"))) == row_columns(alone("segmentation"))
    expected = ["area_pixels", "area_mm2", "mask_distance", "mask_outside", "doubts", "notes"]
    expected += ["model_digest"]
    assert list(to_row(other, alone("segmentation"))) == expected
    named = columns(contents(), {"mask": 1, "explanation": 1})
    assert [*row(whose, contents(), {"mask": "a", "explanation": "b"}), "error"] == named


def test_of_two_classes_the_one_not_to_miss_is_called_or_not():
    point = OperatingPoint(positive="sick", threshold=0.3, called=True)
    values = {"vote": "healthy", "probabilities": {"healthy": 0.6, "sick": 0.4}}
    one = finding(operating=point, **values)
    assert list(to_row(one, of_two_classes())) == row_columns(of_two_classes())
    assert to_row(one, of_two_classes())["called"] is True
    assert "called" not in row_columns(contents())


def test_each_member_has_a_column_with_its_class():
    found = to_row(finding(), contents())
    assert {name: found[name] for name in MEMBERS} == dict.fromkeys(MEMBERS, LABELS[0])
    assert found[f"p_{LABELS[0]}"] == 0.7


def test_an_area_without_spacing_is_not_known_in_millimetres():
    near = finding().familiarity
    mask = MaskFinding(area_pixels=0, area_mm2=0.0, share=0.0, too_large=False, familiarity=near)
    assert to_row(finding(), contents())["area_mm2"] is None
    assert to_row(finding(mask=mask), contents())["area_mm2"] == 0.0


def test_a_file_that_cannot_be_read_is_a_row_with_its_reason():
    refusal = FileError(file="x.png", status=422, reason="x.png is cut off")
    assert row(refusal, contents(), {}) == {"file": "x.png", "error": "x.png is cut off"}


def test_doubts_of_the_model_are_in_every_row_and_those_of_a_scan_in_its_own():
    values = to_row(finding(doubts=["One.", "Two."]), constant())
    assert values["doubts"] == "One. Two."
    assert str(values["model_doubts"]).startswith("The vote named glioma for all of 172 test scans")
    assert list(values) == row_columns(constant())
    assert "model_doubts" not in row_columns(contents())
    assert values["model_digest"] == constant().digest
