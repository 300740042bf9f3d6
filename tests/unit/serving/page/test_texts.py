import asyncio

import pytest

from scanvote.predict.schema import (
    FileError,
    MemberVote,
    OodScore,
    OperatingPoint,
    ScanPrediction,
)
from scanvote.serving.engine_api import Upload
from scanvote.serving.page.texts import ResultText, percent, reason
from tests.asking import of_two_classes
from tests.serving import FakeEngine, alone, constant, contents, tumour_png

WITHIN, OUTSIDE = OodScore(distance=0.5, outside=False), OodScore(distance=2.5, outside=True)


@pytest.fixture(scope="module")
def finding() -> ScanPrediction:
    """A sure glioma of which all three members are sure."""
    said = asyncio.run(FakeEngine().predict(Upload("a.png", tumour_png())))[0].finding
    sure = {"glioma": 0.9, "meningioma": 0.05, "no_tumor": 0.03, "pituitary": 0.02}
    members = [MemberVote(model=f"m{at}", vote="glioma", probabilities=sure) for at in range(3)]
    mask = said.mask.model_copy(update={"area_pixels": 1234, "familiarity": WITHIN})
    alike = {"agreement": 1.0, "members": members, "familiarity": WITHIN, "mask": mask}
    return said.model_copy(update={"vote": "glioma", "probabilities": sure, **alike})


def test_a_sure_answer_has_neither_warning_nor_doubt(finding: ScanPrediction) -> None:
    said = ResultText(finding, contents())
    assert said.summary == "glioma, 90\N{NO-BREAK SPACE}%"
    assert said.agreement == "All 3 members agree."
    assert said.warnings == said.doubts == []
    assert said.operating == ""


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.0, "0 %"), (0.004, "under 1 %"), (0.5, "50 %"), (0.996, "over 99 %"), (1.0, "100 %")],
)
def test_what_is_not_certain_is_not_called_so(share: float, words: str) -> None:
    assert percent(share) == words.replace(" %", "\N{NO-BREAK SPACE}%")


def test_members_that_say_something_else_are_counted_and_named(finding: ScanPrediction) -> None:
    other = finding.members[2].model_copy(update={"vote": "no_tumor"})
    divided = finding.model_copy(update={"members": [*finding.members[:2], other]})
    said = ResultText(divided, contents())
    assert said.agreement == "2 of 3 members agree."
    assert said.doubts == ["1 member says no tumor."]


def test_a_low_probability_is_called_unsure(finding: ScanPrediction) -> None:
    shares = {"glioma": 0.5, "meningioma": 0.3, "no_tumor": 0.1, "pituitary": 0.1}
    said = ResultText(finding.model_copy(update={"probabilities": shares}), contents())
    assert [words.split(":")[0] for words in said.doubts] == ["Unsure"]


def test_a_vote_that_its_operating_point_contradicts_is_no_answer_by_itself(
    finding: ScanPrediction,
) -> None:
    point = OperatingPoint(positive="meningioma", threshold=0.04, called=True)
    said = ResultText(finding.model_copy(update={"operating": point}), of_two_classes(0.04))
    assert said.heading == "Glioma, yet meningioma is called"
    assert said.doubts[0].startswith("The vote says glioma, but meningioma is called")
    assert said.operating == "", "said once"
    assert [label for label, _ in said.shares][:2] == ["glioma", "meningioma"]


def test_all_members_are_no_reassurance_where_the_vote_is_no_better_than_a_constant(
    finding: ScanPrediction,
) -> None:
    said = ResultText(finding, constant())
    assert said.warnings[0].startswith("The vote named glioma for all of 172 test scans")
    assert said.agreement.startswith("All 3 members agree, which says little")
    assert said.doubts == [], "said above"


@pytest.mark.parametrize("marked", [True, False])
def test_without_a_vote_the_answer_is_what_is_marked(finding: ScanPrediction, marked: bool) -> None:
    nothing = {"vote": None, "probabilities": {}, "agreement": None, "members": []}
    mask = finding.mask.model_copy(update={"area_pixels": 1234 if marked else 0})
    one = finding.model_copy(update=nothing | {"familiarity": None, "mask": mask})
    said = ResultText(one, alone("segmentation"))
    assert said.heading == ("A tumour is marked" if marked else "No tumour found")
    assert (said.agreement, said.probability, said.shares) == ("", "", [])
    assert len(said.tested) == 1
    assert not [name for name in said.facts if "class" in name]


