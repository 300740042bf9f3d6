"""Pair masks with their images, by a suffix or by twin folders."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import takewhile

from scanvote.datasets.user_data.folder_names import is_contrast
from scanvote.datasets.user_data.scan_tree import CHANNEL, NAMES, FoundFile

WORDS = "mask|seg|segm|segmentation|label|annotation|gt|ground[ _-]?truth"
SUFFIX = re.compile(rf"[ _.-]({WORDS})s?([ _-]?r?\d+)?$", re.IGNORECASE)
"""Suffix of the stem of a mask: ``x_mask``, ``x-seg``, ``x_gt``, ``x_mask_1``."""
WIDE_SUFFIX = re.compile(
    rf"([ _-]label-[a-z0-9]+)?[ _.-]?({WORDS}|dseg|lesion|roi|contour|manual)s?([ _-]?r?\d+)?$",
    re.IGNORECASE,
)
"""Further suffixes, which tell a mask only beside the image: ``x_lesion``, ``x_roi``."""
WHOLE = re.compile(rf"(({WORDS}|lesion|roi)s?([ _-]?\d+)?|.+\.seg)$", re.IGNORECASE)
"""Whole stem of a mask that is told from its image by this alone: ``P1/mask.nii``, or 3D Slicer's
``P1/Segmentation.seg.nrrd``."""
MOST_CONTRASTS = 8
"""Maximum of volumes in a folder that share the mask in it."""
PREFIX = re.compile(rf"({WORDS}|lesion|roi)s?[ _.-]+(?=.)", re.IGNORECASE)
IMAGE_WORDS = "image|img|imaging|volume|vol|scan|orig|original|photo|picture|input|ct|mri?"
IMAGE_NAME = re.compile(
    rf"^({IMAGE_WORDS})[ _.-]+(?=.)|(?<=.)[ _.-]+({IMAGE_WORDS})$", re.IGNORECASE
)
"""Word of the name of an image beside its mask: ``x_image``, ``img_x``."""
IMAGE_WHOLE = re.compile(rf"({IMAGE_WORDS})s?$", re.IGNORECASE)
"""Whole stem of an image beside a mask of `WHOLE`."""
FOLDER = re.compile(rf"({WORDS}|target)s?([Tt][rs])?$", re.IGNORECASE)
"""Name of a folder of masks; nnU-Net and the Decathlon use ``labelsTr``."""
FOLDER_WORD = re.compile(rf"(?<![a-z])({WORDS}|target)s?( ?t[rs])?(?![a-z])")
"""Word of the name of a mask folder beside that of the images: ``train_masks``."""
IMAGE_WORD = re.compile(rf"\b({IMAGE_WORDS})s?\b")

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
    partners = {file.name: index.partners(file) for file in rasters}
    masks: dict[str, list[FoundFile]] = defaultdict(list)
    orphans = []
    for file in rasters:
        # x_mask_mask.png is the mask of a mask, and has no image
        images = [image for image in partners[file.name] if not partners[image.name]]
        for image in images:
            masks[image.name].append(file)
        if not images and (partners[file.name] or index.looks_like_mask(file)):
            orphans.append(file)
    used = frozenset(file.name for several in masks.values() for file in several)
    return Pairs(masks, used, orphans)


class _Index:
    """Index of files by place, and by place without one folder."""

    def __init__(self, files: Iterable[FoundFile]) -> None:
        self.beside: dict[Place, list[FoundFile]] = defaultdict(list)
        self.worded: dict[Place, list[FoundFile]] = defaultdict(list)
        self.contrasts: dict[Place, list[FoundFile]] = defaultdict(list)
        self.within: dict[tuple[str, ...], list[FoundFile]] = defaultdict(list)
        self.twins: dict[tuple[int, Place], list[FoundFile]] = defaultdict(list)
        files = list(files)
        self.shared = _shared_folders(files)
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
            for name in {stem, core, CHANNEL.sub("", stem), bare}:
                for at in range(len(folders)):
                    place = (folders[:at] + folders[at + 1 :], name, kind)
                    self.twins[at, place].append(file)
                self.twins[len(folders), (folders, name, kind)].append(file)

    def partners(self, file: FoundFile) -> list[FoundFile]:
        """Return the images of which `file` is the mask, as its name and place tell."""
        return self.by_suffix(file) or self.by_folder(file) or self.by_whole_name(file)

    def by_whole_name(self, mask: FoundFile) -> list[FoundFile]:
        """Return the few volumes beside `mask`, or what is called ``image`` or by its contrast."""
        folders, _, kind = _place(mask)
        if not WHOLE.match(mask.stem):
            return []
        images = [
            file
            for file in self.within[folders]
            if _place(file)[2] == kind and not self.looks_like_mask(file)
        ]
        if kind == "image":
            images = [file for file in images if _is_image_alone(file)]
        return images if len(images) <= MOST_CONTRASTS else []

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
        folders, stem, kind = _place(mask)
        places = [at for at in range(self.shared, len(folders)) if _folder(mask.folders[at]).masks]
        if not places:
            return []
        at = places[-1]
        rest = folders[:at] + folders[at + 1 :]
        names = dict.fromkeys((stem, *_bases(stem)))
        twins = [file for name in names for file in self.twins[at, (rest, name, kind)]]
        images = [file for file in dict.fromkeys(twins) if _is_beside(file, mask, at)]
        # train_masks/x.png is of train_images/x.png rather than of val_images/x.png
        told = _folder(mask.folders[at]).others
        near = [
            file
            for file in images
            if [_folder(name).others for name in file.folders[at : at + 1]] == [told]
        ]
        # x.png goes before the contrasts x_t1.png and x_t2.png
        named = [file for file in near or images if file.stem.casefold() in names]
        return named or near or images

    def looks_like_mask(self, file: FoundFile) -> bool:
        """Tell if a file is named or placed like a mask, whatever lies beside it."""
        inside = any(FOLDER.match(name) for name in file.folders[self.shared :])
        return inside or bool(SUFFIX.search(file.stem) or WHOLE.match(file.stem))


def _shared_folders(files: Sequence[FoundFile]) -> int:
    """Return how many of the first folders all files share."""
    levels = zip(*(file.folders for file in files), strict=False)
    return sum(1 for _ in takewhile(lambda names: len(set(names)) == 1, levels))


@dataclass(frozen=True)
class _Folder:
    """What the name of a folder tells: words for masks or images, and the other words."""

    others: frozenset[str]
    masks: bool
    images: bool


@cache
def _folder(name: str) -> _Folder:
    words = re.sub(r"[ _.-]+", " ", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)).casefold()
    masks = bool(FOLDER.match(name) or FOLDER_WORD.search(words))
    others = FOLDER_WORD.sub(lambda found: found.group(2) or "", words)
    others, images = IMAGE_WORD.subn("", others)
    return _Folder(frozenset(others.split()), masks, images > 0)


def _is_beside(image: FoundFile, mask: FoundFile, at: int) -> bool:
    """Tell if a file may be the image of the mask folder at an index: above it, or beside it."""
    if len(image.folders) < len(mask.folders):
        return True
    folder, of_masks = _folder(image.folders[at]), mask.folders[at]
    sure = FOLDER.match(of_masks) or folder.images or folder.others == _folder(of_masks).others
    return bool(sure) and not folder.masks


def _is_image_alone(file: FoundFile) -> bool:
    return bool(IMAGE_WHOLE.match(file.stem)) or is_contrast(file.stem)


@lru_cache(NAMES)
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


def _place(file: FoundFile) -> Place:
    folders = tuple(name.casefold() for name in file.folders)
    # a mask in NIfTI may go with an image in NRRD, or the other way round
    kind = "nifti" if file.kind == "itk" else file.kind
    return folders, file.stem.casefold(), kind
