from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scanvote.arrays import write_shards
from scanvote.core.errors import InputError
from scanvote.core.files import write_csv
from scanvote.params import Params
from scanvote.pipeline.baseline.stage import find_bright_regions
from scanvote.predictions import decode_mask
from tests.unit.pipeline.baseline.test_bright_region import SIDE, head


@pytest.fixture(params=[1, 3], ids=["grey", "colour"])
def prepared(request, tmp_path, monkeypatch):
    """Two slices a split, the second one healthy; of colour ones the second channel tells."""
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    names = []
    for split in ("validation", "test"):
        rows = []
        for number, radius in enumerate((10, 0)):
            image, mask = head(radius, seed=number)
            layers = [image] if request.param == 1 else [0 * image, image, 0 * image]
            name = f"{split}-{number}"
            names.append(name)
            rows.append(
                {
                    "images": np.stack(layers, axis=-1),
                    "scan_ids": np.array(name),
                    "masks": mask.astype("uint8"),
                }
            )
        write_shards(tmp_path / "prepared", split, rows)
    _manifest(tmp_path / "prepared", names)
    return tmp_path / "prepared", request.param


def _manifest(folder: Path, names):
    from scanvote.manifest import COLUMNS

    frame = pd.DataFrame({**dict.fromkeys(COLUMNS, ""), "scan_id": names})
    frame = frame.assign(
        width=SIDE, height=SIDE, mask_pixels=0, pixel_height=1.0, pixel_width=1.0, pixel_unit="px"
    )
    write_csv(frame, folder / "manifest.csv")


def _with(params: Params, **changes) -> Params:
    return params.model_copy(update={"baseline": params.baseline.model_copy(update=changes)})


def test_the_best_way_on_validation_marks_both_splits(prepared, params, tmp_path):
    folder, channels = prepared
    params = _with(params, channel=1 if channels == 3 else None)
    metrics = find_bright_regions(folder, params, tmp_path / "out")
    choices = pd.read_csv(tmp_path / "out" / "choices.csv")
    assert metrics["ways"] == len(choices) == 20
    assert metrics["best_val_dice"] == choices["dice"].max() > 0.9
    table = pd.read_csv(tmp_path / "out" / "predictions.csv", keep_default_na=False)
    assert table["split"].tolist() == ["validation"] * 2 + ["test"] * 2
    assert table["patient"].tolist() == table["scan_id"].tolist()
    marked = [decode_mask(code, SIDE, SIDE).sum() for code in table["predicted"]]
    assert [pixels > 0 for pixels in marked] == [True, False] * 2


def test_a_channel_that_is_not_there_is_told(prepared, params, tmp_path):
    folder, channels = prepared
    with pytest.raises(InputError, match=f"^baseline.channel: 3 is none of the {channels}"):
        find_bright_regions(folder, _with(params, channel=3), tmp_path / "out")
