"""Model card of a package: input, output, files, test data and limits."""

from scanvote.core.disclaimer import DISCLAIMER
from scanvote.params import PrepareTask
from scanvote.pipeline.ensemble.vote import Vote
from scanvote.pipeline.package.metadata import Classifiers, ModelMetadata, Segmenters

Lines = tuple[str, ...]
_WHAT = {"classification": "class", "segmentation": "mask"}


def card(contents: ModelMetadata, vote: Vote | None) -> str:
    """Return the model card as Markdown.

    Args:
        contents: the metadata.
        vote: None if the package has no classifiers.
    """
    sections = (
        _title(contents),
        _INTENDED_USE,
        _performance(contents),
        _output(contents, vote),
        _input(contents),
        _files(contents),
    )
    return "\n\n".join("\n".join(lines) for lines in sections) + "\n"


def _title(contents: ModelMetadata) -> Lines:
    titles = {
        "classification": "a vote on the class of a scan",
        "segmentation": "a U-Net that marks the tumour",
    }
    title = ", and ".join(titles[task] for task in contents.parts)
    return (
        f"# {title[0].upper()}{title[1:]}",
        "",
        f"**{DISCLAIMER}**" + _smoke(contents.smoke),
        "",
        f"Model digest: `{contents.digest}`, of all that decides an answer; its first digits stand"
        " beside every answer.",
    )


def _performance(contents: ModelMetadata) -> Lines:
    lines = ["## How good it is"]
    for task, part in contents.parts.items():
        lines += ["", f"The {_WHAT[task]}:", ""]
        lines += [f"- {sentence}" for sentence in (*part.performance.sentences(), part.patients)]
    more = "All metrics, and a description of the test scans, are in the pipeline's report."
    return (*lines, "", more)


_INTENDED_USE = (
    "## Intended use",
    "",
    "- for research on methods of learning from images, and for teaching, by people who can"
    " judge the limits below",
    "- not for diagnosis, nor for any decision about a patient: a wrong answer could harm",
    "- on scans of other hospitals, devices and diseases than those it was tested on its"
    " metrics are not known; nor are age, sex and origin of the patients, unless the pipeline's"
    " report gives them",
    "- consent of the patients and a review by a board are those of the data sets, whose"
    " licences are in the data card",
)


def _output(contents: ModelMetadata, vote: Vote | None) -> Lines:
    lines = ["## Output", ""]
    if contents.classifiers and vote:
        lines += _class_output(contents.classifiers, vote)
    if contents.segmenters:
        lines += _mask_output(contents.segmenters)
    return (
        *lines,
        f"- for {'both' if len(contents.parts) > 1 else 'it'}, the distance of the scan to the"
        " nearest training scan, by the features of the first network and by statistics of the"
        " intensities: nearly all validation scans stay below 1; above 1 the scan is out of"
        " distribution, and its result means little",
    )


def _class_output(classifiers: Classifiers, vote: Vote) -> Lines:
    return (
        f"- one of {_listed(classifiers.labels)}, and a probability of each",
        f"- by the rule `{vote.rule}` of {len(classifiers.members)} members, each calibrated by a"
        " temperature",
        f"- {_operating(classifiers)}",
    )


def _mask_output(segmenters: Segmenters) -> Lines:
    return (
        f"- a mask of the tumour: {_mask(segmenters)}",
        f"- the largest mask in training covers {100 * segmenters.largest_mask:.1f} % of the"
        " picture; one that covers much more is doubted",
    )


def _input(contents: ModelMetadata) -> Lines:
    lines = [
        "## Input",
        "",
        "A scan as PNG, JPEG, TIFF, BMP or WebP, or a volume as DICOM, NIfTI or, from a path only,"
        " NRRD or MetaImage, which is cut to slices; more than 8 bits are windowed to 8. It is"
        " prepared like the training scans:",
        "",
    ]
    if contents.classifiers:
        lines += [f"- for the class: {_preparation(contents.classifiers.prepare)}"]
    if contents.segmenters:
        context = _context(contents.segmenters.context)
        lines += [f"- for the mask: {_preparation(contents.segmenters.prepare)}{context}"]
    return tuple(lines)


def _files(contents: ModelMetadata) -> Lines:
    settings = "`package.json`, `vote.json`" if contents.classifiers else "`package.json`"
    predicted = "the vote's predictions" if contents.classifiers else "the masks' pixel counts"
    return (
        "## Files",
        "",
        f"- {settings}: all settings, digests of the files and the data, versions",
        f"- `test.csv`: {predicted} for the test scans, with the sha256 of their files",
        "- `seen/`: pooled features and statistics of the intensities of the training scans, not"
        " the scans; whoever has one of these scans can find out that it was among them",
        "- `samples/`, if any: scans to try it with",
        *(f"- `{one.keras}`{_onnx(one.onnx)}: {one.model}" for one in contents.networks),
        *(_GRAPHS if contents.has_graphs else ()),
    )


_GRAPHS = (
    "",
    "scanvote answers with the ONNX graphs, in ONNX Runtime; `--runtime keras` uses the Keras"
    " archives, whose answers differ by rounding. A graph takes `scan`, float32 (batch, height,"
    " width, channels) of pixels 0…255, prepared as above, and gives `probabilities` as the network"
    " does, not calibrated, and `features`, by which scans unlike the training's are told.",
)


def _onnx(path: str | None) -> str:
    return f", `{path}`" if path else ""


def _smoke(smoke: bool) -> str:
    return " Of a smoke run, and no result." if smoke else ""


def _listed(labels: list[str]) -> str:
    words = [label.replace("_", " ") for label in labels]
    return f"{', '.join(words[:-1])} and {words[-1]}"


def _operating(classifiers: Classifiers) -> str:
    operating = classifiers.operating
    if operating is None:
        return "no operating point, as there are more than two classes"
    positive = operating.positive.replace("_", " ")
    return (
        f"operating point: {positive}, the class not to be missed, is called from a probability of"
        f" {operating.threshold:g} on, the highest threshold that finds"
        f" {100 * operating.min_sensitivity:g} % of its validation scans"
    )


def _mask(segmenters: Segmenters) -> str:
    config = segmenters.postprocess
    steps = [f"pixels of a probability from {config.threshold:g} on"]
    steps += ["with holes filled"] if config.fill_holes else []
    steps += [f"without components below {config.smallest} pixels"] if config.smallest > 1 else []
    steps += ["only the largest component"] if config.largest_only else []
    return ", ".join(steps)


def _preparation(config: PrepareTask) -> str:
    steps = ["cropped to the head"] if config.crop else []
    steps += [] if config.strip == "none" else [f"stripped ({config.strip})"]
    steps += [f"resized to {config.image_size}×{config.image_size} ({config.resize})"]
    steps += ["grey" if config.channels == 1 else "RGB"]
    if config.intensity != "none":
        steps.append(f"intensity {config.intensity}{_intensity_source(config)}")
    return ", ".join(steps)


def _intensity_source(config: PrepareTask) -> str:
    if config.intensity_of == "scan":
        return ""
    return f" by the scan's own values, where the training used those of its {config.intensity_of}"


def _context(context: int) -> str:
    return f"; it replaces the {context} slices on either side of it" if context else ""
