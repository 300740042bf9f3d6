"""Recognise folders by name: parts, folds, contrasts, visits, patients, diagnoses."""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

PARTS = re.compile(
    r"((data(set)?|img|images?|seg|split|set|\d{1,2})[ _.-]*)?"
    r"(train|trn|test|tst|validat|valid|val|dev|eval|evaluat|holdout|hold[ _-]out)"
    r"(ing|ion|uation|ation)?"
    r"([ _-]?(set|sets|data|dataset|split|part|images?|imgs?|[1-9]|\(\d\)))*$",
    re.IGNORECASE,
)
"""Name of a folder with one part of a published split."""
PART_WORDS = {"trn": "train", "tst": "test", "holdout": "test", "hold-out": "test"}
FOLDS = re.compile(r"([0-9]+[ _-]?)?(cv|k)?[ _-]?(fold|subset|cv)[ _-]?(\d+)$", re.IGNORECASE)
"""Name of a fold of a published cross-validation, with its number."""
PLANES = frozenset({"axial", "coronal", "sagittal"})
CONTRASTS = frozenset(
    (
        *("t1", "t1w", "t1c", "t1ce", "t1gd", "t1n", "t1post", "t1pre", "t2", "t2w", "t2f"),
        *("t2s", "t2star", "flair", "pd", "pdw", "dwi", "dti", "adc", "swi", "stir", "ct"),
        *("cta", "cect", "ncct", "mr", "mri", "mra", "tof", "pet", "asl", "bold", "mprage"),
    )
)
CONTRAST_DETAILS = frozenset(
    (
        *("w", "weighted", "post", "pre", "gd", "c", "ce", "contrast", "fs", "star", "images"),
        *("image", "scans", "3d", "2d", "se", "tse", "space"),
    )
)
"""Words that go with a contrast, as in ``T1 post contrast``."""
FORMATS = re.compile(
    r"(image|img|scan|slice|photo|picture|dicom|dcm|nifti|nii|jpe?g|png|tiff?|bmp|nrrd|original|raw"
    r"|data|processed|preprocessed|anat|func|dwi_raw)s?([Tt][rs])?$",
    re.IGNORECASE,
)
"""Name of a folder that describes the files in it, but not their patient."""
VIEWS = re.compile(
    r"(left|right|l|r|od|os|cc|mlo|[lr](cc|mlo)|ap|pa|lateral|frontal|\d{2,3}x|x\d{2,3})$",
    re.IGNORECASE,
)
"""Side, projection, or magnification of a microscope."""
VISITS = re.compile(
    r"(ses-.+|(ses|session|visit|day|week|month|year|timepoint|time|tp|follow[ _-]?up|fu)"
    r"[ _-]?\d*|baseline|bl|pre|post|pre[ _-]?op|post[ _-]?op|m\d{2}"
    r"|(scan|exam|study|series|acq|run)[ _-]?\d+)$",
    re.IGNORECASE,
)
DATES = re.compile(
    r"(19|20)\d\d([ ._-]?[01]\d([ ._-]?[0-3]\d([ T_-][\d ._:-]{4,})?)?)?$"
    r"|[0-3]?\d[._-][01]?\d[._-]\d{4}$"
)
SITES = re.compile(
    r"(site|hospital|cent(er|re)|clinic|institut(e|ion)|scanner|vendor|universit(y|aet))s?"
    r"([ _-]?[a-z0-9]+)?$",
    re.IGNORECASE,
)
ORGANS = re.compile(
    r"(brain|head|chest|lungs?|colon|breast|liver|kidneys?|prostate|heart|knee|spine|skin|eyes?"
    r"|retina|thyroid|pancreas|stomach|hips?|hands?|wrist|elbow|shoulder|abdomen)$",
    re.IGNORECASE,
)
SEXES = re.compile(r"(fe)?males?$|(wo)?m[ae]n$", re.IGNORECASE)
DERIVED = re.compile(
    r"aug$|augment(ed|ation|ations)?([ _-].*)?$|.+[ _-]aug(mented|mentation)?$"
    r"|(.+[ _-])?(thumb(nail)?|preview)s?$",
    re.IGNORECASE,
)
"""Name of a folder of pictures computed from the others."""
UNLABELLED = re.compile(
    r"(unknown|unlabel+ed|unclassified|unsorted|undefined|no[ _-]?labels?|n/?a|nan)$", re.IGNORECASE
)
"""Name of a folder whose class is not known."""
PERSONS = re.compile(
    r"((sub|subject|patient|pat|person|proband|participant|volunteer)[ _-]?[a-z]{0,3}\d\w*"
    r"|sub-\w+|tcga[ _-].+|p[ _-]?\d+|brats.*\d.*)$",
    re.IGNORECASE,
)
"""Name of a folder that can only be a patient's."""
NO_CLASS = re.compile(r"(sub-\w+|(sub|subject|patient|tcga)[ _-]?.*\d.*)$", re.IGNORECASE)
"""The surest of `PERSONS`, which are never classes."""
GRADES = re.compile(r"(class|grade|stage|bi-?rads|kl)[ _-]?\w{1,3}$", re.IGNORECASE)
"""Names of classes with a number, which no other folders have."""
CLASS_NUMBERS = re.compile(
    r"(class|grade|stage|type|label|cat|category|bi-?rads|kl|level|score|group)[ _-]?\w{1,3}$",
    re.IGNORECASE,
)
DIAGNOSES = re.compile(
    r"(?<![a-z])(yes|no|non|pos|neg|positive|negative|normal|abnormal|healthy|control|controls"
    r"|benign|malign|malignant|tumou?rs?|no ?tumou?r|cancer|lesions?|disease[ds]?|pituitary"
    r"|lgg|hgg|ad|cn|mci|hc|asd|covid.*|stroke|ischa?emi.*|h?a?emorrhag.*|bleeding"
    r"|fracture[ds]?|sick|cyst|stone|nodules?|mass|opacity|oedema|edema|infarct.*|healed"
    r"|very|mild|moderate|severe|no[ _-]?dr|proliferative|pathologic(al)?|patients?"
    r"|.{3,}(oma|osis|itis|opathy|plasia|a?emia|tumou?r|monia|cancer|demented|carcinoma|cytosis))"
    r"(?![a-z])",
    re.IGNORECASE,
)


