"""The trials of a family of classifiers."""

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

_PAGES = {"published": [cnn_lime, densenet121, pneumonia_cnn, resnet50_yes_no]}


class ClassifierStudy(Study):
    """Makes the trials of `family` on the scans of `prepared`, `data/prepared/classification`.

    Raises:
        InputError: the params want a sigmoid for more than two classes.
    """

    def __init__(self, family: Family, prepared: Path, params: Params) -> None:
        self.labels = classes(read_manifest(prepared / "manifest.csv"))
        self.splits = {s: memmap_split(prepared, s) for s in ("train", "validation", "test")}
        shape = self.splits["train"]["images"].shape[1:]
        task = InputSpec(shape, _outputs(params, self.labels), weights_dir(params))
        section = getattr(params, family)
        anew = partial(ClassifierStudy, family, prepared, params)
        super().__init__(family, section, params.search, task, params, params.ensemble.top, anew)
        self._page = FAMILIES[family]
        own: list[Any] = [self._page, *_PAGES.get(family, []), input_spec, *backbones.CODE]
        own += [losses, classification]
        self._context = digest(
            family,
            digest_files(prepared.glob("*.pkl")),
            self._fixed(),
            params.seed,
            code_digest(*own),
        )

    def _fixed(self) -> dict[str, Any]:
        """The settings beside the grid: a wider grid must not forget what is trained."""
        search = self.params.search
        fixed = {key: value for key, value in self.section if not isinstance(value, list)}
        chosen = search.model_dump(
            include={"output", "loss", "label_smoothing", "class_weights", "mirror"}
        )
        bounds = self.params.prepare.augment.model_dump() if search.augment else None
        return fixed | chosen | {"augment": bounds}

    def space(self, hp: keras_tuner.HyperParameters) -> None:
        self._page.space(hp, self.section)

    def build(self, values: Mapping[str, Any]) -> keras.Model:
        return self._page.build(values, self.input_spec, self.section)

    def job(self, values: Mapping[str, Any], epochs: int) -> TrainingSpec:
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
            weights=_balance(train["labels"]) if search.class_weights == "balanced" else None,
            augment=self.params.prepare.augment if search.augment else None,
            mirror=search.mirror,
            unfreeze=self._thaw(),
            features=self._features(values),
        )

    def score(self, predicted: np.ndarray) -> Scores:
        truth = self.splits["validation"]["labels"]
        return classification.quick_scores(truth, to_class_probabilities(predicted))

    def _targets(self, labels: np.ndarray) -> np.ndarray:
        if self.input_spec.outputs == 1:
            return labels[:, None].astype(np.float32)
        return np.asarray(np.eye(self.input_spec.outputs, dtype=np.float32)[labels])

    def _thaw(self) -> Unfreeze | None:
        if self.name != "transfer" or self.section.thaw is None:
            return None
        return Unfreeze(self.section.thaw_after, partial(_released, thaw=self.section.thaw))

    def _features(self, values: Mapping[str, Any]) -> Path | None:
        """Where trials with the same frozen backbone keep what it makes of the scans.

        Not of an untrained one, whose weights each trial draws for itself.
        """
        weights = self._weights(values)
        if self.name != "transfer" or not weights:
            return None
        how = self.params.search.model_dump(include={"precision", "batch_size"})
        backbone = [values["backbone"], values["pooling"], weights]
        return features_dir(digest(self._context, how, backbone))

    def _weights(self, values: Mapping[str, Any]) -> str:
        """Digest of the file with the trained weights that a trial starts from, if it is known."""
        name = values.get("backbone") or published.PRETRAINED.get(values.get("network", ""))
        if name is None:
            return ""
        return backbones.weights_digest(name, self.section.weights, self.input_spec.mirror)

    def _word(self, name: str, value: Any) -> str:
        if name == "backbone":
            return self._title(value)
        return str(value) if name == "network" else super()._word(name, value)

    def _title(self, backbone: str) -> str:
        """Its short name, numbered where another one has the same."""
        titles = [transfer.short_name(one, self.section) for one in self.section.backbones]
        place = self.section.backbones.index(backbone)
        same = titles.count(titles[place]) > 1
        return (
            f"{titles[place]}-{titles[: place + 1].count(titles[place])}" if same else titles[place]
        )


def _outputs(params: Params, labels: list[str]) -> int:
    if params.search.output == "softmax":
        return len(labels)
    if len(labels) != 2:
        raise InputError(
            f"search.output: sigmoid is for two classes, and there are {len(labels)}"
            f" ({', '.join(labels)}); use softmax, or join classes by classification.labels"
        )
    return 1


def _balance(labels: np.ndarray) -> np.ndarray:
    """float32 (n,), by which each class weighs the same and all together weigh n."""
    counts = np.bincount(labels)
    present = (counts > 0).sum()
    return np.asarray(len(labels) / (present * counts[labels]), np.float32)


def _released(model: keras.Model, thaw: str | float) -> None:
    try:
        transfer.unfreeze(model, thaw)
    except ValueError as error:
        raise TrainingFailed(f"transfer.thaw: {error}") from None
