"""Files of the ensemble's members."""

from collections.abc import Sequence
from pathlib import Path

from scanvote.core.errors import InputError
from scanvote.predictions import family_of, read_predictions


def model_paths(searches: Path, models: Sequence[str]) -> list[Path]:
    """Return the path of each model's Keras archive, in their order.

    A search writes the models that it keeps as ``1.keras``, ``2.keras``…, the best first, and their
    predictions in the same order.

    Args:
        searches: `models/search`, with a folder for each family.
        models: names as in the tables of predictions: ``cnn/filters64``.

    Raises:
        InputError: a search kept no model of that name, or its file is missing.
    """
    kept = {
        family: read_predictions(searches / family / "predictions.csv")["model"].unique().tolist()
        for family in sorted({family_of(model) for model in models})
    }
    return [_path(searches / family_of(model), model, kept[family_of(model)]) for model in models]


def _path(folder: Path, model: str, kept: Sequence[str]) -> Path:
    if model not in kept:
        raise InputError(f"{folder}/predictions.csv has no model {model}; run `dvc repro ensemble`")
    path = folder / f"{kept.index(model) + 1}.keras"
    if not path.is_file():
        raise InputError(f"{path}, the model {model}, is missing; run `dvc repro search`")
    return path
