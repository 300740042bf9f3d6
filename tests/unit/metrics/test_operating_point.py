import numpy as np
import pandas as pd
import pytest

from scanvote.metrics.operating_point import at_threshold, groups_at_threshold, threshold


def _table(positive, negative):
    """Probabilities of tumour of scans with one, and without."""
    p = np.array([*positive, *negative])
    labels = ["tumor"] * len(positive) + ["no_tumor"] * len(negative)
    return pd.DataFrame({"label": labels, "p_no_tumor": 1 - p, "p_tumor": p})


VALIDATION = _table([0.9, 0.8, 0.7, 0.3], [0.6, 0.1])


@pytest.mark.parametrize(
    ("sensitivity", "least"), [(0.25, 0.9), (0.5, 0.8), (0.51, 0.7), (0.75, 0.7), (0.95, 0.3)]
)
def test_the_highest_threshold_that_finds_enough(sensitivity, least):
    assert threshold(VALIDATION, "tumor", sensitivity) == least


def test_what_it_costs_on_the_test():
    test = _table([0.9, 0.75, 0.2], [0.8, 0.1, 0.0])
    assert at_threshold(test, "tumor", 0.75) == {
        "threshold": 0.75,
        "missed": 1,
        "false_alarms": 1,
    }


def test_a_class_that_is_absent_is_neither_missed_nor_called():
    assert at_threshold(_table([0.9], []), "tumor", 0.5)["false_alarms"] == 0
    assert at_threshold(_table([], [0.4]), "tumor", 0.5)["missed"] == 0
    assert threshold(_table([], [0.9]), "tumor", 0.9) == 0.5


def test_a_patient_is_missed_when_none_of_the_scans_is_called():
    test = _table([0.9, 0.2, 0.3, 0.1, 0.8], [0.7, 0.6, 0.1])
    #           tumour of 0, 0, 1, 1, 2    without of 0, 3, 4
    groups = np.array([0, 0, 1, 1, 2, 0, 3, 4])
    assert groups_at_threshold(test, groups, "tumor", 0.5) == {
        "positive_groups": 3,
        "missed_groups": 1,
        "negative_groups": 2,
        "false_alarm_groups": 1,
    }
