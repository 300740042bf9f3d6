import json
from pathlib import Path

import pandas as pd
import pytest

from scanvote.commands.trials import show_trials
from scanvote.core.errors import InputError
from scanvote.pipeline.search.skipped import write_empty_search


@pytest.fixture
def searched(tmp_path, monkeypatch):
    """Three trials of the CNN and one that failed; the transfer family was left out."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "240")
    rows = [
        {"trial": "filters8", "filters": 8, "val_macro_f1": 0.91, "problem": None, "digest": "a"},
        {"trial": "filters4", "filters": 4, "val_macro_f1": 0.5, "problem": None, "digest": "b"},
        {
            "trial": "filters8-epochs2",
            "filters": 8,
            "val_macro_f1": 0.7,
            "problem": None,
            "digest": "d",
        },
        {"trial": "filters2", "filters": 2, "problem": "the loss is not finite", "digest": "c"},
    ]
    table = pd.DataFrame(rows).assign(epochs=3, parameters=10, epochs_run=3)
    table["val_accuracy"] = table["val_loss"] = table["val_macro_f1"]
    order = ["trial", "filters", "epochs", "parameters", "val_macro_f1", "val_accuracy", "val_loss"]
    table = table[[*order, "epochs_run", "digest", "problem"]]
    table.insert(0, "rank", [1, 2, 3, 4])
    folder = tmp_path / "models" / "search"
    (folder / "cnn").mkdir(parents=True)
    table.to_csv(folder / "cnn" / "trials.csv", index=False)
    write_empty_search(folder / "transfer")
    memory = tmp_path / ".cache" / "trials" / "a"
    memory.mkdir(parents=True)
    cost = {"seconds": 12.5, "images_per_second": 99.0, "memory_mib": 512}
    (memory / "result.json").write_text(json.dumps(cost))


@pytest.mark.usefixtures("searched")
def test_trials_are_listed_with_what_they_cost_and_why_they_failed(params, capsys):
    show_trials(None, False, params)
    said = capsys.readouterr().out
    assert "cnn: 4 trials" in said
    assert "transfer" not in said
    assert "0.910" in said
    assert "12.5" in said
    assert "filters2 failed: the loss is not finite" in said
    assert "filters 74 %" in said


@pytest.mark.usefixtures("searched")
def test_a_narrow_terminal_shows_whole_names(params, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    show_trials(None, False, params)
    said = capsys.readouterr().out
    assert "filters8-epochs2" in said
    assert "macro" in said


def test_a_choice_of_which_no_value_was_tried_twice_explains_nothing(searched, params, capsys):
    path = Path("models/search/cnn/trials.csv")
    table = pd.read_csv(path)
    table[table["trial"] != "filters8-epochs2"].to_csv(path, index=False)
    show_trials(None, False, params)
    assert "share of the variance" not in capsys.readouterr().out


@pytest.mark.usefixtures("searched")
def test_only_the_best_is_listed(params, capsys):
    show_trials("cnn", True, params)
    said = capsys.readouterr().out
    assert "filters8" in said
    assert "filters4" not in said


@pytest.mark.usefixtures("searched")
@pytest.mark.parametrize("family", ["transfer", "ann"])
def test_a_family_without_trials_is_told(family, params):
    with pytest.raises(InputError, match=f"^{family} has no trials; run `dvc repro search`"):
        show_trials(family, False, params)


def test_no_search_is_told(tmp_path, monkeypatch, params):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"^models/search has no trials"):
        show_trials(None, False, params)
