"""The outputs of a pipeline that are packed, so small that a test can wait for them."""

import shutil
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from scanvote.arrays import read_split, write_shards
from scanvote.core.files import sha256, write_csv, write_json
from scanvote.images.decode import decode_image
from scanvote.images.preprocess import preprocess
from scanvote.manifest import COLUMNS, PIXEL, write_manifest
from scanvote.metrics.performance import (
    ClassificationPerformance,
    Estimate,
    Performance,
    SegmentationPerformance,
    write_performance,
)
from scanvote.models.postprocess import Postprocess
from scanvote.params import Params, PrepareTask, Task
from scanvote.pipeline.ensemble.stage import ensemble
from scanvote.pipeline.left_out import write_left_out
from scanvote.predictions import class_predictions, mask_predictions
from tests.making import write_image
from tests.searching import tiny_params

LABELS = ("glioma", "no_tumor", "pituitary")
WAY = {"threshold": 0.5, "smallest": 3, "largest_only": False, "fill_holes": True}
SIDE = 16
SCANS = 6
"""A split."""


class Made(NamedTuple):
    """What `pack` is given."""

    searches: Path
    ensemble: Path
    unet: Path
    evaluated: Path
    raw: Path
    prepared: Path
    params: Params


def write_pipeline(
    root: Path, labels: tuple[str, ...] = LABELS, context: int = 0, **prepare: Any
) -> Made:
    """Two members and a U-Net, not trained, asked about scans of noise under a disc.

    Args:
        root: of the folders.
        labels: of the classes; of two the members have one output.
        context: `unet.context`; two slices of a patient are a series.
        prepare: changes of `prepare.classification`.
    """
    params = having(tiny_params(), prepare)
    unet = params.unet.model_copy(update={"context": context})
    params = params.model_copy(update={"unet": unet})
    names = ("search", "ensemble", "unet", "evaluated", "raw", "prepared")
    made = Made(*(root / name for name in names), params)
    _write_scans(made, list(labels))
    for place, family in enumerate(("ann", "cnn")):
        _search(made, family, place, list(labels))
    ensemble(made.searches, params, made.ensemble)
    _unet(made)
    for task, performance in performances(list(labels)).items():
        write_performance(performance, made.evaluated / task)
    return made


def without(made: Made, task: Task, root: Path) -> Made:
    """The same of a study that leaves a task out; `root` is of the copied folders."""
    folders = [shutil.copytree(folder, root / folder.name) for folder in made[:-1]]
    alone = Made(*folders, made.params)
    gone = [alone.searches, alone.ensemble] if task == "classification" else [alone.unet]
    gone += [folder / task for folder in (alone.evaluated, alone.prepared, alone.raw)]
    for folder in gone:
        shutil.rmtree(folder)
        write_left_out(task, folder)
    return alone


def performances(labels: list[str]) -> dict[str, Performance]:
    """Of a vote that is better than a constant one, and of masks better than the baseline's."""
    good = Estimate(value=0.917, low=0.861, high=0.962, groups=110)
    vote = ClassificationPerformance(
        scans=172,
        groups=110,
        scans_patient_known=172,
        accuracy=good,
        macro_f1=good,
        auroc=good,
        frequent_class=labels[0],
        frequent_accuracy=0.4,
        against_frequent="better",
        positive=labels[-1] if len(labels) == 2 else None,
        sensitivity=good if len(labels) == 2 else None,
        specificity=good if len(labels) == 2 else None,
    )
    masks = SegmentationPerformance(
        patients=7,
        slices=57,
        slices_patient_known=57,
        dice=Estimate(value=0.81, low=0.66, high=0.9, groups=7),
        baseline_dice=0.42,
        against_baseline="better",
    )
    return {"classification": vote, "segmentation": masks}


def having(params: Params, prepare: dict[str, Any]) -> Params:
    small = {"image_size": SIDE, "copies": 0}
    how = params.prepare
    tasks = {
        "classification": how.classification.model_copy(update=small | prepare),
        "segmentation": how.segmentation.model_copy(update=small),
    }
    return params.model_copy(update={"prepare": how.model_copy(update=tasks)})


def changed(made: Made, **sections: dict[str, Any]) -> Made:
    """With other params."""
    whole = {
        name: getattr(made.params, name).model_copy(update=values)
        for name, values in sections.items()
    }
    return made._replace(params=made.params.model_copy(update=whole))


