"""How MLflow's page shows the experiment: for model training, and in a view of a few columns."""

import json

_COLUMNS = ("attributes.`Dataset`", "metrics.`vote_f1`", "metrics.`dice`", "params.`lr`")
_KEY = "headline"
_NAME = "lr, vote and Dice"
_MADE = 0
"""In ms: of a view that is always the same."""


def experiment_tags() -> dict[str, str]:
    """What an experiment is tagged with: what it is for, and a saved view.

    A saved view is the one place on the server for columns; what the page opens with unasked,
    columns and mode, is in the memory of each browser, or in the address.
    """
    state = json.dumps({"selectedColumns": _COLUMNS})
    saved = {"name": _NAME, "createdAt": _MADE, "updatedAt": _MADE, "state": state}
    return {
        "mlflow.experimentKind": "custom_model_development",
        f"mlflow.sharedViewState.{_KEY}": json.dumps(saved),
    }


def address_of(experiment: str, port: int) -> str:
    """Where the page shows the runs in that view, in the mode for model training."""
    wanted = f"viewStateShareKey={_KEY}&workflowType=machine_learning"
    return f"http://127.0.0.1:{port}/#/experiments/{experiment}/runs?{wanted}"
