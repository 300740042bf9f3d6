"""The package as an MLflow model.

MLflow runs this file when it loads the model. The input is a table with a column `image`: the
base64 text of a file, one scan per row, of any format that `scanvote predict` reads. The output
has the columns of its table, one row per scan: `vote`, the class; `p_<class>`, the probability of
each class; `agreement`, the share of members that vote for the same class; one column per member
with its vote; `area_pixels` and `area_mm2` of the tumour mask; `distance` to the training scans
and `outside` (out-of-distribution); `doubts` in words. A model without classifiers has no columns
of the class, one without segmenters none of the mask. A row without a scan that can be read has
nothing but the reason, in the column `error`. Research use, not for diagnosis.
"""

import base64
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel

from scanvote.inputs import InputScan, Limits, RejectedFile, read_content
from scanvote.params import VolumesParams
from scanvote.pipeline.package import load_package
from scanvote.predict.predictor import predict_one
from scanvote.predict.rows import row_columns, to_row


class PackageModel(PythonModel):
    """A package behind MLflow's interface."""

    def load_context(self, context: Any) -> None:
        self._package = load_package(Path(context.artifacts["package"]))

    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        contents = self._package.contents
        items = [_scan(text, at, contents.volumes) for at, text in enumerate(model_input["image"])]
        scans = [item for item in items if isinstance(item, InputScan)]
        found = iter(predict_one(self._package, scans))
        rows = [
            {"error": item} if isinstance(item, str) else to_row(next(found), contents)
            for item in items
        ]
        table = pd.DataFrame(rows, columns=[*row_columns(contents), "error"])
        for name in [name for name in table if table[name].isna().any()]:
            values = table[name].astype(object)
            table[name] = values.where(values.notna(), None)  # JSON knows no NaN
        return table


def _scan(text: object, row: int, volumes: VolumesParams) -> InputScan | str:
    """Read the scan of a row; return the reason if there is none."""
    name = f"the image in row {row}"
    content = _decoded(text)
    if content is None:
        return f"{name} is no base64 text of a file"
    try:
        scans = read_content(content, name, Limits(), volumes)
    except RejectedFile as error:
        return str(error)
    if len(scans) > 1:
        return f"{name} is a volume of {len(scans)} slices: give each in a row"
    return scans[0]


def _decoded(text: object) -> bytes | None:
    if not isinstance(text, str):
        return None
    try:
        # in lines or not: `base64` breaks them, as RFC 2045 does
        return base64.b64decode("".join(text.split()), validate=True)
    except ValueError:  # also of a character that is not ASCII
        return None


set_model(PackageModel())
