"""What a package says of scans: the shell, the page, the REST interface and MLflow all ask here.

    package = ready_package(Path("models/package"))
    finding, = examine(package, [Scan("a.png", decode_image(Path("a.png")))])

Of files and folders, read as the shell reads them, in one line (`scanvote.predict.batches`):

    for one in looked_at(package, gathered([Path("scans")])): print(one.finding.vote)

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
"""Of every probability and distance: as many as the tables of the pipeline keep."""
_SEED = 0
"""Of explanations, beside the scan itself."""


def load_for_inference(folder: Path) -> Package:
    """The package in `folder`, on the backend that it was packed with, unless one is in use.

    Raises:
        InputError: it is no package, or its backend is not installed.
    """
    if "keras" not in sys.modules:  # which reads the choice once
        use_backend(read_metadata(folder).backend)
    return load_package(folder)


def predict_one(package: Package, scans: Sequence[InputScan]) -> list[ScanPrediction]:
    """All that is said of each scan, in their order."""
    return [finding for finding, _ in predict_with_masks(package, scans)]


def predict_with_masks(
    package: Package, scans: Sequence[InputScan]
) -> list[tuple[ScanPrediction, Mask]]:
    """All that is said of each scan, and what is marked of it: bool (H, W), as large as the scan.

    The networks are asked about all of the scans at once, in batches of their own.
    """
    if not scans:
        return []
    images = [scan.image for scan in scans]
    answer, marked = package.probabilities(images), package.segment(images)
    members = _members(package, answer)
    return [
        (_finding(package, scan, answer, place, members[place], mask, float(far)), mask)
        for place, (scan, mask, far) in enumerate(
            zip(scans, marked.masks, marked.distances, strict=True)
        )
    ]


def explain(package: Package, scan: InputScan, method: Method) -> dict[str, NDArray[np.uint8]]:
    """What speaks for the class that each model predicts.

    What is random depends on what the networks see and on nothing else, so whoever asks about
    a scan gets the same map.

    Returns:
        By model, ``vote`` first, without those that the method does not serve: uint8 (H, W) as
        large as the scan, 255 the most, 0 throughout where nothing speaks for the class.

    Raises:
        InputError: the method serves no member.
    """
    from scanvote.pipeline.explain.panel import VOTE, explain_scan, normalise_map

    panel, contents = package.panel(), package.contents.classifiers
    check_method(panel, method)
    image = preprocess_scans([scan.image], contents.prepare)[0]
    how = ExplainParams(scans=0, **contents.explain.model_dump())
    seen = hashlib.sha256(image.tobytes()).hexdigest()
    found = explain_scan(panel, seen, image, method, how, _SEED)
    models = [VOTE, *(name for name in found if name != VOTE)]
    maps = {
        name: map_to_original_space(found[name], scan.image, contents.prepare) for name in models
    }
    return {
        name: np.rint(255 * normalise_map(heat)).astype(np.uint8) for name, heat in maps.items()
    }


def check_method(panel: "ExplainableEnsemble", method: Method) -> None:
    """Whether the vote can be explained so.

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
    answer: ClassificationOutput,
    place: int,
    members: list[MemberVote],
    mask: Mask,
    mask_distance: float,
) -> ScanPrediction:
    labels = package.vote.labels
    said = _by_class(labels, answer.vote.probabilities[place])
    own, marked = _familiarity(float(answer.distances[place])), _marked(scan, mask, mask_distance)
    strange = {STRANGE_CLASS: own.outside, STRANGE_MASK: marked.familiarity.outside}
    height, width = scan.image.shape[:2]
    return ScanPrediction(
        file=scan.file,
        slice=scan.slice,
        plane=scan.plane or None,
        width=width,
        height=height,
        spacing=scan.spacing or None,
        notes=[*scan.notes, *(note for note, holds in strange.items() if holds)],
        vote=labels[answer.vote.winners[place]],
        probabilities=said,
        agreement=round(float(answer.agreement[place]), _DIGITS),
        members=members,
        operating=_operating(package, said),
        familiarity=own,
        mask=marked,
    )


def _members(package: Package, answer: ClassificationOutput) -> list[list[MemberVote]]:
    """What each member says of each scan."""
    vote = package.vote
    raw = np.round(answer.members, _DIGITS)  # as they are counted
    both = np.stack([raw, calibrated(raw, vote.temperatures)])
    return [
        [
            MemberVote(
                model=name,
                vote=vote.labels[own.argmax()],
                probabilities=_by_class(vote.labels, calibrated),
            )
            for name, own, calibrated in zip(vote.members, *both[:, :, place], strict=True)
        ]
        for place in range(both.shape[2])
    ]


def _marked(scan: InputScan, mask: Mask, distance: float) -> MaskFinding:
    area = int(mask.sum())
    return MaskFinding(
        area_pixels=area,
        area_mm2=round(area * scan.spacing**2, _DIGITS) if scan.spacing else None,
        familiarity=_familiarity(distance),
    )


def _operating(package: Package, said: dict[str, float]) -> OperatingPoint | None:
    point = package.contents.classifiers.operating
    if point is None:
        return None
    called = said[point.positive] >= point.threshold
    return OperatingPoint(positive=point.positive, threshold=point.threshold, called=called)


def _familiarity(distance: float) -> OodScore:
    return OodScore(distance=round(distance, _DIGITS), outside=distance > 1)


def _by_class(labels: Sequence[str], values: NDArray[np.float64]) -> dict[str, float]:
    rounded = [round(float(value), _DIGITS) for value in values]
    return dict(zip(labels, rounded, strict=True))
