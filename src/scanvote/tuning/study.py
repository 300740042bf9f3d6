"""What all trials of a grid have in common: the settings, the names, the memory."""

import re
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
    """Makes the trials of a grid.

    Attributes:
        name: of the grid: a family, or ``unet``.
        section: of params.yaml, with the choices.
        how: the grid is walked, and each of its points is trained.
        brief: what its networks are given and asked.
        schedule: of a training at full length.
        keep: how many models stay on disk, the best.
        anew: makes the same study in another process; can be pickled.
        note: what the figures say below their title.
    """

    note = ""

    def __init__(
        self,
        name: str,
        section: Section,
        how: TuningParams,
        brief: InputSpec,
        params: Params,
        keep: int,
        anew: "Callable[[], Study]",
    ) -> None:
        self.name, self.config, self.input_spec = name, how, brief
        self.section: Any = section
        self.params, self.top_k, self.rebuild = params, keep, anew
        self.schedule = Schedule(params.lr, how.training(), how.objective)

    @abstractmethod
    def space(self, hp: keras_tuner.HyperParameters) -> None:
        """Ask for the choices that span the grid."""

    @abstractmethod
    def build(self, values: Mapping[str, Any]) -> keras.Model:
        """The network of a point of the grid; ValueError: its layers do not fit the scans."""

    @abstractmethod
    def job(self, values: Mapping[str, Any], epochs: int) -> TrainingSpec:
        """The training of a point, for so many epochs at most."""

    @property
    def search_seed(self) -> int:
        """What the search algorithm draws its proposals from."""
        return derive_seed(self.params.seed, "search", self.name)

    def network(self, values: Mapping[str, Any]) -> keras.Model:
        """The network of a point of the grid.

        Raises:
            TrainingFailed: its layers do not fit the scans.
            InputError: a backbone or its weights cannot be had.
        """
        try:
            return self.build(values)
        except ValueError as error:
            raise TrainingFailed(f"it cannot be built: {_line(error)}") from None

    def trial(self, values: dict[str, Any], epochs: int) -> Trial:
        """A point of the grid with its training, which may be remembered."""
        return Trial(
            name=self._name(values, epochs),
            hyperparameters={**values, "epochs": epochs},
            network=partial(self.network, values),
            spec=self.job(values, epochs),
        )

    def cached_score(self, values: dict[str, Any], epochs: int) -> float | None:
        """What a walk is told of a trial that is done, None if it is not.

        Raises:
            TrainingFailed: it is known to fail.
        """
        trained = load_cached(self.job(values, epochs).cache_dir)
        return None if trained is None else self.objective_value(trained)

    def objective_value(self, trained: TrainingResult) -> float:
        """The score that a walk maximises."""
        return -self.schedule.key(trained.best)[0]

    def sort_key(self, trial: Trial) -> tuple[tuple[float, float], str]:
        """Sorts trained trials, the best first."""
        assert trial.trained is not None
        return self.schedule.key(trial.trained.best), trial.name

    def prune_models(self, trials: Iterable[Trial]) -> None:
        """Only the best models stay on disk; a worse one can only fall behind further."""
        ranked = sorted((trial for trial in trials if trial.trained), key=self.sort_key)
        for trial in ranked[self.top_k :]:
            delete_weights(trial.spec.cache_dir)

    def _name(self, values: Mapping[str, Any], epochs: int) -> str:
        """A name from the choices, fit for a file: ``convolutions2-filters64``.

        Hyperband tries the same choices with several numbers of epochs.
        """
        words = [self._word(name, value) for name, value in sorted(values.items())]
        if epochs < self.config.epochs:
            words.append(f"epochs{epochs}")
        return "-".join(filter(None, words)) or self.name

    def _word(self, name: str, value: Any) -> str:
        """What a choice adds to the name; nothing where there is but one."""
        return f"{name}{value}" if len(getattr(self.section, name)) > 1 else ""


def cache_dir(key: str) -> Path:
    """The folder of the training that has this digest."""
    return repository_root() / ".cache" / "trials" / key


def features_dir(key: str) -> Path:
    """The folder of what the frozen backbone of this digest makes of the scans."""
    return repository_root() / ".cache" / "features" / key


def code_digest(*modules: ModuleType) -> str:
    """Of what decides a training: its own modules, and the loop's."""
    return digest_code([*modules, *training.CODE], ["keras", keras.config.backend()])


def weights_dir(params: Params) -> Path | None:
    return mirror_folder(params.download.mirror)


def _line(error: Exception) -> str:
    plain = re.sub(r"\x1b\[\d*m", "", str(error))  # Keras writes in colours
    return " ".join(plain.split())[:200]
