"""What a MedMNIST file is taken for, and how its pictures are read."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scanvote.core.errors import InputError
from scanvote.datasets.user_data import read_layout, set_name
from scanvote.datasets.user_data.array_files import close_streams, read_npz_picture, read_picture
from scanvote.datasets.user_data.layout import DatasetLayout
from scanvote.images.decode import decode_image
from scanvote.manifest import read_manifest
from scanvote.params import Params
from scanvote.pipeline.deduplicate.stage import deduplicate
from scanvote.pipeline.download.stage import download
from scanvote.splits.protocols import split_scans
from tests.forms import medmnist

ROOT = Path(__file__).parents[4]
Own = Callable[..., Params]


def pictures(count: int, *shape: int) -> np.ndarray:
    rng = np.random.default_rng(count)
    return rng.integers(0, 256, (count, *shape), np.uint8)


def labels(*values: int) -> np.ndarray:
    return np.array(values, np.uint8)[:, None]


def saved(path: Path, compressed: bool = True, **arrays: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    (np.savez_compressed if compressed else np.savez)(path, **arrays)
    return path


def read(path: Path, own: Own) -> DatasetLayout:
    return read_layout(path, "classification", own("classification", path))


def usual(**changes: Any) -> dict[str, Any]:
    return {"train_images": pictures(4, 8, 8), "train_labels": labels(0, 1, 0, 1)} | changes


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("shape", [(8, 6), (8, 6, 3), (8, 6, 1)])
def test_each_picture_is_that_of_the_array(
    tmp_path: Path, own: Own, compressed: bool, shape: tuple[int, ...]
) -> None:
    images = {part: pictures(count, *shape) for part, count in (("train", 5), ("test", 3))}
    arrays = {f"{part}_images": one for part, one in images.items()}
    arrays |= {"train_labels": labels(0, 1, 2, 0, 1), "test_labels": labels(2, 1, 0)}
    path = saved(tmp_path / "toy.npz", compressed, **arrays)
    layout = read(path, own)
    assert [(item.label, item.source_split) for item in layout.items[4:6]] == [
        ("1", "train"),
        ("2", "test"),
    ]
    for item in [*layout.items, *reversed(layout.items)]:  # backwards the file is read anew
        image, mask = read_picture(item)
        expected = images[item.source_split][item.index or 0]
        assert np.array_equal(image, expected[..., 0] if shape[2:] == (1,) else expected)
        assert mask is None


def test_through_download_the_pixels_and_the_published_split_are_kept(
    tmp_path: Path, own: Own
) -> None:
    path = medmnist(tmp_path / "study")
    params = own("classification", path, positive="1")
    params = params.model_copy(
        update={"split": params.split.model_copy(update={"protocol": "official"})}
    )
    download("classification", params, tmp_path / "raw")
    with np.load(path) as arrays:
        first = arrays["test_images"][0]
    image = decode_image(tmp_path / "raw/pneumoniamnist/test/0.png")
    assert np.array_equal(image, np.dstack([first] * 3))
    overrules = (ROOT / f"data/{name}/classification.csv" for name in ("overrule", "patients"))
    deduplicate(tmp_path / "raw", params.deduplicate, *overrules, tmp_path / "kept")
    used = split_scans("classification", tmp_path / "kept/manifest.csv", params.split, 0)
    assert set(used.loc[used["split"] == "test", "source_split"]) == {"test"}
    assert "test" not in set(used.loc[used["split"] != "test", "source_split"])


def test_colours_keep_their_order(tmp_path: Path, own: Own) -> None:
    colours = pictures(4, 8, 8, 3)
    path = saved(tmp_path / "toy.npz", **usual(train_images=colours))
    download("classification", own("classification", path, positive="1"), tmp_path / "raw")
    manifest = read_manifest(tmp_path / "raw/manifest.csv")
    assert np.array_equal(decode_image(tmp_path / "raw" / manifest["path"][2]), colours[2])


def test_a_folder_with_the_file_is_the_same(tmp_path: Path, own: Own) -> None:
    path = saved(tmp_path / "sets/toy.npz", **usual())
    assert read(tmp_path / "sets", own).items == read(path, own).items
    assert set_name(path) == "toy"


def test_names_sort_as_their_numbers(tmp_path: Path, own: Own) -> None:
    arrays = usual(train_images=pictures(12, 4, 4), train_labels=labels(*[0, 1] * 6))
    names = [item.name for item in read(saved(tmp_path / "toy.npz", **arrays), own).items]
    assert names == sorted(names)
    assert names[0] == "train/00"


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        (
            usual(train_labels=np.eye(4, 14, dtype=np.uint8)),
            "has 14 labels a picture, as ChestMNIST does; .* list them in a table",
        ),
        (usual(train_images=pictures(4, 8, 8, 8)), "holds volumes of 8x8x8; save each as NIfTI"),
        (usual(train_images=np.ones((4, 8, 8))), "train_images is 4x8x8 float64, no pictures of 8"),
        (usual(train_labels=labels(0, 1)), "not a whole number for each of the 4 pictures"),
        (usual(train_labels=labels(1, 1, 1, 1)), "has no two classes"),
        ({"x": np.zeros((2, 3)), "y": np.zeros(2)}, r"holds x 2x3 float64, y 2 float64, not train"),
        ({"train_images": pictures(2, 4, 4)}, "not train_images, train_labels"),
        (
            usual(train_labels=np.array([[None]] * 4, object)),
            "train_labels holds Python objects, not numbers",
        ),
        (usual(train_images=np.asfortranarray(pictures(4, 8, 8))), "save it with order='C'"),
    ],
)
def test_other_arrays_are_refused_with_what_they_are(
    tmp_path: Path, own: Own, arrays: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        read(saved(tmp_path / "toy.npz", **arrays), own)


def test_there_are_no_masks(tmp_path: Path, own: Own) -> None:
    path = saved(tmp_path / "toy.npz", **usual())
    with pytest.raises(InputError, match="has classes but no masks"):
        read_layout(path, "segmentation", own("segmentation", path))


def test_several_files_are_to_be_named(tmp_path: Path, own: Own) -> None:
    for name in "ab":
        saved(tmp_path / f"{name}.npz", **usual())
    with pytest.raises(InputError, match=r"several .npz files \(a.npz, b.npz\); name one of them"):
        read(tmp_path, own)


def test_a_damaged_file_is_one_line(tmp_path: Path, own: Own) -> None:
    path = tmp_path / "toy.npz"
    path.write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(InputError, match=r"toy.npz is damaged or no .npz file of NumPy"):
        read(path, own)


def test_a_picture_beyond_the_end_is_one_line(tmp_path: Path) -> None:
    content = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        content, {"descr": "|u1", "fortran_order": False, "shape": (3, 4, 4)}
    )
    with zipfile.ZipFile(tmp_path / "toy.npz", "w") as archive:
        archive.writestr("train_images.npy", content.getvalue() + bytes(20))
    assert read_npz_picture(tmp_path / "toy.npz", "train_images", 0).shape == (4, 4)
    with pytest.raises(InputError, match=r"toy.npz ends before train_images\[1\]"):
        read_npz_picture(tmp_path / "toy.npz", "train_images", 1)
    close_streams()
