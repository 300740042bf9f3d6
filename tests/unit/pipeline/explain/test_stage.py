"""The stage on files: what it explains, measures and draws."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from scanvote.arrays import load_images, load_shard, write_shards
from scanvote.core.errors import InputError
from scanvote.core.files import write_csv
from scanvote.manifest import COLUMNS
from scanvote.models.saving import save_model
from scanvote.params import Params
from scanvote.params.whole import Method
from scanvote.pipeline.explain.stage import explain
from scanvote.predictions import class_predictions
from tests.unit.pipeline.explain.networks import REGION, SIDE, looking, plain, vote_of

SCANS = 8
METHODS: list[Method] = ["gradcam", "occlusion", "lime"]


@pytest.fixture
def small(params: Params) -> Params:
    """As the scans are written: not cropped, not resized."""
    task = params.prepare.classification.model_copy(update={"image_size": SIDE, "crop": False})
    return params.model_copy(
        update={
            "prepare": params.prepare.model_copy(update={"classification": task}),
            "explain": params.explain.model_copy(update={"scans": 3, "samples": 200}),
            "evaluate": params.evaluate.model_copy(update={"gallery": 2}),
        }
    )


def with_methods(params: Params, *methods: Method) -> Params:
    section = params.explain.model_copy(update={"methods": list(methods)})
    return params.model_copy(update={"explain": section})


class Files:
    """Scans with a tumour in the region and scans without, and a vote of two networks."""

    def __init__(self, root: Path, masks: bool = True, sighted: bool = True) -> None:
        self.raw, self.prepared = root / "raw", root / "prepared"
        self.searches, self.ensemble = root / "search", root / "ensemble"
        random = np.random.default_rng(2)
        images = random.integers(60, 100, (SCANS, SIDE, SIDE, 1)).astype(np.uint8)
        labels = np.arange(SCANS) % 2
        for at in np.flatnonzero(labels):
            images[at][REGION] = 230
        names = np.array([f"s{at}" for at in range(SCANS)])
        shard = {"images": images, "scan_ids": names, "labels": labels}
        rows = ({key: shard[key][at] for key in shard} for at in range(SCANS))
        write_shards(self.prepared, "test", rows)
        self._write_scans(names, images, labels, masks)
        models = {"cnn/a": looking(40), "ann/b": plain()} if sighted else {"ann/b": plain()}
        self._write_models(models, shard)

    def _write_scans(
        self, names: np.ndarray, images: np.ndarray, labels: np.ndarray, masks: bool
    ) -> None:
        self.raw.mkdir()
        table = []
        for name, image, label in zip(names, images, labels, strict=True):
            cv2.imwrite(str(self.raw / f"{name}.png"), image)
            mask = np.zeros((SIDE, SIDE), np.uint8)
            mask[REGION] = 255 * label
            cv2.imwrite(str(self.raw / f"{name}_mask.png"), mask)
            row = dict.fromkeys(COLUMNS, "") | {"scan_id": name, "path": f"{name}.png"}
            row |= {"mask_path": f"{name}_mask.png" if masks else "", "width": 1, "height": 1}
            marked = int((mask > 0).sum()) if masks else 0
            group = str(int(name[1:]) // 4)
            table.append(row | {"mask_pixels": marked, "split": "test", "group": group})
        write_csv(pd.DataFrame(table), self.prepared / "manifest.csv")

    def _write_models(self, models: dict, shard: dict[str, np.ndarray]) -> None:
        vote, said = vote_of(*models), []
        for name, model in models.items():
            save_model(model, self.searches / name.split("/")[0] / "1.keras")
            said.append(model.predict_on_batch(shard["images"]))
        voted = vote(np.stack(said)).probabilities
        tables = [
            class_predictions(name, "test", shard, one, list(vote.labels))
            for name, one in zip(["vote", *models], [voted, *said], strict=True)
        ]
        write_csv(pd.concat(tables), self.ensemble / "predictions.csv")
        for name, table in zip(models, tables[1:], strict=True):
            write_csv(table, self.searches / name.split("/")[0] / "predictions.csv")
        vote.write(self.ensemble / "vote.json")

    def explain(self, params: Params, out: Path) -> dict[str, float]:
        return explain(self.searches, self.ensemble, self.raw, self.prepared, params, out)


def test_the_vote_is_measured_to_look_at_the_lesions(tmp_path: Path, small: Params) -> None:
    metrics = Files(tmp_path).explain(small, tmp_path / "out")
    assert metrics["lesions"] == 3
    assert metrics["chance"] == pytest.approx(36 / SIDE**2, rel=0.1)
    for method in METHODS:
        assert metrics[f"vote_{method}_above_chance"] > 0
        assert np.isnan(metrics[f"vote_{method}_above_chance_low"])  # of two groups
    table = pd.read_csv(tmp_path / "out" / "mass.csv")
    served = table.groupby("method")["model"].unique().map(list).to_dict()
    every = ["vote", "cnn/a", "ann/b"]
    assert served == {"gradcam": every[:2], "occlusion": every, "lime": every}
    assert set(table["scan_id"]) < {"s1", "s3", "s5", "s7"}
    assert table.groupby("scan_id")["group"].first().to_dict().items() <= {
        ("s1", 0),
        ("s3", 0),
        ("s5", 1),
        ("s7", 1),
    }


def test_the_maps_are_a_shard_of_all_scans_that_are_shown(tmp_path: Path, small: Params) -> None:
    files = Files(tmp_path)
    metrics = files.explain(small, tmp_path / "out")
    with (tmp_path / "out" / "maps.pkl").open("rb") as file:
        shard = load_shard(file)
    scans = shard["scan_ids"].tolist()
    assert len(scans) == metrics["scans"]
    assert np.array_equal(shard["images"], load_images(files.prepared, "test", scans))
    assert shard["maps"].dtype == np.uint8
    assert shard["maps"].shape == (len(scans), SIDE, SIDE)
    measured = pd.read_csv(tmp_path / "out" / "mass.csv")["scan_id"].unique()
    for scan in measured:
        heat = shard["maps"][scans.index(scan)]
        assert heat.max() == 255
        assert heat[REGION].mean() > 5 * np.delete(heat, REGION[0], axis=0).mean()


def test_the_same_bytes_twice(tmp_path: Path, small: Params) -> None:
    files = Files(tmp_path)
    for out in ("one", "two"):
        files.explain(small, tmp_path / out)
    written = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert {"maps.pkl", "mass.csv", "mass.png", "best.png", "disagreeing.png"} <= set(written)
    for name in written:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_without_a_lesion_nothing_is_measured(tmp_path: Path, small: Params) -> None:
    metrics = Files(tmp_path, masks=False).explain(
        with_methods(small, "occlusion"), tmp_path / "out"
    )
    assert metrics.keys() == {"scans", "lesions"}
    assert metrics["lesions"] == 0
    assert pd.read_csv(tmp_path / "out" / "mass.csv").empty
    assert not (tmp_path / "out" / "mass.png").exists()
    assert (tmp_path / "out" / "best.png").exists()


def test_a_method_that_serves_no_member_is_left_out(tmp_path: Path, small: Params) -> None:
    files = Files(tmp_path, sighted=False)
    metrics = files.explain(with_methods(small, "gradcam", "occlusion"), tmp_path / "out")
    assert "vote_occlusion_mass" in metrics
    assert "vote_gradcam_mass" not in metrics
    with pytest.raises(InputError, match="add occlusion or lime"):
        files.explain(with_methods(small, "gradcam"), tmp_path / "none")
