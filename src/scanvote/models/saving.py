"""Keras archives whose bytes depend on the network alone."""

import json
import re
import zipfile
from pathlib import Path

import keras

from scanvote.core.errors import InputError
from scanvote.core.files import atomic_write

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip can hold


def save_model(model: keras.Model, path: Path) -> None:
    """Save as `.keras`, without the optimizer and without the date.

    Keras writes the date into the metadata, the time into the members of the zip, and
    addresses in memory into the configuration, as the ids of what its layers share.
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
    """The Keras model in the file `path`.

    Raises:
        InputError: no such file, or no Keras model; it names the `key` of params.yaml.
    """
    if not path.is_file():
        raise InputError(f"{key}: there is no file {path}")
    try:
        return keras.saving.load_model(path, compile=False)
    except Exception as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{key}: {path} is no Keras model: {reason}") from None


def _normalise(source: Path, target: Path) -> None:
    with zipfile.ZipFile(source) as archive, zipfile.ZipFile(target, "w") as stable:
        for name in sorted(archive.namelist()):
            content = archive.read(name)
            if name == "metadata.json":
                content = json.dumps({**json.loads(content), "date_saved": ""}).encode()
            if name == "config.json":
                content = _numbered(content.decode()).encode()
            stable.writestr(zipfile.ZipInfo(name, _EPOCH), content)


def _numbered(config: str) -> str:
    """The ids of shared objects as 1, 2…, by first appearance."""
    numbers: dict[str, int] = {}
    return re.sub(
        r'(?<="shared_object_id": )\d+',
        lambda found: str(numbers.setdefault(found[0], len(numbers) + 1)),
        config,
    )
