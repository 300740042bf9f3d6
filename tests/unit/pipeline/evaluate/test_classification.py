"""evaluate, on prediction tables made by hand: its files, its figures, its numbers."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import f1_score

from scanvote.arrays import write_shards
from scanvote.core.errors import InputError
from scanvote.core.files import write_csv, write_json
from scanvote.manifest import COLUMNS
from scanvote.metrics.classification import evaluate_classes
from scanvote.metrics.comparisons import BASELINE
from scanvote.metrics.performance import (
    ClassificationPerformance,
    SegmentationPerformance,
    read_performance,
)
from scanvote.params import Params
from scanvote.pipeline.evaluate.classification import evaluate_classification
from scanvote.pipeline.evaluate.segmentation import evaluate_segmentation
from scanvote.predictions import (
    class_predictions,
    mask_predictions,
    probabilities,
    read_predictions,
)

ROOT = Path(__file__).parents[4]
LABELS = ["ant", "no_tumor", "zebra"]
ROWS, SIDE = 18, 16
SLICES = 20


def classification(root: Path) -> tuple[Path, Path, Path]:
    """Prepared test scans, and a vote of three members: the best is right in two of three.

    Nothing is explained.
    """
    random = np.random.default_rng(0)
    tables: dict[str, list[pd.DataFrame]] = {"ann/m1": [], "cnn/m2": [], "cnn/m3": []}
    for split in ("validation", "test"):
        names = np.array([f"{split}/{number}" for number in range(ROWS)])
        truth = np.arange(ROWS) % 3
        images = random.integers(0, 256, (ROWS, SIDE, SIDE, 1), np.uint8)
        rows = zip(images, names, truth, strict=True)
        keys = ("images", "scan_ids", "labels")
        write_shards(root / "prepared", split, (dict(zip(keys, row, strict=True)) for row in rows))
        for name, found in tables.items():
            predicted = random.dirichlet([1, 1, 1], ROWS)
            right = np.arange(ROWS) % (3 if name == "ann/m1" else 2) > 0
            predicted[right] = 0.1 + 0.7 * np.eye(3)[truth[right]]
            shard = {"scan_ids": names, "labels": truth}
            found.append(class_predictions(name, split, shard, predicted, LABELS))
    members = [pd.concat(found, ignore_index=True) for found in tables.values()]
    votes = [_vote(members, name) for name in ("vote", "vote/majority", "vote/soft")]
    every = pd.concat([*votes, *members], ignore_index=True)
    write_csv(every, root / "ensemble" / "predictions.csv")
    ranked = pd.DataFrame({"model": list(tables), "votes": True, "temperature": 1.5})
    write_csv(ranked, root / "ensemble" / "members.csv")
    write_json(root / "ensemble" / "vote.json", {"temperature": 1.0})
    names = [f"test/{number}" for number in range(ROWS)]
    known = {"institution": ["HU", "CS", "CS"], "patient": ["p", "", ""]}
    write_manifest(root, names, **{fact: part * (ROWS // 3) for fact, part in known.items()})
    return root / "ensemble", root / "explain", root / "prepared"


def _vote(members: list[pd.DataFrame], name: str) -> pd.DataFrame:
    """The mean of the members."""
    shares = np.mean([probabilities(one) for one in members], axis=0)
    table = members[0].assign(model=name, predicted=np.array(LABELS)[shares.argmax(axis=1)])
    for code, label in enumerate(LABELS):
        table[f"p_{label}"] = shares[:, code]
        table[f"votes_{label}"] = sum(
            (one["predicted"] == label).astype("Int64") for one in members
        )
    return table


def segmentation(root: Path) -> tuple[Path, Path, Path]:
    """Five test patients of four slices; the first slice of each is healthy.

    The baseline marks the left half of each slice.
    """
    random = np.random.default_rng(0)
    names = np.array([f"test/{number}" for number in range(SLICES)])
    truths = np.zeros((SLICES, SIDE, SIDE), np.uint8)
    for number, truth in enumerate(truths):
        if number % 4:
            cv2.circle(truth, (8, 8), 2 + number % 4, 1, -1)
    masks = np.roll(truths, 1, axis=2) > 0
    masks[5] = False
    images = random.integers(0, 256, (SLICES, SIDE, SIDE, 1), np.uint8)
    rows = zip(images, names, truths, strict=True)
    keys = ("images", "scan_ids", "masks")
    write_shards(root / "prepared", "test", (dict(zip(keys, row, strict=True)) for row in rows))
    manifest = pd.DataFrame({"scan_id": names, "patient": [f"p{n // 4}" for n in range(SLICES)]})
    manifest = manifest.assign(pixel_height=2.0, pixel_width=2.0, pixel_unit="px")
    people = manifest["patient"].tolist()
    write_manifest(root, names.tolist(), plane=["axial", "coronal"] * (SLICES // 2), patient=people)
    half = np.zeros((SLICES, SIDE, SIDE), bool)
    half[:, :, : SIDE // 2] = True
    for name, marked in (("unet", masks), ("baseline", half)):
        table = mask_predictions("test", manifest, truths, marked)
        unseen = table.assign(split="validation", predicted="0 1")  # must not count
        both = pd.concat([unseen, table.iloc[::-1]], ignore_index=True)
        write_csv(both, root / name / "predictions.csv")
    return root / "unet", root / "baseline", root / "prepared"


def write_manifest(root: Path, names: list[str], **facts: list[str]) -> None:
    scans = pd.DataFrame({**dict.fromkeys(COLUMNS, ""), "scan_id": names, "split": "test", **facts})
    scans = scans.assign(width=SIDE, height=SIDE, mask_pixels=0, group=np.arange(len(names)) // 2)
    write_csv(scans, root / "prepared" / "manifest.csv")


MADE = {
    "classification": (classification, evaluate_classification),
    "segmentation": (segmentation, evaluate_segmentation),
}


class Evaluated:
    """The inputs, the folder and the metrics of one evaluation."""

    def __init__(self, task: str, root: Path, params: Params) -> None:
        make, self.evaluate = MADE[task]
        self.task, self.root, self.params = task, root, params
        self.inputs = make(root)
        self.out = root / "metrics" / "evaluate" / task
        self.metrics = self.evaluate(*self.inputs, params, self.out)  # type: ignore[operator]

    def table(self, name: str) -> pd.DataFrame:
        return pd.read_csv(self.out / name)


@pytest.fixture(scope="module")
def vote(tmp_path_factory: pytest.TempPathFactory, params: Params) -> Evaluated:
    return Evaluated("classification", tmp_path_factory.mktemp("classification"), params)


@pytest.fixture(scope="module")
def unet(tmp_path_factory: pytest.TempPathFactory, params: Params) -> Evaluated:
    return Evaluated("segmentation", tmp_path_factory.mktemp("segmentation"), params)


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw nothing, where only the numbers matter."""
    monkeypatch.setattr(
        "scanvote.pipeline.evaluate.classification.draw_classification", lambda *_: None
    )


