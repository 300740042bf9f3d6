"""What all trials of a family have in common: the scans, the settings, the memory."""

import re
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import keras
import keras_tuner
import numpy as np

from scanvote import training
from scanvote.arrays import mapped_split
from scanvote.digests import digest, digest_code, digest_files
from scanvote.errors import InputError
from scanvote.files import mirror_folder, repository_root, sha256
from scanvote.manifest import read_manifest
from scanvote.metrics import classification
from scanvote.models import FAMILIES, backbones, brief, losses, published, transfer
from scanvote.models.brief import Brief, as_classes
from scanvote.models.networks import cnn_lime, densenet121, pneumonia_cnn, resnet50_yes_no
from scanvote.params import Family, Params
from scanvote.prepare import classes
from scanvote.seeds import derive
from scanvote.training import (
    Job,
    Schedule,
    Scores,
    Thaw,
    Trained,
    TrainingFailed,
    forget_model,
    recall,
)
from scanvote.trials import Trial

_PAGES = {"published": [cnn_lime, densenet121, pneumonia_cnn, resnet50_yes_no]}


class Bench:
    """Makes the trials of `family` on the scans of `prepared`.

    Raises:
        InputError: the params want a sigmoid for more than two classes.
    """

    def __init__(self, family: Family, prepared: Path, params: Params) -> None:
        self.family, self.params = family, params
        self.section = getattr(params, family)
        self.labels = classes(read_manifest(prepared / "manifest.csv"))
        self.splits = {s: mapped_split(prepared, s) for s in ("train", "validation", "test")}
        self.schedule = Schedule(params.lr, params.search.training(), params.search.objective)
        self.brief = Brief(
            shape=self.splits["train"]["images"].shape[1:],
            outputs=_outputs(params, self.labels),
            mirror=mirror_folder(params.download.mirror),
        )
        self._context = digest(
            family,
            digest_files(prepared.glob("*.pkl")),
            self._fixed(),
            params.seed,
            digest_code(self._code(), ["keras", keras.config.backend()]),
        )

    def _code(self) -> list[ModuleType]:
        own = [FAMILIES[self.family], *_PAGES.get(self.family, [])]
        return [*own, brief, backbones, losses, *training.CODE, classification]

    def _fixed(self) -> dict[str, Any]:
        """The settings beside the grid: a wider grid must not forget what is trained."""
        search = self.params.search
        fixed = {key: value for key, value in self.section if not isinstance(value, list)}
        chosen = search.model_dump(
            include={"output", "loss", "label_smoothing", "class_weights", "mirror"}
        )
        bounds = self.params.prepare.augment.model_dump() if search.augment else None
        return fixed | chosen | {"augment": bounds}

    @property
    def walk_seed(self) -> int:
        """What the search algorithm draws its proposals from."""
        return derive(self.params.seed, "search", self.family)

    def space(self, hp: keras_tuner.HyperParameters) -> None:
        FAMILIES[self.family].space(hp, self.section)

    def network(self, values: Mapping[str, Any]) -> keras.Model:
        """The network of a point of the grid.

        Raises:
            TrainingFailed: its layers do not fit the scans.
            InputError: a backbone or its weights cannot be had.
        """
        try:
            return FAMILIES[self.family].build(values, self.brief, self.section)
        except ValueError as error:
            raise TrainingFailed(f"it cannot be built: {_line(error)}") from None

    def trial(self, values: dict[str, Any], epochs: int) -> Trial:
        """A point of the grid with its training, which may be remembered."""
        return Trial(
            name=self._name(values, epochs),
            values={**values, "epochs": epochs},
            network=partial(self.network, values),
            job=self.job(values, epochs),
        )

    def job(self, values: Mapping[str, Any], epochs: int) -> Job:
        search, train = self.params.search, self.splits["train"]
        schedule = self.schedule.within(epochs)
        key = digest(self._context, values, schedule.settings(), self._weights(values))
        return Job(
            train=(train["images"], self._targets(train["labels"])),
            validation=self.splits["validation"]["images"],
            loss=losses.class_loss(search.loss, self.brief.outputs, search.label_smoothing),
            score=self.score,
            schedule=schedule,
            seed=derive(self.params.seed, "trial", self.family, digest(values)),
            memory=repository_root() / ".cache" / "trials" / key,
            weights=_balance(train["labels"]) if search.class_weights == "balanced" else None,
            augment=self.params.prepare.augment if search.augment else None,
            mirror=search.mirror,
            thaw=self._thaw(),
        )

    def score(self, predicted: np.ndarray) -> Scores:
        truth = self.splits["validation"]["labels"]
        return classification.quick_scores(truth, as_classes(predicted))

    def remembered(self, values: dict[str, Any], epochs: int) -> float | None:
        """What a walk is told of a trial that is done, None if it is not.

        Raises:
            TrainingFailed: it is known to fail.
        """
        trained = recall(self.job(values, epochs).memory)
        return None if trained is None else self.worth(trained)

    def worth(self, trained: Trained) -> float:
        """The score that a walk maximises."""
        return -self.schedule.key(trained.best)[0]

    def rank(self, trial: Trial) -> tuple[tuple[float, float], str]:
        """Sorts trained trials, the best first."""
        assert trial.trained is not None
        return self.schedule.key(trial.trained.best), trial.name

    def forget_the_worse(self, trials: Iterable[Trial]) -> None:
        """Only the best models stay on disk; a worse one can only fall behind further."""
        ranked = sorted((trial for trial in trials if trial.trained), key=self.rank)
        for trial in ranked[self.params.ensemble.top :]:
            forget_model(trial.job.memory)

    def _targets(self, labels: np.ndarray) -> np.ndarray:
        if self.brief.outputs == 1:
            return labels[:, None].astype(np.float32)
        return np.asarray(np.eye(self.brief.outputs, dtype=np.float32)[labels])

    def _thaw(self) -> Thaw | None:
        if self.family != "transfer" or self.section.thaw is None:
            return None
        return Thaw(self.section.thaw_after, partial(_released, thaw=self.section.thaw))

    def _weights(self, values: Mapping[str, Any]) -> str:
        """Digest of the file with the trained weights that a trial starts from, if it is known."""
        name = values.get("backbone") or published.PRETRAINED.get(values.get("network", ""))
        if name is None:
            return ""
        file: Path | None
        if backbones.is_saved(name):
            file = backbones.saved_file(name, self.brief.mirror)
        else:
            file = backbones.weights_file(name, self.section.weights, self.brief.mirror)
        return sha256(file) if file and file.is_file() else ""

    def _name(self, values: Mapping[str, Any], epochs: int) -> str:
        """A name from the choices, fit for a file: ``convolutions2-filters64``.

        Hyperband tries the same choices with several numbers of epochs.
        """
        words = []
        for name, value in sorted(values.items()):
            if name == "backbone":
                words.append(self._title(value))
            elif name == "network":
                words.append(value)
            elif len(getattr(self.section, name)) > 1:
                words.append(f"{name}{value}")
        if epochs < self.params.search.epochs:
            words.append(f"epochs{epochs}")
        return "-".join(words) or self.family

    def _title(self, backbone: str) -> str:
        """Its short name, numbered where another one has the same."""
        titles = [transfer.title(one, self.section) for one in self.section.backbones]
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


def _released(model: keras.Model, thaw: str) -> None:
    try:
        transfer.release(model, thaw)
    except ValueError as error:
        raise TrainingFailed(f"transfer.thaw: {error}") from None


def _line(error: Exception) -> str:
    plain = re.sub(r"\x1b\[\d*m", "", str(error))  # Keras writes in colours
    return " ".join(plain.split())[:200]
