"""Stage `package`: ensemble and U-Net in one self-contained folder, verified."""

from pathlib import Path

import pandas as pd

from scanvote.core.errors import InputError
from scanvote.core.files import atomic_replace_folder, sha256, write_csv, write_text
from scanvote.manifest import read_manifest
from scanvote.params import Params
from scanvote.pipeline.ensemble.vote import Vote
from scanvote.pipeline.left_out import is_left_out
from scanvote.pipeline.package.metadata import (
    CARD,
    SAMPLES,
    TEST,
    VOTE,
    ModelMetadata,
    identified,
    write_metadata,
)
from scanvote.pipeline.package.model import load_package
from scanvote.pipeline.package.model_card import card
from scanvote.pipeline.package.onnx_export import export_networks
from scanvote.pipeline.package.parts import Packing
from scanvote.pipeline.package.reference_outputs import (
    digest_of,
    reference_masks,
    reference_votes,
)
from scanvote.pipeline.package.samples import write_samples
from scanvote.pipeline.package.verification import check_masks, check_vote
from scanvote.pipeline.package.versions import versions
from scanvote.predictions import read_predictions


def build_package(
    searches: Path,
    ensemble: Path,
    unet: Path,
    evaluated: Path,
    raw: Path,
    prepared: Path,
    params: Params,
    out: Path,
) -> dict[str, float]:
    """Write the package, and verify its output against the pipeline's.

    - ``package.json`` and ``vote.json``: all settings, and the digests of model and files;
      ``card.md``: the model card
    - ``members/1.keras``…, ``unet/1.keras``…, each with an ``.onnx`` if `package.onnx` is true
    - ``seen/members.pkl``, ``seen/unet.pkl``: descriptors of the training scans of the first member
      and of the first U-Net
    - ``samples/``: sample scans, as set by `package.samples`
    - ``test.csv``: predictions for the test scans, without names: of the vote, or without
      classifiers of the U-Nets

    A task that the study leaves out is left out of all of these.

    Args:
        searches: `models/search`.
        ensemble: `models/ensemble`.
        unet: `models/unet`.
        evaluated: `metrics/evaluate`, a folder for each task.
        raw, prepared: `data/raw` and `data/prepared`, a folder for each task.
        params: the whole of params.yaml.
        out: `models/package`.

    Returns:
        Flat metrics: numbers of networks, differences between package, pipeline and ONNX graphs,
        and the shares of out-of-distribution test scans.

    Raises:
        InputError: an input is missing, a network cannot be written as ONNX, or the package's
            output differs from the pipeline's.
    """
    vote = None if is_left_out(ensemble) else _vote(ensemble)
    masks = None if is_left_out(unet) else read_predictions(unet / "predictions.csv")
    test = _reference(vote, masks, prepared)
    with atomic_replace_folder(out) as folder:
        packing = Packing(prepared, evaluated, params, folder)
        contents = ModelMetadata(
            form=5,
            smoke=params.smoke,
            backend=params.backend,
            classifiers=None if vote is None else packing.classifiers(searches, ensemble, vote),
            segmenters=None if masks is None else packing.segmenters(unet),
            volumes=params.volumes,
            data=_data(prepared),
            test=digest_of(test),
            versions=versions(params.backend),
            digest="",
            files={},
        )
        if params.package.onnx:
            export_networks(sorted(folder.rglob("*.keras")))
        write_samples(raw, prepared, list(contents.parts), params.package.samples, folder / SAMPLES)
        write_csv(test, folder / TEST)
        rule = Vote.read(folder / VOTE) if vote is not None else None
        write_text(folder / CARD, card(identified(contents, folder), rule))
        write_metadata(contents, folder)  # last: it has the digests of all other files
        return _verify(folder, vote, masks, raw, prepared)


def _vote(ensemble: Path) -> pd.DataFrame:
    rows = read_predictions(ensemble / "predictions.csv")
    return rows[rows["model"] == "vote"]


def _reference(
    vote: pd.DataFrame | None, masks: pd.DataFrame | None, prepared: Path
) -> pd.DataFrame:
    """Return the predictions for the test scans by which packages are compared."""
    if vote is not None:
        manifest = read_manifest(prepared / "classification" / "manifest.csv")
        return reference_votes(_on_test(vote), manifest)
    if masks is not None:
        manifest = read_manifest(prepared / "segmentation" / "manifest.csv")
        return reference_masks(_on_test(masks), manifest)
    raise InputError("classification.dataset and segmentation.dataset are both null: name one")


def _on_test(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["split"] == "test"]


def _data(prepared: Path) -> dict[str, str]:
    """Return digests of the manifests, by task; a task that is left out has none."""
    return {path.parent.name: sha256(path) for path in sorted(prepared.glob("*/manifest.csv"))}


def _verify(
    folder: Path,
    vote: pd.DataFrame | None,
    masks: pd.DataFrame | None,
    raw: Path,
    prepared: Path,
) -> dict[str, float]:
    in_keras, metrics = load_package(folder, "keras"), dict[str, float]()
    in_onnx = load_package(folder, "onnx") if in_keras.contents.has_graphs else None
    if in_keras.classifiers and vote is not None:
        metrics["members"] = len(in_keras.classifiers.members)
        graphs = in_onnx.classifiers if in_onnx else None
        places = raw / "classification", prepared / "classification"
        metrics |= check_vote(in_keras.classifiers, graphs, _on_test(vote), *places)
    if in_keras.segmenters and masks is not None:
        metrics["unets"] = len(in_keras.segmenters.unets)
        graphs_of_masks = in_onnx.segmenters if in_onnx else None
        place = prepared / "segmentation"
        metrics |= check_masks(in_keras.segmenters, graphs_of_masks, _on_test(masks), place)
    sizes = {path: path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    onnx = sum(size for path, size in sizes.items() if path.suffix == ".onnx")
    return metrics | {"onnx_bytes": onnx, "bytes": sum(sizes.values())}
