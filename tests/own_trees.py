"""Random trees of a user's data, of which it is known who and what every file is.

`numbered_tree` draws a `TreeSpec`, always the same for a number; `own_writing.write_tree` writes
it and tells the truth. What a tree does not tell, such as the person of a flat file, nobody can
know: `Fact.ties` holds only what the tree tells.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Literal

from scanvote.params import Task
from tests import own_forms as forms

FILES = {"picture": 48, "volume": 28}
"""Maximum of pictures or volumes in a tree, but for one of each person."""
CLASSES = (
    *(("yes", "no"), ("0", "1"), ("10", "2", "0"), ("glioma", "meningioma", "pituitary", "normal")),
    *(("AD patient", "healthy control"), ("Glüom", "Metastase"), ("año", "sano", "niño")),
    *(("test positive", "test negative"), ("tested", "untested"), ("latest", "earliest")),
    *(("normal", "abnormal"), ("T1 lesion", "T2 lesion"), ("CT", "MRI"), ("masked", "unmasked")),
    *(
        ("class.a", "class.b"),
        ("扫描", "正常"),
        ("Train station", "Valley"),
        ("grade II", "grade IV"),
    ),
)
PARTS = (
    *(("train", "test"), ("Training", "Testing"), ("TRAIN", "VAL", "TEST"), ("train", "valid")),
    *(("train_set", "test_set"), ("training data", "test data"), ("train", "validation", "test")),
    *(("train", "dev", "test"), ("TrainingSet", "TestSet")),
)
ABOVE = (("berlin", "lyon", "oslo"), ("fold_0", "fold_1"), ("site A", "site B"))
CONTRASTS = (("T1", "T2"), ("T1w", "FLAIR"), ("t1ce", "flair", "t2"), ("ADC", "DWI"))
PEOPLE = (
    *("P{:02d}", "{:04d}", "Patient {}", "sub-{:02d}", "pt_{}", "T{}", "N{}", "TCGA-CS-{:04d}"),
    *("José {}", "1.2.840.{}", "{}"),
)
VISITS = ("visit{}", "ses-{}", "2019-03-{:02d}")
EMPTY = ("NA", "n/a", "None", ".", "nan", "", "[Not Available]", "-")
JUNK = (
    *(".DS_Store", "._0.png", "Thumbs.db", "notes.txt", "desktop.ini", "README.md", "report.pdf"),
    *("broken.txt", "__MACOSX/._1.png"),
)
RASTERS = ("png", "jpeg", "tiff")
MASKED = (*RASTERS, "nifti", "nrrd", "mha", "nifti4d", "pages", "nifti2d")

Role = Literal["scan", "blank", "mask", "unlabelled", "junk"]


@dataclass(frozen=True)
class TreeSpec:
    """A tree, drawn but not written.

    Attributes:
        seed: of the pictures.
        task: which it is for.
        form: folders (of classes), table, bids; beside, twins, nnunet (of images with masks).
        format: key of `own_forms.ENDINGS`, or dicom.
        classes: names; one empty name without classes.
        people: persons of each class.
        visits, slices: of a person, and of a visit.
        contrasts: names; none where a visit has one picture.
        contrast_in: folder, prefixed (folder), suffix.
        identity: folder or flat; of a table: column or gaps.
        person: format of a person's name.
        header: of DICOM, as in `own_forms.write_dicom_series`.
        parts: names of the parts; `parts_below` the classes, or above them.
        above: names of hospitals or folds above the classes.
        extras: further oddities.
        alike: whether slices of a person look alike.
    """

    seed: int
    task: Task
    form: str
    format: str
    classes: tuple[str, ...]
    people: tuple[int, ...]
    visits: int = 1
    slices: int = 1
    contrasts: tuple[str, ...] = ()
    contrast_in: str = "suffix"
    identity: str = "flat"
    person: str = "P{:02d}"
    visit: str = VISITS[0]
    header: str = "right"
    parts: tuple[str, ...] = ()
    parts_below: bool = False
    above: tuple[str, ...] = ()
    gap: str = "NA"
    extras: frozenset[str] = frozenset()
    alike: bool = True

    @property
    def plain(self) -> bool:
        """Whether the tree is one that nobody could misread, so that it has to be accepted."""
        told = self.identity in ("folder", "column") and self.header == "right"
        odd = self.extras - {"junk", "wrapper", "deep wrapper", "blank", "plane", "dataset.json"}
        return told and not odd and not self.above and not self.parts_below and self.enough

    @property
    def enough(self) -> bool:
        """Whether each part of the split can get a person of each class."""
        return min(self.people) >= 4

    def __str__(self) -> str:
        plain = TreeSpec(self.seed, self.task, self.form, self.format, (), ())
        shown = {name: value for name, value in vars(self).items() if value != vars(plain)[name]}
        told = ", ".join(f"{name}={value}" for name, value in shown.items() if name != "extras")
        return f"{self.task} {self.form} {self.format}: {told}, {sorted(self.extras)}"


@dataclass(frozen=True)
class Fact:
    """The truth about a file.

    Attributes:
        role: what it is; a blank scan may be left out.
        person: number of the person; -1 of what is of nobody.
        label: its class; empty without classes.
        ties: keys that files share of which the tree tells that they are of one person.
        mask: name of its mask; empty without one.
        unit: number of the picture or series that the file is of; -1 of none.
    """

    role: Role
    person: int = -1
    label: str = ""
    ties: frozenset[str] = frozenset()
    mask: str = ""
    unit: int = -1


@dataclass
class Tree:
    """A written tree: `path` to give to scanvote, and the truth by file below `root`."""

    root: Path
    path: Path
    spec: TreeSpec
    facts: dict[str, Fact] = field(default_factory=dict)


@dataclass(frozen=True)
class Shot:
    """One picture or volume of a person, before it is placed."""

    person: int
    of_class: int
    visit: int
    slice: int
    contrast: str
    part: str
    above: str

    @property
    def number(self) -> int:
        """A number that the contrasts of one picture share, and nothing else does."""
        return (self.person * 3 + self.visit) * 10 + self.slice


def plan_tree(rng: Random) -> TreeSpec:
    """Draw a tree."""
    task: Task = "segmentation" if rng.random() < 0.35 else "classification"
    return _plan_masks(rng) if task == "segmentation" else _plan_classes(rng)


def numbered_tree(seed: int, number: int) -> TreeSpec:
    """The tree of that number, the same whenever it is drawn."""
    return plan_tree(Random(f"{seed}-{number}"))


def _plan_classes(rng: Random) -> TreeSpec:
    form = rng.choices(("folders", "table", "bids"), (0.7, 0.22, 0.08))[0]
    formats = ("nifti",) if form == "bids" else (*RASTERS, "png", "dicom", *forms.ENDINGS)
    format_ = rng.choice((*formats, "dicom") if form == "folders" else formats)
    classes = rng.choice(CLASSES)
    many = 7 if format_ in forms.VOLUMES else 12
    spec = TreeSpec(
        seed=rng.randrange(10**6),
        task="classification",
        form=form,
        format=format_,
        classes=classes,
        people=tuple(rng.randint(2 if rng.random() < 0.1 else 4, many) for _ in classes),
        **_plan_people(rng, form, format_),
    )
    return _within_bounds(_with_extras(rng, spec))


def _plan_masks(rng: Random) -> TreeSpec:
    form = rng.choices(("beside", "twins", "nnunet", "table"), (0.4, 0.25, 0.2, 0.15))[0]
    format_ = rng.choice(("nifti", "nrrd", "png") if form == "nnunet" else MASKED)
    spec = TreeSpec(
        seed=rng.randrange(10**6),
        task="segmentation",
        form=form,
        format=format_,
        classes=("",),
        people=(rng.randint(3, 8 if format_ in forms.VOLUMES else 12),),
        **_plan_people(rng, form, format_),
    )
    return _within_bounds(_with_extras(rng, spec))


def _plan_people(rng: Random, form: str, format_: str) -> dict[str, object]:
    """Draw visits, contrasts and how persons are told."""
    volumes = format_ in forms.VOLUMES
    told = {"table": ("column", "gaps", "flat"), "bids": ("folder",), "nnunet": ("flat",)}
    identity = rng.choice(told.get(form, ("folder", "folder", "flat")))
    contrasts = rng.choice(CONTRASTS) if rng.random() < 0.4 else ()
    in_folders = ("folder", "prefixed", "suffix") if form == "folders" else ("suffix",)
    return {
        "visits": rng.choice((1, 1, 2)),
        "slices": 1 if volumes else rng.randint(1, 3),
        "contrasts": contrasts,
        "contrast_in": rng.choice(in_folders),
        "identity": identity,
        "person": "sub-{:02d}" if form == "bids" else rng.choice(PEOPLE),
        "visit": "ses-{}" if form == "bids" else rng.choice(VISITS),
        "header": rng.choice(("right", "right", "same", "same_series", "new", "missing")),
        "gap": rng.choice(EMPTY),
        "alike": rng.random() < 0.5,
    }


def _with_extras(rng: Random, spec: TreeSpec) -> TreeSpec:
    values = dict(vars(spec))
    if spec.form in ("folders", "table") and rng.random() < 0.3:
        values["parts"] = rng.choice(PARTS)
        values["parts_below"] = rng.random() < 0.2
    elif spec.form == "folders" and rng.random() < 0.15:
        values["above"] = rng.choice(ABOVE)
    values["extras"] = frozenset(one for one, share in _odds(spec) if rng.random() < share)
    return TreeSpec(**values)


def _odds(spec: TreeSpec) -> Iterator[tuple[str, float]]:
    """Oddities with their odds."""
    yield from (("junk", 0.3), ("wrapper", 0.2), ("deep wrapper", 0.05), ("blank", 0.15))
    if spec.form == "folders":
        yield from (("stray", 0.08), ("two classes", 0.06), ("spelling", 0.05), ("twice", 0.03))
        yield from (("plane", 0.1), ("masks", 0.08), ("two parts", 0.1))
    if spec.format == "dicom":
        yield "seg", 0.3
    if spec.form == "nnunet":
        yield "dataset.json", 0.5


def _within_bounds(spec: TreeSpec) -> TreeSpec:
    """Drop slices, then visits, then contrasts, while there are too many files."""
    values = dict(vars(spec))
    most = FILES["volume" if spec.format in forms.VOLUMES else "picture"]
    for name, least in (("slices", 1), ("visits", 1), ("contrasts", ())):
        if _count(TreeSpec(**values)) > most:
            values[name] = least
    return TreeSpec(**values)


def _count(spec: TreeSpec) -> int:
    return sum(spec.people) * spec.visits * spec.slices * max(1, len(spec.contrasts))


def shots(spec: TreeSpec) -> Iterator[Shot]:
    """All pictures and volumes of the tree, person by person."""
    person = 0
    for of_class, count in enumerate(spec.people):
        for at in range(count):
            again = "two classes" in spec.extras and of_class == 1 and at == 0
            yield from _shots_of(spec, 0 if again else person, of_class, at)
            person += 1


def _shots_of(spec: TreeSpec, person: int, of_class: int, at: int) -> Iterator[Shot]:
    for visit in range(spec.visits):
        # who comes twice may lie in two parts, as people do in published sets
        moved = visit if "two parts" in spec.extras else 0
        part = spec.parts[(at + moved) % len(spec.parts)] if spec.parts else ""
        above = spec.above[at % len(spec.above)] if spec.above else ""
        for slice_ in range(spec.slices):
            for contrast in spec.contrasts or ("",):
                yield Shot(person, of_class, visit, slice_, contrast, part, above)
