"""The study of a family of classifiers."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np

from scanvote.arrays import memmap_split
from scanvote.core.digests import digest, digest_files
from scanvote.core.errors import InputError
from scanvote.core.seeds import derive_seed
from scanvote.manifest import classes, read_manifest
from scanvote.metrics import classification
from scanvote.models import backbones, input_spec, losses, published, transfer
from scanvote.models.families import FAMILIES
from scanvote.models.input_spec import InputSpec, to_class_probabilities
from scanvote.models.networks import cnn_lime, densenet121, pneumonia_cnn, resnet50_yes_no
from scanvote.params import Family, Params
from scanvote.training import Scores, TrainingFailed, TrainingSpec, Unfreeze
from scanvote.tuning.study import Study, cache_dir, code_digest, features_dir, weights_dir

_NETWORK_MODULES = {"published": [cnn_lime, densenet121, pneumonia_cnn, resnet50_yes_no]}


class ClassifierStudy(Study):
    """Study of a model family on the scans in `prepared`, `data/prepared/classification`.

    Raises:
        InputError: the params ask for a sigmoid with more than two classes.
    """

    def __init__(self, family: Family, prepared: Path, params: Params) -> None:
        self.labels = classes(read_manifest(prepared / "manifest.csv"))
        self.splits = {s: memmap_split(prepared, s) for s in ("train", "validation", "test")}
        shape = self.splits["train"]["images"].shape[1:]
        super().__init__(
            family,
            getattr(params, family),
            params.search,
            InputSpec(shape, _outputs(params, self.labels), weights_dir(params)),
            params,
            top_k=params.ensemble.top,
            rebuild=partial(ClassifierStudy, family, prepared, params),
        )
        self._architecture = FAMILIES[family]
        modules: list[Any] = [self._architecture, *_NETWORK_MODULES.get(family, [])]
        modules += [input_spec, *backbones.CODE, losses, classification]
        self._context = digest(
            family,
            digest_files(prepared.glob("*.pkl")),
            self._fixed_settings(),
            params.seed,
            code_digest(*modules),
        )

    def _fixed_settings(self) -> dict[str, Any]:
        """Return the settings that are the same for all trials.

        Only these enter the digest of every trial, so a wider grid keeps its cached trials.
        """
        search = self.params.search
        section = {key: value for key, value in self.section if not isinstance(value, list)}
        training = search.model_dump(
            include={"output", "loss", "label_smoothing", "class_weights", "mirror"}
        )
        bounds = self.params.prepare.augment.model_dump() if search.augment else None
        return section | training | {"augment": bounds}

    def space(self, hp: keras_tuner.HyperParameters) -> None:
        self._architecture.space(hp, self.section)

    def build(self, values: Mapping[str, Any]) -> keras.Model:
        return self._architecture.build(values, self.input_spec, self.section)

    def training_spec(self, values: Mapping[str, Any], epochs: int) -> TrainingSpec:
        search, train = self.params.search, self.splits["train"]
        schedule = self.schedule.truncated(epochs)
        key = digest(self._context, values, schedule.settings(), self._weights(values))
        return TrainingSpec(
            train=(train["images"], self._targets(train["labels"])),
            validation=self.splits["validation"]["images"],
            loss=losses.class_loss(search.loss, self.input_spec.outputs, search.label_smoothing),
            score=self.score,
            schedule=schedule,
            seed=derive_seed(self.params.seed, "trial", self.name, digest(values)),
            cache_dir=cache_dir(key),
            weights=_balanced_weights(train["labels"])
            if search.class_weights == "balanced"
            else None,
            augment=self.params.prepare.augment if search.augment else None,
            mirror=search.mirror,
            unfreeze=self._unfreeze(),
            features=self._features_dir(values),
        )

    def score(self, predicted: np.ndarray) -> Scores:
        truth = self.splits["validation"]["labels"]
        return classification.quick_scores(truth, to_class_probabilities(predicted))

    def _targets(self, labels: np.ndarray) -> np.ndarray:
        if self.input_spec.outputs == 1:
            return labels[:, None].astype(np.float32)
        return np.asarray(np.eye(self.input_spec.outputs, dtype=np.float32)[labels])

    def _unfreeze(self) -> Unfreeze | None:
        if self.name != "transfer" or self.section.thaw is None:
            return None
        return Unfreeze(
            self.section.thaw_after, partial(_unfreeze_backbone, thaw=self.section.thaw)
        )

    def _features_dir(self, values: Mapping[str, Any]) -> Path | None:
        """Cache folder of the features of the trial's frozen backbone.

        None for an untrained backbone, because each trial draws its own weights.
        """
        weights = self._weights(values)
        if self.name != "transfer" or not weights:
            return None
        config = self.params.search.model_dump(include={"precision", "batch_size"})
        backbone = [values["backbone"], values["pooling"], weights]
        return features_dir(digest(self._context, config, backbone))

    def _weights(self, values: Mapping[str, Any]) -> str:
        """Digest of the trial's file of pretrained weights; empty if unknown."""
        name = values.get("backbone") or published.PRETRAINED.get(values.get("network", ""))
        if name is None:
            return ""
        return backbones.weights_digest(name, self.section.weights, self.input_spec.mirror)

    def _name_part(self, name: str, value: Any) -> str:
        if name == "backbone":
            return self._backbone_name(value)
        return str(value) if name == "network" else super()._name_part(name, value)

    def _backbone_name(self, backbone: str) -> str:
        """Short name of the backbone, numbered if it is not unique."""
        names = [transfer.short_name(one, self.section) for one in self.section.backbones]
        place = self.section.backbones.index(backbone)
        name = names[place]
        return f"{name}-{names[: place + 1].count(name)}" if names.count(name) > 1 else name


def _outputs(params: Params, labels: list[str]) -> int:
    if params.search.output == "softmax":
        return len(labels)
    if len(labels) != 2:
        raise InputError(
            f"search.output: sigmoid is for two classes, and there are {len(labels)}"
            f" ({', '.join(labels)}); use softmax, or join classes by classification.labels"
        )
    return 1


def _balanced_weights(labels: np.ndarray) -> np.ndarray:
    """Sample weights, float32 (n,): equal totals per class, with sum n."""
    counts = np.bincount(labels)
    present = (counts > 0).sum()
    return np.asarray(len(labels) / (present * counts[labels]), np.float32)


def _unfreeze_backbone(model: keras.Model, thaw: str | float) -> None:
    try:
        transfer.unfreeze(model, thaw)
    except ValueError as error:
        raise TrainingFailed(f"transfer.thaw: {error}") from None
