"""Pair masks with their images, by a suffix or by twin folders."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from scanvote.datasets.user_data.folder_names import is_contrast
from scanvote.datasets.user_data.scan_tree import FoundFile

WORDS = "mask|seg|segm|segmentation|label|annotation|gt|ground[ _-]?truth"
SUFFIX = re.compile(rf"[ _.-]({WORDS})s?([ _-]?r?\d+)?$", re.IGNORECASE)
"""Suffix of the stem of a mask: ``x_mask``, ``x-seg``, ``x_gt``, ``x_mask_1``."""
WIDE_SUFFIX = re.compile(
    rf"([ _-]label-[a-z0-9]+)?[ _.-]?({WORDS}|dseg|lesion|roi|contour|manual)s?([ _-]?r?\d+)?$",
    re.IGNORECASE,
)
"""Further suffixes, which tell a mask only beside the image: ``x_lesion``, ``x_roi``."""
LONE = re.compile(rf"({WORDS})s?", re.IGNORECASE)
"""Stem of a mask that is named after nothing: ``segmentation`` beside ``imaging``."""
PREFIX = re.compile(rf"({WORDS}|lesion|roi)s?[ _.-]+(?=.)", re.IGNORECASE)
IMAGE_WORDS = "image|img|scan|orig|original|photo|picture"
IMAGE_NAME = re.compile(
    rf"^({IMAGE_WORDS})[ _.-]+(?=.)|(?<=.)[ _.-]+({IMAGE_WORDS})$", re.IGNORECASE
)
"""Word of the name of an image beside its mask: ``x_image``, ``img_x``."""
FOLDER = re.compile(rf"({WORDS}|target)s?([Tt][rs])?$", re.IGNORECASE)
"""Name of a folder of masks; nnU-Net and the Decathlon use ``labelsTr``."""
CHANNEL = re.compile(r"_\d{4}$")
"""Suffix that nnU-Net adds to the name of an image, but not to that of its mask."""

Place = tuple[tuple[str, ...], str, str]
"""Folders, stem and kind of a file, without regard to case."""


@dataclass(frozen=True)
class Pairs:
    """Pairs of images and masks.

    Attributes:
        masks: the masks of each image that has masks, by the name of the image.
        used: names of all files that are the mask of an image.
        orphans: files named or placed like a mask, but without an image.
    """

    masks: Mapping[str, list[FoundFile]]
    used: frozenset[str]
    orphans: list[FoundFile]


def pair(files: Sequence[FoundFile]) -> Pairs:
    """Pair the masks among `files` with their images.

    A file that only looks like a mask is an orphan.
    """
    rasters = [file for file in files if file.kind != "dicom"]
    index = _Index(rasters)
    lone = _lone_masks(index.within.values())
    partners = {
        file.name: index.by_suffix(file) or index.by_folder(file) or lone.get(file.name, [])
        for file in rasters
    }
    masks: dict[str, list[FoundFile]] = defaultdict(list)
    orphans = []
    for file in rasters:
        # x_mask_mask.png is the mask of a mask, and has no image
        images = [image for image in partners[file.name] if not partners[image.name]]
        for image in images:
            masks[image.name].append(file)
        if not images and (partners[file.name] or _looks_like_mask(file)):
            orphans.append(file)
    used = frozenset(file.name for several in masks.values() for file in several)
    return Pairs(masks, used, orphans)


def _lone_masks(folders: Iterable[Sequence[FoundFile]]) -> dict[str, list[FoundFile]]:
    """Return the images of masks that are the only one in a folder, and named after nothing.

    One such folder may be chance. Several images share a mask only if they are volumes, whose
    places tell that it fits.
    """
    found: dict[str, list[FoundFile]] = {}
    for files in folders:
        masks = [file for file in files if LONE.fullmatch(file.stem)]
        images = [file for file in files if file not in masks and not _looks_like_mask(file)]
        kinds = {_place(file)[2] for file in (*masks, *images)}
        if len(masks) == len(kinds) == 1 and images and (len(images) == 1 or kinds == {"nifti"}):
            found[masks[0].name] = images
    return found if len(found) > 1 else {}


def _looks_like_mask(file: FoundFile) -> bool:
    return bool(SUFFIX.search(file.stem)) or _mask_folder(file) is not None


class _Index:
    """Index of files by place, and by place without one folder."""

    def __init__(self, files: Iterable[FoundFile]) -> None:
        self.beside: dict[Place, list[FoundFile]] = defaultdict(list)
        self.worded: dict[Place, list[FoundFile]] = defaultdict(list)
        self.contrasts: dict[Place, list[FoundFile]] = defaultdict(list)
        self.within: dict[tuple[str, ...], list[FoundFile]] = defaultdict(list)
        self.twins: dict[tuple[int, Place], list[FoundFile]] = defaultdict(list)
        for file in files:
            folders, stem, kind = _place(file)
            self.beside[folders, stem, kind].append(file)
            self.within[folders].append(file)
            core = IMAGE_NAME.sub("", stem)
            if core != stem:
                self.worded[folders, core, kind].append(file)
            bare = _without_contrast(stem)
            if bare != stem:
                self.contrasts[folders, bare, kind].append(file)
            for name in {stem, CHANNEL.sub("", stem), bare}:
                for at in range(len(folders)):
                    place = (folders[:at] + folders[at + 1 :], name, kind)
                    self.twins[at, place].append(file)
                self.twins[len(folders), (folders, name, kind)].append(file)

    def by_suffix(self, mask: FoundFile) -> list[FoundFile]:
        """Return the images beside `mask` with its name, except for the suffix or prefix."""
        folders, stem, kind = _place(mask)
        for base in _bases(stem):
            place = folders, base, kind
            found = self.beside[place] or self.worded[place] or self.contrasts[place]
            if found := [file for file in found if file is not mask]:
                return found
        match = SUFFIX.search(mask.stem)
        if not match or kind != "nifti":
            return []
        # one mask for all contrasts of a patient: BraTS_1_t1.nii, BraTS_1_flair.nii
        base = stem[: match.start()]
        return [
            file
            for file in self.within[folders]
            if _place(file)[2] == kind
            and file.stem.casefold().startswith(f"{base}_")
            and not SUFFIX.search(file.stem)
        ]

    def by_folder(self, mask: FoundFile) -> list[FoundFile]:
        """Return the images of that name beside or above the mask folder."""
        at = _mask_folder(mask)
        if at is None:
            return []
        folders, stem, kind = _place(mask)
        rest = folders[:at] + folders[at + 1 :]
        names = {stem: None, SUFFIX.sub("", stem): None}
        twins = [file for name in names for file in self.twins[at, (rest, name, kind)]]
        images = [file for file in twins if _mask_folder(file) is None]
        # x.png goes before the contrasts x_t1.png and x_t2.png
        return [file for file in images if file.stem.casefold() in names] or images


def _without_contrast(stem: str) -> str:
    """Return `stem` without a contrast at its end: ``x`` for ``x_t1``."""
    for separator in re.finditer(r"(?<=.)[ _.-]+", stem):
        if is_contrast(stem[separator.end() :]):
            return stem[: separator.start()]
    return stem


def _bases(stem: str) -> list[str]:
    """Return the names that the image of a mask called `stem` may have, the surest first."""
    bases = []
    for known in (SUFFIX, WIDE_SUFFIX):
        match = known.search(stem)
        if match and match.start() and stem[match.start()] in " _.-":
            base = stem[: match.start()]
            # 3D Slicer adds .seg to a name of any kind: x-segmentation.seg.nrrd
            bases += [base, *(_bases(base) if stem.endswith(".seg") else ())]
    match = PREFIX.match(stem)
    return [*bases, stem[match.end() :]] if match else bases


def _mask_folder(file: FoundFile) -> int | None:
    """Return the index of the last mask folder in the path."""
    places = [at for at, name in enumerate(file.folders) if FOLDER.match(name)]
    return places[-1] if places else None


def _place(file: FoundFile) -> Place:
    folders = tuple(name.casefold() for name in file.folders)
    # a mask in NIfTI may go with an image in NRRD, or the other way round
    kind = "nifti" if file.kind == "itk" else file.kind
    return folders, file.stem.casefold(), kind
