import math

import numpy as np
import pytest

from scanvote.core.errors import InputError
from scanvote.core.flatten import flatten, numeric_only, select_sections


def test_nested_keys_are_joined_with_dots():
    values = {"lr": 0.1, "cnn": {"filters": [1, 2], "deep": {"er": None}}}
    assert flatten(values, ".") == {"lr": 0.1, "cnn.filters": [1, 2], "cnn.deep.er": None}


def test_a_section_is_a_key_a_group_or_a_group_within_one():
    values = {"lr": 1, "cnn.a": 2, "cnn.b.c": 3, "cnnx": 4}
    assert select_sections(values, ("lr",)) == {"lr": 1}
    assert select_sections(values, ("cnn",)) == {"cnn.a": 2, "cnn.b.c": 3}
    assert select_sections(values, ("cnn.b",)) == {"cnn.b.c": 3}


def test_a_misspelt_section_is_not_passed_over():
    with pytest.raises(InputError, match="cmn is no section"):
        select_sections({"cnn.a": 1}, ("cmn",))


def test_numbers_keep_nan_and_drop_infinities_and_words():
    values = {
        "int": 1,
        "numpy": np.float32(0.5),
        "true": True,
        "nan": math.nan,
        "inf": -math.inf,
        "word": "7",
        "none": None,
        "list": [1],
        "huge": 10**400,
        "a": {"b": 2},
    }
    found = numeric_only(values)
    assert math.isnan(found.pop("nan"))
    assert found == {"int": 1.0, "numpy": 0.5, "true": 1.0, "a/b": 2.0}
