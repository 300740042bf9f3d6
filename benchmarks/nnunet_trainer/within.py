"""A trainer of nnU-Net v2 that plans its epochs for a given time; nnU-Net imports this file.

Learning rate, batches, augmentation and network are nnU-Net's own. Only the number of epochs is
chosen, from the time that the first steps take, and the prediction of all training cases at the
end is left out.
"""

import os
import time
from typing import Any

import torch
from nnunetv2.training.lr_scheduler.polylr import PolyLRScheduler
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

STEPS = 5
"""Steps of an epoch, of 250 by default: a short training needs short epochs to decay its rate."""
TIMED = 2
"""Steps of which the time of all others is told, after one that warms up."""


class nnUNetTrainerWithin(nnUNetTrainer):
    """The default trainer, with as many epochs as fit into NNUNET_SECONDS."""

    # nnU-Net reads the names of these arguments
    def __init__(
        self,
        plans: dict[str, Any],
        configuration: str,
        fold: int,
        dataset_json: dict[str, Any],
        device: torch.device = torch.device("cuda"),
    ) -> None:
        self.began = time.monotonic()
        super().__init__(plans, configuration, fold, dataset_json, device)
        self.num_iterations_per_epoch, self.num_val_iterations_per_epoch = STEPS, 1

    def on_train_start(self) -> None:
        super().on_train_start()
        self.train_step(next(self.dataloader_train))
        begun = time.monotonic()
        for _ in range(TIMED):
            self.train_step(next(self.dataloader_train))
        step = (time.monotonic() - begun) / TIMED
        left = float(os.environ["NNUNET_SECONDS"]) - (time.monotonic() - self.began)
        # a validation step has no backward pass: a third of a training step
        self.num_epochs = max(1, int(left / (step * (STEPS + 1 / 3))))
        self.lr_scheduler = PolyLRScheduler(self.optimizer, self.initial_lr, self.num_epochs)
        self.print_to_log_file(f"{step:.2f} s a step, {self.num_epochs} epochs of {STEPS}")

    def perform_actual_validation(self, save_probabilities: bool = False) -> None:
        """Predict nothing, because all cases are trained on."""
