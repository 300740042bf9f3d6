"""Pretrained backbones: keras.applications, EfficientNet-Lite, or saved Keras models.

ImageNet weights are searched for in the mirror, in an installed package, in Keras's cache, and at
their source.
"""

import re
import sys
from pathlib import Path

import keras
from keras import layers

from scanvote.core.errors import InputError, did_you_mean
from scanvote.core.files import from_root, sha256
from scanvote.models import efficientnet_lite, lite_weights, saved_backbone, torch_file
from scanvote.models.efficientnet_lite import LITES
from scanvote.models.input_spec import InputSpec
from scanvote.models.lite_weights import load_torch_weights, packaged_weights
from scanvote.models.saved_backbone import load_saved_backbone

CODE = [sys.modules[__name__], efficientnet_lite, lite_weights, saved_backbone, torch_file]
"""The modules that decide the layers and the weights of a backbone."""

# mode of `preprocess_input` in keras.applications; None: the backbone scales its input itself
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
    """Tell if `name` is a saved model's file, not a network's name."""
    return Path(name).suffix in {".keras", ".h5", ".hdf5"}


def saved_file(name: str, mirror: Path | None) -> Path:
    """Path of a saved model, in the repository or the mirror."""
    paths = [from_root(Path(name)), *(folder / name for folder in _folders(mirror))]
    return next((path for path in paths if path.is_file()), paths[0])


def name_or_file(name: str, mirror: Path | None) -> str:
    """Return the path of a saved model, or the name of a known network, for messages."""
    return str(saved_file(name, mirror)) if is_saved(name) else name


def check_known(name: str, key: str) -> None:
    """Raise InputError if `name` is neither a saved model's file nor a network's name."""
    known = [*PREPROCESSING, *LITES]
    if not is_saved(name) and name not in known:
        raise InputError(f"{key}: {_unknown(name, known)}")


def weights_file(name: str, weights: str, mirror: Path | None) -> Path | None:
    """Find a backbone's weights; None if untrained or left to Keras.

    Args:
        name: a network of keras.applications, or an EfficientNet-Lite.
        weights: ``none``, ``imagenet``, a file, or a folder with a file for each backbone, whose
            name contains that of the backbone: ``RadImageNet-ResNet50_notop.h5``.
        mirror: folder to search for ``imagenet`` before the installed packages.

    Raises:
        InputError: there is no such file, or the package of an EfficientNet-Lite is missing or
            has changed.
    """
    if weights == "none":
        return None
    if weights == "imagenet":
        files = (_file_of(name, folder, exclude="radimagenet") for folder in _folders(mirror))
        file = next(filter(None, files), None)
        return packaged_weights(name) if file is None and name in LITES else file
    path = from_root(Path(weights))
    file = _file_of(name, path) if path.is_dir() else path
    if file is None or not file.is_file():
        raise InputError(f"weights: {path} has no file for {name}; name the file")
    return file


def weights_digest(name: str, weights: str, mirror: Path | None) -> str:
    """SHA-256 of the pretrained weights; empty if no file is known."""
    file: Path | None
    file = saved_file(name, mirror) if is_saved(name) else weights_file(name, weights, mirror)
    return sha256(file) if file and file.is_file() else ""


def _folders(mirror: Path | None) -> list[Path]:
    return [mirror, mirror / "weights"] if mirror else []


def _file_of(name: str, folder: Path, exclude: str = "/") -> Path | None:
    """Find the weights of a network in a folder.

    Files whose name starts with `exclude` are left out.

    `efficientnetv2-b0_notop.h5` belongs to EfficientNetV2B0, `efficientnet_lite0_notop.keras` to
    EfficientNetLite0.
    """
    # not ResNet50V2 for ResNet50, and not a MobileNetV2 of another width than 1.0
    pattern = re.compile(rf"^(?!{exclude}|.*_(0\.\d+|1\.[1-9])_).*{name.lower()}(?!v\d).*no_?top")
    files = sorted(path for path in folder.glob("*") if is_saved(path.name))
    stems = (re.sub("-|_(?=v|lite)", "", path.stem.lower()) for path in files)
    return next((p for p, stem in zip(files, stems, strict=True) if pattern.search(stem)), None)


