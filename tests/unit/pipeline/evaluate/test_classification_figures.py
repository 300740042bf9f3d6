"""The figures of a classification, and the tables that DVC plots."""

import re
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import confusion_matrix

from scanvote.arrays import Shard, write_shards
from scanvote.metrics.agreement import agreement
from scanvote.metrics.comparisons import BASELINE
from scanvote.metrics.curves import GRID, Curve
from scanvote.metrics.reliability import reliability
from scanvote.pipeline.evaluate.classification_figures import draw_classification
from scanvote.pipeline.evaluate.curve_figures import (
    KINDS,
    CurveData,
    curve_figure,
    reliability_figure,
)
from scanvote.pipeline.evaluate.gallery_figures import scans_figure, side_by_side
from scanvote.pipeline.evaluate.matrix_figures import (
    agreement_figure,
    comparisons_figure,
    confusion_figure,
)
from scanvote.plots.canvas import class_colour, wrap_label
from tests.classified import LABELS, classified
from tests.drawing import check_picture

SCANS, SIDE = 36, 12
LONG = "transfer/EfficientNetV2B0-pooling_average-units64-dropout0.25"


def draw_confusion(path: Path, hit: int = 3) -> None:
    matrices = dict.fromkeys(("vote", "best"), np.array([[hit, 1], [0, 0]]))
    confusion_figure(matrices, ["meningioma_tumor", "no_tumor"], "Title", path)


def draw_curves(path: Path, bend: float = 0.5, kind: int = 0, classes: int = 5) -> None:
    line = GRID**bend
    curve = Curve(line, line * 0.9, np.minimum(line * 1.1, 1), 20)
    nothing = np.full(len(GRID), np.nan)
    absent, few = Curve(nothing, nothing, nothing, 0), Curve(line, nothing, nothing, 3)
    shown = [CurveData(f"of_{n}", 0.2, curve, GRID, 0.8, 0.5) for n in range(classes - 2)]
    shown.append(CurveData("few", 0.1, few, GRID, 0.8, 0.5))
    last = CurveData("absent", 0, absent, absent.line, np.nan, np.nan)
    curve_figure(KINDS[kind], [*shown, last], 30, "", path)


def draw_precision(path: Path, bend: float = 0.5) -> None:
    draw_curves(path, bend, kind=1)


def draw_reliability(path: Path, sharp: float = 1) -> None:
    sure = np.linspace(0.4, 1, 30) ** sharp
    bins = reliability(sure, np.arange(30) % 3 > 0, np.arange(30))
    reliability_figure({"vote": [(bins, sure), (bins, sure)], LONG: [(bins, sure)]}, "Title", path)


def draw_agreement(path: Path, share: float = 1) -> None:
    table = agreement(pd.DataFrame({name: ["x", "y"] for name in ("truth", LONG, f"{LONG}2")}))
    agreement_figure(table.assign(kappa=table["kappa"] * share), "Title", path)


def comparisons(difference: float = 0.01) -> pd.DataFrame:
    pairs = [("vote", LONG), ("vote", "cnn/filters1"), ("vote", BASELINE)]
    rows = [
        {"model": model, "against": other, "metric": metric, "difference": difference}
        for model, other in pairs
        for metric in ("accuracy", "macro_f1", "auroc")
    ]
    return pd.DataFrame(rows).assign(low=difference - 0.02, high=difference + 0.02)


def draw_comparisons(path: Path, difference: float = 0.01) -> None:
    comparisons_figure(comparisons(difference), path)


def draw_scans(path: Path, warm: int = 200) -> None:
    image = np.full((8, 8, 1), 90, np.uint8)
    heat = np.zeros((8, 8), np.uint8)
    heat[2:4, 2:4] = warm
    captions = {"a": "glioma", "b": "no_tumor"}
    scans_figure(captions, {"a": image, "b": image}, {"a": heat}, "Title", path)


