"""Base class and types of the sections of params.yaml."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Task = Literal["classification", "segmentation"]
"""The target to learn: the class, or the mask of the tumour."""

Share = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[int, Field(gt=0)]
Count = Annotated[int, Field(ge=0)]
Dropout = Annotated[float, Field(ge=0, lt=1)]


def _as_list(value: object) -> object:
    return value if isinstance(value, list) else [value]


Choices = BeforeValidator(_as_list)
"""A single value needs no brackets."""


class Section(BaseModel):
    """A mapping of params.yaml: immutable, with declared keys only."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)
