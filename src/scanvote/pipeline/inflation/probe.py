"""Linear probe and its features: grey pixels, or a backbone's pooled features."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scanvote.core.progress import progress_bar
from scanvote.images.decode import Rgb, decode_image, grey
from scanvote.params import InflationParams
from scanvote.pipeline.inflation.shortcuts import REGULARISATION, Features, measure

if TYPE_CHECKING:
    import keras


def predict(features: Features, labels: "pd.Series[str]", unseen: Features) -> NDArray[np.str_]:
    """Fit the probe, and predict the labels of unseen scans.

    Args:
        features: (n, d), of the training scans.
        labels: (n,), their labels.
        unseen: (m, d), of the test scans.

    Returns:
        (m,), the predicted labels.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    probe = make_pipeline(StandardScaler(), LogisticRegression(C=REGULARISATION, max_iter=1000))
    return np.asarray(probe.fit(features, labels).predict(unseen), str)


def features(
    paths: list[Path], params: InflationParams, weights_dir: Path | None
) -> tuple[Features, Features]:
    """Return the features of the probe and those of the shortcut probes.

    Each image is read once and not kept.

    Returns:
        (n, d), grey pixels or the pooled features of the backbone, of the whole scan; and (n, e)
        of `scanvote.pipeline.inflation.shortcuts.measure`, without anatomy.
    """
    measured: list[Features] = []
    small = _read_scans(paths, params.image_size, measured)
    if params.backbone is None:
        pixels = np.stack([grey(one).reshape(-1).astype(np.float32) for one in small])
    else:
        pixels = _backbone_features(small, params, weights_dir)
    return pixels, np.stack(measured)


def _backbone_features(
    scans: Iterator[Rgb], params: InflationParams, weights_dir: Path | None
) -> Features:
    model = _extractor(params, weights_dir)
    batches = []
    while some := list(islice(scans, 32)):
        batch = np.stack(some).astype(np.float32)
        output = np.asarray(model(batch, training=False))
        batches.append(output.mean(axis=(1, 2)) if output.ndim == 4 else output)
    return np.concatenate(batches)


def _extractor(params: InflationParams, weights_dir: Path | None) -> "keras.Model":
    """Return a model from RGB 0…255 to the features of the backbone.

    A backbone given by name has its ImageNet weights.
    """
    import keras

    from scanvote.models.backbones import load_backbone, name_or_file, preprocessing
    from scanvote.models.input_spec import InputSpec
    from scanvote.models.saved_backbone import add_backbone

    assert params.backbone is not None
    inputs = keras.Input((params.image_size, params.image_size, 3))
    spec = InputSpec(inputs.shape[1:], 0, weights_dir)
    backbone = load_backbone(params.backbone, spec.shape, "imagenet", spec, "inflation.backbone")
    where = f"inflation.backbone: {name_or_file(params.backbone, weights_dir)}"
    x = preprocessing(params.backbone, inputs)
    return keras.Model(inputs, add_backbone(backbone, x, where))


def _read_scans(paths: list[Path], side: int, measured: list[Features]) -> Iterator[Rgb]:
    """Yield the scans as RGB, (side, side, 3) uint8.

    `measure` of each scan at its full size is appended to `measured`.
    """
    with progress_bar("Read") as progress:
        for path in paths:
            image = decode_image(path)
            measured.append(measure(image))
            progress(len(measured), len(paths))
            small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
            yield np.asarray(small, np.uint8)
