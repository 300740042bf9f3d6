"""Tell DICOM scans from other objects and from pages about a scan, by the header alone."""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydicom import Dataset

STORAGE = "1.2.840.10008.5.1.4.1.1."
"""Prefix of the SOP classes of stored objects (PS3.4, section B.5)."""
SECONDARY_CAPTURE = re.compile(rf"{re.escape(STORAGE)}7(\.[1-4])?")
SEGMENTATION = "a segmentation (SEG)"
"""Start of the reason why a Segmentation is no scan."""
NO_SCAN_CLASSES = (
    (r"66\.[47]|66\.5", SEGMENTATION),
    (r"66\.[1-3]", "a registration (REG)"),
    (r"66", "raw data of a scanner"),
    (r"67", "a table of real-world values (RWV)"),
    (r"30", "a parametric map"),
    (r"481\.2", "a radiotherapy dose (RTDOSE)"),
    (r"481\.3", "radiotherapy contours (RTSTRUCT)"),
    (r"481\.(?!1$)\d+", "a radiotherapy plan or record (RTPLAN)"),
    (r"11\.\d+", "a presentation state (PR)"),
    (r"88\.59", "a list of key images (KO)"),
    (r"88\.\d+", "a structured report (SR)"),
    (r"104\.\d+", "a document (DOC)"),
    (r"9\.[\d.]+", "a waveform or sound"),
)
"""Last part of a SOP class, and what its objects are."""
NO_SCAN_MODALITIES = {
    "SEG": SEGMENTATION,
    "RTDOSE": "a radiotherapy dose (RTDOSE)",
    "RTSTRUCT": "radiotherapy contours (RTSTRUCT)",
    "RTPLAN": "a radiotherapy plan or record (RTPLAN)",
    "RTRECORD": "a radiotherapy plan or record (RTPLAN)",
    "PLAN": "a radiotherapy plan or record (RTPLAN)",
    "PR": "a presentation state (PR)",
    "KO": "a list of key images (KO)",
    "SR": "a structured report (SR)",
    "REG": "a registration (REG)",
    "FID": "a registration (REG)",
    "RWV": "a table of real-world values (RWV)",
    "DOC": "a document (DOC)",
    "M3D": "a model for printing (M3D)",
    "ECG": "a waveform or sound",
    "EPS": "a waveform or sound",
    "HD": "a waveform or sound",
    "AU": "a waveform or sound",
}
LOCALISER_TYPES = frozenset({"LOCALIZER", "LOCALISER", "SCOUT", "SURVEY", "TOPOGRAM"})
PAGE_TYPES = re.compile(r"SCREEN[ _]?(SAVE|SHOT|CAPTURE)|DOSE[ _]?(INFO|REPORT)|.*\bPROT|REPORT")
"""Values of ImageType of pages about a scan."""
LOCALISER_NAMES = re.compile(
    r"locali[sz]er|\bscouts?\b|\btopogram|\bsurview|\bsurvey\b|\b3[ -]?(pl|plane) ?loc", re.I
)
PAGE_NAMES = re.compile(
    r"dose (report|info|page|summary)|(patient|exam) protocol|screen ?(save|shot|capture)", re.I
)
"""Names of series, of localisers and of pages about a scan."""


def is_secondary_capture(header: "Dataset") -> bool:
    """Return whether the image was made by another device than the scanner."""
    return bool(SECONDARY_CAPTURE.fullmatch(str(header.get("SOPClassUID", ""))))


def why_no_scan(header: "Dataset") -> str:
    """Say what the file is, if its kind of object can never be a scan; else empty."""
    last = str(header.get("SOPClassUID", "")).removeprefix(STORAGE)
    for pattern, words in NO_SCAN_CLASSES:
        if re.fullmatch(pattern, last):
            return f"{words}, no scan"
    words = NO_SCAN_MODALITIES.get(str(header.get("Modality", "")).strip(), "")
    return f"{words}, no scan" if words else ""


def why_left_out(header: "Dataset") -> str:
    """Say why the file is not used among others; empty for a scan.

    A user who names such an image gets it all the same, unless it is no scan at all.
    """
    types = _image_type(header)
    name = _text(header, "SeriesDescription")
    if "MOSAIC" in types:
        return MOSAIC
    if LOCALISER_TYPES & types or LOCALISER_NAMES.search(name):
        return "a localiser, which only plans a scan"
    if any(PAGE_TYPES.fullmatch(one) for one in types) or PAGE_NAMES.search(name):
        return "a dose page or screen save, no scan"
    return why_no_scan(header)


MOSAIC = "a Siemens mosaic, which tiles many slices in one image; convert it with dcm2niix"


def is_mosaic(header: "Dataset") -> bool:
    """Return whether many slices are tiled in the one image, as by Siemens."""
    return "MOSAIC" in _image_type(header)


def _image_type(header: "Dataset") -> set[str]:
    value = header.get("ImageType") or ()
    values = [value] if isinstance(value, str) else value
    return {str(one).strip().upper() for one in values}


def _text(header: "Dataset", name: str) -> str:
    return str(header.get(name, "") or "").strip()
