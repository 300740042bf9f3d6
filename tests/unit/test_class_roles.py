"""Which class must not be missed, told by its name or asked for."""

import pytest

from scanvote.class_roles import guess_positive, negative_class, positive_class
from scanvote.core.errors import InputError
from scanvote.params import Params

CLEAR = """
normal cancer | NORMAL PNEUMONIA | no yes | control patient | negative positive | absent present
normal benign | benign malignant | gutartig Bösartig | benign_nodule lung_cancer
no_tumor glioma | notumor tumor | NoTumor Tumor | tumor_free tumor | non-covid COVID
no_effusion effusion | er_negative er_positive | NonDemented VeryMildDemented
0_normal 1_cancer | healthy_lung opacity | Normal_cases anything
gesund krank | unauffällig auffällig | nein ja | sano enfermo | sain malade | Témoin malade
sani malati | negativo positivo | négatif positif | saudável doente | gezond ziek
"""
UNCLEAR = """
0 1 | mild severe | low_grade high_grade | glioma pituitary | a b | left right
small_cell non_small_cell | triple_negative other | normal healthy
normal_pressure_hydrocephalus stroke | with_contrast without_contrast | bacteria pneumonia
"""


def pairs(text: str) -> list[tuple[str, ...]]:
    return [tuple(pair.split()) for line in text.strip().splitlines() for pair in line.split("|")]


@pytest.mark.parametrize(("negative", "positive"), pairs(CLEAR))
def test_usual_names_tell_it(negative: str, positive: str) -> None:
    for labels in ([negative, positive], [positive, negative]):
        assert guess_positive(labels) == positive_class(labels, None) == positive
    assert positive_class([negative, positive], negative) == negative, "a person may say otherwise"


@pytest.mark.parametrize(("one", "other"), pairs(UNCLEAR))
def test_other_names_are_asked_for(one: str, other: str) -> None:
    assert guess_positive([one, other]) is None
    with pytest.raises(InputError, match=r"^evaluate\.positive is null, .* do not tell which"):
        positive_class([other, one], None)
    assert positive_class([one, other], one) == one


def test_the_line_to_paste_names_a_class() -> None:
    with pytest.raises(InputError, match=r"names 0 and 1 .* as in -S 'evaluate\.positive=\"1\"'$"):
        positive_class(["1", "0"], None)


def test_a_class_may_be_called_by_a_number(params: Params) -> None:
    """The line to paste, -S evaluate.positive=1, makes it a number in params.yaml."""
    values = params.evaluate.model_dump() | {"positive": 1}
    assert type(params.evaluate).model_validate(values).positive == "1"


def test_of_more_classes_none_is_positive_and_one_may_be_negative() -> None:
    assert positive_class(["a", "b", "normal"], None) is None
    assert negative_class(["glioma", "meningioma", "no_tumor", "pituitary"], None) == "no_tumor"
    assert negative_class(["MildDemented", "NonDemented", "Very"], None) == "NonDemented"
    assert negative_class(["a", "b", "c"], None) is None
    assert negative_class(["a", "healthy", "normal"], None) is None, "two of them say so"
    assert negative_class(["a", "b", "normal"], "b") == "b"
    assert negative_class(["cancer", "normal"], None) is None, "its role is for more than two"


@pytest.mark.parametrize("labels", [["a", "normal"], ["a", "b", "normal"]])
def test_a_name_that_is_no_class_is_one_line(labels: list[str]) -> None:
    for role, find in (("positive", positive_class), ("negative", negative_class)):
        names = ", ".join(labels)
        with pytest.raises(InputError, match=rf"^evaluate\.{role}: 'tumour' is none of {names}$"):
            find(labels, "tumour")