@pytest.fixture(params=["classification", "segmentation"])
def either(request: pytest.FixtureRequest, vote: Evaluated, unet: Evaluated) -> Evaluated:
    return {"classification": vote, "segmentation": unet}[request.param]


def test_every_file_that_the_docstring_names_is_written_and_no_other(either: Evaluated) -> None:
    words = either.evaluate.__doc__.split("Args:")[0].split("``")
    named = {word for word in words if word.endswith((".csv", ".json", ".png"))}
    assert named == {path.name for path in either.out.iterdir()}


def test_the_pictures_decode(either: Evaluated) -> None:
    for path in either.out.glob("*.png"):
        image = cv2.imread(str(path))
        assert image is not None, path
        assert image.std() > 5, path


def test_the_same_bytes_twice(either: Evaluated, tmp_path: Path) -> None:
    again = either.evaluate(*either.inputs, either.params, tmp_path)
    assert again == pytest.approx(either.metrics, rel=0, abs=0, nan_ok=True)
    for path in either.out.iterdir():
        assert path.read_bytes() == (tmp_path / path.name).read_bytes(), path


def test_the_metrics_are_flat_finite_numbers(either: Evaluated) -> None:
    for name, value in either.metrics.items():
        assert isinstance(value, (int, float)), name
        assert np.isfinite(value) or name.endswith(("_low", "_high")), name


