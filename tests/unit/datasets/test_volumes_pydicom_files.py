"""All files that pydicom ships, against pydicom and SimpleITK; each refusal with its reason."""

import re
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from numpy.typing import NDArray
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut

from scanvote.core.errors import InputError
from scanvote.datasets.volumes import dicom_series, read_dicom
from scanvote.datasets.volumes.dicom_file import read_file, suppress_warnings

FOLDER = Path(pydicom.__file__).parent / "data/test_files"
NO_PIXELS = "without pixels"
LACKS = "lacks Rows, Columns, BitsAllocated, PixelRepresentation in its header"
NO_DICOM = "does not begin as a DICOM file does"
REFUSED = {
    "rtdose*.dcm": r"a radiotherapy dose \(RTDOSE\), no scan",
    "badVR.dcm": r"a radiotherapy dose \(RTDOSE\), no scan",
    "liver*.dcm": r"a segmentation \(SEG\), no scan",
    "rtstruct.dcm": r"radiotherapy contours \(RTSTRUCT\), no scan",
    "rtplan*.dcm": r"a radiotherapy plan or record \(RTPLAN\), no scan",
    "ExplVR_*EndNoMeta.dcm": r"a radiotherapy plan or record \(RTPLAN\), no scan",
    "reportsi*.dcm": r"a structured report \(SR\), no scan",
    "test-SR.dcm": r"a structured report \(SR\), no scan",
    "waveform_ecg.dcm": "a waveform or sound, no scan",
    "JPEG-lossy.dcm": r"is JPEG of 12 bits .*decompress it first, as with dcmdjpeg",
    "JPGExtended.dcm": r"is JPEG of 12 bits .*decompress it first, as with dcmdjpeg",
    "image_dfl.dcm": "is deflated DICOM; save it without compression",
    "GDCMJ2K_TextGBR.dcm": "broken data stream",  # its end is missing, which only some forgive
    "JPEG2000-embedded-sequence-delimiter.dcm": "damaged or of another size",
    "MR_truncated.dcm": "number of bytes of pixel data is less than expected",
    "meta_missing_tsyntax.dcm": LACKS,
    "nested_priv_SQ.dcm": LACKS,
    "no_meta.dcm": NO_DICOM,  # a byte stands before its first element
    "DICOMDIR*": NO_PIXELS,
    "IM0000*": NO_PIXELS,
    "UN_sequence.dcm": NO_PIXELS,
    "empty_charset_LEI.dcm": NO_PIXELS,
    "no_meta_group_length.dcm": NO_PIXELS,
    "priv_SQ.dcm": NO_PIXELS,
    "README*": NO_DICOM,
    "*.gz": NO_DICOM,
    "*.icc": NO_DICOM,
    "*.dump": NO_DICOM,
    "*.json": NO_DICOM,
}
"""Names of files, and what is said of them; all others are read."""
FILES = sorted(path for path in FOLDER.rglob("*") if path.is_file())


def refusal(path: Path) -> str:
    return next((said for name, said in REFUSED.items() if path.match(name)), "")


def stored_as(path: Path) -> NDArray[np.generic]:
    """By pydicom alone: grey (frames, rows, columns), or bytes of colour (…, 3)."""
    with suppress_warnings():
        data = pydicom.dcmread(path)
        pixels = data.pixel_array
        if data.PhotometricInterpretation == "PALETTE COLOR":
            pixels = apply_color_lut(pixels, data)
            pixels = pixels if pixels.dtype == np.uint8 else (pixels >> 8).astype(np.uint8)
        if pixels.shape[-1] == 3 and "SamplesPerPixel" in data and pixels.ndim > 2:
            colours = pixels.reshape(-1, data.Rows, data.Columns, 3)
            deep = pixels.dtype != np.uint8
            return np.rint(colours @ np.array([0.299, 0.587, 0.114])) if deep else colours
        return np.asarray(apply_modality_lut(pixels, data)).reshape(-1, data.Rows, data.Columns)


def test_the_files_are_there() -> None:
    assert len([path for path in FILES if not refusal(path)]) >= 60


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_a_file_is_read_as_pydicom_reads_it_or_refused_with_its_reason(path: Path) -> None:
    if said := refusal(path):
        with pytest.raises(InputError, match=said):
            read_dicom([path])
        return
    with suppress_warnings():
        frames = np.stack([frame.pixels for frame in read_file(path, None).frames])
    # lossy JPEG differs between decoders, and a half of a grey value is rounded either way
    tolerance = 3 if "jpeg" in path.name else 1 if re.search("rgb|ybr|palette", path.name) else 0
    np.testing.assert_allclose(frames, stored_as(path), rtol=1e-6, atol=tolerance)


@pytest.mark.parametrize(
    ("folder", "count"),
    [("98892001/CT5N", 5), ("77654033/CT2", 4)],
)
def test_a_series_lies_where_simpleitk_reads_it(folder: str, count: int) -> None:
    listing = dicom_series((FOLDER / "dicomdirtests" / folder).iterdir())
    paths = max((one.paths for one in listing.series), key=len)
    assert len(paths) == count
    ours = read_dicom(paths)
    image = sitk.DICOMOrient(sitk.ReadImage([str(path) for path in paths]), "RAS")
    np.testing.assert_array_equal(ours.voxels, sitk.GetArrayFromImage(image).transpose(2, 1, 0))
    np.testing.assert_allclose(ours.spacing, image.GetSpacing(), rtol=1e-4)
