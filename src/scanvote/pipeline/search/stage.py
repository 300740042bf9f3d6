"""Search the hyperparameters of one family, and predict with its best models."""

from pathlib import Path

import keras
import pandas as pd

from scanvote.core.files import write_csv
from scanvote.models.input_spec import to_class_probabilities
from scanvote.models.preflight import check_networks
from scanvote.models.published import PRETRAINED
from scanvote.params import Family, Params
from scanvote.pipeline.search.study import ClassifierStudy
from scanvote.predictions import class_predictions
from scanvote.training.batches import predict
from scanvote.tuning.inputs import study_files
from scanvote.tuning.search import run_search, write_search
from scanvote.tuning.trials import Trial, TrialLogger, trials_metrics


def search(
    family: Family, prepared: Path, params: Params, out: Path, record: TrialLogger
) -> dict[str, float]:
    """Search the hyperparameters of `family`, and write its best models and tables.

    Writes to `out` the best `ensemble.top` models and the tables of `write_search`, and
    ``predictions.csv``, the predictions of those models on validation and test.

    Args:
        family: the model family.
        prepared: folder of the shards, `data/prepared/classification`.
        params: the whole of params.yaml.
        out: `models/search/<family>`.
        record: opens the log of a trial, given its name and hyperparameters.

    Returns:
        Flat metrics of the best trial, and the number of trials.

    Raises:
        InputError: every trial failed, or the params do not fit the scans or the files here; a
            network that any family or the U-Net cannot use is told before the first training.
    """
    study = ClassifierStudy(family, prepared, params)
    check_networks(params, "classification", study.input_spec.shape)
    inputs = study_files(prepared, params, _pretrained(family, params))
    result = run_search(study, record, inputs)
    best = result.finished[: study.top_k]
    write_search(study, result, best, out)
    write_csv(_predictions(study, best, out), out / "predictions.csv")
    return trials_metrics(result.trials, best[0])


def _pretrained(family: Family, params: Params) -> list[tuple[str, str]]:
    """Return the networks of a family that may start from trained weights, with `weights`."""
    if family == "transfer":
        return [(name, params.transfer.weights) for name in params.transfer.backbones]
    if family == "published":
        names = filter(None, map(PRETRAINED.get, params.published.networks))
        return [(name, params.published.weights) for name in names]
    return []


def _predictions(study: ClassifierStudy, best: list[Trial], out: Path) -> pd.DataFrame:
    """Predict validation and test with each of the best models."""
    tables = []
    for place, trial in enumerate(best, start=1):
        model = keras.saving.load_model(out / f"{place}.keras", compile=False)
        for split in ("validation", "test"):
            shard, size = study.splits[split], study.config.batch_size
            predicted = to_class_probabilities(predict(model, shard["images"], size))
            name = f"{study.name}/{trial.name}"
            tables.append(class_predictions(name, split, shard, predicted, study.labels))
    return pd.concat(tables, ignore_index=True)
