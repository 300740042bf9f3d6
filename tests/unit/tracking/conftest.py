"""A database of MLflow, made once: its migrations take seconds."""

from pathlib import Path

import pytest

from scanvote.tracking import store


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's database, without the experiment; to be copied."""
    store.silence_logs()
    from mlflow import MlflowClient

    path = tmp_path_factory.mktemp("template") / "mlflow.db"
    MlflowClient(f"sqlite:///{path}").get_experiment_by_name("scanvote")
    return path