@pytest.mark.parametrize(
    ("draw", "change"),
    [
        (draw_confusion, 4),
        (draw_curves, 0.2),
        (draw_precision, 0.2),
        (draw_reliability, 0.5),
        (draw_agreement, 0.5),
        (draw_comparisons, 0.3),
        (draw_scans, 100),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_picture(
    draw: Callable[..., None], change: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_picture(draw, change, tmp_path, monkeypatch)


def prepare(models: dict[str, pd.DataFrame], folder: Path) -> Path:
    random = np.random.default_rng(0)
    rows = (
        {
            "scan_ids": np.array(scan),
            "labels": np.int64(0),
            "images": random.integers(0, 256, (SIDE, SIDE, 1), np.uint8),
        }
        for scan in models["vote"]["scan_id"]
    )
    write_shards(folder, "test", rows)
    return folder


def maps_of(models: dict[str, pd.DataFrame]) -> Shard:
    """Of every second scan."""
    scans = models["vote"]["scan_id"].to_numpy(str)[::2]
    heats = np.random.default_rng(1).integers(0, 256, (len(scans), SIDE, SIDE), np.uint8)
    return {"scan_ids": scans, "maps": heats}


def draw_all(models: dict[str, pd.DataFrame], folder: Path, maps: Shard | None = None) -> Path:
    members = list(models)[1:]
    prepared = prepare(models, folder / "prepared")
    groups = np.arange(len(models["vote"])) // 2
    tempered = {"vote": 1.5, members[0]: 1.0}
    draw_classification(
        models,
        members[0],
        members,
        groups,
        comparisons(),
        "patients known of 2 of 3 test scans",
        "yes" if "yes" in models["vote"]["label"].to_numpy() else None,
        tempered,
        prepared,
        maps,
        6,
        1,
        folder / "out",
    )
    return folder / "out"


MODELS = classified(SCANS)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_all(MODELS, tmp_path_factory.mktemp("drawn"), maps_of(MODELS))


def test_every_file_that_the_docstring_names_is_written_and_no_other(drawn: Path) -> None:
    named = set(re.findall(r"``(\w+\.(?:csv|png))``", draw_classification.__doc__ or ""))
    assert named == {path.name for path in drawn.iterdir()}


def test_the_same_tables_give_the_same_bytes(drawn: Path, tmp_path: Path) -> None:
    again = draw_all(classified(SCANS), tmp_path, maps_of(MODELS))
    for path in drawn.iterdir():
        assert (again / path.name).read_bytes() == path.read_bytes(), path.name


def test_without_explanations_only_the_galleries_differ(drawn: Path, tmp_path: Path) -> None:
    plain = draw_all(MODELS, tmp_path)
    changed = {
        path.name
        for path in drawn.iterdir()
        if (plain / path.name).read_bytes() != path.read_bytes()
    }
    assert changed == {"errors.png", "disagreeing.png", "right.png"}


def test_the_plotted_confusion_is_that_of_the_vote(drawn: Path) -> None:
    table, vote = pd.read_csv(drawn / "confusion.csv"), MODELS["vote"]
    np.testing.assert_array_equal(
        confusion_matrix(table["actual"], table["predicted"], labels=LABELS),
        confusion_matrix(vote["label"], vote["predicted"], labels=LABELS),
    )


@pytest.mark.parametrize(
    ("name", "x"), [("roc", "false_positive_rate"), ("precision_recall", "recall")]
)
def test_the_plotted_curves_have_their_grid_and_bands(drawn: Path, name: str, x: str) -> None:
    table = pd.read_csv(drawn / f"{name}.csv")
    assert list(table) == [x, "vote", "vote_low", "vote_high", "best_member"]
    np.testing.assert_allclose(table[x], np.linspace(0, 1, 101))
    assert (table["vote_low"] <= table["vote"]).all()
    assert (table["vote"] <= table["vote_high"]).all()
    assert not table["vote"].equals(table["best_member"])


def test_the_plotted_agreement_has_truth_vote_and_members(drawn: Path) -> None:
    table = pd.read_csv(drawn / "agreement.csv")
    square = table.pivot(index="model", columns="other", values="kappa")
    assert set(square) == {"truth", "vote", *list(MODELS)[1:]}
    np.testing.assert_allclose(square, square.T)
    np.testing.assert_allclose(np.diag(square), 1)


def test_the_plotted_reliability_counts_every_scan(drawn: Path) -> None:
    table = pd.read_csv(drawn / "reliability.csv")
    assert table["scans"].sum() == SCANS
    hits = (MODELS["vote"]["label"] == MODELS["vote"]["predicted"]).sum()
    assert (table["right"] * table["scans"]).sum() == pytest.approx(hits, abs=1e-3)


@pytest.mark.parametrize("right", [True, False], ids=["always right", "always wrong"])
def test_a_vote_without_the_one_or_the_other_has_all_figures(right: bool, tmp_path: Path) -> None:
    models = classified(12)
    other = models["vote"]["label"].map(dict(zip(LABELS, (*LABELS[1:], LABELS[0]), strict=True)))
    models["vote"]["predicted"] = models["vote"]["label"] if right else other
    assert len(list(draw_all(models, tmp_path).glob("*.png"))) == 9


@pytest.mark.parametrize("labels", [("no", "yes"), tuple("abcdefghi")], ids=len)
def test_any_number_of_classes_can_be_drawn(labels: tuple[str, ...], tmp_path: Path) -> None:
    out = draw_all(classified(27, labels), tmp_path)
    widths = {path.stem: cv2.imread(str(path)).shape[1] for path in out.glob("*.png")}
    assert len(widths) == 9
    assert max(widths.values()) < 1800


def test_a_class_that_is_absent_from_the_test_is_drawn_as_absent(tmp_path: Path) -> None:
    models = {
        name: table[table["label"] != LABELS[0]].reset_index(drop=True)
        for name, table in classified(30).items()
    }
    out = draw_all(models, tmp_path)
    assert pd.read_csv(out / "roc.csv")["vote"].notna().all()


def test_a_scan_stands_beside_its_explanation() -> None:
    image = np.arange(24, dtype=np.uint8).reshape(4, 6, 1) * 10
    heat = np.zeros((4, 6), np.uint8)
    heat[1, 2] = 255
    both = side_by_side(image, heat)
    beside = both[:, -6:]
    np.testing.assert_array_equal(both[:, :6], np.repeat(image, 3, axis=2))
    cold = heat == 0
    np.testing.assert_array_equal(beside[cold], np.repeat(image, 3, axis=2)[cold])
    assert len(set(beside[1, 2].tolist())) > 1, "heat is no grey"
    assert (side_by_side(image, None)[:, 6:] == 255).all()
    colour = np.repeat(image, 3, axis=2)
    np.testing.assert_array_equal(side_by_side(colour, heat), both)


def test_nine_classes_have_nine_colours() -> None:
    assert len({class_colour(place) for place in range(9)}) == 9


def test_a_long_name_is_cut_at_its_joints_and_loses_nothing() -> None:
    lines = wrap_label(LONG, 25).split("\n")
    assert "".join(lines).replace(" ", "") == LONG.replace("_", "")
    assert len(lines) > 2
    assert all(len(line) <= 25 for line in lines)
    assert wrap_label("no_tumor") == "no tumor"
