"""Read a BIDS tree: ``sub-*/[ses-*/]anat/sub-*_T1w.nii.gz`` with ``participants.tsv``.

- The subject is the patient, as text; a session never is. The contrasts of a session are a case.
- The class is the one column of ``participants.tsv`` that looks like a diagnosis.
- Pictures and DICOM series below ``sub-*`` are scans where no file is named as BIDS asks.
- A mask is named by its suffix (``_mask``, ``_dseg``, ``_roi``…), beside its scan or below
  ``derivatives/``. It is of the scans whose entities (``ses-``, ``run-``…) do not contradict its
  own. Masks of the brain or of tissues are no masks of lesions.
"""

import csv
import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from scanvote.core.errors import InputError
from scanvote.datasets.trees import is_junk_file
from scanvote.datasets.user_data.folders import read_folder
from scanvote.datasets.user_data.layout import DatasetItem, DatasetLayout, SkippedFile, first_few
from scanvote.datasets.user_data.scan_tree import FoundFile, list_files
from scanvote.datasets.user_data.series import dicom_items
from scanvote.params import Params, Task

SUBJECT = re.compile(r"sub-[A-Za-z0-9+]+$")
OTHER_FOLDERS = frozenset({"derivatives", "sourcedata", "rawdata", "code", "stimuli", "phenotype"})
PARTICIPANTS = "participants.tsv"
SCANS = frozenset(
    {
        *("t1w", "t2w", "flair", "pdw", "t2starw", "t2star", "swi", "unit1", "inplanet1", "angio"),
        *("inplanet2", "t1c", "t1ce", "t1gd", "t1", "t2", "pd", "ct", "pet", "dwi", "adc", "trace"),
    }
)
"""Suffixes of images that are used, in lower case."""
MASKS = re.compile(r"(mask|msk|dseg|probseg|roi|seg|lesion|label|annotation)s?(-manual)?$", re.I)
"""Suffix of a mask; ``_seg-manual`` is that of ivadomed."""
LESION = re.compile(r"lesion|tumou?r|infarct|stroke|label-[LR](_|$)", re.IGNORECASE)
NO_LESION = re.compile(
    r"defacemask|(desc|label)-(brain|head|skull|GM|WM|CSF|BG|tissue|aseg|aparc|ribbon|csfmask)"
    r"|(gm|wm|csf)(seg|mask)",
    re.IGNORECASE,
)
NO_LESION_REASON = "a mask of the brain or a tissue, not of a lesion"
UNUSED_MASK = "a mask of no scan that is used, or beside one that is named after a lesion"
PIPELINES = frozenset({"fmriprep", "smriprep", "freesurfer", "fastsurfer", "mriqc"})
"""Folders of programs whose masks are of the brain and of tissues."""
USES = frozenset({"scan", "mask"})
OF_THE_MASK = frozenset({"label", "desc", "atlas", "res", "den", "space", "mod"})
"""Entities that say something of the mask, not of its scan."""
METADATA = re.compile(r"\.(json|tsv|bval|bvec)$|(^|/)(README|CHANGES|LICENSE)[^/]*$")
"""Names of files that describe a BIDS tree."""
NATIVE = frozenset({"orig", "native", "scanner", "individual", "subject"})
"""Values of ``space-`` that mean the voxels of the scan itself."""
EVEN_TWIN = re.compile(r"(_Tilt)?_Eq(_\d+)?$", re.IGNORECASE)
"""Ending of the copy with even slices that dcm2niix writes beside a scan."""
CLASSES = frozenset(
    {
        *("group", "groups", "diagnosis", "diagnoses", "dx", "dx_group", "label", "class"),
        *("disease", "pathology", "condition", "patient_group", "clinical_group", "diag"),
        *("clinical_diagnosis", "participant_group", "subject_group", "status", "category"),
    }
)
MISSING = frozenset({"", "n/a", "na", "nan", "none", "null", ".", "not available"})
FACTS = {
    "age": ("age", "age_at_scan"),
    "sex": ("sex", "gender"),
    "grade": ("grade", "tumor_grade", "who_grade"),
    "institution": ("site", "institution", "center", "centre", "hospital"),
}
"""Metadata of a scan with the columns of ``participants.tsv`` that tell it."""
MOST_CLASSES = 20

Row = Mapping[str, str]


