"""Volumes of NIfTI, NRRD and MetaImage files and DICOM series, and their slices."""

from scanvote.datasets.volumes.dicom import read_dicom
from scanvote.datasets.volumes.dicom_grouping import (
    DicomListing,
    DicomSeries,
    LeftOut,
    dicom_series,
)
from scanvote.datasets.volumes.files import read_volume_file, volume_channels
from scanvote.datasets.volumes.itk import itk_channels, read_itk
from scanvote.datasets.volumes.nifti import nifti_channels, read_nifti
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
    "itk_channels",
    "nifti_channels",
    "read_dicom",
    "read_itk",
    "read_nifti",
    "read_volume_file",
    "volume_channels",
    "write_slices",
]
