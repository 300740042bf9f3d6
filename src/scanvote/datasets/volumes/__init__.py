"""Volumes: NIfTI files and DICOM series, and the slices they are cut to."""

from scanvote.datasets.volumes.dicom import read_dicom
from scanvote.datasets.volumes.dicom_series import dicom_series
from scanvote.datasets.volumes.nifti import read_nifti
from scanvote.datasets.volumes.slicing import Cut, cuts, write_cuts
from scanvote.datasets.volumes.source import Named, Source, TooLarge, Undecodable
from scanvote.datasets.volumes.volume import Volume

__all__ = [
    "Cut",
    "Named",
    "Source",
    "TooLarge",
    "Undecodable",
    "Volume",
    "cuts",
    "dicom_series",
    "read_dicom",
    "read_nifti",
    "write_cuts",
]
