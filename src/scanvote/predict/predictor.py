"""Prediction with a package, for shell, web page, REST and MLflow.

    package = load_for_inference(Path("models/package"))
    finding, = predict_one(package, [InputScan("a.png", decode_image(Path("a.png")))])

For files and folders, read as by the shell (`scanvote.predict.batches`):

    for one in predict_stream(package, discover_inputs([Path("scans")])): print(one.finding.vote)

Research use, not for diagnosis.
"""

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scanvote.core.backend import use_backend
from scanvote.core.errors import InputError
from scanvote.images.decode import Mask
from scanvote.images.preprocess import map_to_original_space
from scanvote.inputs.scan import InputScan
from scanvote.params.whole import ExplainParams, Method
from scanvote.pipeline.ensemble.vote import calibrated
from scanvote.pipeline.package import ClassificationOutput, Package, load_package, read_metadata
from scanvote.pipeline.package.model import preprocess_scans
from scanvote.pipeline.package.ood import is_outside
from scanvote.predict.schema import (
    MaskFinding,
    MemberVote,
    OodScore,
    OperatingPoint,
    ScanPrediction,
)

if TYPE_CHECKING:
    from scanvote.pipeline.explain.panel import ExplainableEnsemble

STRANGE_CLASS = "the networks that vote were shown nothing like it: the class means little"
STRANGE_MASK = "the networks that mark tumours were shown nothing like it: the mask means little"
_DIGITS = 6
"""Decimals of every probability and distance, as in the tables of the pipeline."""
_SEED = 0
"""Seed of explanations, together with the scan itself."""


def load_for_inference(folder: Path) -> Package:
    """Load a package, on its own backend unless one is in use.

    Raises:
        InputError: it is no package, or its backend is not installed.
    """
    if "keras" not in sys.modules:  # Keras reads the choice of the backend at import
        use_backend(read_metadata(folder).backend)
    return load_package(folder)


def predict_one(package: Package, scans: Sequence[InputScan]) -> list[ScanPrediction]:
    """Predict each scan, in their order."""
    return [finding for finding, _ in predict_with_masks(package, scans)]


def predict_with_masks(
    package: Package, scans: Sequence[InputScan]
) -> list[tuple[ScanPrediction, Mask]]:
    """Predict each scan and its mask, bool (H, W) of its size.

    The networks get all scans together and split them into their own batches.
    """
    if not scans:
        return []
    images = [scan.image for scan in scans]
    classified, segmented = package.probabilities(images), package.segment(images)
    members = _members(package, classified)
    return [
        (_finding(package, scan, classified, place, members[place], mask, float(distance)), mask)
        for place, (scan, mask, distance) in enumerate(
            zip(scans, segmented.masks, segmented.distances, strict=True)
        )
    ]


def explain(package: Package, scan: InputScan, method: Method) -> dict[str, NDArray[np.uint8]]:
    """Compute attribution maps for the class that each model predicts.

    The seed of random steps depends on the preprocessed image alone, so the same scan always gets
    the same map.

    Returns:
        The map of each model that the method supports, by name, ``vote`` first: uint8 (H, W) as
        large as the scan, 255 at the maximum, 0 everywhere if nothing supports the class.

    Raises:
        InputError: the method supports no member.
    """
    from scanvote.pipeline.explain.panel import VOTE, explain_scan, normalise_map

    panel, contents = package.panel(), package.contents.classifiers
    check_method(panel, method)
    image = preprocess_scans([scan.image], contents.prepare)[0]
    config = ExplainParams(scans=0, **contents.explain.model_dump())
    image_digest = hashlib.sha256(image.tobytes()).hexdigest()
    explained = explain_scan(panel, image_digest, image, method, config, _SEED)
    models = [VOTE, *(name for name in explained if name != VOTE)]
    maps = {
        name: map_to_original_space(explained[name], scan.image, contents.prepare)
        for name in models
    }
    return {
        name: np.rint(255 * normalise_map(heat)).astype(np.uint8) for name, heat in maps.items()
    }


def check_method(panel: "ExplainableEnsemble", method: Method) -> None:
    """Check that the method can explain the vote.

    Raises:
        InputError: it cannot.
    """
    if not panel.supports(method):
        raise InputError(
            f"{method} explains networks with convolutions, and none of them votes here: choose"
            " occlusion or lime"
        )


def _finding(
    package: Package,
    scan: InputScan,
    classified: ClassificationOutput,
    place: int,
    members: list[MemberVote],
    mask: Mask,
    mask_distance: float,
) -> ScanPrediction:
    labels = package.vote.labels
    probabilities = _by_class(labels, classified.vote.probabilities[place])
    ood = _ood_score(float(classified.distances[place]))
    mask_finding = _mask_finding(scan, mask, mask_distance)
    warnings = {STRANGE_CLASS: ood.outside, STRANGE_MASK: mask_finding.familiarity.outside}
    height, width = scan.image.shape[:2]
    return ScanPrediction(
        file=scan.file,
        slice=scan.slice,
        plane=scan.plane or None,
        width=width,
        height=height,
        spacing=scan.spacing or None,
        notes=[*scan.notes, *(note for note, applies in warnings.items() if applies)],
        vote=labels[classified.vote.winners[place]],
        probabilities=probabilities,
        agreement=round(float(classified.agreement[place]), _DIGITS),
        members=members,
        operating=_operating(package, probabilities),
        familiarity=ood,
        mask=mask_finding,
    )


def _members(package: Package, classified: ClassificationOutput) -> list[list[MemberVote]]:
    """Return the vote of each member for each scan."""
    vote = package.vote
    raw = np.round(classified.members, _DIGITS)  # rounded as when the vote is counted
    both = np.stack([raw, calibrated(raw, vote.temperatures)])
    return [
        [
            MemberVote(
                model=name,
                vote=vote.labels[raw_row.argmax()],
                probabilities=_by_class(vote.labels, calibrated_row),
            )
            for name, raw_row, calibrated_row in zip(vote.members, *both[:, :, place], strict=True)
        ]
        for place in range(both.shape[2])
    ]


def _mask_finding(scan: InputScan, mask: Mask, distance: float) -> MaskFinding:
    area = int(mask.sum())
    return MaskFinding(
        area_pixels=area,
        area_mm2=round(area * scan.spacing**2, _DIGITS) if scan.spacing else None,
        familiarity=_ood_score(distance),
    )


def _operating(package: Package, probabilities: dict[str, float]) -> OperatingPoint | None:
    point = package.contents.classifiers.operating
    if point is None:
        return None
    called = probabilities[point.positive] >= point.threshold
    return OperatingPoint(positive=point.positive, threshold=point.threshold, called=called)


def _ood_score(distance: float) -> OodScore:
    return OodScore(distance=round(distance, _DIGITS), outside=is_outside(distance))


def _by_class(labels: Sequence[str], values: NDArray[np.float64]) -> dict[str, float]:
    rounded = [round(float(value), _DIGITS) for value in values]
    return dict(zip(labels, rounded, strict=True))
