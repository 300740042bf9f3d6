"""evaluate: the test split: figures, tables, and the headlines on one MLflow run."""

from pathlib import Path

from scanvote import tracking
from scanvote.core.metrics_file import HEADLINES, read_headlines, write_figures
from scanvote.core.terminal import run_stage
from scanvote.params import Task, load_params
from scanvote.pipeline.evaluate.classification import evaluate_classification
from scanvote.pipeline.evaluate.segmentation import evaluate_segmentation
from scanvote.plots.canvas import mark_smoke


def main(
    task: Task,
    predictions: Path,
    beside: Path,
    prepared: Path,
    out: Path,
    metrics: Path,
) -> None:
    """Evaluate PREDICTIONS of TASK on the test split of PREPARED, with what stands BESIDE them."""
    params = load_params()
    mark_smoke(params.smoke)
    with tracking.stage_run(
        "evaluate",
        item=task,
        params=params,
        sections=("smoke", "seed", "evaluate"),
        inputs=[predictions, beside, prepared],
    ) as run:
        if task == "classification":
            result = evaluate_classification(predictions, beside, prepared, params, out)
        else:
            result = evaluate_segmentation(predictions, beside, prepared, params, out)
        write_figures(metrics, result, HEADLINES[f"evaluate/{task}"])
        run.log_metrics(result)
        run.log_folder(out)
        run.log_on_parent(read_headlines(), sorted(out.glob("*.png")))


if __name__ == "__main__":
    run_stage(main)