def load_backbone(
    name: str,
    shape: tuple[int, ...],
    weights: str,
    input_spec: InputSpec,
    key: str = "transfer.backbones",
) -> keras.Model:
    """Load a backbone without its classification head; see `preprocessing` for its input.

    Args:
        name: a network of keras.applications, an EfficientNet-Lite, or a saved Keras model.
        shape: (H, W, C) of the scans; `as_input` gives the backbone its channels.
        weights: as in `weights_file`; ignored for a saved model, which has its own.
        input_spec: gives the mirror.
        key: the key of params.yaml that names the backbone, for messages.

    Raises:
        InputError: it is unknown, its file is missing or no Keras model that takes the scans, its
            weights are not available, or the scans are too small for it.
    """
    if is_saved(name):
        return load_saved_backbone(saved_file(name, input_spec.mirror), key, shape)
    check_known(name, key)
    file = weights_file(name, weights, input_spec.mirror)
    if name in LITES:
        return _lite(name, file, key)
    shape = (*shape[:2], 3)
    return _application(name, shape, None if weights == "none" else str(file or weights), key)


def _unknown(name: str, known: list[str]) -> str:
    if Path(name).suffix or len(Path(name).parts) > 1:  # a path, not a misspelt name
        return (
            f"{name}: it is no saved Keras model, .keras or .h5; save the network by"
            " model.save('NAME.keras'), or name one that scanvote knows and give this file as its"
            " weights"
        )
    return f"{name!r} is unknown{did_you_mean(name, known)}"


def _lite(name: str, weights: Path | None, key: str) -> keras.Model:
    model = efficientnet_lite.build(name)
    if weights is None:
        return model
    try:
        if weights.suffix == ".pth":
            load_torch_weights(model, weights)
        else:
            model.load_weights(weights)
    except Exception as error:  # a damaged file may raise nearly any exception
        reason = str(error).splitlines()[0]
        raise InputError(f"{key}: {name} refuses the weights of {weights}: {reason}") from None
    return model


def _application(name: str, shape: tuple[int, ...], weights: str | None, key: str) -> keras.Model:
    application = getattr(keras.applications, name)
    try:
        return application(include_top=False, weights=weights, input_shape=shape)
    except Exception as error:
        # keras.utils.get_file raises a bare Exception when the address cannot be reached
        section = key.partition(".")[0]
        if weights == "imagenet" and not isinstance(error, ValueError | OSError):
            raise InputError(
                f"{section}.weights: the ImageNet weights of {name} are neither in the mirror"
                f" nor in Keras's cache, and the download failed ({error}); put their file in the"
                " mirror, or use `weights: none` or the path of a saved Keras model"
            ) from None
        reason = str(error).splitlines()[0]
        of = f" and weights of {weights}" if weights else ""
        raise InputError(f"{key}: {name} refuses scans of {shape}{of}: {reason}") from None


def preprocessing(name: str, x: keras.KerasTensor) -> keras.KerasTensor:
    """Scale pixels 0…255 as in the pretraining of the backbone `name`."""
    mode = PREPROCESSING.get(name)
    return x if mode is None else Preprocessing(mode, name="preprocessing")(x)


def as_input(x: keras.KerasTensor, backbone: keras.Model) -> keras.KerasTensor:
    """Give grey scans the three channels of a colour backbone; a grey backbone sees them as are."""
    return to_rgb(x) if keras.tree.flatten(backbone.inputs)[0].shape[-1] == 3 else x


def to_rgb(x: keras.KerasTensor) -> keras.KerasTensor:
    """Repeat a single channel three times; leave other images as they are."""
    return layers.Concatenate()([x] * 3) if x.shape[-1] == 1 else x


@keras.saving.register_keras_serializable("scanvote")
class Preprocessing(layers.Layer):
    """Scale pixels 0…255 as in the pretraining of a keras.applications backbone.

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
