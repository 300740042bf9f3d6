"""The finished model: a folder that needs nothing else, and what reads and asks it.

    use_backend("tensorflow")           # scanvote.core.backend, before Keras is imported
    package = load_package(Path("models/package"))
    answer = package.probabilities([decode_image(path)])
    package.contents.labels[answer.vote.winners[0]]

`pack` makes the folder, `choose_champion` says whether it is better than the one in use.
Research use, not for diagnosis.
"""

from scanvote.pipeline.package.metadata import ModelMetadata, read_metadata
from scanvote.pipeline.package.model import ClassificationOutput, Package, load_package

__all__ = ["ClassificationOutput", "ModelMetadata", "Package", "load_package", "read_metadata"]
