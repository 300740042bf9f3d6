"""The two parts of a package: copied networks with their settings and test results."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from scanvote.arrays import memmap_split
from scanvote.class_roles import guess_positive, negative_class, positive_class
from scanvote.core.errors import InputError
from scanvote.core.files import copy_file
from scanvote.manifest import read_manifest
from scanvote.metrics.operating_point import threshold
from scanvote.metrics.performance import (
    ClassificationPerformance,
    SegmentationPerformance,
    read_performance,
)
from scanvote.params import Params, Task
from scanvote.params.whole import EvaluateParams
from scanvote.pipeline.ensemble.members import model_paths
from scanvote.pipeline.ensemble.vote import Vote
from scanvote.pipeline.package.metadata import (
    SEEN,
    VOTE,
    Classifiers,
    ExplainSpec,
    NetworkFiles,
    OodReference,
    Operating,
    PostprocessSpec,
    Segmenters,
)
from scanvote.pipeline.package.networks import KerasNetwork, load_network
from scanvote.pipeline.package.ood import write_ood_reference
from scanvote.predictions import labels_of
from scanvote.splits.known_patients import KnownPatients


@dataclass(frozen=True)
class Packing:
    """What both parts are packed from, and where to.

    Attributes:
        prepared, evaluated: `data/prepared` and `metrics/evaluate`, a folder for each task.
        params: the whole of params.yaml.
        folder: the package.
    """

    prepared: Path
    evaluated: Path
    params: Params
    folder: Path

    def classifiers(self, searches: Path, ensemble: Path, vote: pd.DataFrame) -> Classifiers:
        """Pack the members of the vote, whose rows on all splits are `vote`."""
        rule, labels = Vote.read(ensemble / VOTE), labels_of(vote)
        paths = model_paths(searches, rule.members)
        members = self._copy_networks(paths, rule.members, "members")
        copy_file(ensemble / VOTE, self.folder / VOTE)
        performance = read_performance("classification", self.evaluated / "classification")
        assert isinstance(performance, ClassificationPerformance)
        return Classifiers(
            labels=list(rule.labels),
            members=members,
            operating=_operating_point(vote, self.params.evaluate),
            negative=_negative(labels, self.params.evaluate),
            prepare=self.params.prepare.classification,
            seen=self._ood_reference(members[0], "classification", 1),
            explain=ExplainSpec.model_validate(self.params.explain.model_dump(exclude={"scans"})),
            patients=self._patients("classification"),
            performance=performance,
        )

    def segmenters(self, unet: Path) -> Segmenters:
        """Pack the U-Nets in `unet`.

        Raises:
            InputError: there are none.
        """
        paths = sorted(unet.glob("*.keras"), key=lambda path: int(path.stem))
        if not paths:
            raise InputError(f"{unet} holds no network; run `dvc repro unet`")
        text = (unet / "postprocess.json").read_text(encoding="utf-8")
        networks = self._copy_networks(paths, [f"unet/{path.stem}" for path in paths], "unet")
        context = self.params.unet.context
        performance = read_performance("segmentation", self.evaluated / "segmentation")
        assert isinstance(performance, SegmentationPerformance)
        return Segmenters(
            networks=networks,
            context=context,
            postprocess=PostprocessSpec.model_validate_json(text),
            prepare=self.params.prepare.segmentation,
            seen=self._ood_reference(networks[0], "segmentation", 2 * context + 1),
            largest_mask=_largest_mask(self.prepared / "segmentation"),
            patients=self._patients("segmentation"),
            performance=performance,
        )

    def _patients(self, task: Task) -> str:
        """Return the statement about patients in the split of the task."""
        return KnownPatients.of(read_manifest(self.prepared / task / "manifest.csv")).sentence()

    def _ood_reference(self, network: NetworkFiles, task: Task, slices: int) -> OodReference:
        """Write the descriptors of the network's training scans."""
        arrays = f"{SEEN}/{Path(network.keras).parent}.pkl"
        model = KerasNetwork(load_network(self.folder / network.keras))
        share, seed = self.params.package.seen, self.params.seed
        path = self.folder / arrays
        radius = write_ood_reference(model, self.prepared / task, slices, share, seed, path)
        return OodReference(arrays=arrays, radius=radius)

    def _copy_networks(
        self, paths: Sequence[Path], models: Sequence[str], place: str
    ) -> list[NetworkFiles]:
        """Copy the archives to folder `place`, and name their future ONNX graphs."""
        (self.folder / place).mkdir(parents=True)
        names = [f"{place}/{number}" for number in range(1, len(paths) + 1)]
        for path, name in zip(paths, names, strict=True):
            copy_file(path, self.folder / f"{name}.keras")
        onnx = self.params.package.onnx
        return [
            NetworkFiles(model=model, keras=f"{name}.keras", onnx=f"{name}.onnx" if onnx else None)
            for model, name in zip(models, names, strict=True)
        ]


def _operating_point(vote: pd.DataFrame, params: EvaluateParams) -> Operating | None:
    positive = positive_class(labels_of(vote), params.positive)
    if positive is None:
        return None
    validation = vote[vote["split"] == "validation"]
    return Operating(
        positive=positive,
        threshold=threshold(validation, positive, params.min_sensitivity),
        min_sensitivity=params.min_sensitivity,
    )


def _negative(labels: list[str], params: EvaluateParams) -> str | None:
    """Return the class without the finding; of two classes only if its name tells."""
    positive = positive_class(labels, params.positive)
    if positive is None:
        return negative_class(labels, params.negative)
    other = next(label for label in labels if label != positive)
    # benign beside malignant may have a finding, too
    return other if guess_positive([other, "finding"]) == "finding" else None


def _largest_mask(prepared: Path) -> float:
    """Return the largest share of the picture that a mask of the training covers.

    Augmented copies do not count.
    """
    train = memmap_split(prepared, "train")
    rows = np.unique(train["scan_ids"], return_index=True)[1]
    return round(max(float(np.mean(train["masks"][row] > 0)) for row in rows), 6)
