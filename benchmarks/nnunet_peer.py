"""Run nnU-Net v2 in an environment of its own, within a given time.

Every call of nnU-Net is a command of another environment, so that this one needs no PyTorch.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
from measure import last_line, peak_memory

from scanvote.core.errors import InputError
from scanvote.core.processors import allowed_processors

NAME = "Dataset001_slices"
TRAINER = "nnUNetTrainerWithin"
CHANNELS = ("pre-contrast", "FLAIR", "post-contrast")
"""nnU-Net normalises channels of these names as MRI, by mean and standard deviation."""
PROCESSES = str(allowed_processors())
"""Processes that prepare and change scans: one for each processor, as ours may use."""
LOOK = "import nnunetv2, torch; print(torch.cuda.is_available())"


@dataclass(frozen=True)
class Case:
    """A patient: slices in order, uint8 (n, H, W, C), and masks (n, H, W), 0 or 1."""

    images: np.ndarray
    masks: np.ndarray


@dataclass(frozen=True)
class Peer:
    """nnU-Net in an environment of its own, with the folders of one training.

    Attributes:
        python: interpreter of the environment.
        folder: holds all that nnU-Net reads and writes.
    """

    python: Path
    folder: Path

    def device(self) -> str:
        """Return ``cuda`` or ``cpu``.

        Raises:
            InputError: the environment or nnU-Net in it is missing.
        """
        try:
            gpu = self._run(self.python, "-c", LOOK)
        except RuntimeError:
            raise InputError(
                f"--peer: {self.python} has no nnU-Net; make an environment of its own:"
                " python3 -m venv FOLDER && FOLDER/bin/pip install nnunetv2==2.8.1"
            ) from None
        return "cuda" if "True" in gpu else "cpu"

    def prepare(self, cases: Mapping[str, Case]) -> None:
        """Write the cases to train on, and let nnU-Net plan and preprocess."""
        shutil.rmtree(self.folder, ignore_errors=True)  # of a run that was interrupted
        raw = self.folder / "raw" / NAME
        _write_cases(raw, cases)
        channels = next(iter(cases.values())).images.shape[-1]
        about = {
            "channel_names": {str(at): name for at, name in enumerate(CHANNELS[:channels])},
            "labels": {"background": 0, "tumour": 1},
            "numTraining": len(cases),
            "file_ending": ".nii.gz",
        }
        (raw / "dataset.json").write_text(json.dumps(about))
        self._command("nnUNetv2_plan_and_preprocess", "-d", "1", "-c", "2d", "-np", PROCESSES)

    def train(self, seconds: float) -> tuple[float, int]:
        """Train one network on all cases within `seconds`; return seconds and peak bytes."""
        command = [str(self.python.parent / "nnUNetv2_train"), "1", "2d", "all", "-tr", TRAINER]
        variables = os.environ | self._settings() | {"NNUNET_SECONDS": str(seconds)}
        return peak_memory([*command, "-device", self.device()], None, variables, every=0.5)

    def predict(self, cases: Mapping[str, Case]) -> dict[str, np.ndarray]:
        """Predict masks (n, H, W), bool, with nnU-Net's own test-time mirroring."""
        asked, answered = self.folder / "asked", self.folder / "answered"
        for name, case in cases.items():
            _write_volumes(asked, name, case.images)
        options = ("-d", "1", "-c", "2d", "-f", "all", "-tr", TRAINER, "-device", self.device())
        self._command("nnUNetv2_predict", "-i", asked, "-o", answered, *options)
        return {name: _read_mask(answered / f"{name}.nii.gz") for name in cases}

    def _command(self, name: str, *words: object) -> str:
        return self._run(self.python.parent / name, *words)

    def _run(self, *words: object) -> str:
        command, variables = [str(word) for word in words], os.environ | self._settings()
        try:
            done = subprocess.run(command, capture_output=True, text=True, env=variables)
        except OSError as error:
            raise RuntimeError(f"{words[0]}: {error.strerror}") from None
        if done.returncode:
            raise RuntimeError(f"{words[0]}: {last_line(done.stderr, done.returncode)}")
        return done.stdout

    def _settings(self) -> dict[str, str]:
        """Settings of nnU-Net, all of them environment variables."""
        folders = {
            f"nnUNet_{name}": str(self.folder / name) for name in ("raw", "preprocessed", "results")
        }
        trainers = Path(__file__).parent / "nnunet_trainer"
        return {**folders, "nnUNet_extTrainer": str(trainers), "nnUNet_n_proc_DA": PROCESSES}


def _write_cases(raw: Path, cases: Mapping[str, Case]) -> None:
    for name, case in cases.items():
        _write_volumes(raw / "imagesTr", name, case.images)
        _write(raw / "labelsTr" / f"{name}.nii.gz", case.masks)


def _write_volumes(folder: Path, name: str, images: np.ndarray) -> None:
    for channel in range(images.shape[-1]):
        _write(folder / f"{name}_{channel:04}.nii.gz", images[..., channel])


def _write(path: Path, volume: np.ndarray) -> None:
    """Write (n, H, W) as NIfTI; all cases have one pixel size, so nothing is resampled."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(np.moveaxis(volume, 0, -1), np.diag([1, 1, 5, 1])), path)


def _read_mask(path: Path) -> np.ndarray:
    return np.moveaxis(np.asanyarray(nibabel.load(path).dataobj), -1, 0) > 0  # type: ignore[attr-defined]
