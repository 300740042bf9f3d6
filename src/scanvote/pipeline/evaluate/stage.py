"""Stage `evaluate`: the test split of either task."""

from pathlib import Path

from scanvote.params import Params, Task
from scanvote.pipeline.evaluate.classification import evaluate_classification
from scanvote.pipeline.evaluate.segmentation import evaluate_segmentation


def evaluate(
    task: Task, predictions: Path, beside: Path, prepared: Path, params: Params, out: Path
) -> dict[str, float]:
    """Write tables and pictures to `out`, and return the metrics; of the module of `task`."""
    of_task = evaluate_classification if task == "classification" else evaluate_segmentation
    return of_task(predictions, beside, prepared, params, out)
