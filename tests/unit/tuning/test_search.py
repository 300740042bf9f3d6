"""Which trials of a search are kept."""

from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from scanvote.core.errors import InputError
from scanvote.core.parallel import Files
from scanvote.params import load_params
from scanvote.training import TrainingFailed, TrainingResult
from scanvote.tuning import search
from scanvote.tuning.study import Study
from tests.searching import ROOT

PARAMS = load_params(ROOT / "params.yaml")
CONFIG = PARAMS.search.model_copy(
    update={"algorithm": "hyperband", "max_trials": 9, "epochs": 10, "objective": "loss"}
)


class Toy(Study):
    """A grid of 6 points without networks."""

    def __init__(self, tmp_path):
        super().__init__("ann", PARAMS.ann, CONFIG, None, PARAMS, top_k=2, rebuild=None)
        self.folder = tmp_path

    def space(self, hp):
        hp.Choice("units", [1, 2, 3, 4, 5, 6])

    def build(self, values):
        raise NotImplementedError

    def training_spec(self, values, epochs):
        return SimpleNamespace(cache_dir=self.folder / f"{values['units']}-{epochs}")


@pytest.fixture
def result(tmp_path, monkeypatch):
    """Returns a function that searches with given losses (units, epochs)."""

    def run(loss):
        def trained(trial, record, on_epoch):
            scores = {
                "val_loss": loss(trial.hyperparameters["units"], trial.hyperparameters["epochs"])
            }
            return TrainingResult([scores], scores, 1, 1.0, 1.0, 1)

        monkeypatch.setattr(search, "run_trial", trained)
        monkeypatch.setattr(search, "progress_bar", lambda _: nullcontext(lambda *_: None))
        return search.run_search(Toy(tmp_path), None, Files())

    return run


def test_what_was_cut_short_ranks_behind_and_is_not_kept(result):
    found = result(lambda units, epochs: units + epochs)  # fewer epochs look better
    epochs = [trial.hyperparameters["epochs"] for trial in found.ranked]
    assert epochs[: len(found.finished)] == [10] * len(found.finished)
    assert len(found.finished) == 2
    assert 2 in epochs
    assert found.ranked[: len(found.finished)] == found.finished


def test_a_search_whose_full_trainings_all_fail_says_so(result):
    def loss(units, epochs):
        if epochs == 10:
            raise TrainingFailed("the loss is not finite")
        return units

    with pytest.raises(InputError) as refused:
        result(loss)
    assert str(refused.value) == (
        "every trial of ann with all 10 epochs failed, the first: the loss is not finite"
    )
