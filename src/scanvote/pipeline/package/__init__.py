"""Model package: a self-contained folder, and code to use it.

    package = load_package(Path("models/package"))
    output = package.classifiers.probabilities([decode_image(path)])
    package.contents.labels[output.vote.winners[0]]

`build_package` writes the folder, `choose_champion` decides whether it is better than the one in
use. Research use, not for diagnosis.
"""

from scanvote.pipeline.package.metadata import ModelMetadata, read_metadata
from scanvote.pipeline.package.model import ClassificationOutput, Package, load_package

__all__ = ["ClassificationOutput", "ModelMetadata", "Package", "load_package", "read_metadata"]
