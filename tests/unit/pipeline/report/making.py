"""A repository as all stages leave it, with a few scans and figures drawn at random."""

import json
import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from scanvote.core.files import write_csv, write_json
from scanvote.core.metrics_file import write_metrics
from scanvote.core.seeds import rng
from scanvote.manifest import COLUMNS, write_manifest
from scanvote.metrics.performance import NAME
from scanvote.params import Params, Task
from scanvote.pipeline.left_out import write_left_out
from scanvote.splits.known_patients import KnownPatients

SPLITS = ("train", "train", "validation", "test")
TASKS: dict[Task, str] = {"classification": "brain_tumor_yes_no", "segmentation": "lgg_mri"}
PICTURES = (
    "data/deduplicated/classification/montage.png",
    "data/prepared/classification/crop.png",
    "metrics/inflation/classification/inflation.png",
    "metrics/inflation/classification/shortcuts.png",
    "models/search/cnn/choices.png",
    "models/search/cnn/curves.png",
    "models/unet/curves.png",
    *(
        f"metrics/evaluate/classification/{name}.png"
        for name in ("confusion", "roc", "reliability", "errors", "disagreeing", "right", "new")
    ),
    *(f"metrics/evaluate/segmentation/{name}.png" for name in ("areas", "masks")),
    *(f"metrics/explain/classification/{name}.png" for name in ("mass", "best", "worst")),
)


MISSING = [
    "metrics/evaluate/classification.csv",
    "metrics/evaluate/segmentation.csv",
    "metrics/inflation/classification.csv",
    "metrics/explain/classification.csv",
    "metrics/package/classification.csv",
    "metrics/prepare/*.csv",
    "metrics/deduplicate/*.csv",
    "metrics/unet/segmentation.csv",
    "metrics/*/*.csv",
    "metrics/*/*/*.csv",
    "models/*/*.csv",
    "models/*/*.json",
    "data/prepared/*/manifest.csv",
    "data/raw/segmentation/manifest.csv",
    "data/raw/*/manifest.csv",
    "**/*.png",
]
"""What a report must do without."""


def repository(
    root: Path,
    params: Params,
    labels: tuple[str, ...] = ("glioma", "no_tumor", "pituitary"),
    without: Iterable[str] = (),
    known: str = "all",
    tasks: Iterable[Task] = tuple(TASKS),
    **changes: object,
) -> Path:
    """Make it at `root`: with these classes, tasks, settings, without what lies at these paths.

    Of the scans of classification `known` have a patient: all, some (1 of 3 test scans has none)
    or none.
    """
    _write_params(root, params, changes, tasks)
    for task in TASKS:
        if task == "classification":
            _write_data(root, task, labels, known)
        else:
            _write_data(root, task, ("",), "all")
    _write_models(root)
    _write_results(root, labels, {"all": 12, "some": 8, "none": 0}[known])
    for path in PICTURES:
        _draw(root / path)
    for path in without:
        for found in root.glob(path):
            found.unlink()
    for task in set(TASKS) - set(tasks):
        _leave_out(root, task)
    return root


def _leave_out(root: Path, task: Task) -> None:
    """As the stages leave a task out: folders with the marker alone, metrics without a row."""
    models = {"classification": ("search/cnn", "ensemble"), "segmentation": ("unet",)}[task]
    kinds = (f"data/*/{task}", f"metrics/*/{task}", *(f"models/{one}" for one in models))
    for folder in [one for kind in kinds for one in root.glob(kind)]:
        shutil.rmtree(folder)
        write_left_out(task, folder)
    searches = root.glob("metrics/search/*.csv") if task == "classification" else ()
    for table in [*root.glob(f"metrics/*/{task}.csv"), *searches]:
        _write_figures(table.with_suffix(".json"), {})
    if task == "classification":
        _write_figures(root / "metrics/package/classification.json", {"unets": 1, "bytes": 9.0})


def _write_params(
    root: Path, params: Params, changes: dict[str, object], tasks: Iterable[Task]
) -> None:
    values = params.model_dump(mode="json") | changes
    for task, name in TASKS.items():
        values[task]["dataset"] = [name] if task in tasks else None
    root.mkdir(parents=True)
    (root / "params.yaml").write_text(json.dumps(values), encoding="utf-8")


