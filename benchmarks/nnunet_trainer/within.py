"""A trainer of nnU-Net v2 that ends with the time it is given; nnU-Net imports this file.

Batches, augmentation, network, optimizer and the curve of the learning rate are nnU-Net's own. The
rate falls with the time instead of the epochs, and the validation within the training and the
prediction of all training cases at the end are left out.
"""

import os
import time
from typing import Any

import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer


class nnUNetTrainerWithin(nnUNetTrainer):
    """The default trainer, for NNUNET_SECONDS."""

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

    def run_training(self) -> None:
        """Take steps until the time is over."""
        self.on_train_start()
        self.network.train()
        allowed, steps = float(os.environ["NNUNET_SECONDS"]), 0
        while (gone := (time.monotonic() - self.began) / allowed) < 1:
            for group in self.optimizer.param_groups:
                group["lr"] = self.initial_lr * (1 - gone) ** 0.9
            self.train_step(next(self.dataloader_train))
            steps += 1
        self.print_to_log_file(f"{steps} steps in {allowed:.0f} s")
        self.on_train_end()

    def perform_actual_validation(self, save_probabilities: bool = False) -> None:
        """Predict nothing, because all cases are trained on."""
