"""Stage `explain`: attribution maps of the vote, and their share inside lesions."""

from pathlib import Path

from scanvote.core.backend import use_backend
from scanvote.core.terminal import run_stage
from scanvote.pipeline.left_out import leave_out_as
from scanvote.tracking.stage import open_stage


def main(
    searches: Path, ensemble: Path, raw: Path, prepared: Path, out: Path, metrics_path: Path
) -> None:
    """Explain ENSEMBLE and its members in SEARCHES on test scans of PREPARED."""
    if leave_out_as(prepared, "classification", out, metrics_path):
        return
    inputs = (searches, ensemble, raw, prepared)
    with open_stage("explain", inputs=inputs) as stage:
        use_backend(stage.params.backend)  # before anything imports Keras
        from scanvote.pipeline.explain.stage import explain

        metrics = explain(*inputs, stage.params, out)
        stage.finish(metrics, metrics_path, out, ["*.csv", "*.png"])


if __name__ == "__main__":
    run_stage(main)