def _write_data(root: Path, task: str, labels: tuple[str, ...], known: str) -> None:
    """Four scans of each class, of four patients, one in the test part."""
    scans = _scans(task, labels)
    if known != "all":
        forgotten = [known == "none" or number // 4 == 1 for number in range(len(scans))]
        scans.loc[forgotten, "patient"] = ""
    raw = root / "data" / "raw" / task
    write_manifest(scans, raw / "manifest.csv")
    found = [("mixed_sizes", TASKS[task], "64x32 8, 32x32 4", False, "They differ.")]
    columns = ["kind", "path", "detail", "excluded", "rule"]
    write_csv(pd.DataFrame(found, columns=columns), raw / "integrity.csv")
    judged = scans.assign(kept=True, duplicate_of="", conflict=False, relatives="")
    write_manifest(judged, root / "data/deduplicated" / task / "manifest.csv")
    split = judged.assign(split=np.resize(SPLITS, len(scans)), group=range(len(scans)))
    write_manifest(split, root / "data/prepared" / task / "manifest.csv")
    copy = {"scan_id": "copy", "duplicate_of": "scan", "rule": "bytes", "distance": 0}
    copy |= {"correlation": 1.0, "conflict": True, "label": labels[0], "label_of": labels[-1]}
    copy |= {"patient": "", "patient_of": ""}
    wrong = copy | {"scan_id": "wrong", "duplicate_of": "", "rule": "source label"}
    other = copy | {"scan_id": "other", "rule": "perceptual", "conflict": False}
    other |= {"patient": "set/one", "patient_of": "set/two"}
    copies = pd.DataFrame([copy, wrong, other])
    write_csv(copies, root / "data/deduplicated" / task / "duplicates.csv")
    counts = {"scans": len(scans), "kept": len(scans), "redundant": 1, "clusters": 1}
    counts |= {"conflicts": 1, "source_label_conflicts": 1, "patient_conflicts": 1}
    _write_figures(root / f"metrics/deduplicate/{task}.json", counts)
    _write_figures(root / f"metrics/download/{task}.json", {"scans": len(scans), "excluded": 0})
    metrics = _split_metrics(len(scans)) | KnownPatients.of(split).metrics()
    _write_figures(root / f"metrics/prepare/{task}.json", metrics)


def _scans(task: str, labels: tuple[str, ...]) -> pd.DataFrame:
    count = 4 * len(labels)
    names = [f"{TASKS[task]}/{number}" for number in range(count)]
    values: dict[str, object] = {name: [""] * count for name in COLUMNS}
    values |= {"scan_id": names, "path": [f"{name}.png" for name in names]}
    values |= {"task": task, "source": TASKS[task], "mode": "L", "width": 64, "height": 64}
    values |= {"label": np.repeat(labels, 4), "patient": names, "mask_pixels": 0}
    if task == "segmentation":
        values |= {"mask_path": "mask.png", "mask_pixels": [0, 9, 9, 9], "institution": "north"}
    values["sha256"] = [f"{number:064d}" for number in range(count)]
    return pd.DataFrame(values)


def _split_metrics(scans: int) -> dict[str, float]:
    sizes = {f"{split}_{what}": scans for split in set(SPLITS) for what in ("scans", "groups")}
    links = ("patient", "series", "case", "relatives", "duplicate", "sha256", "group")
    return dict(sorted(sizes.items())) | {f"leaked_pairs_{link}": 0 for link in links}


def _write_models(root: Path) -> None:
    best = {"trials": 3, "failed_trials": 0, "best_parameters": 1234, "best_val_macro_f1": 0.7}
    _write_figures(root / "metrics/search/cnn.json", best)
    for family in ("ann", "transfer", "published"):
        _write_figures(root / f"metrics/search/{family}.json", {"trials": 0})
    unet = {"trials": 1, "failed_trials": 0, "best_parameters": 99, "best_val_dice": 0.6}
    _write_figures(root / "metrics/unet/segmentation.json", unet | {"postprocessed_val_dice": 0.65})
    _write_figures(root / "metrics/baseline/segmentation.json", {"ways": 20, "best_val_dice": 0.3})
    write_json(root / "models/unet/postprocess.json", {"threshold": 0.5, "fill_holes": True})
    members = pd.DataFrame({"model": ["cnn/filters64", "cnn/filters32"], "macro_f1": [0.7, 0.6]})
    members = members.assign(votes=[True, False], temperature=[1.25, np.nan])
    write_csv(members, root / "models/ensemble/members.csv")
    rules = pd.DataFrame({"rule": ["majority", "soft"], "macro_f1": [0.71, 0.72]})
    write_csv(rules, root / "models/ensemble/rules.csv")


def _write_figures(path: Path, figures: dict[str, float]) -> None:
    write_metrics(path, figures, {})


class Draws:
    """Figures with intervals, each unlike the others."""

    def __init__(self) -> None:
        self.random = rng(1, "report")

    def figure(self, name: str, lowest: float = 0.0) -> dict[str, float]:
        low, value, high = np.sort(self.random.uniform(lowest, 1, 3)).round(6).tolist()
        return {name: value, f"{name}_low": low, f"{name}_high": high}

    def figures(self, *named: str, lowest: float = 0.0) -> dict[str, float]:
        return {key: one for name in named for key, one in self.figure(name, lowest).items()}


_CLASSIFIED = ("accuracy", "balanced_accuracy", "macro_f1", "mcc", "auroc", "brier", "ece")


def _write_results(root: Path, labels: tuple[str, ...], known: int) -> None:
    draw, metrics = Draws(), root / "metrics"
    of_class = ("sensitivity", "specificity")
    found = draw.figures(
        *(f"{who}_{name}" for who in ("vote", "best") for name in _CLASSIFIED),
        *(f"vote_{name}_{label}" for name in of_class for label in labels),
    )
    found |= draw.figures("difference_accuracy", "difference_auroc", lowest=-1.0)
    found |= {"mcnemar_p": 0.0421, "delong_p": 0.0001, "majority_class_accuracy": 0.3333}
    found |= {"test_scans": 180, "test_groups": 91}
    if len(labels) > 2:
        alone = [f"{who}_positive_classes_macro_f1" for who in ("vote", "best")]
        found |= Draws().figures(*alone)
    if len(labels) == 2:
        found |= draw.figures("vote_operating_sensitivity", "vote_operating_specificity")
        found |= {"vote_operating_threshold": 0.27, "vote_operating_missed": 4}
        found |= {"vote_operating_false_alarms": 17}
    _write_figures(metrics / "evaluate/classification.json", found)
    _write_vote_performance(metrics / "evaluate/classification", found, labels)
    ends = [f"{name}{end}" for name in of_class for end in ("", "_low", "_high")]
    classes = [
        {"class": label, "scans": 4} | {end: found[_of_class(end, label)] for end in ends}
        for label in labels
    ]
    write_csv(pd.DataFrame(classes), metrics / "evaluate/classification/classes.csv")
    _write_class_tables(metrics / "evaluate/classification", labels, draw)
    chief = ("dice_patient_mean", "dice_patient_median")
    masks = draw.figures(*chief, *(f"{who}_{c}" for who in ("baseline", "empty") for c in chief))
    masks |= draw.figures("difference_dice_patient_mean", lowest=-1.0)
    masks |= {"hd95_patient_mean": 4.2, "wilcoxon_p": 0.0313, "distances_in_mm": 0}
    masks |= {"test_patients": 8, "test_slices": 57, "slice_sensitivity": 0.9189}
    _write_figures(metrics / "evaluate/segmentation.json", masks)
    _write_mask_performance(metrics / "evaluate/segmentation", masks)
    patients = pd.DataFrame({"patient": ["a_1", "b"], "slices": [3, 4], "dice": [0.9, 0.4]})
    write_csv(patients, metrics / "evaluate/segmentation/patients.csv")
    probe = {"macro_f1": 0.01, "macro_f1_low": 0.005, "macro_f1_high": 0.02, "scans": 60}
    protocols = [{"protocol": p, **draw.figure("accuracy"), **probe} for p in ("random", "grouped")]
    write_csv(pd.DataFrame(protocols), metrics / "inflation/classification/table.csv")
    _write_shortcuts(metrics / "inflation/classification/shortcuts.csv", labels)
    leak = draw.figures("random_accuracy", "grouped_accuracy", "inflation_accuracy")
    leak |= draw.figure("inflation_macro_f1") | {"scans": 12, "scans_patient_known": known}
    _write_figures(metrics / "inflation/classification.json", leak)
    mass = draw.figures("vote_gradcam_mass", "vote_gradcam_above_chance")
    _write_figures(metrics / "explain/classification.json", {"lesions": 12, "chance": 0.11} | mass)
    _write_figures(
        metrics / "package/classification.json",
        {"members": 3, "difference_max": 2.4e-7, "outside": 0.0213, "bytes": 12_300_000},
    )


def _estimate(figures: dict[str, float], name: str, groups: int) -> dict[str, float]:
    value, low, high = (figures[f"{name}{end}"] for end in ("", "_low", "_high"))
    return {"value": value, "low": low, "high": high, "groups": groups}


def _write_vote_performance(folder: Path, found: dict[str, float], labels: tuple[str, ...]) -> None:
    named = ("accuracy", "macro_f1", "auroc")
    values: dict[str, object] = {one: _estimate(found, f"vote_{one}", 91) for one in named}
    values |= {"scans": 180, "groups": 91, "scans_patient_known": 180}
    values |= {"frequent_class": labels[0], "frequent_accuracy": 0.3333}
    values |= {"against_frequent": "better"}
    if len(labels) == 2:
        values |= {"positive": labels[0], "threshold": 0.27}
    else:
        values |= {"negative": "no_tumor"}
    write_json(folder / NAME, values)


def _write_mask_performance(folder: Path, masks: dict[str, float]) -> None:
    values: dict[str, object] = {"patients": 8, "slices": 57, "slices_patient_known": 57}
    values |= {"dice": _estimate(masks, "dice_patient_mean", 8)}
    values |= {"baseline_dice": masks["baseline_dice_patient_mean"], "against_baseline": "better"}
    values |= {"empty_dice": masks["empty_dice_patient_mean"], "against_empty": "better"}
    write_json(folder / NAME, values)


def change_performance(root: Path, task: str, **changes: object) -> None:
    """Change values of the performance of a task."""
    path = root / "metrics/evaluate" / task / NAME
    write_json(path, json.loads(path.read_text(encoding="utf-8")) | changes)


def _write_shortcuts(path: Path, labels: tuple[str, ...]) -> None:
    """The border tells the second class; origins are known of some scans."""
    rows = []
    for target, values in (("class", labels), ("source", ("known", "unknown"))):
        for features in ("size", "border_pixels", "all"):
            row = {"target": target, "features": features, "probe": "forest", "scans": 60}
            chance = 1 / len(values)
            row |= {"chance_balanced_accuracy": chance, "chance_macro_f1": chance / 2}
            told = {"balanced_accuracy": chance if features == "size" else 0.8, "macro_f1": 0.7}
            for place, value in enumerate(values):
                told |= {f"sensitivity_{value}": 0.9 if place == 1 else 0.6}
                told |= {f"specificity_{value}": 0.95 if place == 1 else 0.7}
            for name, value in told.items():
                row |= {name: value, f"{name}_low": value - 0.05, f"{name}_high": value + 0.04}
            rows.append(row)
    write_csv(pd.DataFrame(rows).round(6), path)


def _of_class(name: str, label: str) -> str:
    head, *end = name.split("_")
    return "_".join(["vote", head, label, *end])


def _write_class_tables(folder: Path, labels: tuple[str, ...], draw: Draws) -> None:
    models = [{"model": m, **draw.figures(*_CLASSIFIED)} for m in ("vote", "vote/soft", "cnn/a-b")]
    write_csv(pd.DataFrame(models), folder / "members.csv")
    low, value, high = draw.figure("difference", -1.0).values()
    pair = {"model": "vote", "against": "cnn/a-b", "metric": "accuracy", "difference": low}
    pair |= {"low": value, "high": high, "test": "mcnemar", "p": 0.0421, "p_holm": 0.0842}
    write_csv(pd.DataFrame([pair]), folder / "comparisons.csv")
    group = {"column": "plane", "value": "axial", "scans": 7, "groups": 5, "few": True}
    write_csv(pd.DataFrame([group | draw.figure("accuracy")]), folder / "subgroups.csv")
    votes = [(one, labels[0]) for one in labels]
    write_csv(pd.DataFrame(votes, columns=["actual", "predicted"]), folder / "confusion.csv")


def _draw(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (12, 7), len(path.name)).save(path)