def test_without_masks_no_outline_is_spoken_of(finding: ScanPrediction) -> None:
    one = finding.model_copy(update={"mask": None})
    said = ResultText(one, alone("classification"))
    assert said.tumour == ""
    assert said.doubts == []
    assert not [name for name in said.facts if "outline" in name]


def test_what_is_outside_is_warned_of_and_for_what(finding: ScanPrediction) -> None:
    strange = finding.model_copy(update={"familiarity": OUTSIDE})
    assert len(ResultText(strange, contents()).warnings) == 1
    assert "2.5 times" in ResultText(strange, contents()).warnings[0]
    mask = finding.mask.model_copy(update={"familiarity": OUTSIDE})
    only_mask = ResultText(finding.model_copy(update={"mask": mask}), contents())
    assert only_mask.warnings[0].startswith("For the tumour's outline")


def test_a_smoke_run_is_warned_of_first(finding: ScanPrediction) -> None:
    smoke = contents().model_copy(update={"smoke": True})
    strange = finding.model_copy(update={"familiarity": OUTSIDE})
    assert "smoke" in ResultText(strange, smoke).warnings[0]


def test_of_two_classes_the_operating_point_is_told(finding: ScanPrediction) -> None:
    point = OperatingPoint(positive="glioma", threshold=0.3, called=True)
    whole = of_two_classes(0.3)
    words = ResultText(finding.model_copy(update={"operating": point}), whole).operating
    assert words == (
        "Glioma is called: its probability 0.90 reaches the threshold 0.30, which was chosen to"
        " miss at most 5 % of glioma."
    )


def test_area_is_told_in_pixels_and_where_known_in_square_millimetres(
    finding: ScanPrediction,
) -> None:
    def told(**mask: object) -> str:
        sized = {"mask": finding.mask.model_copy(update=mask), "width": 100, "height": 200}
        return ResultText(finding.model_copy(update=sized), contents()).tumour

    words = told(area_pixels=1234, area_mm2=308.5).replace("\N{NO-BREAK SPACE}", " ")
    assert words == "Marked as tumour: 1,234 pixels (308 mm²), 6 % of the picture."
    assert "1 pixel," in told(area_pixels=1, area_mm2=None)
    assert "mm²" not in told(area_pixels=1, area_mm2=None)
    assert told(area_pixels=0) == "No tumour found."


@pytest.mark.parametrize("words", ["a.png is cut off", "the queue is full"])
def test_a_reason_follows_the_name_of_its_file_and_says_it_once(words: str) -> None:
    said = f"a.png{reason(FileError(file='a.png', status=422, reason=words))}"
    assert said in ("a.png is cut off", "a.png: the queue is full")


def test_a_slice_is_told_by_plane_and_the_number_that_its_finding_has(
    finding: ScanPrediction,
) -> None:
    one = finding.model_copy(update={"slice": 5, "plane": "axial"})
    said = ResultText(one, contents())
    assert said.name == "a.png, axial slice 5"
    assert said.facts["Slice"] == "5, counted from 0"
    assert "Slice" not in ResultText(finding, contents()).facts


def test_the_class_of_a_scan_outside_is_said_with_reserve(finding: ScanPrediction) -> None:
    assert ResultText(finding, contents()).heading == "Glioma"
    strange = ResultText(finding.model_copy(update={"familiarity": OUTSIDE}), contents())
    assert strange.heading == "The models answer nevertheless: glioma"
    assert strange.summary.startswith("unlike the training scans")


def test_a_card_is_flagged_with_all_that_is_warned_of(finding: ScanPrediction) -> None:
    mask = finding.mask.model_copy(update={"familiarity": OUTSIDE})
    strange = finding.model_copy(update={"familiarity": OUTSIDE, "mask": mask})
    smoke = contents().model_copy(update={"smoke": True})
    assert ResultText(strange, smoke).flags == ["smoke run", "class: outside", "outline: outside"]
    assert len(ResultText(strange, smoke).warnings) == 3
    assert ResultText(finding, contents()).flags == []


def test_the_vote_explains_its_class_and_each_member_its_own(finding: ScanPrediction) -> None:
    other = finding.members[2].model_copy(update={"vote": "no_tumor"})
    divided = finding.model_copy(update={"members": [*finding.members[:2], other]})
    text = ResultText(divided, contents())
    classes = [text.explained_class(model) for model in ("vote", "m0", "m2")]
    assert classes == ["glioma", "glioma", "no tumor"]
    assert [text.numbered(model) for model in ("vote", "m0", "m2")] == [
        "vote",
        "member 1",
        "member 3",
    ]
