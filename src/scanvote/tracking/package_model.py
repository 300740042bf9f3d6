"""The package as an MLflow model.

MLflow runs this file when it loads the model. The input is a table with a column `image`: the
base64 text of a file, one scan per row, of any format that `scanvote predict` reads. The output
has the columns of its table, one row per scan: `vote`, the class; `p_<class>`, the probability of
each class; `agreement`, the share of members that vote for the same class; one column per member
with its vote; `area_pixels` and `area_mm2` of the tumour mask; `distance` to the training scans
and `outside` (out-of-distribution); `doubts` in words. A model without classifiers has no columns
of the class, one without segmenters none of the mask. Research use, not for diagnosis.
"""

import base64
import binascii
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel

from scanvote.core.errors import InputError
from scanvote.inputs import InputScan, Limits, read_content
from scanvote.params import VolumesParams
from scanvote.predict.predictor import load_for_inference, predict_one
from scanvote.predict.rows import row_columns, to_row


class PackageModel(PythonModel):
    """A package behind MLflow's interface."""

    def load_context(self, context: Any) -> None:
        self._package = load_for_inference(Path(context.artifacts["package"]))

    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        contents = self._package.contents
        scans = [
            _scan(text, row, contents.volumes) for row, text in enumerate(model_input["image"])
        ]
        rows = [to_row(one, contents) for one in predict_one(self._package, scans)]
        table = pd.DataFrame(rows, columns=row_columns(contents))
        if "area_mm2" in table:
            areas = table["area_mm2"].astype(object)
            table["area_mm2"] = areas.where(areas.notna(), None)  # JSON knows no NaN
        return table


def _scan(text: str, row: int, volumes: VolumesParams) -> InputScan:
    name = f"the image in row {row}"
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise InputError(f"{name} is no base64 text of a file") from None
    scans = read_content(content, name, Limits(), volumes)
    if len(scans) > 1:
        raise InputError(f"{name} is a volume of {len(scans)} slices: give each in a row")
    return scans[0]


set_model(PackageModel())
