"""The probe on scans whose twins are known: what leaks is seen, and only that."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from scanvote.core.errors import InputError
from scanvote.manifest import COLUMNS, write_manifest
from scanvote.models import efficientnet_lite
from scanvote.models.lite_weights import load_torch_weights, packaged_weights
from scanvote.params import InflationParams
from scanvote.pipeline.inflation import shortcuts
from scanvote.pipeline.inflation.probe import features
from scanvote.pipeline.inflation.stage import inflation

PARAMS = InflationParams(backbone=None, image_size=16, folds=3)


@pytest.fixture(autouse=True)
def few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shortcuts, "TREES", 3)


def made(folder: Path, tell: float, parts: tuple[str, str] = ("Training", "Testing")) -> Path:
    """40 patients of 4 scans that are all alike, the class shown with the strength `tell`."""
    random = np.random.default_rng(0)
    rows = []
    for patient in range(40):
        label = ("cat", "dog")[patient % 2]
        face = random.normal(128, 40, (16, 16)) + tell * (1 if label == "cat" else -1)
        for number in range(4):
            name = f"p{patient:02}-{number}"
            noisy = np.clip(face + random.normal(0, 3, (16, 16)), 0, 255)
            cv2.imwrite(str(folder / f"{name}.png"), noisy.astype(np.uint8))
            rows.append(
                dict.fromkeys(COLUMNS, "")
                | {"scan_id": name, "path": f"{name}.png", "label": label, "sha256": name}
                | {"width": 16, "height": 16, "mask_pixels": 0, "patient": f"p{patient:02}"}
                | {"source_split": parts[number == 3]}
            )
    judged = {"kept": True, "conflict": False, "duplicate_of": "", "relatives": ""}
    write_manifest(pd.DataFrame(rows).assign(**judged), folder / "manifest.csv")
    return folder


def test_patients_on_both_sides_lift_a_probe_that_knows_nothing(tmp_path: Path) -> None:
    folder = made(tmp_path, tell=0)
    metrics = inflation(folder, folder, PARAMS, 1, tmp_path / "out")
    assert metrics["random_accuracy"] > 0.9
    assert metrics["grouped_accuracy"] < 0.75
    assert metrics["inflation_accuracy_low"] > 0.1
    difference = metrics["random_accuracy"] - metrics["grouped_accuracy"]
    assert metrics["inflation_accuracy"] == pytest.approx(difference, abs=1e-5)


def test_what_is_to_be_seen_is_not_inflated(tmp_path: Path) -> None:
    folder = made(tmp_path, tell=60)
    metrics = inflation(folder, folder, PARAMS, 1, tmp_path / "out")
    assert metrics["shortcut_all_balanced_accuracy"] > 0.9, "these scans are all border"
    assert metrics["grouped_macro_f1"] > 0.97
    assert metrics["inflation_macro_f1"] < 0.03


def test_a_published_split_that_cuts_patients_is_measured_both_ways(tmp_path: Path) -> None:
    folder = made(tmp_path, tell=0)
    manifest = pd.read_csv(folder / "manifest.csv", keep_default_na=False)
    # every fourth patient has all scans in the training part: the others are tied to the test
    whole = manifest["patient"].str[1:].astype(int) % 8 < 2
    manifest.loc[whole, "source_split"] = "Training"
    manifest.to_csv(folder / "manifest.csv", index=False)
    metrics = inflation(folder, folder, PARAMS, 1, tmp_path / "out")
    assert metrics["official_as_published_accuracy"] > 0.9
    assert metrics["official_accuracy"] < 0.8
    assert metrics["official_scans"] == metrics["official_as_published_scans"] == 30


def test_of_published_folds_the_first_is_the_official_test_part(tmp_path: Path) -> None:
    folder = made(tmp_path, tell=0)
    manifest = pd.read_csv(folder / "manifest.csv", keep_default_na=False)
    patients = manifest["patient"].str[1:].astype(int)
    manifest["source_split"] = "fold" + (patients // 2 % 5 + 1).astype(str)
    manifest.to_csv(folder / "manifest.csv", index=False)
    metrics = inflation(folder, folder, PARAMS, 1, tmp_path / "out")
    assert metrics["official_scans"] == metrics["official_as_published_scans"] == 32
    assert metrics["official_accuracy"] == metrics["official_as_published_accuracy"]


def test_a_set_without_a_published_test_part_has_no_such_rows(tmp_path: Path) -> None:
    folder = made(tmp_path, tell=0, parts=("", ""))
    metrics = inflation(folder, folder, PARAMS, 1, tmp_path / "out")
    table = pd.read_csv(tmp_path / "out/table.csv")
    assert table["protocol"].tolist() == ["random", "grouped", "inflation"]
    assert not [key for key in metrics if key.startswith("official")]


def half_known(folder: Path, look_alikes: "pd.Series[str]") -> Path:
    """Forget the patients from p20 on, whose scans the look-alikes then group."""
    manifest = pd.read_csv(folder / "manifest.csv", keep_default_na=False)
    unknown = manifest["patient"] >= "p20"
    manifest["relatives"] = look_alikes.where(unknown, "")
    manifest["patient"] = manifest["patient"].where(~unknown, "")
    write_manifest(manifest.assign(look_alikes=look_alikes), folder / "manifest.csv")
    return folder


def test_look_alikes_that_part_patients_lift_the_probe_above_persons(tmp_path: Path) -> None:
    folder = made(tmp_path, tell=0)
    alone = pd.read_csv(folder / "manifest.csv")["scan_id"]
    # of unknown patients all scans are alike, of known ones none
    half_known(folder, alone.str[:3].where(alone >= "p20", alone))
    metrics = inflation(folder, folder, PARAMS, 1, tmp_path / "out")
    table = pd.read_csv(tmp_path / "out/table.csv")
    assert table["protocol"].tolist()[:3] == ["random", "look_alikes", "grouped"]
    assert metrics["random_accuracy"] > metrics["look_alikes_accuracy"] + 0.05
    assert metrics["inflation_look_alikes_accuracy_low"] > 0.05
    assert (metrics["scans"], metrics["scans_patient_known"]) == (160, 80)


def test_look_alikes_that_chain_to_more_than_a_fold_are_no_protocol(tmp_path: Path) -> None:
    folder = made(tmp_path, tell=0)
    chained = pd.read_csv(folder / "manifest.csv")["scan_id"].where(
        lambda name: name < "p30", "p30"
    )
    metrics = inflation(half_known(folder, chained), folder, PARAMS, 1, tmp_path / "out")
    assert "look_alikes_accuracy" in metrics
    everything = chained.where(chained < "p20", "p30")
    metrics = inflation(half_known(folder, everything), folder, PARAMS, 1, tmp_path / "out")
    assert not [name for name in metrics if "look_alikes" in name]


def test_every_scan_is_tested_once_and_the_files_are_the_same_again(tmp_path: Path) -> None:
    folder = made(tmp_path, tell=0)
    for name in ("one", "two"):
        inflation(folder, folder, PARAMS, 1, tmp_path / name)
    found = pd.read_csv(tmp_path / "one/predictions.csv")
    for protocol in ("random", "grouped"):
        tested = found.loc[found["protocol"] == protocol, "scan_id"]
        assert sorted(tested) == sorted(pd.read_csv(folder / "manifest.csv")["scan_id"])
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_a_class_of_few_patients_has_as_many_folds(tmp_path: Path) -> None:
    folder = made(tmp_path, tell=60)
    manifest = pd.read_csv(folder / "manifest.csv", keep_default_na=False)
    few = manifest[(manifest["label"] == "dog") | (manifest["patient"] < "p04")]
    few.to_csv(folder / "manifest.csv", index=False)
    metrics = inflation(folder, folder, PARAMS, 1, tmp_path / "out")
    assert metrics["grouped_scans"] == len(few)


def test_a_backbone_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    folder = made(tmp_path, tell=0)
    absent = PARAMS.model_copy(update={"backbone": str(tmp_path / "none.keras")})
    with pytest.raises(InputError, match=r"inflation\.backbone: there is no file .*none\.keras"):
        inflation(folder, folder, absent, 1, tmp_path / "out")


def test_a_named_backbone_has_its_imagenet_weights(tmp_path: Path) -> None:
    folder = made(tmp_path, tell=0)
    paths = [folder / f"p00-{number}.png" for number in range(2)]
    params = PARAMS.model_copy(update={"backbone": "EfficientNetLite0", "image_size": 32})
    found, _ = features(paths, params, None)
    network = efficientnet_lite.build("EfficientNetLite0")
    load_torch_weights(network, packaged_weights("EfficientNetLite0"))
    scans = [
        cv2.resize(cv2.imread(str(path)), (32, 32), interpolation=cv2.INTER_AREA) for path in paths
    ]
    maps = network.predict(np.array(scans, np.float32), verbose=0)
    assert found == pytest.approx(maps.mean(axis=(1, 2)), abs=1e-2)


def test_an_unknown_backbone_is_one_line(tmp_path: Path) -> None:
    folder = made(tmp_path, tell=0)
    unknown = PARAMS.model_copy(update={"backbone": "EfficientNetLite9"})
    with pytest.raises(
        InputError, match=r"inflation\.backbone: 'EfficientNetLite9' is unknown; did"
    ):
        features([folder / "p00-0.png"], unknown, None)
