"""A digested key of the patient that a DICOM header names.

The digest hides a patient's ID from readers of a manifest, but not from anybody who can guess
it: the numbers of a hospital are few enough to try them all.
"""

import hashlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydicom import Dataset

STAND_INS = re.compile(
    r"0*|X+|9{4,}|NA|NAN|NN|NONE|NULL|NIL|NO(ID|NAME|PATIENTID)|UN(KNOWN|DEFINED|NAMED|SPECIFIED)"
    r"|ANON(YM(O?US|I[SZ]ED?|I[SZ]ATION)?)?(PATIENT|SUBJECT)?(ID)?|(PATIENT|SUBJECT)(ID|NAME)?"
    r"|(DE|PSEUDO)?IDENTIFIED|DEID|PSEUDONYM(I[SZ]ED)?|REMOVED|DELETED|REDACTED|HIDDEN|MASKED"
    r"|CLEARED|BLANK|EMPTY|MISSING|DEFAULT|DUMMY|TEST(PATIENT|ID)?|NOT(AVAILABLE|KNOWN|GIVEN|REPORTED)"
    r"|ID"
)
"""What programs write in place of an ID, upper case without punctuation: of many patients."""


def patient_key(header: "Dataset") -> str:
    """Return a digest of the PatientID; empty if it is missing or only stands in for one."""
    value = str(header.get("PatientID", "") or "").strip()
    if STAND_INS.fullmatch(re.sub(r"[\W_]+", "", value).upper()):
        return ""
    return f"p-{hashlib.sha256(value.encode()).hexdigest()[:12]}"
