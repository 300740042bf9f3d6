"""View of the experiment in MLflow's UI, with a few columns."""

import json

_COLUMNS = ("attributes.`Dataset`", "metrics.`vote_f1`", "metrics.`dice`", "params.`lr`")
_KEY = "headline"
_NAME = "lr, vote and Dice"
_CREATED = 0
"""Time of the view in ms, a constant, so that the view is always the same."""


def experiment_tags() -> dict[str, str]:
    """Return the tags of the experiment: its kind, and a saved view.

    The server can keep columns only in a saved view; the default columns and mode of the UI are
    in each browser's storage, or in the address.
    """
    state = json.dumps({"selectedColumns": _COLUMNS})
    saved = {"name": _NAME, "createdAt": _CREATED, "updatedAt": _CREATED, "state": state}
    return {
        "mlflow.experimentKind": "custom_model_development",
        f"mlflow.sharedViewState.{_KEY}": json.dumps(saved),
    }


def address_of(experiment: str, port: int) -> str:
    """Return the address of the view in MLflow's model training mode."""
    query = f"viewStateShareKey={_KEY}&workflowType=machine_learning"
    return f"http://127.0.0.1:{port}/#/experiments/{experiment}/runs?{query}"
