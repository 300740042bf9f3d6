"""Recognise DICOM by the first bytes, with or without a preamble."""

import struct

HEAD = 1024
"""Bytes at the start of a file that are enough to recognise it."""
MAGIC = b"DICM"
MAGIC_AT = 128
"""The prefix and its offset, behind a preamble free for anything (PS3.10, section 7.1)."""
FIRST_GROUPS = (0x0002, 0x0008)
"""Groups of the first element of a data set without preamble."""
SHORT = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
"""Value representations with a length of two bytes (PS3.5, section 7.1.2)."""
LONG = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
"""Value representations with a length of four bytes, behind two reserved ones."""
ELEMENTS = 3
"""Well-formed elements in ascending order that make a data set."""


def has_prefix(head: bytes) -> bool:
    """Return whether `head` has the prefix of a DICOM file."""
    return head[MAGIC_AT : MAGIC_AT + len(MAGIC)] == MAGIC


def is_dicom(head: bytes) -> bool:
    """Return whether a file that starts with `head` is DICOM.

    Without the prefix, its first elements have to be those of a data set.
    """
    return has_prefix(head) or any(
        _starts_data_set(head, order, explicit)
        for order, explicit in (("<", True), ("<", False), (">", True))
    )


def _starts_data_set(head: bytes, order: str, explicit: bool) -> bool:
    at, before = 0, (0, 0)
    for number in range(ELEMENTS):
        tag, length = _element(head, at, order, explicit)
        if tag <= before or (not number and tag[0] not in FIRST_GROUPS):
            return False
        at, before = at + length, tag
    return True


def _element(head: bytes, at: int, order: str, explicit: bool) -> tuple[tuple[int, int], int]:
    """Return tag and whole length of an element, or (0, 0)."""
    start = head[at : at + 12]
    if len(start) < 12:
        return (0, 0), 0
    group, element = struct.unpack(f"{order}2H", start[:4])
    representation = start[4:6]
    if not explicit:
        length = 8 + struct.unpack(f"{order}I", start[4:8])[0]
    elif representation in SHORT:
        length = 8 + struct.unpack(f"{order}H", start[6:8])[0]
    elif representation in LONG and start[6:8] == b"\0\0":
        length = 12 + struct.unpack(f"{order}I", start[8:])[0]
    else:
        return (0, 0), 0
    return (group, element), length