def _write_scans(made: Made, labels: list[str]) -> None:
    for task in ("classification", "segmentation"):
        rows = []
        for split in ("train", "validation", "test"):
            shard = []
            for number in range(SCANS):
                name, label = f"{split}-{number}", labels[number % len(labels)]
                path = made.raw / task / f"{name}.png"
                write_image(path, 10 * number + len(f"{task}/{name}"), 40 + number)
                row = _row(path, task, labels.index(label), made.params)
                scan = {"images": row["images"], "scan_ids": np.array(f"{task}/{name}")}
                shard.append(row | scan)
                if split == "train" and not made.params.unet.context:
                    # a copy, as the stage `prepare` makes them
                    shard.append(shard[-1] | {"images": row["images"][:, ::-1] // 2})
                known = {"scan_id": f"{task}/{name}", "path": path.name, "label": label}
                known |= {"source": "phantom", "patient": f"patient-{number // 2}"}
                known |= {"series": f"{split}-{number // 2}"}
                known |= {"mask_pixels": int(row["masks"].sum()) if "masks" in row else 0}
                rows.append(known | {"split": split, "sha256": sha256(path), "group": number // 2})
            write_shards(made.prepared / task, split, shard)
        columns = [*COLUMNS, *PIXEL, "split", "group"]
        frame_ = pd.DataFrame(rows).reindex(columns=columns, fill_value="")
        numbers = {"width": 40, "height": 40, "pixel_height": 1, "pixel_width": 1}
        write_manifest(
            frame_.assign(pixel_unit="px", **numbers), made.prepared / task / "manifest.csv"
        )


def _row(path: Path, task: str, code: int, params: Params) -> dict[str, Any]:
    how: PrepareTask = getattr(params.prepare, task)
    image = preprocess(decode_image(path), how)
    if task == "classification":
        return {"images": image, "labels": np.int64(code)}
    return {"images": image, "masks": (image[..., 0] > 128).astype(np.uint8)}


def _search(made: Made, family: str, place: int, labels: list[str]) -> None:
    from scanvote.models.input_spec import to_class_probabilities
    from scanvote.models.saving import save_model

    folder = made.searches / family
    model = classifier(seed=place, outputs=1 if len(labels) == 2 else len(labels), name=family)
    save_model(model, folder / "1.keras")
    tables = []
    for split in ("validation", "test"):
        shard = read_split(made.prepared / "classification", split)
        said = to_class_probabilities(model.predict_on_batch(shard["images"]))
        tables.append(class_predictions(f"{family}/small", split, shard, said, labels))
    write_csv(pd.concat(tables), folder / "predictions.csv")


def classifier(seed: int, outputs: int, name: str, channels: int = 1) -> Any:
    import keras
    from keras import layers

    from scanvote.models.flip_tta import with_flip_tta
    from scanvote.models.input_spec import output_head

    keras.utils.set_random_seed(seed + 1)
    inputs = keras.Input((SIDE, SIDE, channels), name="scan")
    x = layers.Conv2D(3, 3, activation="relu")(layers.Rescaling(1 / 64)(inputs))
    x = layers.Dropout(0.2)(layers.Flatten()(x))
    plain = keras.Model(inputs, output_head(x, outputs), name=name)
    return with_flip_tta(plain) if seed else plain


def _unet(made: Made) -> None:
    import keras
    from keras import layers

    from scanvote.models.saving import save_model
    from scanvote.pipeline.unet.adjacent import adjacent_in_series
    from scanvote.training.adjacent_slices import AdjacentSlices

    keras.utils.set_random_seed(7)
    context = made.params.unet.context
    inputs = keras.Input((SIDE, SIDE, 2 * context + 1), name="scan")
    x = layers.Conv2D(1, 3, padding="same", activation="sigmoid")(layers.Rescaling(1 / 64)(inputs))
    model = keras.Model(inputs, x, name="unet")
    save_model(model, made.unet / "1.keras")
    write_json(made.unet / "postprocess.json", WAY)
    shard = read_split(made.prepared / "segmentation", "test")
    manifest = pd.read_csv(
        made.prepared / "segmentation" / "manifest.csv", keep_default_na=False
    ).set_index("scan_id")
    rows = manifest.loc[shard["scan_ids"]].reset_index()
    adjacent = adjacent_in_series(manifest, context, shard["scan_ids"])
    stacks = AdjacentSlices(shard["images"], adjacent)[np.arange(len(rows))]
    said = model.predict_on_batch(stacks)[..., 0]
    masks = map(Postprocess(**WAY), said)
    write_csv(
        mask_predictions("test", rows, list(shard["masks"]), masks), made.unet / "predictions.csv"
    )