# -- the vote --------------------------------------------------------------------


def test_the_vote_and_the_best_member_are_scored_on_the_test_alone(vote: Evaluated) -> None:
    table = pd.read_csv(vote.inputs[0] / "predictions.csv")
    for prefix, model in (
        ("vote", "vote"),
        ("best", "ann/m1"),
        ("ann", "ann/m1"),
        ("member_2", "cnn/m2"),
        ("cnn", "cnn/m2"),
        ("rule_soft", "vote/soft"),
    ):
        rows = table[(table["model"] == model) & (table["split"] == "test")]
        wanted = evaluate_classes(rows)
        for name in wanted if model == "vote" else ("accuracy", "macro_f1", "auroc"):
            assert vote.metrics[f"{prefix}_{name}"] == pytest.approx(wanted[name], abs=1e-6)
    assert vote.metrics["best_accuracy"] >= 12 / 18
    assert vote.metrics["test_scans"] == ROWS
    assert vote.metrics["test_groups"] == ROWS // 2
    assert vote.metrics["test_scans_patient_known"] == ROWS // 3
    assert vote.metrics["test_scans_patient_shared"] == 0
    assert vote.metrics["majority_class_accuracy"] == pytest.approx(1 / 3)


def test_every_chief_figure_lies_in_its_interval(vote: Evaluated) -> None:
    lows = [name for name in vote.metrics if name.endswith("_low")]
    assert {"vote_ece_low", "best_mcc_low", "rule_soft_auroc_low", "cnn_macro_f1_low"} <= set(lows)
    for low in lows:
        name = low.removesuffix("_low")
        if np.isnan(vote.metrics[low]):
            assert "precision" in name, "rests on the scans that are called so"
            continue
        assert vote.metrics[low] <= vote.metrics[name] <= vote.metrics[f"{name}_high"], name


def test_classes_with_the_finding_are_scored_alone(vote: Evaluated) -> None:
    table = pd.read_csv(vote.inputs[0] / "predictions.csv")
    rows = table[(table["split"] == "test") & (table["label"] != "no_tumor")]
    members = vote.table("members.csv").set_index("model")
    for prefix, model in (("vote", "vote"), ("best", "ann/m1")):
        one = rows[rows["model"] == model]
        scores = {
            "accuracy": (one["label"] == one["predicted"]).mean(),
            "macro_f1": f1_score(
                one["label"], one["predicted"], labels=["ant", "zebra"], average="macro"
            ),
        }
        for name, wanted in scores.items():
            key = f"positive_classes_{name}"
            assert vote.metrics[f"{prefix}_{key}"] == pytest.approx(wanted, abs=1e-6)
            assert members.loc[model, key] == pytest.approx(wanted, abs=1e-6)
            assert vote.metrics[f"{prefix}_{key}_low"] < vote.metrics[f"{prefix}_{key}_high"]


def test_more_than_two_classes_have_no_operating_point(vote: Evaluated) -> None:
    assert not [name for name in vote.metrics if "operating" in name or "specificity_90" in name]


