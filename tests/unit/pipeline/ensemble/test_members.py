"""Which file is whose: by the order of the predictions beside it."""

from pathlib import Path

import pandas as pd
import pytest

from scanvote.core.errors import InputError
from scanvote.core.files import write_csv
from scanvote.pipeline.ensemble.members import model_paths
from scanvote.pipeline.search.skipped import write_empty_search


@pytest.fixture
def searches(tmp_path: Path) -> Path:
    kept = {"ann": ["ann/wide"], "cnn": ["cnn/z", "cnn/a/b", "cnn/m"]}
    for family, models in kept.items():
        # two rows a model, as of two scans
        rows = [{"model": model, "scan_id": scan} for model in models for scan in ("1", "2")]
        write_csv(pd.DataFrame(rows), tmp_path / family / "predictions.csv")
        for place in range(len(models)):
            (tmp_path / family / f"{place + 1}.keras").write_bytes(b"")
    write_empty_search(tmp_path / "published")
    return tmp_path


def test_a_model_lies_at_its_place_in_the_predictions(searches: Path) -> None:
    found = model_paths(searches, ["cnn/m", "ann/wide", "cnn/z", "cnn/a/b"])
    names = [path.relative_to(searches).as_posix() for path in found]
    assert names == ["cnn/3.keras", "ann/1.keras", "cnn/1.keras", "cnn/2.keras"]


@pytest.mark.parametrize("model", ["cnn/b", "published/densenet121"])
def test_a_model_that_no_search_kept_is_named(searches: Path, model: str) -> None:
    with pytest.raises(InputError, match=f"has no model {model}"):
        model_paths(searches, [model])


def test_a_family_that_was_never_searched_is_one_line(searches: Path) -> None:
    with pytest.raises(InputError, match=r"transfer/predictions\.csv is missing"):
        model_paths(searches, ["transfer/x"])


def test_a_missing_file_is_named_with_its_model(searches: Path) -> None:
    (searches / "cnn/2.keras").unlink()
    with pytest.raises(InputError, match=r"2\.keras, the model cnn/a/b, is missing"):
        model_paths(searches, ["cnn/z", "cnn/a/b"])
