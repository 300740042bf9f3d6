"""DICOM told by its first bytes, with and without its prefix."""

import struct

import numpy as np
import pytest

from scanvote.datasets.dicom_start import is_dicom
from scanvote.datasets.volumes import NamedBytes, read_dicom
from tests.hostile import dicom

SYNTAX_TELLS = {"1.2.840.10008.1.2": "implicit", "1.2.840.10008.1.2.1": "explicit"}
PIXELS = np.arange(30, dtype=np.uint16).reshape(6, 5)


def bare(content: bytes) -> bytes:
    """The data set behind the prefix and the group of the file."""
    (length,) = struct.unpack_from("<I", content, 140)
    return content[144 + length :]


@pytest.mark.parametrize("syntax", SYNTAX_TELLS)
def test_a_data_set_alone_is_told_and_read(syntax: str) -> None:
    content = dicom(PIXELS, syntax)
    assert is_dicom(content)
    assert is_dicom(bare(content)[:1024])
    whole, alone = (read_dicom([NamedBytes(one, "x")]) for one in (content, bare(content)))
    np.testing.assert_array_equal(whole.voxels, alone.voxels)


@pytest.mark.parametrize(
    "content",
    [b"", b"\x08\0", b"\x08\0\x08\0" * 300, b"text " * 300, b"\x08\0" + bytes(2000), bytes(132)],
)
def test_other_content_is_no_data_set(content: bytes) -> None:
    assert not is_dicom(content)