@dataclass(frozen=True)
class BidsName:
    """The parsed name of a BIDS file.

    Attributes:
        file: the file.
        entities: such as ``sub``, ``ses``, ``run``, from its name and folders.
        words: other words of its name, in lower case.
        suffix: last word of its name: ``T1w``, ``mask``…
        use: "scan", "mask", or why it is not used.
        files, names: all files of a DICOM series, and their names; empty for other files.
    """

    file: FoundFile
    entities: Mapping[str, str]
    words: tuple[str, ...]
    suffix: str
    use: str
    files: tuple[Path, ...] = ()
    names: frozenset[str] = frozenset()

    @property
    def subject(self) -> str:
        return f"sub-{self.entities['sub']}"

    @property
    def session(self) -> str:
        ses = self.entities.get("ses")
        return f"{self.subject}/ses-{ses}" if ses else self.subject


def is_bids(base: Path) -> bool:
    """Return whether `base` is the root of a BIDS tree."""
    try:
        folders = {one.name for one in base.iterdir() if one.is_dir() and not is_junk_file(one)}
    except OSError:
        return False
    subjects = {name for name in folders if SUBJECT.match(name)}
    told = any((base / name).is_file() for name in (PARTICIPANTS, "dataset_description.json"))
    return bool(subjects) and (told or folders <= subjects | OTHER_FOLDERS)


def read_bids(root: Path, base: Path, task: Task, params: Params) -> DatasetLayout:
    """Read the BIDS tree `base`, below the user's folder `root`.

    Raises:
        InputError: there are no scans; for classification no single column of classes; for
            segmentation no masks, or several of a scan.
    """
    tree = list_files(root)
    names = [_bids_name(file) for file in tree.files]
    scans = [one for one in names if one.use == "scan"]
    masks = [one for one in names if one.use == "mask"]
    skipped = [SkippedFile(one.file.name, one.use) for one in names if one.use not in USES]
    skipped += [one for one in tree.skipped if not METADATA.search(one.name)]
    loose = _loose_scans(names)
    if loose and not scans:
        if task == "segmentation" or not (base / PARTICIPANTS).is_file():
            return read_folder(root, task, params)  # its names tell no more than others
        scans = loose
        skipped = [one for one in skipped if not any(one.name in scan.names for scan in loose)]
    if not scans:
        raise InputError(
            f"{base} is a BIDS tree without a scan (sub-01/anat/sub-01_T1w.nii.gz; T2w, FLAIR"
            f" and the like){_first(skipped)}; name the scans so, or write a table of them"
        )
    scans, twins = _without_uneven_twins(scans)
    people = _participants(base)
    if task == "segmentation":
        items, unused = _with_masks(root, scans, masks, people, skipped)
        notes = _notes(items)
    else:
        items, unused, column = _with_classes(base, scans, people)
        unused += [
            SkippedFile(one.file.name, "a mask, which classification does not use") for one in masks
        ]
        notes = [*_notes(items), f"class: the column {column!r} of {PARTICIPANTS}"]
    return DatasetLayout("a BIDS tree", items, [*skipped, *twins, *unused], notes)


def _bids_name(file: FoundFile) -> BidsName:
    """Parse the path of a file, and decide what it is used for."""
    *parts, suffix = EVEN_TWIN.sub("", file.stem).split("_")
    entities = dict(part.split("-", 1) for part in parts if "-" in part)
    words = tuple(part.casefold() for part in parts if "-" not in part)
    for folder in file.folders:
        key, _, value = folder.partition("-")
        if key in ("sub", "ses") and value and entities.setdefault(key, value) != value:
            use = f"its name says {key}-{entities[key]}, its folder {folder}"
            return BidsName(file, entities, words, suffix, use)
    return BidsName(file, entities, words, suffix, _use(file, entities, suffix))


def _use(file: FoundFile, entities: Mapping[str, str], suffix: str) -> str:
    """Return "scan", "mask", or why the file is neither."""
    above = {name.lower() for name in file.folders}
    if file.kind == "dicom":
        return "DICOM in a BIDS tree; its scans are the NIfTI files"
    if "sub" not in entities or "sourcedata" in above or above & PIPELINES:
        return "no scan of a subject of the BIDS tree"
    if not _names_subject(file):
        return "a file whose name does not begin with its subject, as BIDS asks"
    if MASKS.search(suffix):
        return NO_LESION_REASON if NO_LESION.search(file.stem) else "mask"
    if "derivatives" in above:
        return "a derived image, no scan"
    if suffix.casefold() not in SCANS:
        return f"a BIDS file of the suffix {suffix}, which is not used"
    if file.path.with_name(f"{file.stem}.bval").exists():
        return "a diffusion series of several directions"
    return "scan"


