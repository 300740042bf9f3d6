"""A package's card: what it is, what it is given, what it says, and what it is not for."""

from scanvote.core.disclaimer import DISCLAIMER
from scanvote.params import PrepareTask
from scanvote.pipeline.ensemble.vote import Vote
from scanvote.pipeline.package.metadata import NOT_RECORDED, ModelMetadata


def card(contents: ModelMetadata, vote: Vote) -> str:
    """Markdown of a package."""
    classifiers, segmenters = contents.classifiers, contents.segmenters
    members = [
        f"- `{network.keras}`{_onnx(network.onnx)}: {network.model}"
        for network in classifiers.members
    ]
    unets = [
        f"- `{network.keras}`{_onnx(network.onnx)}: {network.model}"
        for network in segmenters.networks
    ]
    lines = [
        "# A vote on the class of a scan, and a U-Net that marks the tumour",
        "",
        f"**{DISCLAIMER}**" + _smoke(contents.smoke),
        "",
        "## What it says",
        "",
        f"- one of {_listed(classifiers.labels)}, and a probability of each",
        f"- by the rule `{vote.rule}` of {len(members)} members, each calibrated by a temperature",
        f"- {_operating(contents)}",
        f"- a mask of the tumour: {_mask(contents)}",
        "- of both the distance of the scan to the nearest one of the training, in the features of"
        " the first network and in how it looks: above 1, beyond nearly all scans of the"
        " validation, it lies outside what has been seen, and what is said of it means little",
        "",
        "## What it is given",
        "",
        "A scan as PNG, JPEG, TIFF, BMP or WebP, or a volume as DICOM or NIfTI, which is cut to"
        " slices; more than 8 bits are windowed to 8. It is prepared as the scans of the training"
        " were:",
        "",
        f"- for the class: {_prepared(classifiers.prepare)}",
        f"- for the mask: {_prepared(segmenters.prepare)}{_context(segmenters.context)}",
        "",
        "## What lies here",
        "",
        "- `package.json`, `vote.json`: all settings, digests of the data, versions",
        "- `test.csv`: what the vote said of the test scans, known by the sha256 of their files",
        "- `seen/`: of the scans of the training the means of their features and a few numbers of"
        " how they look, not the scans; who has one of these can tell that it was among them",
        "- `samples/`, if any: scans to try it with",
        *members,
        *unets,
        "",
        "An ONNX graph takes `scan`, float32 (batch, height, width, channels) of pixels 0…255,"
        " prepared as above, and gives `probabilities` as the network does, not calibrated.",
        "",
        "## What it was tested on",
        "",
        f"- the class: {_sentence(contents.patients.classification)}",
        f"- the mask: {_sentence(contents.patients.segmentation)}",
        "",
        "How well it does, on whom and with what intervals, stands in the pipeline's report.",
    ]
    return "\n".join(lines) + "\n"


def _sentence(claim: str) -> str:
    if claim == NOT_RECORDED:
        return "whether patients of the test are in the training, too, is not recorded"
    return claim


def _onnx(path: str | None) -> str:
    return f", `{path}`" if path else ""


def _smoke(smoke: bool) -> str:
    return " Of a smoke run, and no result." if smoke else ""


def _listed(labels: list[str]) -> str:
    words = [label.replace("_", " ") for label in labels]
    return f"{', '.join(words[:-1])} and {words[-1]}"


def _operating(contents: ModelMetadata) -> str:
    operating = contents.classifiers.operating
    if operating is None:
        return "of more than two classes no operating point"
    positive = operating.positive.replace("_", " ")
    return f"{positive} is to be called from a probability of {operating.threshold:g} on"


def _mask(contents: ModelMetadata) -> str:
    way = contents.segmenters.postprocess
    steps = [f"pixels of a probability from {way.threshold:g} on"]
    steps += ["what they enclose"] if way.fill_holes else []
    steps += [f"without components below {way.smallest} pixels"] if way.smallest > 1 else []
    steps += ["of them the largest component"] if way.largest_only else []
    return ", ".join(steps)


def _prepared(how: PrepareTask) -> str:
    steps = ["cropped to the head"] if how.crop else []
    steps += [] if how.strip == "none" else [f"stripped ({how.strip})"]
    steps += [f"resized to {how.image_size}×{how.image_size} ({how.resize})"]
    steps += ["grey" if how.channels == 1 else "RGB"]
    steps += [] if how.intensity == "none" else [f"intensity {how.intensity}{_alone(how)}"]
    return ", ".join(steps)


def _alone(how: PrepareTask) -> str:
    if how.intensity_of == "scan":
        return ""
    return f" by the scan's own values, where the training used those of its {how.intensity_of}"


def _context(context: int) -> str:
    return f"; it stands in for the {context} slices on either side of it" if context else ""
