"""Figures as flat keys, which must not be two things at once."""

import numpy as np
import pytest

from scanvote.core.errors import InputError
from scanvote.metrics.bootstrap import BootstrapEstimate
from scanvote.metrics.intervals import classes_table, merged, with_intervals
from scanvote.metrics.resampled import bootstrap
from scanvote.metrics.results import ClassifierOutput


def answers(labels: tuple[str, ...], rows: int = 60) -> ClassifierOutput:
    random = np.random.default_rng(1)
    truth = np.arange(rows) % len(labels)
    shares = random.dirichlet(np.ones(len(labels)), rows) / 2 + np.eye(len(labels))[truth] / 4
    shares /= shares.sum(axis=1, keepdims=True)
    return ClassifierOutput(labels, truth, shares.argmax(axis=1), shares, np.arange(rows) // 2)


def figures(labels: tuple[str, ...]) -> dict[str, BootstrapEstimate]:
    return bootstrap({"m": answers(labels)}, 1)["m"]


def test_every_figure_lies_in_its_interval() -> None:
    found = with_intervals(figures(("ant", "bee", "cat")))
    for name in [key for key in found if not key.endswith(("_low", "_high"))]:
        assert found[f"{name}_low"] <= found[name] <= found[f"{name}_high"], name
    assert {"accuracy", "mcc", "ece", "average_precision_bee_low"} <= set(found)


@pytest.mark.parametrize(
    ("labels", "key"),
    [(("low", "other"), "auroc_low"), (("x", "x_low"), "sensitivity_x_low")],
)
def test_a_class_with_an_ambiguous_name_is_one_line(labels: tuple[str, ...], key: str) -> None:
    with pytest.raises(InputError, match=rf"would be called {key}, .*classification\.labels"):
        with_intervals(figures(labels))


def test_low_in_a_name_does_no_harm_alone() -> None:
    assert "sensitivity_grade_low_low" in with_intervals(figures(("grade_low", "grade_high")))


def test_a_key_twice_is_refused() -> None:
    assert merged({"a": 1}, {"b": 2}) == {"a": 1, "b": 2}
    with pytest.raises(InputError, match="two figures would be called a"):
        merged({"a": 1}, {"a": 1})


def test_the_table_of_the_classes() -> None:
    one = answers(("ant", "bee", "cat"))
    found = figures(("ant", "bee", "cat"))
    table = classes_table(one, found).set_index("class")
    assert table["scans"].tolist() == [20] * 3
    assert table["groups"].tolist() == [20] * 3
    assert table.loc["bee", "precision"] == found["precision_bee"].value
    assert (table["auroc_low"] < table["auroc_high"]).all()