def is_part(name: str) -> bool:
    return bool(PARTS.match(name))


def part_of(name: str) -> str:
    """Return the part of the published split that a folder is, in words the protocols know."""
    stem = PARTS.match(name)
    word = stem.group(4).lower().replace("_", "-").replace(" ", "-") if stem else name.lower()
    known = PART_WORDS.get(word, word)
    return name if name.lower().startswith(known) else known


@lru_cache(2**14)
def is_contrast(name: str) -> bool:
    """Tell if every word of `name` is of a contrast, as in ``T1-weighted``."""
    words = [word for word in re.split(r"[ _+.-]+", name.casefold()) if word]
    known = CONTRASTS | CONTRAST_DETAILS | PLANES
    return any(word in CONTRASTS for word in words) and all(word in known for word in words)


def is_plane(name: str) -> bool:
    return name.casefold() in PLANES


def is_visit(name: str) -> bool:
    return bool(VISITS.match(name) or DATES.match(name))


def describes_picture(name: str) -> bool:
    """Tell if a folder can say how its pictures were taken, and neither whose nor of what."""
    return (
        is_contrast(name)
        or is_plane(name)
        or any(bool(known.match(name)) for known in (FORMATS, VIEWS, VISITS, SEXES))
    )


def is_person(name: str) -> bool:
    """Tell if a folder is named like a patient's: with a number, and no known class."""
    return bool(PERSONS.match(name)) or (
        any(letter.isdigit() for letter in name) and not CLASS_NUMBERS.match(name)
    )


def is_diagnosis(name: str) -> bool:
    spaced = re.sub(r"[ _-]+", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name))
    known = DIAGNOSES.search(spaced) or GRADES.match(name)
    return bool(known) and not PERSONS.match(name)


def are_persons(names: Iterable[str]) -> bool:
    return _most(names, is_person)


def are_diagnoses(names: Iterable[str]) -> bool:
    return _most(names, is_diagnosis)


def are_surely_persons(names: Iterable[str]) -> bool:
    names = list(names)
    return 2 * sum(bool(PERSONS.match(name)) for name in names) > len(names)


def _most(names: Iterable[str], known: object) -> bool:
    names = list(names)
    return bool(names) and callable(known) and 2 * sum(map(known, names)) >= len(names)


def spelling_key(name: str) -> str:
    """Return what two spellings of one class share: case, space, letters, number form."""
    text = " ".join(unicodedata.normalize("NFKC", name).casefold().split())
    text = unicodedata.normalize("NFKC", text)
    number = re.fullmatch(r"([+-]?)0*(\d+)(?:\.0*)?", text)
    return f"{number.group(1).strip('+')}{number.group(2)}" if number else text
