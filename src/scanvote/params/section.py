"""What the sections of params.yaml are made of."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Task = Literal["classification", "segmentation"]
"""What is learnt of a scan: its class, or the mask of its tumour."""

Share = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[int, Field(gt=0)]
Count = Annotated[int, Field(ge=0)]
Dropout = Annotated[float, Field(ge=0, lt=1)]


class Section(BaseModel):
    """A mapping of params.yaml: immutable, no key but the declared ones."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
