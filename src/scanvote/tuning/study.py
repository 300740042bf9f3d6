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
from scanvote.core.seeds import derive
from scanvote.models.input_spec import Brief
from scanvote.params import Params, Section, WalkParams
from scanvote.training import Job, Schedule, Trained, TrainingFailed, forget_model, recall
from scanvote.tuning.trials import Trial


class Bench(ABC):
    """Makes the trials of a grid.

    Attributes:
        name: of the grid: a family, or ``unet``.
        section: of params.yaml, with the choices.
        how: the grid is walked, and each of its points is trained.
        brief: what its networks are given and asked.
        schedule: of a training at full length.
        keep: how many models stay on disk, the best.
        anew: makes the same bench in another process; can be pickled.
        note: what the figures say below their title.
    """

    note = ""

    def __init__(
        self,
        name: str,
        section: Section,
        how: WalkParams,
        brief: Brief,
        params: Params,
        keep: int,
        anew: "Callable[[], Bench]",
    ) -> None:
        self.name, self.how, self.brief = name, how, brief
        self.section: Any = section
        self.params, self.keep, self.anew = params, keep, anew
        self.schedule = Schedule(params.lr, how.training(), how.objective)

    @abstractmethod
    def space(self, hp: keras_tuner.HyperParameters) -> None:
        """Ask for the choices that span the grid."""

    @abstractmethod
    def build(self, values: Mapping[str, Any]) -> keras.Model:
        """The network of a point of the grid; ValueError: its layers do not fit the scans."""

    @abstractmethod
    def job(self, values: Mapping[str, Any], epochs: int) -> Job:
        """The training of a point, for so many epochs at most."""

    @property
    def walk_seed(self) -> int:
        """What the search algorithm draws its proposals from."""
        return derive(self.params.seed, "search", self.name)

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
            values={**values, "epochs": epochs},
            network=partial(self.network, values),
            job=self.job(values, epochs),
        )

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
        for trial in ranked[self.keep :]:
            forget_model(trial.job.memory)

    def _name(self, values: Mapping[str, Any], epochs: int) -> str:
        """A name from the choices, fit for a file: ``convolutions2-filters64``.

        Hyperband tries the same choices with several numbers of epochs.
        """
        words = [self._word(name, value) for name, value in sorted(values.items())]
        if epochs < self.how.epochs:
            words.append(f"epochs{epochs}")
        return "-".join(filter(None, words)) or self.name

    def _word(self, name: str, value: Any) -> str:
        """What a choice adds to the name; nothing where there is but one."""
        return f"{name}{value}" if len(getattr(self.section, name)) > 1 else ""


def memory_of(key: str) -> Path:
    """The folder of the training that has this digest."""
    return repository_root() / ".cache" / "trials" / key


def kept_features(key: str) -> Path:
    """The folder of what the frozen backbone of this digest makes of the scans."""
    return repository_root() / ".cache" / "features" / key


def code_digest(*modules: ModuleType) -> str:
    """Of what decides a training: its own modules, and the loop's."""
    return digest_code([*modules, *training.CODE], ["keras", keras.config.backend()])


def mirror_of(params: Params) -> Path | None:
    return mirror_folder(params.download.mirror)


def _line(error: Exception) -> str:
    plain = re.sub(r"\x1b\[\d*m", "", str(error))  # Keras writes in colours
    return " ".join(plain.split())[:200]
