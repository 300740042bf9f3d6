"""Trained feature extractors: of keras.applications, EfficientNet-Lite, or saved Keras models.

Their ImageNet weights are looked for in the mirror, in an installed package, in Keras's cache,
and at their source.
"""

import re
import sys
from pathlib import Path

import keras
from keras import layers

from scanvote.core.errors import InputError, did_you_mean
from scanvote.core.files import from_root, sha256
from scanvote.models import efficientnet_lite, lite_weights, torch_file
from scanvote.models.efficientnet_lite import LITES
from scanvote.models.input_spec import InputSpec
from scanvote.models.lite_weights import load_torch_weights, packaged_weights
from scanvote.models.saving import load_saved_model

CODE = [sys.modules[__name__], efficientnet_lite, lite_weights, torch_file]
"""The modules that decide what a backbone is and knows."""

# How each backbone wants its pixels, as keras.applications names it; None: it scales itself.
PREPROCESSING = {
    "VGG16": "caffe",
    "VGG19": "caffe",
    "ResNet50": "caffe",
    "ResNet152": "caffe",
    "MobileNetV2": "tf",
    "InceptionV3": "tf",
    "DenseNet121": "torch",
    "DenseNet169": "torch",
    "DenseNet201": "torch",
    "EfficientNetV2B0": None,
}


def is_saved(name: str) -> bool:
    """Whether `name` is a file, not the name of a network."""
    return Path(name).suffix in {".keras", ".h5"}


def saved_file(name: str, mirror: Path | None) -> Path:
    """Where a saved model lies: from the root of the repository, or in the mirror."""
    places = [from_root(Path(name)), *(folder / name for folder in _folders(mirror))]
    return next((path for path in places if path.is_file()), places[0])


def weights_file(name: str, weights: str, mirror: Path | None) -> Path | None:
    """The file of a backbone's weights, None where it needs none or Keras is to find it.

    Args:
        name: of keras.applications, or of EfficientNet-Lite.
        weights: ``none``, ``imagenet``, a file, or a folder with a file for each backbone,
            told by the names in the files: ``RadImageNet-ResNet50_notop.h5``.
        mirror: is looked through for ``imagenet``, before what is installed.

    Raises:
        InputError: there is no such file, or the package of an EfficientNet-Lite is missing or
            not what it was.
    """
    if weights == "none":
        return None
    if weights == "imagenet":
        files = (_of(name, folder, other="radimagenet") for folder in _folders(mirror))
        found = next(filter(None, files), None)
        return packaged_weights(name) if found is None and name in LITES else found
    path = from_root(Path(weights))
    found = _of(name, path) if path.is_dir() else path
    if found is None or not found.is_file():
        raise InputError(f"weights: {path} has none of {name}; name the file")
    return found


def weights_digest(name: str, weights: str, mirror: Path | None) -> str:
    """Of the file with the trained weights, if there is one and it is known."""
    file: Path | None
    file = saved_file(name, mirror) if is_saved(name) else weights_file(name, weights, mirror)
    return sha256(file) if file and file.is_file() else ""


def _folders(mirror: Path | None) -> list[Path]:
    return [mirror, mirror / "weights"] if mirror else []


def _of(name: str, folder: Path, other: str = "/") -> Path | None:
    """The file that bears the name, and not that of `other` weights.

    `efficientnetv2-b0_notop.h5` is of EfficientNetV2B0, `efficientnet_lite0_notop.keras` of
    EfficientNetLite0.
    """
    # ResNet50 is not ResNet50V2, and a MobileNetV2 has other widths than 1.0
    wanted = re.compile(rf"^(?!{other}|.*_(0\.\d+|1\.[1-9])_).*{name.lower()}(?!v\d).*no_?top")
    files = sorted(path for path in folder.glob("*") if is_saved(path.name))
    plain = (re.sub("-|_(?=v|lite)", "", path.stem.lower()) for path in files)
    return next((p for p, stem in zip(files, plain, strict=True) if wanted.search(stem)), None)


def load_backbone(
    name: str,
    shape: tuple[int, ...],
    weights: str,
    brief: InputSpec,
    where: str = "transfer.backbones",
) -> keras.Model:
    """A feature extractor without its top, and the scaling of its pixels before it.

    Args:
        name: of keras.applications, of EfficientNet-Lite, or a saved Keras model.
        shape: (H, W, C) of what it is given.
        weights: as in `weights_file`; a saved model brings its own.
        brief: tells of the mirror.
        where: the key of params.yaml that names the backbone, for messages.

    Raises:
        InputError: it is unknown, its file is missing or no Keras model, its weights cannot
            be had, or the scans are too small for it.
    """
    if is_saved(name):
        return load_saved_model(saved_file(name, brief.mirror), where)
    known = [*PREPROCESSING, *LITES]
    if name not in known:
        raise InputError(f"{where}: {name!r} is unknown{did_you_mean(name, known)}")
    file = weights_file(name, weights, brief.mirror)
    if name in LITES:
        return _lite(name, file, where)
    return _application(name, shape, None if weights == "none" else str(file or weights), where)


def _lite(name: str, weights: Path | None, where: str) -> keras.Model:
    model = efficientnet_lite.build(name)
    if weights is None:
        return model
    try:
        if weights.suffix == ".pth":
            load_torch_weights(model, weights)
        else:
            model.load_weights(weights)
    except Exception as error:  # a file that is none raises nearly any of them
        reason = str(error).splitlines()[0]
        raise InputError(f"{where}: {name} refuses the weights of {weights}: {reason}") from None
    return model


def _application(name: str, shape: tuple[int, ...], weights: str | None, where: str) -> keras.Model:
    make = getattr(keras.applications, name)
    try:
        return make(include_top=False, weights=weights, input_shape=shape)
    except Exception as error:
        # keras.utils.get_file raises a bare Exception when the address cannot be reached
        section = where.partition(".")[0]
        if weights == "imagenet" and not isinstance(error, ValueError | OSError):
            raise InputError(
                f"{section}.weights: the ImageNet weights of {name} are neither in the mirror"
                f" nor in Keras's cache nor to be had here ({error}); put their file in the mirror,"
                " or use `weights: none` or the path of a saved Keras model"
            ) from None
        reason = str(error).splitlines()[0]
        of = f" and weights of {weights}" if weights else ""
        raise InputError(f"{where}: {name} refuses scans of {shape}{of}: {reason}") from None


def preprocessing(name: str, x: keras.KerasTensor) -> keras.KerasTensor:
    """Pixels 0…255 as the backbone of that name was trained on."""
    mode = PREPROCESSING.get(name)
    return x if mode is None else Preprocessing(mode, name="preprocessing")(x)


def to_rgb(x: keras.KerasTensor) -> keras.KerasTensor:
    """Three equal channels of a grey one."""
    return layers.Concatenate()([x] * 3) if x.shape[-1] == 1 else x


@keras.saving.register_keras_serializable("scanvote")
class Preprocessing(layers.Layer):
    """Scales pixels 0…255 the way a backbone of keras.applications was trained.

    Args:
        mode: ``caffe`` (BGR, mean removed), ``tf`` (−1…1) or ``torch`` (0…1, standardised).
    """

    def __init__(self, mode: str, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.mode = mode

    def call(self, x: keras.KerasTensor) -> keras.KerasTensor:
        return keras.applications.imagenet_utils.preprocess_input(x, mode=self.mode)

    def get_config(self) -> dict[str, object]:
        return {**super().get_config(), "mode": self.mode}