@pytest.mark.usefixtures("undrawn")
def test_of_two_classes_the_validation_chooses_the_operating_point(
    tmp_path: Path, params: Params
) -> None:
    inputs, table = two_classes(tmp_path)
    with pytest.raises(InputError, match="names ant and zebra do not tell which class must not be"):
        evaluate_classification(*inputs, params, tmp_path / "out")
    metrics = evaluate_classification(*inputs, positive(params, "zebra"), tmp_path / "out")
    validation = table[(table["model"] == "vote") & (table["split"] == "validation")]
    found = validation["p_zebra"] >= metrics["vote_operating_threshold"]
    assert found[validation["label"] == "zebra"].mean() >= params.evaluate.min_sensitivity
    test = table[(table["model"] == "vote") & (table["split"] == "test")]
    called = test["p_zebra"] >= metrics["vote_operating_threshold"]
    truth = test["label"] == "zebra"
    assert metrics["vote_operating_missed"] == (truth & ~called).sum()
    assert metrics["vote_operating_false_alarms"] == (~truth & called).sum()
    assert metrics["vote_operating_positive_groups"] == 6
    assert metrics["vote_operating_missed_groups"] <= metrics["vote_operating_missed"]
    low, high = (metrics[f"vote_operating_sensitivity_{end}"] for end in ("low", "high"))
    assert low <= metrics["vote_operating_sensitivity"] <= high
    assert 0 <= metrics["vote_sensitivity_at_specificity_90"] <= 1
    said = read_performance("classification", tmp_path / "out")
    assert isinstance(said, ClassificationPerformance)
    assert (said.positive, said.negative) == ("zebra", None)
    assert said.sensitivity is not None
    assert said.sensitivity.value == metrics["vote_operating_sensitivity"]
    members = pd.read_csv(tmp_path / "out" / "members.csv")
    assert set(members["operating_class"]) == {"zebra"}


def two_classes(root: Path) -> tuple[tuple[Path, Path, Path], pd.DataFrame]:
    """The inputs without the class no_tumor, and their predictions."""
    inputs = classification(root)
    table = read_predictions(inputs[0] / "predictions.csv")
    two = table["label"].isin(["ant", "zebra"])
    table = table[two].drop(columns=["p_no_tumor", "votes_no_tumor"])
    sums = table[["p_ant", "p_zebra"]].sum(axis=1)
    for name in ("p_ant", "p_zebra"):
        table[name] = (table[name] / sums).round(6)
    table["predicted"] = np.where(table["p_zebra"] > 0.5, "zebra", "ant")
    write_csv(table, inputs[0] / "predictions.csv")
    return inputs, table


def positive(params: Params, name: str) -> Params:
    section = params.evaluate.model_copy(update={"positive": name, "gallery": 2})
    return params.model_copy(update={"evaluate": section})


@pytest.mark.filterwarnings("error")
def test_two_scans_of_each_class_have_values_and_no_intervals(
    tmp_path: Path, params: Params
) -> None:
    inputs, table = two_classes(tmp_path)
    few = (table["split"] == "validation") | table["scan_id"].isin(
        [f"test/{n}" for n in (0, 2, 3, 5)]
    )
    write_csv(table[few], inputs[0] / "predictions.csv")
    metrics = evaluate_classification(*inputs, positive(params, "zebra"), tmp_path / "out")
    assert (metrics["test_scans"], metrics["test_groups"]) == (4, 3)
    assert np.isfinite([metrics["vote_accuracy"], metrics["vote_auroc"]]).all()
    without = [name for name in metrics if name.endswith(("_low", "_high", "_p"))]
    assert len(without) > 50
    assert np.isnan([metrics[name] for name in without]).all()
    comparisons = pd.read_csv(tmp_path / "out" / "comparisons.csv")
    assert comparisons[["low", "high", "p", "p_holm"]].isna().all(axis=None)
    assert comparisons["difference"].notna().all()
    for name in ("reliability.csv", "roc.csv", "precision_recall.csv", "classes.csv"):
        found = pd.read_csv(tmp_path / "out" / name).filter(regex="low$|high$")
        assert found.isna().all(axis=None), name
    first, *rest = read_performance("classification", tmp_path / "out").sentences()
    assert "cannot be compared" in first
    assert "On 4 test scans of 3 groups" in rest[0]
    assert "(3 groups: no interval can be given)" in rest[0]


@pytest.mark.usefixtures("undrawn")
def test_a_vote_of_one_class_is_called_that_first(tmp_path: Path, params: Params) -> None:
    inputs = classification(tmp_path)
    table = read_predictions(inputs[0] / "predictions.csv")
    vote = table["model"].str.startswith("vote")
    write_csv(
        table.assign(predicted=table["predicted"].mask(vote, "zebra")),
        inputs[0] / "predictions.csv",
    )
    evaluate_classification(*inputs, params, tmp_path / "out")
    said = read_performance("classification", tmp_path / "out").sentences()
    assert said[0] == "The vote names zebra for every test scan: it distinguishes nothing."
    assert "not shown to be better than that of always naming" in said[1]


