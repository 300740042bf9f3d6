"""Saving of Keras models, byte for byte reproducible."""

import json
import re
import zipfile
from pathlib import Path

import keras

from scanvote.core.errors import InputError
from scanvote.core.files import atomic_write

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip can hold


def save_model(model: keras.Model, path: Path) -> None:
    """Save a model as `.keras`, so that equal networks give equal bytes.

    The optimizer is left out. Keras writes the date into the metadata, the time into the members
    of the zip, and memory addresses into the configuration, as the ids of shared objects; these
    are replaced by constants and by numbers.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    plain = keras.Model(model.inputs, model.outputs, name=model.name)
    with atomic_write(path) as beside:
        raw = beside.with_name(f"{beside.stem}-raw.keras")
        try:
            plain.save(raw)
            _normalise(raw, beside)
        finally:
            raw.unlink(missing_ok=True)


def load_saved_model(path: Path, key: str) -> keras.Model:
    """Load the Keras model in the file `path`.

    Raises:
        InputError: the file is missing or no Keras model; names the `key` of params.yaml.
    """
    if not path.is_file():
        raise InputError(f"{key}: there is no file {path}")
    try:
        return keras.saving.load_model(path, compile=False)
    except Exception as error:
        raise InputError(f"{key}: {path} is no Keras model: {plain_line(error)}") from None


def plain_line(error: Exception) -> str:
    """Message of an error of Keras, as one line without its colours, cut at 200 characters."""
    plain = re.sub(r"\x1b\[[\d;]*m", "", str(error))
    return " ".join(plain.split())[:200]


def _normalise(source: Path, target: Path) -> None:
    with zipfile.ZipFile(source) as archive, zipfile.ZipFile(target, "w") as stable:
        for name in sorted(archive.namelist()):
            content = archive.read(name)
            if name == "metadata.json":
                content = json.dumps({**json.loads(content), "date_saved": ""}).encode()
            if name == "config.json":
                content = _number_ids(content.decode()).encode()
            stable.writestr(zipfile.ZipInfo(name, _EPOCH), content)


def _number_ids(config: str) -> str:
    """Replace the ids of shared objects by 1, 2…, in order."""
    numbers: dict[str, int] = {}
    return re.sub(
        r'(?<="shared_object_id": )\d+',
        lambda match: str(numbers.setdefault(match[0], len(numbers) + 1)),
        config,
    )
