"""search: Keras Tuner over the grid of one family; the best models and their predictions."""

from pathlib import Path

import keras
import pandas as pd

from scanvote.core.files import write_csv
from scanvote.models.input_spec import to_class_probabilities
from scanvote.params import Family, Params
from scanvote.pipeline.search.study import ClassifierStudy
from scanvote.predictions import class_predictions
from scanvote.training.batches import predict
from scanvote.tuning.run import run_search, write_search
from scanvote.tuning.trials import Trial, TrialLogger, trials_metrics


def search(
    family: Family, prepared: Path, params: Params, out: Path, record: TrialLogger
) -> dict[str, float]:
    """Search the grid of `family`, and write its best models and tables to `out`.

    The best `ensemble.top` models and the tables of `write_search`, and ``predictions.csv`` of
    those models, on validation and test.

    Args:
        family: whose grid.
        prepared: folder of the shards, `data/prepared/classification`.
        params: the whole of params.yaml.
        out: `models/search/<family>`.
        record: opens the log of a trial, by its name and hyperparameters.

    Returns:
        Flat metrics of the best trial, and how many trials there were.

    Raises:
        InputError: every trial failed, or the family's params cannot be met.
    """
    study = ClassifierStudy(family, prepared, params)
    result = run_search(study, record)
    best = result.ranked[: study.top_k]
    write_search(study, result, best, out)
    write_csv(_predictions(study, best, out), out / "predictions.csv")
    return trials_metrics(result.trials, best[0])


def _predictions(study: ClassifierStudy, best: list[Trial], out: Path) -> pd.DataFrame:
    """One table: the best models' rows on validation and test, model by model."""
    tables = []
    for place, trial in enumerate(best, start=1):
        model = keras.saving.load_model(out / f"{place}.keras", compile=False)
        for split in ("validation", "test"):
            shard, size = study.splits[split], study.config.batch_size
            predicted = to_class_probabilities(predict(model, shard["images"], size))
            name = f"{study.name}/{trial.name}"
            tables.append(class_predictions(name, split, shard, predicted, study.labels))
    return pd.concat(tables, ignore_index=True)