def test_the_performance_is_that_of_the_metrics(either: Evaluated) -> None:
    said = read_performance(either.task, either.out)
    if isinstance(said, ClassificationPerformance):
        assert (said.scans, said.groups, said.scans_patient_known) == (ROWS, ROWS // 2, ROWS // 3)
        assert (said.frequent_class, said.negative, said.positive) == ("ant", "no_tumor", None)
        assert said.frequent_accuracy == either.metrics["majority_class_accuracy"]
        values = {"vote_macro_f1": said.macro_f1, "vote_auroc": said.auroc}
    else:
        assert (said.patients, said.slices, said.slices_patient_known) == (5, SLICES, SLICES)
        assert (said.against_baseline, said.against_empty) == ("better", "better")
        values = {"dice_patient_mean": said.dice}
    for name, one in values.items():
        found = [either.metrics[f"{name}{end}"] for end in ("", "_low", "_high")]
        assert [one.value, one.low, one.high] == pytest.approx(found, abs=1e-6)


def test_the_confusion_table_has_a_row_a_scan(vote: Evaluated) -> None:
    pairs = vote.table("confusion.csv")
    assert len(pairs) == ROWS
    right = (pairs["actual"] == pairs["predicted"]).mean()
    assert vote.metrics["vote_accuracy"] == pytest.approx(right, abs=1e-6)


def test_the_roc_table_climbs(vote: Evaluated) -> None:
    curves = vote.table("roc.csv")
    for column in ("vote", "best_member"):
        assert curves[column].is_monotonic_increasing
        assert curves[column].iloc[-1] == 1
        area = np.trapezoid(curves[column], curves["false_positive_rate"])
        prefix = column.removesuffix("_member")
        assert area == pytest.approx(vote.metrics[f"{prefix}_auroc"], abs=0.02)


def test_members_are_listed_with_the_vote(vote: Evaluated) -> None:
    members = vote.table("members.csv").set_index("model")
    names = ["vote", "vote/majority", "vote/soft", "ann/m1", "cnn/m2", "cnn/m3"]
    assert members.index.tolist() == names
    assert members.loc["cnn/m3", "accuracy"] == pytest.approx(
        vote.metrics["member_3_accuracy"], abs=1e-6
    )


@pytest.mark.usefixtures("undrawn")  # it is drawn in test_classification_figures.py
def test_a_vote_without_error_has_the_exact_interval(tmp_path: Path, params: Params) -> None:
    inputs = classification(tmp_path)
    path = inputs[0] / "predictions.csv"
    table = read_predictions(path)
    write_csv(table.assign(predicted=table["label"]), path)
    metrics = evaluate_classification(*inputs, params, tmp_path / "out")
    assert metrics["vote_accuracy"] == 1
    assert metrics["vote_accuracy_low"] == pytest.approx(0.025 ** (1 / 9), abs=1e-6)


def test_the_vote_is_compared_with_every_other_and_all_with_the_baseline(vote: Evaluated) -> None:
    table = vote.table("comparisons.csv")
    pairs = list(dict.fromkeys(zip(table["model"], table["against"], strict=True)))
    single = ["ann/m1", "cnn/m2", "cnn/m3"]
    assert pairs[:3] == [("vote", name) for name in single]
    assert pairs[3:] == [(name, BASELINE) for name in ("vote", *single)]
    first = table.iloc[0]
    apart = vote.metrics["vote_accuracy"] - vote.metrics["best_accuracy"]
    assert first["difference"] == pytest.approx(apart, abs=2e-6)
    assert vote.metrics["difference_accuracy_low"] == first["low"]
    assert vote.metrics["mcnemar_p"] == first["p"]
    assert vote.metrics["delong_p"] == table.loc[2, "p"]


def test_subgroups_are_listed_with_their_counts(vote: Evaluated) -> None:
    table = vote.table("subgroups.csv").set_index("value")
    assert table["scans"].to_dict() == {"CS": 12, "HU": 6}
    assert not table["few"].any(), "six groups each"


@pytest.mark.usefixtures("undrawn")
def test_a_class_that_is_absent_is_null_and_stops_nothing(tmp_path: Path, params: Params) -> None:
    inputs = classification(tmp_path)
    path = inputs[0] / "predictions.csv"
    table = read_predictions(path)
    gone = (table["split"] == "test") & (table["label"] == "zebra")
    write_csv(table[~gone], path)
    metrics = evaluate_classification(*inputs, params, tmp_path / "out")
    for name in ("auroc", "auroc_low", "sensitivity_zebra", "average_precision_zebra_high"):
        assert np.isnan(metrics[f"vote_{name}"])
    assert np.isnan(metrics["delong_p"])
    assert np.isfinite(metrics["vote_balanced_accuracy_low"])


def test_scans_that_are_not_in_the_manifest_are_one_line(tmp_path: Path, params: Params) -> None:
    inputs = classification(tmp_path)
    write_manifest(tmp_path, ["test/0"], institution=["HU"])
    with pytest.raises(InputError, match=r"^test/1 has predictions and is no test scan of .*csv"):
        evaluate_classification(*inputs, params, tmp_path / "out")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({",": ";"}, "it has no column model"),
        ({"0.1": "0,1"}, "column p_ant holds '0,1', no probability"),
        ({}, "column votes_ant holds '2.0', no whole number"),
    ],
    ids=["separator", "comma", "decimals"],
)
def test_a_table_that_a_spreadsheet_saved_is_one_line(
    change: dict[str, str], problem: str, tmp_path: Path, params: Params
) -> None:
    inputs = classification(tmp_path)
    path = inputs[0] / "predictions.csv"
    table = read_predictions(path)
    if not change:
        table["votes_ant"] = "2.0"
    elif "," not in change:
        table["p_ant"] = "0,1"
    path.write_text(table.to_csv(index=False, sep=";" if "," in change else ","))
    with pytest.raises(InputError, match=f"was changed by hand or in a spreadsheet: {problem}"):
        evaluate_classification(*inputs, params, tmp_path / "out")


