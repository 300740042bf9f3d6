"""Values on their way through a shell and DVC's own overrides into params.yaml."""

import shlex
from pathlib import Path
from typing import Any

import pytest
from dvc.utils.hydra import apply_overrides
from hypothesis import given, settings
from hypothesis import strategies as st

from scanvote.core.errors import InputError
from scanvote.core.overrides import check_override, override_value, shell_option
from scanvote.params import load_values
from scanvote.params.data import ClassificationParams

BEFORE = "classification:\n  dataset: [a]\n  labels: {}\n"
AWKWARD = st.text("aZ019_-+.e\n'\"\\ :,=()[]{}$?#é&;~\t", max_size=6)
USUAL = st.sampled_from(["no", "null", "1", "-1", "01", "1.5", "1e5", "NaN", "yes", "1_0", "a b"])
NAMES = st.one_of(AWKWARD, USUAL)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("overrides") / "params.yaml"


def through(path: Path, key: str, value: Any) -> ClassificationParams:
    """What params.yaml holds after the option was read by a shell and by DVC."""
    path.write_text(BEFORE, "utf-8")
    flag, setting = shlex.split(shell_option(key, value))
    assert flag == "-S"
    apply_overrides(path, [setting])
    return ClassificationParams.model_validate(load_values(path)["classification"])


@settings(max_examples=60)
@given(names=st.lists(NAMES, min_size=1, max_size=2), labels=st.dictionaries(NAMES, NAMES))
def test_what_is_not_refused_arrives_unchanged(
    names: list[str], labels: dict[str, str], path: Path
) -> None:
    for key, value in (("classification.dataset", names), ("++classification.labels", labels)):
        try:
            check_override(key, value)
        except InputError:
            continue
        found = through(path, key, value)
        assert value == (found.labels if "labels" in key else found.dataset)


@pytest.mark.parametrize(
    "labels",
    [
        {"1": "normal", "0": "x"},
        {"a b": "it's", "-c": None, "d:e,f(g)": 'say "so"', "$x": "C:\\data\\", "01": "é"},
        {"ends\\": "--x", " a ": "{b}"},
    ],
)
def test_names_of_many_kinds_arrive(labels: dict[str, str | None], path: Path) -> None:
    check_override("classification.labels", labels)
    assert through(path, "++classification.labels", labels).labels == labels


@pytest.mark.parametrize("name", ["é", "it's", '"', "a#b", "", "null", "1.5", "${a}", "a\nb"])
def test_a_name_that_dvc_cannot_set_is_one_line(name: str) -> None:
    with pytest.raises(InputError) as refused:
        check_override("classification.labels", {name: "x", "other": None})
    assert str(refused.value).startswith(f"classification.labels: {name!r} cannot be set by -S")
    assert "\n" not in str(refused.value)


def test_a_number_beside_other_names_is_refused() -> None:
    # DVC cannot sort keys of both kinds
    with pytest.raises(InputError, match="'1' cannot be set"):
        check_override("classification.labels", {"1": "x", "a": None})


@pytest.mark.parametrize("text", ["word", "x/y.keras", "../w/x.keras", "/data/x"])
def test_usual_words_and_paths_need_no_quotes(text: str) -> None:
    assert override_value(text) == text
