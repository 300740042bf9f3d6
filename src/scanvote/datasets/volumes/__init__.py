"""Volumes of NIfTI files and DICOM series, and their slices."""

from scanvote.datasets.volumes.dicom import read_dicom
from scanvote.datasets.volumes.dicom_grouping import (
    DicomListing,
    DicomSeries,
    LeftOut,
    dicom_series,
)
from scanvote.datasets.volumes.nifti import read_nifti
from scanvote.datasets.volumes.slicing import Slice, extract_slices, write_slices
from scanvote.datasets.volumes.source import NamedBytes, Source, TooLarge, Undecodable
from scanvote.datasets.volumes.volume import Volume

__all__ = [
    "DicomListing",
    "DicomSeries",
    "LeftOut",
    "NamedBytes",
    "Slice",
    "Source",
    "TooLarge",
    "Undecodable",
    "Volume",
    "dicom_series",
    "extract_slices",
    "read_dicom",
    "read_nifti",
    "write_slices",
]
