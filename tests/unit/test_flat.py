import json
import math

import numpy as np
import pytest

from scanvote.flat import chosen, flat, numbers, read_metrics


def test_nested_keys_are_joined_with_dots():
    values = {"lr": 0.1, "cnn": {"filters": [1, 2], "deep": {"er": None}}}
    assert flat(values, ".") == {"lr": 0.1, "cnn.filters": [1, 2], "cnn.deep.er": None}


def test_a_section_is_a_key_a_group_or_a_group_within_one():
    values = {"lr": 1, "cnn.a": 2, "cnn.b.c": 3, "cnnx": 4}
    assert chosen(values, ("lr",)) == {"lr": 1}
    assert chosen(values, ("cnn",)) == {"cnn.a": 2, "cnn.b.c": 3}
    assert chosen(values, ("cnn.b",)) == {"cnn.b.c": 3}


def test_a_misspelt_section_is_not_passed_over():
    with pytest.raises(ValueError, match="cmn is no section"):
        chosen({"cnn.a": 1}, ("cmn",))


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
    found = numbers(values)
    assert math.isnan(found.pop("nan"))
    assert found == {"int": 1.0, "numpy": 0.5, "true": 1.0, "a/b": 2.0}


def test_metrics_files_become_names_by_stage_and_item(tmp_path):
    (tmp_path / "search").mkdir()
    (tmp_path / "search" / "ann.json").write_text('{"best": 0.5, "by": {"glioma": 1}, "n": "x"}')
    (tmp_path / "unet.json").write_text(json.dumps({"dice": 0.9}))
    (tmp_path / "table.json").write_text("[1, 2]")
    assert read_metrics(tmp_path) == {
        "search/ann/best": 0.5,
        "search/ann/by/glioma": 1.0,
        "unet/dice": 0.9,
    }
