"""Volumes that are taken in: the same pixels as training cuts, without a file in between."""

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from scanvote.datasets.volumes import Source, dicom_file, read_dicom, read_nifti, write_slices
from scanvote.datasets.volumes.volume import Volume
from scanvote.images.decode import decode_image
from scanvote.inputs import InputScan, Limits, RejectedFile, read_content
from scanvote.params import VolumesParams
from tests.hostile import dicom, nifti, slices
from tests.making import volume

BOTH = VolumesParams(planes=["axial", "coronal"], slices=3, span=[0.25, 0.75], window=None)
FIXED = VolumesParams(planes=["sagittal"], slices=None, span=[0, 1], window=[100, 700])
THICK = {"pixdim": [1, 0.5, 0.7, 3, 1, 1, 1, 1], "sform_code": 0, "qform_code": 1}


def read(
    content: bytes, volumes: VolumesParams = BOTH, limits: Limits = Limits()
) -> list[InputScan]:
    return read_content(content, "x", limits, volumes)


def one_dicom(source: Source) -> Volume:
    return read_dicom([source])


@pytest.mark.parametrize("params", [BOTH, FIXED])
@pytest.mark.parametrize(
    ("name", "content", "load"),
    [
        ("v.nii", nifti(volume(1)), read_nifti),
        ("v.nii", nifti(volume(1).astype(np.float64) / 7, **THICK), read_nifti),
        ("v.nii.gz", gzip.compress(nifti(volume(2), **THICK)), read_nifti),
        ("v.nii", nifti(np.stack([volume(3)] * 2, axis=3)), read_nifti),
        ("v.nii", nifti(volume(3), scl_slope=0.5, scl_inter=-3), read_nifti),
        ("v.dcm", dicom(slices(np.random.default_rng(4), 6)), one_dicom),
        ("v.dcm", dicom(slices(np.random.default_rng(5))[1]), one_dicom),
    ],
)
def test_the_slices_are_those_that_training_cuts(
    tmp_path: Path,
    name: str,
    content: bytes,
    load: Callable[[Source], Volume],
    params: VolumesParams,
) -> None:
    (tmp_path / name).write_bytes(content)
    rows = write_slices(load(tmp_path / name), params, tmp_path / "cut", "v")
    scans = read(content, params)
    assert len(scans) == len(rows) > 0
    for scan, (path, _, facts) in zip(scans, rows, strict=True):
        np.testing.assert_array_equal(scan.image, decode_image(path))
        assert scan.plane == facts.get("plane", "")
        assert f"{scan.spacing:g}" == facts["spacing"]
        assert scan.slice is not None
        assert path.stem == f"v-{scan.plane}-{scan.slice:03d}"


def test_a_single_image_has_no_slice_and_a_radiograph_no_plane() -> None:
    flat = dicom(slices(np.random.default_rng(0))[1], Modality="DX", ImageOrientationPatient=None)
    (scan,) = read(flat)
    assert (scan.plane, scan.slice, scan.spacing) == ("", None, 0)
    assert scan.image.shape == (24, 24, 3)


def test_the_frames_of_a_film_are_numbered_and_have_no_plane() -> None:
    film = dicom(slices(np.random.default_rng(0)), Modality="XA", ImageOrientationPatient=None)
    assert [(scan.plane, scan.slice) for scan in read(film)] == [("", 0), ("", 2)]


def test_the_window_of_intensities_is_told() -> None:
    assert {scan.notes for scan in read(nifti(volume(1)), FIXED)} == {
        ("intensities 100 to 700 windowed to 8 bits",)
    }


def test_which_of_several_volumes_is_looked_at_is_told() -> None:
    both = nifti(np.stack([volume(1), volume(2)], axis=3))
    assert {scan.notes[0] for scan in read(both)} == {"volume 1 of 2 is looked at"}
    second = BOTH.model_copy(update={"channels": [1]})
    scans = read(both, second)
    assert {scan.notes[0] for scan in scans} == {"volume 2 of 2 is looked at"}
    for scan, other in zip(scans, read(nifti(volume(2)), second), strict=True):
        np.testing.assert_array_equal(scan.image, other.image)


@pytest.mark.parametrize("make", [nifti, lambda voxels: dicom(voxels.astype(np.uint16))])
def test_the_limit_of_voxels_is_that_of_the_volume(make: Callable[[np.ndarray], bytes]) -> None:
    content = make(volume(0, (16, 16, 16)))
    every = VolumesParams(planes=["axial"], slices=None, span=[0, 1], window=None)
    assert len(read(content, every, Limits(pixels=1024))) > 10
    with pytest.raises(RejectedFile, match=r"declares 0 million voxels, allowed") as caught:
        read(content, every, Limits(pixels=1023))
    assert caught.value.status == 413


def test_the_slices_together_may_not_be_larger_than_a_volume() -> None:
    planes = ["axial", "coronal", "sagittal"]
    every = VolumesParams(planes=planes, slices=None, span=[0, 1], window=None)
    with pytest.raises(
        RejectedFile, match="x has more or larger slices than are allowed"
    ) as caught:
        read(nifti(volume(0, (16, 16, 16)) + 1), every, Limits(pixels=1024))
    assert caught.value.status == 413


def test_nothing_is_written_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.chdir(tmp_path)
    opened: list[object] = []
    monkeypatch.setattr("builtins.open", lambda *told, **more: opened.append(told))
    for content in (nifti(volume(0)), dicom(slices(np.random.default_rng(0)))):
        assert read(content)
    assert not opened
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (dicom(None), "without pixels"),
        (dicom(slices(np.random.default_rng(0))[0], SamplesPerPixel=4), "of 4 channels"),
        (
            dicom(
                slices(np.random.default_rng(0))[0],
                PhotometricInterpretation="PALETTE COLOR",
            ),
            "in colour by a palette",
        ),
    ],
)
def test_a_sound_file_that_nothing_here_decodes_is_not_taken(content: bytes, said: str) -> None:
    with pytest.raises(RejectedFile, match=said) as caught:
        read(content)
    assert caught.value.status == 415


def test_a_damaged_checksum_is_noticed() -> None:
    content = bytearray(gzip.compress(nifti(volume(0))))
    content[-6] ^= 1
    with pytest.raises(RejectedFile, match="CRC check failed") as caught:
        read(bytes(content))
    assert caught.value.status == 422


def test_more_items_than_any_header_has_are_not_read() -> None:
    most = dicom_file.MOST_ITEMS
    nested = b"\x09\0\x01\x10SQ\0\0\xff\xff\xff\xff"
    empty, end = b"\xfe\xff\0\xe0\0\0\0\0", b"\xfe\xff\xdd\xe0\0\0\0\0"
    content = dicom(slices(np.random.default_rng(0))[0])
    with pytest.raises(RejectedFile, match=f"more than {most} items") as caught:
        read(content + nested + empty * (most + 1) + end)
    assert caught.value.status == 413


def test_run_lengths_that_take_long_are_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    from pydicom.encaps import encapsulate

    runs = bytes(64) + bytes(2000)
    content = dicom(
        np.zeros((64, 64), np.uint16), "1.2.840.10008.1.2.5", PixelData=encapsulate([runs])
    )
    monkeypatch.setattr(dicom_file, "MOST_RUNS", 1000)
    with pytest.raises(RejectedFile, match="MiB of run lengths; decompress it first") as caught:
        read(content)
    assert caught.value.status == 413
