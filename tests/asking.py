"""A package without networks: what the shell makes of its answers needs none."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from scanvote.core.runtimes import Runtime
from scanvote.images.decode import Rgb
from scanvote.pipeline.ensemble.vote import Vote
from scanvote.pipeline.package import ClassificationOutput, ModelMetadata
from scanvote.pipeline.package.identity import deciding_files
from scanvote.pipeline.package.metadata import Classifiers, Operating, Segmenters, write_metadata
from scanvote.pipeline.package.model import SegmentationOutput
from scanvote.predict.schema import MaskFinding, MemberVote, OodScore, ScanPrediction
from tests.serving import LABELS, MEMBERS, contents


def of_two_classes(threshold: float = 0.3) -> ModelMetadata:
    """Contents with an operating point."""
    whole = contents()
    point = Operating(positive="sick", threshold=threshold, min_sensitivity=0.95)
    update = {"labels": ["healthy", "sick"], "operating": point, "negative": "healthy"}
    return whole.model_copy(update={"classifiers": whole.classifiers.model_copy(update=update)})


def write_package(folder: Path, whole: ModelMetadata | None = None) -> Path:
    """The files of a package that hold no network but their own names."""
    whole = whole or contents()
    graphs = [one.onnx for one in whole.classifiers.members if one.onnx]
    for name in (*deciding_files(whole.model_dump()), *graphs, "samples/a.png", "card.md"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    Oracle().vote.write(folder / "vote.json")
    write_metadata(whole, folder)
    return folder


@dataclass
class Oracle:
    """What it says hangs on the mean of a scan alone, and the first member knows better.

    Attributes:
        asked: how many scans it was asked about each time.
        far: the distance of every scan, of the vote and of the mask.
    """

    contents: ModelMetadata = field(default_factory=contents)
    far: tuple[float, float] = (0.5, 0.25)
    asked: list[int] = field(default_factory=list)
    runtime: Runtime = "onnx"

    @property
    def classifiers(self) -> "Part | None":
        return Part(self, self.contents.classifiers) if self.contents.classifiers else None

    @property
    def segmenters(self) -> "Part | None":
        return Part(self, self.contents.segmenters) if self.contents.segmenters else None

    @property
    def vote(self) -> Vote:
        labels = tuple(self.contents.classifiers.labels)
        return Vote("majority", labels, tuple(MEMBERS), (2.0,) + (1.0,) * (len(MEMBERS) - 1))

    def probabilities(self, images: Sequence[Rgb]) -> ClassificationOutput:
        self.asked.append(len(images))
        count = len(self.contents.classifiers.labels)
        share = np.array([image.mean() / 255 for image in images])
        rest = np.repeat((1 - share)[:, None] / (count - 1), count - 1, axis=1)
        plain = np.concatenate([share[:, None], rest], axis=1)
        members = np.stack([plain[:, ::-1], *[plain] * (len(MEMBERS) - 1)])
        distances = np.full(len(images), self.far[0])
        return ClassificationOutput(
            np.zeros((len(images), 1, 1, 1)), members, self.vote(members), distances
        )

    def segment(self, images: Sequence[Rgb]) -> SegmentationOutput:
        masks = [image[..., 0] > 200 for image in images]
        shares = np.array([mask.mean() for mask in masks])
        return SegmentationOutput(masks, shares, np.full(len(images), self.far[1]))


@dataclass
class Part:
    """The classifiers or segmenters of an oracle."""

    oracle: Oracle
    contents: Classifiers | Segmenters

    def __getattr__(self, name: str) -> object:
        return getattr(self.oracle, name)


def finding(file: str = "scan.png", **values: object) -> ScanPrediction:
    """What could be said of a scan."""
    said = dict.fromkeys(LABELS, 0.1) | {LABELS[0]: 0.7}
    near = OodScore(distance=0.5, outside=False)
    members = [MemberVote(model=name, vote=LABELS[0], probabilities=said) for name in MEMBERS]
    whole = {
        "file": file,
        "width": 4,
        "height": 3,
        "vote": LABELS[0],
        "probabilities": said,
        "agreement": 1.0,
        "members": members,
        "familiarity": near,
        "mask": MaskFinding(
            area_pixels=5, area_mm2=None, share=0.05, too_large=False, familiarity=near
        ),
    }
    return ScanPrediction(**(whole | values))