def test_a_model_with_other_scans_than_the_vote_is_one_line(tmp_path: Path, params: Params) -> None:
    inputs = classification(tmp_path)
    path = inputs[0] / "predictions.csv"
    table = read_predictions(path)
    write_csv(table[(table["model"] != "cnn/m3") | (table["scan_id"] != "test/3")], path)
    with pytest.raises(InputError, match="cnn/m3 and vote have different test scans"):
        evaluate_classification(*inputs, params, tmp_path / "out")


# -- the U-Net --------------------------------------------------------------------


def test_the_masks_are_scored_on_the_test_alone(unet: Evaluated) -> None:
    metrics = unet.metrics
    assert (metrics["test_patients"], metrics["test_slices"]) == (5, SLICES)
    assert metrics["test_scans_patient_known"] == SLICES
    assert metrics["test_scans_patient_shared"] == 0
    patients, slices = unet.table("patients.csv"), unet.table("slices.csv")
    for name, wanted in (
        ("dice_patient_mean", patients["dice"].mean()),
        ("dice_patient_median", patients["dice"].median()),
        ("dice_slice_mean", slices["dice"].mean()),
        ("slice_sensitivity", 14 / 15),
        ("slice_specificity", 1),
        ("empty_dice_slice_mean", 5 / SLICES),
        ("empty_dice_patient_mean", 0),
    ):
        assert metrics[name] == pytest.approx(wanted, abs=2e-6), name
    wrong = (slices["predicted"] + slices["truth"] - 2 * slices["overlap"]).sum()
    assert metrics["pixel_accuracy"] == pytest.approx(1 - wrong / (SLICES * SIDE**2), abs=1e-6)
    assert sorted(slices["scan_id"]) == sorted(f"test/{number}" for number in range(SLICES))
    assert patients["unit"].tolist() == ["px"] * 5
    assert patients["truth_area"].tolist() == (4 * patients["truth"]).tolist()