def _names_subject(file: FoundFile) -> bool:
    return file.stem.casefold().startswith("sub-")


def _loose_scans(names: Sequence[BidsName]) -> list[BidsName]:
    """Return pictures and DICOM series of subjects whose names are not those of BIDS."""
    found = [
        one
        for one in names
        if (one.file.kind in ("image", "dicom") or not _names_subject(one.file))
        and "sub" in one.entities
        and not {"derivatives", "sourcedata"} & {name.lower() for name in one.file.folders}
        and not MASKS.search(one.suffix)
    ]
    by_path = {one.file.path: one for one in found}
    series, _ = dicom_items([one.file for one in found if one.file.kind == "dicom"])
    scans = [
        replace(one, suffix="", names=frozenset({one.file.name}))
        for one in found
        if one.file.kind != "dicom"
    ]
    for item in series:
        first = by_path[item.files[0]]
        file = FoundFile(item.files[0], item.name, "dicom")
        held = frozenset(by_path[path].file.name for path in item.files)
        scans.append(replace(first, file=file, suffix="", files=item.files, names=held))
    return scans


def _without_uneven_twins(scans: Sequence[BidsName]) -> tuple[list[BidsName], list[SkippedFile]]:
    """Drop the scans of which dcm2niix left a copy with even slices."""
    even: dict[Path, str] = {}
    for one in scans:
        match = EVEN_TWIN.search(one.file.stem)
        if match:
            start = one.file.path.with_name(one.file.stem[: match.start()])
            even[start] = even[start.with_name(f"{start.name}_Tilt")] = one.file.name
    kept, dropped = [], []
    for one in scans:
        twin = even.get(one.file.path.with_name(one.file.stem))
        if twin:
            dropped.append(SkippedFile(one.file.name, f"its copy with even slices is used: {twin}"))
        else:
            kept.append(one)
    return kept, dropped


def _item(scan: BidsName, people: Mapping[str, Row]) -> DatasetItem:
    row = people.get(scan.subject, {})
    facts = {"contrast": scan.suffix} if scan.suffix else {}
    for fact, columns in FACTS.items():
        values = [row[one] for one in columns if row.get(one, "").casefold() not in MISSING]
        if values:
            facts[fact] = values[0]
    return DatasetItem(
        scan.file.name,
        scan.file.kind,
        scan.files or (scan.file.path,),
        patient=scan.subject,
        case=scan.session,
        facts=facts,
        listed=True,
    )


# -- masks -------------------------------------------------------------------------


def _with_masks(
    root: Path,
    scans: Sequence[BidsName],
    masks: Sequence[BidsName],
    people: Mapping[str, Row],
    skipped: Sequence[SkippedFile],
) -> tuple[list[DatasetItem], list[SkippedFile]]:
    by_subject = defaultdict(list)
    for mask in masks:
        by_subject[mask.subject].append(mask)
    items, used = [], set()
    for scan in scans:
        fitting = [mask for mask in by_subject[scan.subject] if _belongs(mask, scan)]
        item = _item(scan, people)
        for mask in _one_mask(root, scan, fitting):
            item = replace(item, mask=mask.file.path, mask_name=mask.file.name)
            used.add(mask.file.name)
        items.append(item)
    if not used:
        raise InputError(
            f"{root} is a BIDS tree without masks of its scans; segmentation needs them, such as"
            f" sub-01_T1w_label-lesion_mask.nii.gz in derivatives/{_first(skipped)}"
        )
    unused = [one.file.name for one in masks if one.file.name not in used]
    return items, [SkippedFile(name, UNUSED_MASK) for name in unused]


def _belongs(mask: BidsName, scan: BidsName) -> bool:
    """Return whether the entities of a mask are those of a scan."""
    contrasts = {*mask.words, mask.entities.get("mod", "").casefold()} & SCANS
    if contrasts and scan.suffix.casefold() not in contrasts:
        return False
    if any(mask.entities.get(key) != scan.entities.get(key) for key in ("ses", "run")):
        return False
    space = mask.entities.get("space", "").casefold()
    native = "space" not in scan.entities and space in NATIVE | {scan.suffix.casefold()}
    if not native and space != scan.entities.get("space", "").casefold():
        return False
    shared = (mask.entities.keys() & scan.entities.keys()) - OF_THE_MASK
    return all(mask.entities[key] == scan.entities[key] for key in shared)


