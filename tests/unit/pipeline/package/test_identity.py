"""Which packages are one model, and which are not whole."""

import json
import shutil
from pathlib import Path

import pytest

from scanvote.core.errors import InputError
from scanvote.pipeline.package import read_metadata
from scanvote.pipeline.package.copying import copy_package
from scanvote.pipeline.package.identity import check_files
from scanvote.pipeline.package.metadata import ModelMetadata, write_metadata
from tests.asking import write_package
from tests.serving import alone

DECIDING = [
    "ann/units128.keras",
    "cnn/filters64.keras",
    "transfer/MobileNetV2.keras",
    "unet/1.keras",
    "seen.npz",
    "vote.json",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_package(tmp_path / "package")


def digest_after(folder: Path, changed: ModelMetadata | None = None) -> str:
    """The model digest of what now lies in the folder, packaged anew."""
    write_metadata(changed or read_values(folder), folder)
    return read_metadata(folder).digest


def read_values(folder: Path) -> ModelMetadata:
    return ModelMetadata.model_validate_json((folder / "package.json").read_text())


def test_the_same_packaged_twice_and_elsewhere_is_one_model(folder: Path, tmp_path: Path) -> None:
    whole = read_metadata(folder)
    assert len(whole.digest) == 32
    assert read_metadata(write_package(tmp_path / "again")) == whole
    assert read_metadata(shutil.copytree(folder, tmp_path / "elsewhere" / "b")) == whole


@pytest.mark.parametrize("name", DECIDING)
def test_one_byte_of_what_decides_an_answer_is_another_model(folder: Path, name: str) -> None:
    before = read_metadata(folder).digest
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert digest_after(folder) != before


@pytest.mark.parametrize(
    ("part", "setting", "value"),
    [
        ("segmenters", "largest_mask", 0.2),
        ("segmenters", "context", 1),
        ("classifiers", "negative", None),
        ("classifiers", "labels", ["glioma", "meningioma", "no_tumor", "pituitary_"]),
        ("", "test", "0" * 64),
        ("", "smoke", True),
        ("", "data", {}),
        ("", "versions", {}),
    ],
)
def test_each_setting_is_part_of_the_model(
    folder: Path, part: str, setting: str, value: object
) -> None:
    whole = read_metadata(folder)
    changed = {setting: value}
    if part:
        changed = {part: getattr(whole, part).model_copy(update=changed)}
    assert digest_after(folder, whole.model_copy(update=changed)) != whole.digest


def test_two_networks_that_change_places_are_another_model(folder: Path) -> None:
    before = read_metadata(folder).digest
    one, other = (folder / name for name in DECIDING[:2])
    one.rename(folder / "kept")
    other.rename(one)
    (folder / "kept").rename(other)
    assert digest_after(folder) != before


def with_graphs(folder: Path) -> ModelMetadata:
    """Give each network of the package a graph."""
    whole, parts = read_metadata(folder), {}
    for key, name in (("classifiers", "members"), ("segmenters", "networks")):
        part = getattr(whole, key)
        networks = [
            one.model_copy(update={"onnx": one.keras.replace(".keras", ".onnx")})
            for one in getattr(part, name)
        ]
        parts[key] = part.model_copy(update={name: networks})
    for network in (*parts["classifiers"].members, *parts["segmenters"].networks):
        (folder / network.onnx).write_text(f"the graph of {network.model}")
    return whole.model_copy(update=parts)


def test_cards_and_samples_do_not_decide(folder: Path) -> None:
    whole = read_metadata(folder)
    (folder / "samples" / "b.png").write_text("another")
    (folder / "card.md").write_text("in other words")
    assert digest_after(folder, whole) == whole.digest
    assert read_metadata(folder).files != whole.files


def test_graphs_decide_because_they_answer(folder: Path) -> None:
    before, whole = read_metadata(folder).digest, with_graphs(folder)
    assert whole.has_graphs
    digests = {before, digest_after(folder, whole)}
    (folder / whole.networks[1].onnx).write_text("another graph")
    assert len(digests | {digest_after(folder, whole)}) == 3


@pytest.mark.parametrize("name", [*DECIDING, "card.md", "samples/a.png"])
def test_a_file_that_is_another_or_missing_is_one_line(folder: Path, name: str) -> None:
    files = read_metadata(folder).files
    check_files(files, folder)
    (folder / name).write_text("of another package")
    for reason in (f"{name} is not as it was packaged", f"{name} is missing"):
        with pytest.raises(InputError, match=f"package: {reason}; .*`dvc checkout") as caught:
            check_files(files, folder)
        assert "\n" not in str(caught.value)
        (folder / name).unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"largest_mask": 0.1', '"largest_mask": 0.9'),
        ('"digest": "', '"digest": "0'),
        ('"seen.npz": "', '"seen.npz": "0'),
    ],
)
def test_a_setting_changed_by_hand_is_one_line(folder: Path, before: str, after: str) -> None:
    text = (folder / "package.json").read_text()
    assert before in text
    (folder / "package.json").write_text(text.replace(before, after))
    with pytest.raises(InputError, match=r"package\.json is not as it was packaged"):
        read_metadata(folder)


@pytest.mark.parametrize("name", ["../vote.json", "/etc/hostname", "members/../../a"])
def test_no_file_of_a_package_lies_outside_it(folder: Path, name: str) -> None:
    values = json.loads((folder / "package.json").read_text())
    values["files"][name] = "0" * 64
    (folder / "package.json").write_text(json.dumps(values))
    with pytest.raises(InputError, match=f"{name} lies outside the package"):
        read_metadata(folder)


def older(folder: Path, form: int, graphs: ModelMetadata) -> None:
    """Make it a package of an earlier format, in which graphs returned no features."""
    values = json.loads((folder / "package.json").read_text()) | {"form": form}
    named = json.loads(graphs.model_dump_json())
    values |= {key: named[key] for key in ("classifiers", "segmenters")}
    if form == 3:
        del values["digest"], values["files"]
    (folder / "package.json").write_text(json.dumps(values))


@pytest.mark.parametrize("form", [3, 4])
def test_an_earlier_format_has_no_graphs_and_the_same_digest(
    folder: Path, tmp_path: Path, form: int
) -> None:
    whole = read_metadata(folder)
    older(folder, form, with_graphs(folder))
    read = read_metadata(folder)
    assert (read.digest, read.has_graphs) == (whole.digest, False)
    copy_package(folder, tmp_path / "copy", read, unread=".onnx")
    assert read_metadata(tmp_path / "copy").digest == whole.digest
    assert not list((tmp_path / "copy").rglob("*.onnx"))


def test_of_the_format_without_digests_every_file_has_to_be_there(folder: Path) -> None:
    older(folder, 3, read_metadata(folder))
    (folder / "vote.json").unlink()
    with pytest.raises(InputError, match=r"vote\.json is missing"):
        read_metadata(folder)


@pytest.mark.parametrize("task", ["classification", "segmentation"])
def test_a_package_of_one_task_has_its_own(tmp_path: Path, task: str) -> None:
    folder = write_package(tmp_path / "package")
    both = read_metadata(folder).digest
    assert digest_after(folder, alone(task)) != both


def test_a_package_that_is_replaced_while_it_is_copied_is_one_line(
    folder: Path, tmp_path: Path
) -> None:
    whole = read_metadata(folder)
    write_metadata(whole.model_copy(update={"smoke": True}), folder)
    with pytest.raises(InputError, match=r"package\.json was replaced meanwhile"):
        copy_package(folder, tmp_path / "copy", whole)
