"""Prediction with a package, for shell, web page, REST and MLflow.

    package = load_package(Path("models/package"))
    finding, = predict_one(package, [InputScan("a.png", decode_image(Path("a.png")))])

For files and folders, read as by the shell (`scanvote.predict.batches`):

    for one in predict_stream(package, discover_inputs([Path("scans")])): print(one.finding.vote)

Research use, not for diagnosis.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scanvote.core.errors import InputError
from scanvote.images.decode import Mask
from scanvote.images.preprocess import map_to_original_space
from scanvote.inputs.scan import InputScan
from scanvote.params.whole import ExplainParams, Method
from scanvote.pipeline.ensemble.vote import calibrated
from scanvote.pipeline.package import (
    ClassificationOutput,
    ModelMetadata,
    Package,
)
from scanvote.pipeline.package.model import (
    LoadedClassifiers,
    LoadedSegmenters,
    SegmentationOutput,
    preprocess_scans,
)
from scanvote.pipeline.package.ood import is_outside
from scanvote.pipeline.package.stacks import Windows
from scanvote.predict.adjacent import adjacent_windows, note_copies
from scanvote.predict.doubts import doubts, is_too_large
from scanvote.predict.schema import (
    MaskFinding,
    MemberVote,
    OodScore,
    OperatingPoint,
    ScanPrediction,
)

Values = dict[str, Any]
"""Values of a `ScanPrediction`, by field."""
NO_VOTE = "this model has no vote to explain: its study had no classes, only masks"
NO_MASKS = "this model marks nothing: its study had no masks, only classes"
STRANGE_CLASS = "the networks that vote were shown nothing like it: the class means little"
STRANGE_MASK = "the networks that mark tumours were shown nothing like it: the mask means little"
AT_ONCE = 32
"""Scans that are predicted together, to bound the memory."""
_DIGITS = 6
"""Decimals of every probability and distance, as in the tables of the pipeline."""
_SEED = 0
"""Seed of explanations, together with the scan itself."""


def predict_one(package: Package, scans: Sequence[InputScan]) -> list[ScanPrediction]:
    """Predict each scan, in their order."""
    return [finding for finding, _ in predict_with_masks(package, scans)]


def predict_with_masks(
    package: Package, scans: Sequence[InputScan]
) -> list[tuple[ScanPrediction, Mask | None]]:
    """Predict each scan and its mask, bool (H, W) of its size; None without segmenters.

    Networks that have adjacent slices as input find them among `scans`, which therefore hold all
    slices of a volume, one behind the other as they are read (`scanvote.predict.adjacent`).
    """
    return list(predict_in_parts(package, scans, AT_ONCE))


def predict_in_parts(
    package: Package, scans: Sequence[InputScan], at_once: int
) -> Iterator[tuple[ScanPrediction, Mask | None]]:
    """Yield what `predict_with_masks` returns, predicting `at_once` scans at a time."""
    segmenters = package.contents.segmenters
    windows = adjacent_windows(scans, segmenters.context if segmenters else 0)
    scans = note_copies(scans, windows)
    for first in range(0, len(scans), at_once):
        yield from _predict_part(package, scans, windows[first : first + at_once])


def _predict_part(
    package: Package, scans: Sequence[InputScan], windows: Windows
) -> list[tuple[ScanPrediction, Mask | None]]:
    """Predict the scans in the middle of the windows, which are one behind the other."""
    low, high = int(windows.min()), int(windows.max()) + 1
    around = [scan.image for scan in scans[low:high]]
    scans = [scans[place] for place in windows[:, windows.shape[1] // 2].tolist()]
    images, count = [scan.image for scan in scans], len(scans)
    classes: list[Values] = [{}] * count
    masks: list[tuple[Values, Mask | None]] = [({}, None)] * count
    if package.classifiers:
        output = package.classifiers.probabilities(images)
        classes = list(_class_values(package.classifiers, output))
    if package.segmenters:
        segmented = package.segmenters.segment(around, windows - low)
        masks = list(_mask_values(package.segmenters, scans, segmented))
    return [
        (_finding(package.contents, scan, found | marked), mask)
        for scan, found, (marked, mask) in zip(scans, classes, masks, strict=True)
    ]


def explain(
    package: Package, scan: InputScan, method: Method, check: Callable[[], None] | None = None
) -> dict[str, NDArray[np.uint8]]:
    """Compute attribution maps for the class that each model predicts.

    The seed of random steps depends on the preprocessed image alone, so the same scan always gets
    the same map.

    Args:
        package: the finished model.
        scan: the scan.
        method: the method.
        check: called before the networks are, and may raise to end the explanation.

    Returns:
        The map of each model that the method supports, by name, ``vote`` first: uint8 (H, W) as
        large as the scan, 255 at the maximum, 0 everywhere if nothing supports the class.

    Raises:
        InputError: the method supports no member, or the package has no classifiers.
    """
    from scanvote.pipeline.explain.panel import VOTE, explain_scan, normalise_map

    check_method(package.classifiers, method)
    assert package.classifiers is not None
    panel, contents = package.classifiers.panel, package.classifiers.contents
    panel = panel if check is None else replace(panel, check=check)
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


def check_method(classifiers: LoadedClassifiers | None, method: Method) -> None:
    """Check that the method can explain the vote.

    Raises:
        InputError: it cannot, or there is no vote.
    """
    if classifiers is None:
        raise InputError(NO_VOTE)
    if not classifiers.panel.supports(method):
        raise InputError(
            f"{method} explains networks with convolutions, and none of them votes here: choose"
            " occlusion or lime"
        )


def _finding(contents: ModelMetadata, scan: InputScan, values: Values) -> ScanPrediction:
    height, width = scan.image.shape[:2]
    finding = ScanPrediction(
        file=scan.file,
        slice=scan.slice,
        plane=scan.plane or None,
        width=width,
        height=height,
        spacing=scan.spacing or None,
        **values,
    )
    warnings = {STRANGE_CLASS: finding.class_outside, STRANGE_MASK: finding.mask_outside}
    notes = [*scan.notes, *(note for note, applies in warnings.items() if applies)]
    return finding.model_copy(update={"notes": notes, "doubts": doubts(finding, contents)})


def _class_values(
    classifiers: LoadedClassifiers, classified: ClassificationOutput
) -> Iterator[Values]:
    """Yield the values of a finding that concern the class, for each scan."""
    labels = classifiers.vote.labels
    for place, members in enumerate(_members(classifiers, classified)):
        probabilities = _by_class(labels, classified.vote.probabilities[place])
        yield {
            "vote": labels[classified.vote.winners[place]],
            "probabilities": probabilities,
            "agreement": round(float(classified.agreement[place]), _DIGITS),
            "members": members,
            "operating": _operating(classifiers, probabilities),
            "familiarity": _ood_score(float(classified.distances[place])),
        }


def _mask_values(
    segmenters: LoadedSegmenters, scans: Sequence[InputScan], segmented: SegmentationOutput
) -> Iterator[tuple[Values, Mask | None]]:
    """Yield the value of a finding that concerns the mask, and the mask, for each scan."""
    largest = segmenters.contents.largest_mask
    columns = segmented.masks, segmented.shares.tolist(), segmented.distances.tolist()
    for scan, mask, share, distance in zip(scans, *columns, strict=True):
        area = int(mask.sum())
        found = MaskFinding(
            area_pixels=area,
            area_mm2=round(area * scan.spacing**2, _DIGITS) if scan.spacing else None,
            share=round(share, _DIGITS),
            too_large=is_too_large(round(share, _DIGITS), largest),
            familiarity=_ood_score(distance),
        )
        yield {"mask": found}, mask


def _members(
    classifiers: LoadedClassifiers, classified: ClassificationOutput
) -> list[list[MemberVote]]:
    """Return the vote of each member for each scan."""
    vote = classifiers.vote
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


def _operating(
    classifiers: LoadedClassifiers, probabilities: dict[str, float]
) -> OperatingPoint | None:
    point = classifiers.contents.operating
    if point is None:
        return None
    called = probabilities[point.positive] >= point.threshold
    return OperatingPoint(positive=point.positive, threshold=point.threshold, called=called)


def _ood_score(distance: float) -> OodScore:
    return OodScore(distance=round(distance, _DIGITS), outside=is_outside(distance))


def _by_class(labels: Sequence[str], values: NDArray[np.float64]) -> dict[str, float]:
    rounded = [round(float(value), _DIGITS) for value in values]
    return dict(zip(labels, rounded, strict=True))