def _one_mask(root: Path, scan: BidsName, masks: Sequence[BidsName]) -> list[BidsName]:
    """Return the only mask, or the only one named after a lesion, if any."""
    lesions = [one for one in masks if LESION.search(one.file.stem)]
    masks = lesions or masks
    if len(masks) > 1:
        several = first_few(one.file.name for one in masks)
        raise InputError(
            f"{root}: {scan.file.name} has several masks ({several}); join them into one, or"
            " name one per scan in a table"
        )
    return list(masks)


# -- classes -----------------------------------------------------------------------


def _with_classes(
    base: Path, scans: Sequence[BidsName], people: Mapping[str, Row]
) -> tuple[list[DatasetItem], list[SkippedFile], str]:
    column = _class_column(base, {one.subject for one in scans}, people)
    items, unknown = [], []
    for scan in scans:
        label = people.get(scan.subject, {}).get(column, "")
        if label.casefold() in MISSING:
            reason = f"{PARTICIPANTS} tells no {column} of {scan.subject}"
            unknown.append(SkippedFile(scan.file.name, reason))
        else:
            items.append(replace(_item(scan, people), label=label))
    return items, unknown, column


def _class_column(base: Path, subjects: Collection[str], people: Mapping[str, Row]) -> str:
    """Return the only column with the name and the values of classes."""
    if not people:
        raise InputError(
            f"{base} is a BIDS tree without {PARTICIPANTS}, so the classes are not known;"
            " write a table of path, label and patient"
        )
    header = list(next(iter(people.values())))
    values = {
        column: {people[one][column] for one in subjects if one in people} for column in header
    }
    classes = {
        column: known
        for column, several in values.items()
        if column.casefold() in CLASSES
        and len(known := {one for one in several if one.casefold() not in MISSING}) >= 2
        and len(known) <= MOST_CLASSES
    }
    if len(classes) != 1:
        which = f"several columns that may be ({first_few(classes)})" if classes else "none that is"
        raise InputError(
            f"{base / PARTICIPANTS} has {which} the class; its columns are"
            f" {first_few(header, 12)}. Write a table of path, label and patient"
        )
    ((column, known),) = classes.items()
    if len({one.casefold() for one in known}) < len(known):
        raise InputError(
            f"{base / PARTICIPANTS}: values of {column!r} differ only in case"
            f" ({first_few(sorted(known), 8)}); write each class in one way"
        )
    return column


def _participants(base: Path) -> dict[str, Row]:
    """Return the rows of ``participants.tsv`` by subject; empty without the file."""
    path = base / PARTICIPANTS
    if not path.is_file():
        return {}
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        raise InputError(f"{path} cannot be read as UTF-8 text; save it as such") from None
    tab = "\t" if lines and "\t" in lines[0] else ","
    rows = [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=tab) if row]
    if not rows or "participant_id" not in rows[0]:
        raise InputError(f"{path} has no column participant_id; its first line should name it")
    people: dict[str, Row] = {}
    for number, cells in enumerate(rows[1:], 2):
        if len(cells) != len(rows[0]):
            raise InputError(
                f"{path}, row {number}: {len(cells)} values under {len(rows[0])} columns"
            )
        row = dict(zip(rows[0], cells, strict=True))
        subject = f"sub-{row.pop('participant_id').removeprefix('sub-')}"
        if people.setdefault(subject, row) != row:
            raise InputError(f"{path}, row {number}: {subject} has another row that differs")
    return people


def _first(skipped: Sequence[SkippedFile]) -> str:
    return f"; not used: {skipped[0].name}, {skipped[0].reason}" if skipped else ""


def _notes(items: Sequence[DatasetItem]) -> list[str]:
    cases = {item.case for item in items}
    contrasts = sorted({item.facts.get("contrast", "") for item in items} - {""})
    named = f", with {first_few(contrasts, 8)}" if contrasts else ""
    return [
        f"cases: {len(cases):,} sessions of the subjects{named}; all scans of a subject stay"
        " together"
    ]
