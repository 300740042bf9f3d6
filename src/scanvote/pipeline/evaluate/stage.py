"""Stage `evaluate`: the test split of either task."""

from pathlib import Path

from scanvote.params import Params, Task
from scanvote.pipeline.evaluate.classification import evaluate_classification
from scanvote.pipeline.evaluate.segmentation import evaluate_segmentation


def evaluate(
    task: Task, predictions: Path, reference: Path, prepared: Path, params: Params, out: Path
) -> dict[str, float]:
    """Write tables and figures to `out`, and return metrics.

    Args:
        task: the task; its module is used.
        predictions: the folder of the model's predictions.
        reference: the explanations for classification, the baseline for segmentation.
        prepared: the folder of the prepared scans of the task.
        params: the whole of params.yaml.
        out: the folder to write to.
    """
    evaluate_task = evaluate_classification if task == "classification" else evaluate_segmentation
    return evaluate_task(predictions, reference, prepared, params, out)
