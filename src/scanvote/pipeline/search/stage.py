"""search: Keras Tuner over the grid of one family; the best models and their predictions."""

from pathlib import Path

import keras
import pandas as pd

from scanvote.core.files import write_csv
from scanvote.models.input_spec import as_classes
from scanvote.params import Family, Params
from scanvote.pipeline.search.study import ClassBench
from scanvote.predictions import class_predictions
from scanvote.training.batches import predict
from scanvote.tuning.run import walk_grid, write_walk
from scanvote.tuning.trials import Record, Trial, trials_metrics


def search(
    family: Family, prepared: Path, params: Params, out: Path, record: Record
) -> dict[str, float]:
    """Search the grid of `family`, and write its best models and tables to `out`.

    The best `ensemble.top` models and the tables of `write_walk`, and ``predictions.csv`` of
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
    bench = ClassBench(family, prepared, params)
    walked = walk_grid(bench, record)
    best = walked.ranked[: bench.keep]
    write_walk(bench, walked, best, out)
    write_csv(_predictions(bench, best, out), out / "predictions.csv")
    return trials_metrics(walked.trials, best[0])


def _predictions(bench: ClassBench, best: list[Trial], out: Path) -> pd.DataFrame:
    """One table: the best models' rows on validation and test, model by model."""
    tables = []
    for place, trial in enumerate(best, start=1):
        model = keras.saving.load_model(out / f"{place}.keras", compile=False)
        for split in ("validation", "test"):
            shard, size = bench.splits[split], bench.how.batch_size
            predicted = as_classes(predict(model, shard["images"], size))
            name = f"{bench.name}/{trial.name}"
            tables.append(class_predictions(name, split, shard, predicted, bench.labels))
    return pd.concat(tables, ignore_index=True)
