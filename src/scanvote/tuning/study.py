"""Base class of a study: settings, trial names and trial cache."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import keras
import keras_tuner

from scanvote import training
from scanvote.core.digests import digest_code
from scanvote.core.files import mirror_folder, repository_root
from scanvote.core.seeds import derive_seed
from scanvote.models.input_spec import InputSpec
from scanvote.models.saving import plain_line
from scanvote.params import Params, Section, TuningParams
from scanvote.training import (
    Schedule,
    TrainingFailed,
    TrainingResult,
    TrainingSpec,
    delete_weights,
    load_cached,
)
from scanvote.tuning.trials import Trial


class Study(ABC):
    """One hyperparameter search, of a family or the U-Net.

    Defines its space, and how to build and train each trial.

    Attributes:
        name: a model family, or ``unet``.
        section: the section of params.yaml with the values of each hyperparameter.
        config: settings of the search algorithm and of the training.
        input_spec: input shape and number of outputs of the networks.
        schedule: the schedule of a training at full length.
        top_k: number of models that stay on disk, the best ones.
        rebuild: creates the same study in another process; can be pickled.
        note: text below the title of each figure.
    """

    note = ""

    def __init__(
        self,
        name: str,
        section: Section,
        config: TuningParams,
        input_spec: InputSpec,
        params: Params,
        top_k: int,
        rebuild: "Callable[[], Study]",
    ) -> None:
        self.name, self.config, self.input_spec = name, config, input_spec
        self.section: Any = section
        self.params, self.top_k, self.rebuild = params, top_k, rebuild
        self.schedule = Schedule(params.lr, config.training(), config.objective)

    @abstractmethod
    def space(self, hp: keras_tuner.HyperParameters) -> None:
        """Register the hyperparameters of the search space with `hp`."""

    @abstractmethod
    def build(self, values: Mapping[str, Any]) -> keras.Model:
        """Build the network for these hyperparameters.

        Raises:
            ValueError: its layers do not fit the scans.
        """

    @abstractmethod
    def training_spec(self, values: Mapping[str, Any], epochs: int) -> TrainingSpec:
        """Return what to train for these hyperparameters, for at most `epochs` epochs."""

    @property
    def search_seed(self) -> int:
        """Seed of the search algorithm's proposals."""
        return derive_seed(self.params.seed, "search", self.name)

    def build_or_fail(self, values: Mapping[str, Any]) -> keras.Model:
        """Like `build`, but raise TrainingFailed where `build` raises ValueError.

        Raises:
            TrainingFailed: its layers do not fit the scans.
            InputError: a backbone or its weights are not available.
        """
        try:
            return self.build(values)
        except ValueError as error:
            raise TrainingFailed(f"it cannot be built: {plain_line(error)}") from None

    def trial(self, values: dict[str, Any], epochs: int) -> Trial:
        """Return the trial of these hyperparameters, without training it."""
        return Trial(
            name=self._name(values, epochs),
            hyperparameters={**values, "epochs": epochs},
            network=partial(self.build_or_fail, values),
            spec=self.training_spec(values, epochs),
        )

    def cached_score(self, values: dict[str, Any], epochs: int) -> float:
        """Objective of a cached trial.

        Raises:
            TrainingFailed: the cache says that the trial fails, or holds none.
        """
        trained = load_cached(self.training_spec(values, epochs).cache_dir)
        if trained is None:
            raise TrainingFailed("it has no result", lasting=False)
        return self.objective_value(trained)

    def objective_value(self, trained: TrainingResult) -> float:
        """The score that the search maximises."""
        return -self.schedule.key(trained.best)[0]

    def sort_key(self, trial: Trial) -> tuple[bool, tuple[float, float], str]:
        """Sort key of trained trials, the best first.

        Those that Hyperband gave a part of the epochs come last.
        """
        assert trial.trained is not None
        return not self.is_full(trial), self.schedule.key(trial.trained.best), trial.name

    def is_full(self, trial: Trial) -> bool:
        """Tell if the trial was given all epochs of `config`."""
        return bool(trial.hyperparameters["epochs"] >= self.config.epochs)

    def prune_models(self, trials: Iterable[Trial]) -> list[Trial]:
        """Delete all models but the best `top_k`, whose trials it returns.

        That is safe while the search runs: the rank of a trial can only get worse.
        """
        ranked = sorted((trial for trial in trials if trial.trained), key=self.sort_key)
        for trial in ranked[self.top_k :]:
            delete_weights(trial.spec.cache_dir)
        return ranked[: self.top_k]

    def _name(self, values: Mapping[str, Any], epochs: int) -> str:
        """Name a trial by its hyperparameters, as a file name: ``convolutions2-filters64``.

        The number of epochs is a part, because Hyperband repeats a trial with more epochs.
        """
        parts = [self._name_part(name, value) for name, value in sorted(values.items())]
        if epochs < self.config.epochs:
            parts.append(f"epochs{epochs}")
        return "-".join(filter(None, parts)) or self.name

    def _name_part(self, name: str, value: Any) -> str:
        """Part of the trial's name, empty for a fixed hyperparameter."""
        return f"{name}{value}" if len(getattr(self.section, name)) > 1 else ""


def cache_dir(key: str) -> Path:
    """Cache folder of the training with this digest."""
    return repository_root() / ".cache" / "trials" / key


def features_dir(key: str) -> Path:
    """Cache folder of the features that a frozen backbone computes, by digest."""
    return repository_root() / ".cache" / "features" / key


def code_digest(*modules: ModuleType) -> str:
    """Digest of the code of a training: `modules` and the loop."""
    return digest_code([*modules, *training.CODE], ["keras", keras.config.backend()])


def weights_dir(params: Params) -> Path | None:
    """Folder that may hold pretrained weights; None without `download.mirror`."""
    return mirror_folder(params.download.mirror)
