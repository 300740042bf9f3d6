"""search: Keras Tuner over the grid of a family: ann, cnn or transfer."""

from pathlib import Path
from typing import Literal

from scanvote import tracking
from scanvote.backend import use_backend
from scanvote.files import write_json
from scanvote.params import load_params
from scanvote.terminal import run_stage


def main(
    family: Literal["ann", "cnn", "transfer"], prepared: Path, out: Path, metrics: Path
) -> None:
    """Train the trials of FAMILY on PREPARED, and keep the best in OUT."""
    params = load_params()
    use_backend(params.backend)
    from scanvote.search import search  # imports Keras, which reads the backend once

    with tracking.stage_run(
        "search",
        item=family,
        params=params,
        sections=("lr", "seed", "backend", "search", family),
        inputs=[prepared],
        system_metrics=True,
    ) as run:
        result = search(family, prepared, params, out, run.trial)
        write_json(metrics, result)
        run.log_metrics(result)
        run.log_folder(out, patterns=("*.csv", "*.png"))
        run.log_model(out / "1.keras", name=family)


if __name__ == "__main__":
    run_stage(main)
