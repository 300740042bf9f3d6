"""Schema of a prediction, for shell, web page, REST and MLflow."""

from pydantic import BaseModel, ConfigDict, Field

_NO_CLASS = "null: the model does not classify, its study had no classes"


class Schema(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class MemberVote(Schema):
    """Vote of one member, with calibrated probabilities."""

    model: str = Field(description="name in the tables of predictions", examples=["cnn/filters64"])
    vote: str = Field(description="its most probable class", examples=["glioma"])
    probabilities: dict[str, float] = Field(description="of each class, to 6 digits")


class OperatingPoint(Schema):
    """Decision between two classes.

    The positive one, which must not be missed, is called from `threshold` on.
    """

    positive: str
    threshold: float
    called: bool


class OodScore(Schema):
    """Out-of-distribution score: distance of a scan to the training scans.

    `distance` is to the nearest training scan, in units of the distance within which nearly all
    validation scans lie; above 1 the scan is `outside`, and the prediction means little.
    """

    distance: float = Field(ge=0)
    outside: bool


class MaskFinding(Schema):
    """The tumour mask and its area."""

    area_pixels: int = Field(ge=0, description="in the scan's own pixels; 0: no tumour found")
    area_mm2: float | None = Field(description="null if the file gives no pixel spacing")
    share: float = Field(
        ge=0, le=1, description="share of the picture inside the mask, as the network sees it"
    )
    too_large: bool = Field(description="much larger than all masks of the training: a doubt")
    familiarity: OodScore
    png: str | None = Field(
        default=None, description="base64 of a PNG as large as the scan, 255 inside the mask"
    )


class ScanPrediction(Schema):
    """Prediction for a scan."""

    file: str = Field(description="name of the file as it was given", examples=["slice.png"])
    slice: int | None = Field(
        default=None, description="number of the slice in a volume, along `plane`, from 0"
    )
    plane: str | None = None
    width: int
    height: int
    spacing: float | None = Field(default=None, description="side of a pixel in mm, where known")
    notes: list[str] = Field(
        default=[], description="changes made on reading the file, and warnings"
    )
    doubts: list[str] = Field(
        default=[],
        description="reasons to doubt this answer; those to doubt the model are with the model",
    )
    vote: str | None = Field(
        default=None, description=f"the class; {_NO_CLASS}", examples=["glioma"]
    )
    probabilities: dict[str, float] = Field(
        default={}, description="of each class, calibrated, to 6 digits; empty without a vote"
    )
    agreement: float | None = Field(
        default=None, ge=0, le=1, description=f"share of members with the same vote; {_NO_CLASS}"
    )
    members: list[MemberVote] = Field(default=[], description="empty without a vote")
    operating: OperatingPoint | None = Field(
        default=None, description="null unless there are two classes"
    )
    familiarity: OodScore | None = Field(default=None, description=f"of the vote; {_NO_CLASS}")
    mask: MaskFinding | None = Field(
        default=None, description="null: the model marks nothing, its study had no masks"
    )

    @property
    def class_outside(self) -> bool:
        """Tell if the scan is outside what the networks that vote were trained on."""
        return self.familiarity is not None and self.familiarity.outside

    @property
    def mask_outside(self) -> bool:
        """Tell the same of the networks that mark."""
        return self.mask is not None and self.mask.familiarity.outside


class FileError(Schema):
    """A file without a prediction, and the reason."""

    file: str
    status: int = Field(description="413 too large, 415 no image, 422 broken", examples=[422])
    reason: str = Field(examples=["slice.png is cut off"])
