"""evaluate: the test split: figures, tables, and every stage's metrics on one MLflow run."""

from pathlib import Path

from scanvote import tracking
from scanvote.datasets.base import Task
from scanvote.evaluate import evaluate_classification, evaluate_segmentation
from scanvote.figures import mark_smoke
from scanvote.files import write_json
from scanvote.params import load_params
from scanvote.terminal import run_stage

EVALUATE = {"classification": evaluate_classification, "segmentation": evaluate_segmentation}


def main(task: Task, predictions: Path, prepared: Path, out: Path, metrics: Path) -> None:
    """Evaluate PREDICTIONS of TASK on the test split of PREPARED."""
    params = load_params()
    mark_smoke(params.smoke)
    with tracking.stage_run(
        "evaluate",
        item=task,
        params=params,
        sections=("smoke", "seed", "evaluate"),
        inputs=[predictions, prepared],
    ) as run:
        result = EVALUATE[task](predictions, prepared, params, out)
        write_json(metrics, result)
        run.log_metrics(result)
        run.log_folder(out)
        run.log_on_parent(tracking.read_metrics(), sorted(out.glob("*.png")))


if __name__ == "__main__":
    run_stage(main)
