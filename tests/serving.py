"""An engine without a model: the server's tests want its answers, not the networks'."""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from scanvote.inputs.scan import RejectedFile
from scanvote.params import Task, VolumesParams, load_params
from scanvote.params.data import PrepareParams
from scanvote.params.whole import Method
from scanvote.pipeline.package import ModelMetadata
from scanvote.pipeline.package.metadata import (
    Classifiers,
    ExplainSpec,
    NetworkFiles,
    OodReference,
    PostprocessSpec,
    Segmenters,
)
from scanvote.predict.schema import MaskFinding, MemberVote, OodScore, ScanPrediction
from scanvote.serving.engine_api import EngineError, Examined, Explained, Upload
from tests.making import picture
from tests.packing import performances

ROOT = Path(__file__).parents[1]
LABELS = ["glioma", "meningioma", "no_tumor", "pituitary"]
MEMBERS = ["ann/units128", "cnn/filters64", "transfer/MobileNetV2"]
SIDE = 64
"""Of every scan, pixels."""
VOLUME_SLICES = 3
CARD = "# A vote on the class of a scan\n\n**Research use, not for diagnosis.**\n"
DISJOINT = "Patient-disjoint: the patient of every scan is known, and nobody is on two sides."
MAGIC = (b"\x89PNG", b"\xff\xd8\xff", b"II*\x00", b"MM\x00*")
NIFTI = b"\x1f\x8b"


def contents(methods: Sequence[Method] = ("gradcam", "occlusion", "lime")) -> ModelMetadata:
    """Of a package with three members and a U-Net."""
    prepare = _prepare()
    seen = OodReference(arrays="seen.npz", radius=1.5)
    return ModelMetadata(
        form=5,
        smoke=False,
        backend="tensorflow",
        classifiers=Classifiers(
            labels=LABELS,
            members=[
                NetworkFiles(model=name, keras=f"{name}.keras", onnx=None) for name in MEMBERS
            ],
            operating=None,
            negative="no_tumor",
            prepare=prepare.classification,
            seen=seen,
            explain=ExplainSpec(methods=list(methods), window=0.125, segments=50, samples=100),
            patients=DISJOINT,
            performance=performances(LABELS)["classification"],
        ),
        segmenters=Segmenters(
            networks=[NetworkFiles(model="unet", keras="unet/1.keras", onnx=None)],
            context=0,
            postprocess=PostprocessSpec(
                threshold=0.5, smallest=3, largest_only=False, fill_holes=True
            ),
            prepare=prepare.segmentation,
            seen=seen,
            largest_mask=0.1,
            patients=DISJOINT,
            performance=performances(LABELS)["segmentation"],
        ),
        volumes=VolumesParams(
            planes=["axial"], slices=VOLUME_SLICES, span=[0.25, 0.75], window=None
        ),
        data={"classification": "a" * 64, "segmentation": "b" * 64},
        test="c" * 64,
        versions={"python": "3.11", "keras": "3.15"},
        digest="d" * 32,
        files={},
    )


@cache
def _prepare() -> PrepareParams:
    """Of params.yaml, which takes 60 ms to read."""
    return load_params(ROOT / "params.yaml").prepare


def alone(task: Task, **changes: object) -> ModelMetadata:
    """Of a package for one task."""
    whole = contents()
    other = "segmenters" if task == "classification" else "classifiers"
    return whole.model_copy(update={other: None, "data": {task: whole.data[task]}, **changes})


def constant(label: str = "glioma") -> ModelMetadata:
    """Of a package whose vote names one class only."""
    whole = contents()
    performance = whole.classifiers.performance.model_copy(
        update={"only_class": label, "against_frequent": "no difference shown"}
    )
    classifiers = whole.classifiers.model_copy(update={"performance": performance})
    return whole.model_copy(update={"classifiers": classifiers})


@dataclass
class FakeEngine:
    """What it says hangs on the digest of the file alone.

    Attributes:
        unusable: methods of the package that cannot be computed here.
        other: the model digest of a newer package.
        failure: raised instead of every answer, such as `Busy("…")`.
        seconds: that every answer takes.
        asked: files it was asked of, in their order.
        ended: how many answers came, or were cancelled.
    """

    contents: ModelMetadata = field(default_factory=contents)
    card: str = CARD
    samples: dict[str, bytes] = field(
        default_factory=lambda: {"glioma.png": scan_png(1), "no_tumor.png": empty_png()}
    )
    runtime: str = "ONNX Runtime 1.31.1, CPU"
    unusable: tuple[Method, ...] = ()
    ready: bool = True
    other: str | None = None
    waiting: int = 0
    failure: EngineError | None = None
    seconds: float = 0.0
    asked: list[str] = field(default_factory=list)
    ended: int = 0

    @property
    def methods(self) -> list[Method]:
        part = self.contents.classifiers
        return [one for one in part.explain.methods if one not in self.unusable] if part else []

    def newer(self) -> str | None:
        return self.other

    async def predict(self, upload: Upload, pictures: bool = True) -> list[Examined]:
        await self._work(upload)
        volume = upload.content.startswith(NIFTI)
        places = range(VOLUME_SLICES) if volume else [None]
        said = [_of(self.contents, _examined(upload, place)) for place in places]
        return said if pictures else [replace(one, scan=b"", mask=b"") for one in said]

    async def explain(self, upload: Upload, method: Method, place: int = 0) -> Explained:
        await self._work(upload)
        slices = VOLUME_SLICES if upload.content.startswith(NIFTI) else 1
        if place >= slices:
            raise RejectedFile(f"{upload.name} has no slice {place}", 422)
        seed = _seed(upload, place)
        maps = {name: _png(_disc(seed + at)) for at, name in enumerate(["vote", *MEMBERS])}
        return Explained(method, scan_png(seed), maps)

    async def _work(self, upload: Upload) -> None:
        self.asked.append(upload.name)
        self.waiting += 1
        try:
            await asyncio.sleep(self.seconds)
            if self.failure is not None:
                raise self.failure
            _check(upload)
        finally:
            self.waiting -= 1
            self.ended += 1


