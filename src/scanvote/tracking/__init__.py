"""Tracking of the pipeline's runs in MLflow.

No other package imports MLflow.

with stage_run("search", item="cnn", params=params, sections=("lr", "cnn")) as run:
    with run.trial("conv2-filters64", {"convolutions": 2}) as trial:
        trial.epoch(0, {"loss": 0.3})
        trial.result({"val_accuracy": 0.7})
    run.log_metrics({"best_accuracy": 0.7})
"""

from scanvote.tracking.location import tracking_uri
from scanvote.tracking.runs import StageRun, Trial, stage_run
from scanvote.tracking.store import ui_address, ui_command

__all__ = ["StageRun", "Trial", "stage_run", "tracking_uri", "ui_address", "ui_command"]
