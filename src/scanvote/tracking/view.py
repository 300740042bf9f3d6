"""How MLflow's page shows the experiment: for model training, and in a view of a few columns."""

import json

from scanvote.headline import HEADLINES

VIEW = "headline"
"""The key of the view, in the page's address too."""
_NAME = "lr, vote and Dice"
_MADE = 0
"""In ms: of a view that is always the same."""


def experiment_tags() -> dict[str, str]:
    """What an experiment is tagged with.

    The page knows one place for columns that all browsers share, a saved view, which is a tag; what
    it opens with unasked is in the browser's own memory.
    """
    saved = {"name": _NAME, "createdAt": _MADE, "updatedAt": _MADE, "state": json.dumps(_state())}
    return {
        # else it asks, or opens for language models
        "mlflow.experimentKind": "custom_model_development",
        f"mlflow.sharedViewState.{VIEW}": json.dumps(saved),
    }


def _state() -> dict[str, object]:
    evaluated = [one for stage, one in HEADLINES.items() if stage.startswith("evaluate/")]
    figures = [f"metrics.`{key}`" for headline in evaluated for key in headline]
    return {"selectedColumns": ["attributes.`Dataset`", "params.`lr`", *figures]}
