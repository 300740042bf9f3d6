"""Grey values of DICOM: look-up tables, padding, polarity, aspect, colour and compression."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from pydicom import Dataset, dcmread
from pydicom.uid import JPEGLSLossless

from scanvote.core.errors import InputError
from scanvote.datasets.volumes import extract_slices, read_dicom, write_slices
from scanvote.datasets.volumes.jpeg_lossless import BadStream, decode_eight_bits, parse
from scanvote.images.decode import decode_image
from scanvote.params import VolumesParams
from tests.making import write_dicom

WINDOWED = VolumesParams(planes=["axial"], slices=None, span=[0, 1], window=None)
RAMP = np.tile(np.arange(64, dtype=np.uint16) * 60, (64, 1))


def film(path: Path, pixels: np.ndarray = RAMP, **values: object) -> Path:
    return write_dicom(path, pixels, Modality="DX", ImageOrientationPatient=None, **values)


def shown(path: Path) -> np.ndarray:
    (one,) = extract_slices(read_dicom([path]), WINDOWED)
    return one.image


def table(descriptor: list[int], data: object) -> Dataset:
    lut = Dataset()
    lut.LUTDescriptor, lut.ModalityLUTType, lut.LUTData = descriptor, "OD", data
    return lut


def test_a_modality_table_is_applied(tmp_path: Path) -> None:
    data = (4095 - np.arange(4096)).astype(np.uint16).tobytes()
    path = film(tmp_path / "x", ModalityLUTSequence=[table([4096, 0, 16], data)])
    assert shown(path)[0, [0, -1]].tolist() == [255, 0]
    deep = film(tmp_path / "y", ModalityLUTSequence=[table([4096, 10, 12], data)])
    assert read_dicom([deep]).voxels.max() == 4095


def test_a_modality_table_that_is_too_long_is_refused(tmp_path: Path) -> None:
    path = film(tmp_path / "x", ModalityLUTSequence=[table([1, 0, 16], [7] * 5)])
    data = dcmread(path)
    data.ModalityLUTSequence[0]["LUTData"].VR = "OW"
    data.ModalityLUTSequence[0]["LUTData"].value = bytes(2**18)
    data.save_as(path)
    with pytest.raises(InputError, match="broken modality table"):
        read_dicom([path])


@pytest.mark.parametrize("polarity", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("limits", [(0, None), (0, 50), (5000, None)])
def test_padding_is_black_and_outside_the_window(
    tmp_path: Path, polarity: str, limits: tuple[int, int | None]
) -> None:
    pixels = RAMP + 100
    pixels[:8] = limits[0]
    more = {} if limits[1] is None else {"PixelPaddingRangeLimit": limits[1]}
    values = {"PhotometricInterpretation": polarity, "PixelPaddingValue": limits[0]} | more
    image = shown(film(tmp_path / "x", pixels, **values))
    assert set(image[:8].ravel()) == {0}
    bright, dark = (0, -1) if polarity == "MONOCHROME1" else (-1, 0)
    assert (image[-1, bright], image[-1, dark]) == (255, 0)


@pytest.mark.parametrize("field", ["ImagerPixelSpacing", "PixelAspectRatio"])
def test_pixels_of_a_film_that_are_not_square_become_so(tmp_path: Path, field: str) -> None:
    path = film(tmp_path / "x", PixelSpacing=None, **{field: [2, 1]})
    assert shown(path).shape == (128, 64)
    assert not read_dicom([path]).measured


def test_colour_is_kept(tmp_path: Path) -> None:
    colours = np.zeros((64, 64, 3), np.uint8)
    colours[:32, :, 0], colours[32:, :, 1] = 100, 100
    kind = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}
    bits = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PixelData": colours.tobytes()}
    path = film(tmp_path / "x", **kind, **bits)
    ((written, _, _),) = write_slices(read_dicom([path]), WINDOWED, tmp_path, "still")
    np.testing.assert_array_equal(decode_image(written), colours)


def test_the_usual_lossless_compressions_give_the_same_pixels(tmp_path: Path) -> None:
    path = film(tmp_path / "x")
    before = read_dicom([path]).voxels
    data = dcmread(path)
    data.compress(JPEGLSLossless)
    data.save_as(path)
    np.testing.assert_array_equal(read_dicom([path]).voxels, before)


def lossless_jpeg(path: Path, pixels: np.ndarray) -> Path:
    writer = sitk.ImageFileWriter()
    writer.SetImageIO("GDCMImageIO")
    writer.UseCompressionOn()
    writer.SetCompressor("JPEG")
    writer.SetFileName(str(path))
    writer.Execute(sitk.GetImageFromArray(pixels[np.newaxis]))
    return path


@pytest.mark.parametrize("pixels", [RAMP, (RAMP // 16).astype(np.uint8), RAMP.astype(np.int16)])
def test_lossless_jpeg_of_8_and_16_bits_is_decoded(tmp_path: Path, pixels: np.ndarray) -> None:
    path = lossless_jpeg(tmp_path / "x.dcm", pixels)
    assert dcmread(path).file_meta.TransferSyntaxUID.endswith(".4.70")
    voxels = read_dicom([path]).voxels
    np.testing.assert_array_equal(voxels[:, :, 0].T[::-1, ::-1], pixels)


def test_a_damaged_or_larger_lossless_jpeg_is_refused(tmp_path: Path) -> None:
    path = lossless_jpeg(tmp_path / "x.dcm", RAMP)
    content = path.read_bytes()
    at = content.index(b"\xff\xc3")
    for place, value, said in ((5, 99, "of another size"), (4, 40, "damaged lossless JPEG")):
        path.write_bytes(content[: at + place] + bytes([value]) + content[at + place + 1 :])
        with pytest.raises(InputError, match=said):
            read_dicom([path])


def test_nothing_but_the_checked_parts_of_a_stream_reaches_a_decoder(tmp_path: Path) -> None:
    pixels = (RAMP // 16).astype(np.uint8)
    content = lossless_jpeg(tmp_path / "x.dcm", pixels).read_bytes()
    stream = content[content.index(b"\xff\xd8") :]
    adobe = b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\xb9"
    frame = parse(stream[:2] + adobe + stream[2:])
    assert b"Adobe" not in frame.stream
    np.testing.assert_array_equal(decode_eight_bits(frame), pixels)
    with pytest.raises(BadStream, match="its header is damaged"):
        parse(stream[:20])
