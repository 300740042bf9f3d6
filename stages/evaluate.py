"""Stage `evaluate`: metrics, tables and figures of the test split.

The headline metrics also go to the parent run in MLflow, where experiments are compared.
"""

from pathlib import Path

from scanvote.core.metrics_file import read_headlines
from scanvote.core.terminal import run_stage
from scanvote.params import Task
from scanvote.pipeline.evaluate.stage import evaluate
from scanvote.pipeline.left_out import leave_out_as
from scanvote.tracking.stage import open_stage


def main(
    task: Task, predictions: Path, beside: Path, prepared: Path, out: Path, metrics_path: Path
) -> None:
    """Evaluate PREDICTIONS of TASK on the test split of PREPARED.

    BESIDE is a folder with results to report with them: of `explain`, or of the baseline.
    """
    if leave_out_as(prepared, task, out, metrics_path):
        return
    inputs = (predictions, beside, prepared)
    with open_stage("evaluate", task, inputs=inputs) as stage:
        stage.finish(evaluate(task, *inputs, stage.params, out), metrics_path, out)
        stage.run.log_on_parent(read_headlines(), sorted(out.glob("*.png")))


if __name__ == "__main__":
    run_stage(main)
