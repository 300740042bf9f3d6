"""Patients that a model misses, from experiments that are given."""

import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scanvote.commands.pool_missed import write_missed
from scanvote.core.errors import InputError
from scanvote.metrics.segmentation import measure
from scanvote.predictions import mask_predictions

SIDE = 16


@dataclass(frozen=True)
class Part:
    """An experiment whose files are given."""

    files: Mapping[str, bytes]

    def read(self, path: str) -> bytes:
        if path not in self.files:
            raise InputError(f"{path} is not in DVC's cache")
        return self.files[path]


def of_patients(found: Mapping[str, int]) -> tuple[list[Part], pd.DataFrame]:
    """Two slices a patient, the second with the larger tumour, of which `found` rows are found.

    Each patient is tested by a part of its own. The tumour is bright in the second contrast only.
    """
    parts, tables = [], []
    for name, rows in found.items():
        scans = [f"{name}-{number}" for number in range(2)]
        manifest = pd.DataFrame({"scan_id": scans, "patient": name})
        manifest = manifest.assign(pixel_height=1.0, pixel_width=1.0, pixel_unit="px")
        truth, mask = np.zeros((2, 2, SIDE, SIDE), bool)
        truth[0, 8:10, 4:8], truth[1, 8:12, 4:8] = True, True
        mask[1, 8 : 8 + rows, 4:8] = True
        images = np.random.default_rng(1).integers(90, 110, (2, SIDE, SIDE, 3)).astype("uint8")
        images[..., 1] += 100 * truth.astype("uint8")
        shards = [{"images": images[[at]], "scan_ids": np.array([scans[at]])} for at in range(2)]
        place = "data/prepared/segmentation/test-{:05}.pkl"
        parts.append(
            Part({place.format(at): pickle.dumps(one, protocol=5) for at, one in enumerate(shards)})
        )
        tables.append(mask_predictions("test", manifest, truth, mask))
    return parts, pd.concat(tables, ignore_index=True)


def test_of_each_missed_patient_there_is_a_row_and_a_picture(tmp_path: Path) -> None:
    parts, masks = of_patients({"well": 4, "half": 1, "not": 0})
    count = write_missed(parts, masks, measure(masks, 2.0)[1], tmp_path)  # type: ignore[arg-type]
    table = pd.read_csv(tmp_path / "missed.csv")
    assert count == 2
    assert table["patient"].tolist() == ["not", "half"]
    assert table["slice"].tolist() == ["not-1", "half-1"]
    assert table["dice"].tolist() == pytest.approx([0, 2 * 4 / (4 + 24)], abs=1e-3)
    assert table["slice_pixels"].tolist() == [16, 16]
    assert table["down"].tolist() == pytest.approx([9.5 / SIDE] * 2, abs=1e-3)
    assert table["right"].tolist() == pytest.approx([5.5 / SIDE] * 2, abs=1e-3)
    assert (table["contrast_2"] > 10).all()
    assert (table[["contrast_1", "contrast_3"]].abs() < 1).all(axis=None)
    assert (tmp_path / "missed.png").stat().st_size > 5000


def test_where_none_is_missed_nothing_stays_of_an_earlier_run(tmp_path: Path) -> None:
    (tmp_path / "missed.csv").write_text("of an earlier run")
    parts, masks = of_patients({"well": 4})
    assert write_missed(parts, masks, measure(masks, 2.0)[1], tmp_path) == 0  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_slices_that_are_not_at_hand_are_told(tmp_path: Path) -> None:
    masks = of_patients({"not": 0})[1]
    with pytest.raises(InputError, match=r"test-00000\.pkl is not in DVC's cache"):
        write_missed([Part({})], masks, measure(masks, 2.0)[1], tmp_path)  # type: ignore[list-item]
