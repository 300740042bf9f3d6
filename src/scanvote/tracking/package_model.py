"""The package as an MLflow model. MLflow runs this file where the model is loaded.

What is given is a table with a column `image`: the base64 text of an image file, a scan each. What
is said is a table: `predicted`; `p_<class>`, its probability; `agreement`, the share of the
members that hold that class likeliest. Research use, not for diagnosis.
"""

import base64
import binascii
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel

from scanvote.backend import use_backend
from scanvote.errors import InputError
from scanvote.images.decode import Rgb, decode_bytes
from scanvote.package import load_package, read_contents


class PackageModel(PythonModel):
    """A package behind MLflow's interface."""

    def load_context(self, context: Any) -> None:
        folder = Path(context.artifacts["package"])
        if "keras" not in sys.modules:  # which reads the choice once
            use_backend(read_contents(folder).backend)
        self._package = load_package(folder)

    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        images = [_decoded(text, row) for row, text in enumerate(model_input["image"])]
        answer = self._package.probabilities(images)
        labels = self._package.vote.labels
        table = pd.DataFrame({"predicted": np.array(labels)[answer.vote.winners]})
        for code, label in enumerate(labels):
            table[f"p_{label}"] = answer.vote.probabilities[:, code]
        return table.assign(agreement=answer.agreement)


def _decoded(text: str, row: int) -> Rgb:
    name = f"the image in row {row}"
    try:
        return decode_bytes(base64.b64decode(text, validate=True), name)
    except binascii.Error:
        raise InputError(f"{name} is no base64 text of an image file") from None


set_model(PackageModel())
