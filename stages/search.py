"""Stage `search`: hyperparameter search of a family with Keras Tuner."""

from pathlib import Path

from scanvote.core.backend import use_backend
from scanvote.core.metrics_file import HEADLINES, write_metrics
from scanvote.core.terminal import run_stage
from scanvote.params import Family, load_params
from scanvote.pipeline.left_out import leave_out_as
from scanvote.pipeline.search.skipped import write_empty_search
from scanvote.tracking.stage import open_stage


def main(family: Family, prepared: Path, out: Path, metrics_path: Path) -> None:
    """Train the trials of FAMILY on PREPARED; keep the best in OUT."""
    if leave_out_as(prepared, "classification", out, metrics_path):
        return
    if family not in load_params().search.families:
        write_metrics(metrics_path, write_empty_search(out), HEADLINES["search"])
        return
    with open_stage("search", family, inputs=[prepared], system_metrics=True) as stage:
        use_backend(stage.params.backend)  # before anything imports Keras
        from scanvote.pipeline.search.stage import search

        metrics = search(family, prepared, stage.params, out, stage.run.trial)
        stage.finish(metrics, metrics_path, out, ["*.csv", "*.png"])
        stage.run.log_model(out / "1.keras", name=family)


if __name__ == "__main__":
    run_stage(main)
