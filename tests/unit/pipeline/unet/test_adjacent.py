"""Which slices a U-Net is shown beside a slice, in training and of a volume to predict."""

from pathlib import Path

import numpy as np
import pytest

from scanvote.images.decode import decode_image
from scanvote.inputs import Limits, discover_inputs, read_discovered
from scanvote.manifest import MANIFEST, read_manifest
from scanvote.params import Params
from scanvote.pipeline.download.stage import download
from scanvote.pipeline.package.stacks import stack_slices
from scanvote.pipeline.unet.adjacent import adjacent_in_series
from scanvote.predict.adjacent import adjacent_windows
from scanvote.training.adjacent_slices import AdjacentSlices
from tests.making import write_nifti, write_nifti_mask

CUT = {"planes": ["axial", "sagittal"], "slices": 5, "span": [0.1, 0.8]}
SHAPE = (16, 16, 16)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Two volumes with masks."""
    root = tmp_path / "own"
    for seed in (1, 2):
        write_nifti(root / f"{seed}.nii", seed, SHAPE)
        write_nifti_mask(root / f"{seed}_mask.nii", SHAPE)
    return root


def test_a_volume_to_predict_is_stacked_as_in_training(
    own: Path, params: Params, tmp_path: Path
) -> None:
    section = params.segmentation.model_copy(update={"dataset": [str(own)]})
    cut = params.volumes.model_copy(update=CUT)
    changed = params.model_copy(update={"segmentation": section, "volumes": cut})
    download("segmentation", changed, tmp_path / "raw")
    manifest = read_manifest(tmp_path / "raw" / MANIFEST).set_index("scan_id")
    order = np.random.default_rng(0).permutation(len(manifest))  # of a shard, whatever it is
    trained = manifest.iloc[order]
    images = np.stack([decode_image(tmp_path / "raw" / path) for path in trained["path"]])
    windows = adjacent_in_series(manifest, 1, trained.index.to_numpy())
    seen = AdjacentSlices(images, windows)[np.arange(len(order))]
    scans = [
        scan
        for file in discover_inputs([own])
        if "mask" not in file.name
        for scan in read_discovered(file, Limits(), cut)
    ]
    shown = stack_slices(np.stack([scan.image for scan in scans]), adjacent_windows(scans, 1))
    assert len(scans) == 2 * 2 * 5
    np.testing.assert_array_equal(shown[order], seen)