def _of(contents: ModelMetadata, one: Examined) -> Examined:
    """What a model without one of the tasks says."""
    finding, mask = one.finding, one.mask
    if contents.classifiers is None:
        nothing = {"vote": None, "probabilities": {}, "agreement": None, "members": []}
        finding = finding.model_copy(update=nothing | {"familiarity": None})
    if contents.segmenters is None:
        finding, mask = finding.model_copy(update={"mask": None}), b""
    return replace(one, finding=finding, mask=mask)


def scan_png(seed: int = 0) -> bytes:
    """Grey noise under a disc."""
    return _png(picture(seed, SIDE))


def empty_png() -> bytes:
    """A scan of which the fake engine says that there is no tumour, and marks nothing."""
    return _with_digest(lambda seed: seed % 4 == 2)


def tumour_png() -> bytes:
    """A scan that the fake engine marks a tumour on."""
    return _with_digest(lambda seed: seed % 4 == 0)


def nifti_bytes() -> bytes:
    """What the fake engine takes for a volume of three slices."""
    return NIFTI + b"volume"


def _with_digest(fits: Callable[[int], bool]) -> bytes:
    candidates = (scan_png(number) for number in range(1000))
    return next(png for png in candidates if fits(_seed(Upload("", png), 0)))


def _check(upload: Upload) -> None:
    if not upload.content.startswith((*MAGIC, NIFTI)):
        raise RejectedFile(f"{upload.name} is no image of a format that is taken", 415)
    if upload.content.startswith(b"\x89PNG") and b"IEND" not in upload.content[-12:]:
        raise RejectedFile(f"{upload.name} is cut off", 422)


def _seed(upload: Upload, place: int | None) -> int:
    return int(hashlib.sha256(upload.content).hexdigest()[:6], 16) + (place or 0)


def _examined(upload: Upload, place: int | None) -> Examined:
    seed = _seed(upload, place)
    mask = _disc(seed) if LABELS[seed % 4] != "no_tumor" else np.zeros((SIDE, SIDE), np.uint8)
    return Examined(_finding(upload, place, seed, mask), scan_png(seed), _png(mask))


def _finding(
    upload: Upload, place: int | None, seed: int, mask: NDArray[np.uint8]
) -> ScanPrediction:
    vote = LABELS[seed % 4]
    members = [
        _member(name, vote if at else LABELS[(seed // 4) % 4], seed + at)
        for at, name in enumerate(MEMBERS)
    ]
    area = int((mask > 0).sum())
    spacing = None if place is None else 0.5
    return ScanPrediction(
        file=upload.name,
        slice=place,
        plane=None if place is None else "axial",
        width=SIDE,
        height=SIDE,
        spacing=spacing,
        vote=vote,
        probabilities=_probabilities(vote, seed),
        agreement=round(sum(member.vote == vote for member in members) / len(members), 6),
        members=members,
        familiarity=_familiarity(seed),
        mask=MaskFinding(
            area_pixels=area,
            area_mm2=None if spacing is None else area * spacing**2,
            share=area / SIDE**2,
            too_large=False,
            familiarity=_familiarity(seed + 1),
        ),
    )


def _member(name: str, vote: str, seed: int) -> MemberVote:
    return MemberVote(model=name, vote=vote, probabilities=_probabilities(vote, seed))


def _probabilities(vote: str, seed: int) -> dict[str, float]:
    most = 0.4 + seed % 50 / 100
    rest = round((1 - most) / (len(LABELS) - 1), 6)
    return {label: round(most, 6) if label == vote else rest for label in LABELS}


def _familiarity(seed: int) -> OodScore:
    distance = round(seed % 13 / 10, 6)
    return OodScore(distance=distance, outside=distance > 1)


def _disc(seed: int) -> NDArray[np.uint8]:
    """uint8 (SIDE, SIDE), 255 inside."""
    y, x = np.mgrid[:SIDE, :SIDE]
    radius, at = 5 + seed % 8, 20 + seed % 20
    return np.uint8(255 * ((x - at) ** 2 + (y - at) ** 2 < radius**2))


def _png(image: NDArray[np.uint8]) -> bytes:
    return cv2.imencode(".png", image)[1].tobytes()