def test_the_baseline_stands_beside_the_unet(unet: Evaluated) -> None:
    models, patients = unet.table("models.csv").set_index("model"), unet.table("patients.csv")
    assert models.index.tolist() == ["unet", "baseline", "empty"]
    for name, prefix in (("unet", ""), ("baseline", "baseline_"), ("empty", "empty_")):
        for figure in ("dice_patient_mean", "dice_patient_median_low", "iou_patient_mean_high"):
            assert unet.metrics[f"{prefix}{figure}"] == pytest.approx(models.loc[name, figure])
    assert unet.metrics["baseline_slice_specificity"] == 0, "it marks half of every slice"
    apart = (patients["dice"] - patients["baseline_dice"]).to_numpy()
    assert unet.metrics["difference_dice_patient_mean"] == pytest.approx(apart.mean(), abs=2e-6)
    low, high = (unet.metrics[f"difference_dice_patient_mean_{end}"] for end in ("low", "high"))
    student = stats.t.interval(0.95, 4, apart.mean(), stats.sem(apart))
    assert low <= student[0] + 2e-6 < student[1] - 2e-6 <= high, "at least as wide as Student's"
    assert unet.metrics["wilcoxon_p"] == 2 / 2**5, "five patients, all better"


def test_masks_have_subgroups(unet: Evaluated) -> None:
    table = unet.table("subgroups.csv").set_index("value")
    assert table["slices"].to_dict() == {"axial": 10, "coronal": 10}
    assert table["patients"].to_dict() == {"axial": 5, "coronal": 5}


@pytest.mark.filterwarnings("error")
def test_one_patient_has_a_value_and_no_interval(
    unet: Evaluated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, folder in zip(("unet", "baseline"), unet.inputs, strict=False):
        table = read_predictions(folder / "predictions.csv")
        one = table[(table["patient"] == "p1") | (table["split"] != "test")]
        write_csv(one, tmp_path / name / "predictions.csv")
    inputs = tmp_path / "unet", tmp_path / "baseline", unet.inputs[2]
    metrics = evaluate_segmentation(*inputs, unet.params, tmp_path / "out")
    assert metrics["test_patients"] == 1
    assert np.isfinite(metrics["dice_patient_mean"])
    without = [name for name in metrics if name.endswith(("_low", "_high", "_p"))]
    assert np.isnan([metrics[name] for name in without]).all()
    said = read_performance("segmentation", tmp_path / "out")
    assert isinstance(said, SegmentationPerformance)
    assert (said.against_baseline, said.against_empty) == ("too few groups", "too few groups")
    assert "(1 patient: no interval can be given)" in " ".join(said.sentences())
    assert len(list((tmp_path / "out").glob("*.png"))) == 4


def test_the_rule_for_empty_masks_is_said_in_the_figure(
    unet: Evaluated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "scanvote.pipeline.evaluate.segmentation_figures.EMPTY_RULE", "another rule"
    )
    unet.evaluate(*unet.inputs, unet.params, tmp_path)  # type: ignore[operator]
    for name in ("dice_by_patient.png", "dice_by_size.png", "masks.png"):
        assert (tmp_path / name).read_bytes() != (unet.out / name).read_bytes(), name


# -- what it costs -----------------------------------------------------------------


def test_neither_evaluation_imports_a_framework(vote: Evaluated, unet: Evaluated) -> None:
    calls = [
        (one.evaluate.__module__, one.evaluate.__name__, [str(path) for path in one.inputs])
        for one in (vote, unet)
    ]
    script = f"""
import sys
from pathlib import Path
from importlib import import_module
from scanvote.pipeline.ensemble import stage
from scanvote.params import load_params
params = load_params(Path({str(ROOT / "params.yaml")!r}))
for module, name, inputs in {calls!r}:
    evaluate = getattr(import_module(module), name)
    evaluate(*map(Path, inputs), params, Path({str(vote.root / "again")!r}))
print(sorted({{"tensorflow", "keras", "jax", "mlflow", "dvc"}} & set(sys.modules)))
"""
    environment = {"PYTHONPATH": str(ROOT / "src"), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment
    )
    assert done.stdout.strip() == "[]", done.stderr
