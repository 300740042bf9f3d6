"""What is said of a scan: one form of it for the shell, the page, the REST interface and MLflow."""

from pydantic import BaseModel, ConfigDict, Field


class Schema(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MemberVote(Schema):
    """What one member of the vote says, calibrated."""

    model: str = Field(
        description="as the tables of predictions call it", examples=["cnn/filters64"]
    )
    vote: str = Field(description="the class that it holds likeliest", examples=["glioma"])
    probabilities: dict[str, float] = Field(description="of each class, to 6 digits")


class OperatingPoint(Schema):
    """Of two classes: whether the one not to miss is called."""

    positive: str
    threshold: float
    called: bool


class OodScore(Schema):
    """How far a scan is from all that the networks were trained on.

    `distance` is to the nearest training scan, in units of the distance within which nearly all
    scans of the validation lie; above 1 the scan is `outside`, and the answer means little.
    """

    distance: float = Field(ge=0)
    outside: bool


class MaskFinding(Schema):
    """What is marked as tumour."""

    area_pixels: int = Field(ge=0, description="in the scan's own pixels; 0: no tumour found")
    area_mm2: float | None = Field(description="null where the file tells no spacing")
    familiarity: OodScore
    png: str | None = Field(
        default=None, description="base64 of a PNG as large as the scan, 255 where it is marked"
    )


class ScanPrediction(Schema):
    """All that is said of a scan."""

    file: str = Field(description="as whoever asked calls it", examples=["slice.png"])
    slice: int | None = Field(default=None, description="of a volume, along `plane`, from 0")
    plane: str | None = None
    width: int
    height: int
    spacing: float | None = Field(default=None, description="side of a pixel in mm, where known")
    notes: list[str] = Field(default=[], description="what was done to the file to look at it")
    vote: str = Field(examples=["glioma"])
    probabilities: dict[str, float] = Field(description="of each class, calibrated, to 6 digits")
    agreement: float = Field(ge=0, le=1, description="share of the members that vote alike")
    members: list[MemberVote]
    operating: OperatingPoint | None = None
    familiarity: OodScore
    mask: MaskFinding


class FileError(Schema):
    """A file of which nothing can be said, and why."""

    file: str
    status: int = Field(description="413 too large, 415 no image, 422 broken", examples=[422])
    reason: str = Field(examples=["slice.png is cut off"])
