"""Stage `package`: ensemble and U-Net in one self-contained folder, verified."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from scanvote.class_roles import positive_class
from scanvote.core.errors import InputError
from scanvote.core.files import atomic_replace_folder, sha256, write_csv, write_text
from scanvote.manifest import read_manifest
from scanvote.metrics.operating_point import threshold
from scanvote.params import Params
from scanvote.params.whole import EvaluateParams
from scanvote.pipeline.ensemble.members import model_paths
from scanvote.pipeline.ensemble.vote import Vote
from scanvote.pipeline.package.metadata import (
    CARD,
    SAMPLES,
    SEEN,
    TEST,
    VOTE,
    Classifiers,
    ExplainSpec,
    ModelMetadata,
    Network,
    OodReference,
    Operating,
    Patients,
    PostprocessSpec,
    Segmenters,
    write_metadata,
)
from scanvote.pipeline.package.model import load_package
from scanvote.pipeline.package.model_card import card
from scanvote.pipeline.package.networks import load_network
from scanvote.pipeline.package.onnx_export import export_networks
from scanvote.pipeline.package.ood import write_ood_reference
from scanvote.pipeline.package.reference_outputs import digest_of, write_reference_outputs
from scanvote.pipeline.package.samples import write_samples
from scanvote.pipeline.package.verification import check_masks, check_vote
from scanvote.pipeline.package.versions import versions
from scanvote.predictions import labels_of, read_predictions
from scanvote.splits.known_patients import KnownPatients

TASKS = ("classification", "segmentation")


def build_package(
    searches: Path,
    ensemble: Path,
    unet: Path,
    raw: Path,
    prepared: Path,
    params: Params,
    out: Path,
) -> dict[str, float]:
    """Write the package, and verify its output against the pipeline's.

    - ``package.json`` and ``vote.json``: all settings; ``card.md``: the model card
    - ``members/1.keras``…, ``unet/1.keras``…, each with an ``.onnx`` if `package.onnx` is true
    - ``seen/members.pkl``, ``seen/unet.pkl``: descriptors of the training scans of the first member
      and of the first U-Net
    - ``samples/``: sample scans, as set by `package.samples`
    - ``test.csv``: predictions of the vote for the test scans, without names

    Args:
        searches: `models/search`.
        ensemble: `models/ensemble`.
        unet: `models/unet`.
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
    rows = read_predictions(ensemble / "predictions.csv")
    vote = rows[rows["model"] == "vote"]
    on_test = vote[vote["split"] == "test"]
    manifests = sorted(prepared.glob("*/manifest.csv"))
    test = write_reference_outputs(
        on_test, read_manifest(prepared / "classification" / "manifest.csv")
    )
    with atomic_replace_folder(out) as folder:
        contents = ModelMetadata(
            form=2,
            smoke=params.smoke,
            backend=params.backend,
            classifiers=_classifiers(searches, ensemble, vote, prepared, params, folder),
            segmenters=_segmenters(unet, prepared, params, folder),
            volumes=params.volumes,
            data={path.parent.name: sha256(path) for path in manifests},
            test=digest_of(test),
            patients=_patients(prepared),
            versions=versions(params.backend),
        )
        if params.package.onnx:
            export_networks(sorted(folder.rglob("*.keras")))
        write_samples(raw, prepared, params.package.samples, folder / SAMPLES)
        write_metadata(contents, folder)
        write_csv(test, folder / TEST)
        write_text(folder / CARD, card(contents, Vote.read(folder / VOTE)))
        return _verify(folder, on_test, unet, raw, prepared)


def _patients(prepared: Path) -> Patients:
    """Return the statements about patients in the split of each task."""
    manifests = {task: read_manifest(prepared / task / "manifest.csv") for task in TASKS}
    return Patients(**{task: KnownPatients.of(one).sentence() for task, one in manifests.items()})


def _classifiers(
    searches: Path,
    ensemble: Path,
    vote: pd.DataFrame,
    prepared: Path,
    params: Params,
    folder: Path,
) -> Classifiers:
    rule = Vote.read(ensemble / VOTE)
    paths = model_paths(searches, rule.members)
    members = _copy_networks(paths, rule.members, folder, "members", params.package.onnx)
    shutil.copyfile(ensemble / VOTE, folder / VOTE)
    return Classifiers(
        labels=list(rule.labels),
        members=members,
        operating=_operating_point(vote, params.evaluate),
        prepare=params.prepare.classification,
        seen=_ood_reference(members[0], prepared / "classification", 1, params, folder),
        explain=ExplainSpec.model_validate(params.explain.model_dump(exclude={"scans"})),
    )


def _segmenters(unet: Path, prepared: Path, params: Params, folder: Path) -> Segmenters:
    paths = sorted(unet.glob("*.keras"), key=lambda path: int(path.stem))
    if not paths:
        raise InputError(f"{unet} holds no network; run `dvc repro unet`")
    names = [f"unet/{path.stem}" for path in paths]
    text = (unet / "postprocess.json").read_text(encoding="utf-8")
    networks = _copy_networks(paths, names, folder, "unet", params.package.onnx)
    context = params.unet.context
    return Segmenters(
        networks=networks,
        context=context,
        postprocess=PostprocessSpec.model_validate_json(text),
        prepare=params.prepare.segmentation,
        seen=_ood_reference(
            networks[0], prepared / "segmentation", 2 * context + 1, params, folder
        ),
    )


def _ood_reference(
    network: Network, prepared: Path, slices: int, params: Params, folder: Path
) -> OodReference:
    """Write the descriptors of the network's training scans."""
    arrays = f"{SEEN}/{Path(network.keras).parent}.pkl"
    model = load_network(folder / network.keras)
    share, seed = params.package.seen, params.seed
    radius = write_ood_reference(model, prepared, slices, share, seed, folder / arrays)
    return OodReference(arrays=arrays, radius=radius)


def _copy_networks(
    paths: Sequence[Path], models: Sequence[str], folder: Path, place: str, onnx: bool
) -> list[Network]:
    """Copy the archives to folder `place`, and name their future ONNX graphs."""
    (folder / place).mkdir(parents=True)
    names = [f"{place}/{number}" for number in range(1, len(paths) + 1)]
    for path, name in zip(paths, names, strict=True):
        shutil.copyfile(path, folder / f"{name}.keras")
    return [
        Network(model=model, keras=f"{name}.keras", onnx=f"{name}.onnx" if onnx else None)
        for model, name in zip(models, names, strict=True)
    ]


def _operating_point(vote: pd.DataFrame, params: EvaluateParams) -> Operating | None:
    positive = positive_class(labels_of(vote), params.positive)
    if positive is None:
        return None
    validation = vote[vote["split"] == "validation"]
    return Operating(
        positive=positive, threshold=threshold(validation, positive, params.min_sensitivity)
    )


def _verify(
    folder: Path, vote: pd.DataFrame, unet: Path, raw: Path, prepared: Path
) -> dict[str, float]:
    package = load_package(folder)
    graphs = sorted(folder.rglob("*.onnx"))
    return {
        "members": len(package.members),
        "unets": len(package.unets),
        **check_vote(package, folder, vote, raw / "classification", prepared / "classification"),
        **check_masks(package, folder, unet, prepared / "segmentation"),
        "onnx_bytes": sum(path.stat().st_size for path in graphs),
        "bytes": sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
    }
