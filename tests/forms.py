"""Every form of data that a user may bring, made small, with what becomes of it.

`FORMS` is run through `download` by ``tests/unit/datasets/user_data/test_forms.py``, and becomes
the page ``docs/reference/forms.md`` when the site is built: add a form here, and it is tested and
told of.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from scanvote.params import Task
from tests import matlab
from tests.making import (
    picture,
    volume,
    write_image,
    write_mask,
    write_nifti,
    write_nifti_mask,
    write_series,
)

SLICES = 4
"""Of a volume, by the settings that the test and the page assume."""


@dataclass(frozen=True)
class Form:
    """A form and what becomes of it.

    Attributes:
        title: of its section on the page.
        words: what is understood, in a sentence or two.
        make: writes it to a folder, and returns what to name in params.yaml.
        task: what it serves here.
        scans: pictures that it becomes, `SLICES` of a volume.
        classes: of the scans.
        positive: the class not to miss, where the names of two do not tell.
        patients, cases: how many are known.
        parts: of its published split.
        series: volumes that its slices are of.
        unused: names of files that are left out, of those that may be scans.
    """

    title: str
    words: str
    make: Callable[[Path], Path]
    task: Task
    scans: int
    classes: Sequence[str] = ()
    positive: str | None = None
    patients: int = 0
    cases: int = 0
    parts: Sequence[str] = ()
    series: int = 0
    unused: Sequence[str] = ()


# -- folders -----------------------------------------------------------------------


def class_folders(root: Path) -> Path:
    for seed in range(6):
        write_image(root / ("tumour" if seed % 2 else "healthy") / f"{seed}.png", seed)
    return root


def patients_below(root: Path) -> Path:
    for seed in range(8):
        patient = f"P{seed // 2}"
        write_image(root / ("yes" if seed % 4 > 1 else "no") / patient / f"{seed}.jpg", seed)
    return root


def train_and_test(root: Path) -> Path:
    for seed in range(8):
        part = "test" if seed > 5 else "train"
        write_image(root / part / ("yes" if seed % 2 else "no") / f"{seed}.png", seed)
    return root


def masks_beside(root: Path) -> Path:
    for seed in range(4):
        write_image(root / f"P{seed // 2}" / f"{seed}.png", seed)
        write_mask(root / f"P{seed // 2}" / f"{seed}_mask.png")
    return root


def twin_folders(root: Path) -> Path:
    for seed in range(4):
        write_image(root / "images" / f"{seed}.png", seed)
        write_mask(root / "masks" / f"{seed}.png")
    return root


def table(root: Path) -> Path:
    rows = ["path,label,patient,split"]
    for seed in range(6):
        write_image(root / "pictures" / f"{seed}.png", seed)
        label, part = ("glioma" if seed % 2 else "healthy"), ("test" if seed > 3 else "train")
        rows.append(f"pictures/{seed}.png,{label},P{seed // 2},{part}")
    (root / "list.csv").write_text("\n".join(rows) + "\n")
    return root / "list.csv"


# -- volumes -----------------------------------------------------------------------


def nifti(root: Path) -> Path:
    for seed in range(4):
        write_nifti(root / ("yes" if seed % 2 else "no") / f"{seed}.nii.gz", seed)
    return root


def nifti_with_masks(root: Path) -> Path:
    for seed in range(3):
        write_nifti(root / f"P{seed}" / "flair.nii.gz", seed)
        write_nifti_mask(root / f"P{seed}" / "flair_seg.nii.gz")
    return root


def patients_with_masks(root: Path) -> Path:
    for seed in range(3):
        for contrast in range(2):
            write_nifti(root / f"P{seed}" / f"t{contrast + 1}.nii.gz", 10 * contrast + seed)
        write_nifti_mask(root / f"P{seed}" / "mask.nii.gz")
    return root


def dicom(root: Path) -> Path:
    for seed in range(4):
        label = "yes" if seed % 2 else "no"
        write_series(root / label / f"P{seed}", seed, patient=f"ID{seed}", number=seed + 1)
    return root


def four_axes(root: Path) -> Path:
    import nibabel

    for seed in range(3):
        stacked = np.stack([volume(seed), volume(seed + 50)], axis=-1)
        write_nifti_mask(root / f"P{seed}" / "scan_seg.nii.gz")
        nibabel.save(nibabel.Nifti1Image(stacked, np.eye(4)), root / f"P{seed}" / "scan.nii.gz")
    return root


def nrrd(root: Path) -> Path:
    return _itk(root, "nrrd")


def metaimage(root: Path) -> Path:
    return _itk(root, "mha")


def _itk(root: Path, ending: str) -> Path:
    import SimpleITK

    for seed in range(4):
        path = root / ("yes" if seed % 2 else "no") / f"P{seed}" / f"scan.{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        SimpleITK.WriteImage(SimpleITK.GetImageFromArray(volume(seed).transpose(2, 1, 0)), path)
    return root


def tiff_stack(root: Path) -> Path:
    import tifffile

    for seed in range(4):
        path = root / ("yes" if seed % 2 else "no") / f"P{seed}.tif"
        path.parent.mkdir(parents=True, exist_ok=True)
        pages = np.stack([picture(100 * seed + page) for page in range(2 * SLICES)])
        tifffile.imwrite(path, pages, photometric="minisblack")
    return root


# -- published forms ---------------------------------------------------------------


def nnunet(root: Path) -> Path:
    for seed in range(3):
        for channel in range(2):
            write_nifti(root / f"imagesTr/MS_{seed:03d}_{channel:04d}.nii.gz", 10 * channel + seed)
        write_nifti_mask(root / f"labelsTr/MS_{seed:03d}.nii.gz")
    write_nifti(root / "imagesTs/MS_009_0000.nii.gz", 9)
    return _listed(
        root,
        channel_names={"0": "FLAIR", "1": "T1"},
        labels={"background": 0, "lesion": 1},
        numTraining=3,
        file_ending=".nii.gz",
    )


def nnunet_pictures(root: Path) -> Path:
    for part, seeds in (("Tr", range(4)), ("Ts", range(4, 6))):
        for seed in seeds:
            write_image(root / f"Dataset001_X/images{part}/c{seed}_0000.png", seed)
            write_mask(root / f"Dataset001_X/labels{part}/c{seed}.png")
    _listed(
        root / "Dataset001_X",
        channel_names={"0": "grey"},
        labels={"background": 0, "tumour": 1},
        numTraining=4,
        file_ending=".png",
    )
    return root


def nnunet_version_1(root: Path) -> Path:
    for seed in range(3):
        for channel in range(2):
            write_nifti(root / f"imagesTr/la_{seed:03d}_{channel:04d}.nii.gz", 10 * channel + seed)
        write_nifti_mask(root / f"labelsTr/la_{seed:03d}.nii.gz")
    names = [f"la_{seed:03d}.nii.gz" for seed in range(3)]
    return _decathlon_list(root, names, [], {"0": "T2", "1": "ADC"})


def decathlon_contrasts(root: Path) -> Path:
    import nibabel

    for seed in range(3):
        stacked = np.stack([volume(seed), volume(seed + 50)], axis=-1)
        write_nifti_mask(root / f"labelsTr/BRATS_{seed}.nii.gz")
        (root / "imagesTr").mkdir(parents=True, exist_ok=True)
        image = nibabel.Nifti1Image(stacked, np.eye(4))
        nibabel.save(image, root / f"imagesTr/BRATS_{seed}.nii.gz")
    names = [f"BRATS_{seed}.nii.gz" for seed in range(3)]
    return _decathlon_list(root, names, [], {"0": "FLAIR", "1": "T1w"})


def decathlon(root: Path) -> Path:
    for seed in range(3):
        write_nifti(root / f"imagesTr/hippo_{seed}.nii.gz", seed)
        write_nifti_mask(root / f"labelsTr/hippo_{seed}.nii.gz")
    write_nifti(root / "imagesTs/hippo_7.nii.gz", 7)
    write_nifti(root / "imagesTr/spare.nii.gz", 8)
    names = [f"hippo_{seed}.nii.gz" for seed in range(3)]
    return _decathlon_list(root, names, ["hippo_7.nii.gz"], {"0": "MRI"})


def _decathlon_list(
    root: Path, names: Sequence[str], test: Sequence[str], modality: dict[str, str]
) -> Path:
    training = [{"image": f"./imagesTr/{one}", "label": f"./labelsTr/{one}"} for one in names]
    return _listed(
        root,
        name="Toy",
        modality=modality,
        labels={"0": "background", "1": "lesion"},
        numTraining=99,
        training=training,
        test=[f"./imagesTs/{one}" for one in test],
    )


def _listed(root: Path, **content: object) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    (root / "dataset.json").write_text(json.dumps(content, indent=1))
    return root


def bids(root: Path) -> Path:
    rows = ["participant_id\tage\tsex\tgroup"]
    for seed in range(4):
        subject = f"sub-{seed + 1:02d}"
        rows.append(f"{subject}\t{40 + seed}\tF\t{'patient' if seed % 2 else 'control'}")
        for session in ("ses-1", "ses-2"):
            name = f"{subject}/{session}/anat/{subject}_{session}_T1w.nii.gz"
            write_nifti(root / name, 10 * seed + int(session[-1]))
    return _bids_root(root, rows)


def bids_with_masks(root: Path) -> Path:
    for seed in range(3):
        subject = f"sub-{seed + 1:02d}"
        for at, contrast in enumerate(("T1w", "FLAIR")):
            write_nifti(root / f"{subject}/anat/{subject}_{contrast}.nii.gz", 10 * seed + at)
        folder = root / f"derivatives/lesions/{subject}/anat"
        write_nifti_mask(folder / f"{subject}_label-lesion_mask.nii.gz")
        write_nifti_mask(folder / f"{subject}_desc-brain_mask.nii.gz")
    return _bids_root(root, ["participant_id", *(f"sub-{seed + 1:02d}" for seed in range(3))])


def _bids_root(root: Path, rows: Sequence[str]) -> Path:
    (root / "participants.tsv").write_text("\n".join(rows) + "\n")
    (root / "dataset_description.json").write_text('{"Name": "Toy", "BIDSVersion": "1.9.0"}')
    return root


def medmnist(root: Path) -> Path:
    arrays = {}
    for start, (part, count) in enumerate((("train", 12), ("val", 4), ("test", 6))):
        images = [picture(100 * start + one, side=28) for one in range(count)]
        arrays[f"{part}_images"] = np.stack(images)
        arrays[f"{part}_labels"] = np.arange(count, dtype=np.uint8)[:, None] % 2
    root.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(root / "pneumoniamnist.npz", **arrays)
    return root / "pneumoniamnist.npz"


def figshare(root: Path) -> Path:
    return matlab.laid(root, matlab.slices() | {"cvind.mat": matlab.cvind([1, 2, 3, 4, 5, 1])})


FORMS = (
    Form(
        "A folder for each class",
        "The folders are the classes.",
        class_folders,
        "classification",
        scans=6,
        classes=("healthy", "tumour"),
    ),
    Form(
        "Patients below the classes",
        "A folder below a class is a patient.",
        patients_below,
        "classification",
        scans=8,
        classes=("no", "yes"),
        patients=4,
    ),
    Form(
        "A published split",
        "`train`, `val` and `test` above the classes are the published split,"
        " for `split.protocol: official`.",
        train_and_test,
        "classification",
        scans=8,
        classes=("no", "yes"),
        parts=("test", "train"),
    ),
    Form(
        "Masks beside their images",
        "`x_mask.png` is the mask of `x.png`; a folder is a patient.",
        masks_beside,
        "segmentation",
        scans=4,
        patients=2,
    ),
    Form(
        "Masks in a folder of their own",
        "A mask has the name of its image.",
        twin_folders,
        "segmentation",
        scans=4,
    ),
    Form(
        "A table",
        "One row for each scan; name the table, not its folder.",
        table,
        "classification",
        scans=6,
        classes=("glioma", "healthy"),
        patients=3,
        parts=("test", "train"),
    ),
    Form(
        "NIfTI volumes",
        "A volume stands wherever an image may, and is cut to slices.",
        nifti,
        "classification",
        scans=4 * SLICES,
        classes=("no", "yes"),
        series=4,
    ),
    Form(
        "NIfTI volumes with masks",
        "The mask is a volume on the same voxels.",
        nifti_with_masks,
        "segmentation",
        scans=3 * SLICES,
        patients=3,
        series=3,
    ),
    Form(
        "A folder for each patient",
        "A volume called `mask`, `seg` or `label`, or 3D Slicer's `Segmentation.seg.nrrd`, is the"
        " mask of the other volumes in its folder. They share it and stay together.",
        patients_with_masks,
        "segmentation",
        scans=3 * 2 * SLICES,
        patients=3,
        cases=3,
        series=6,
    ),
    Form(
        "NIfTI of four axes",
        "The volumes of one file are contrasts of one scan: all, or those of `volumes.channels`.",
        four_axes,
        "segmentation",
        scans=3 * 2 * SLICES,
        patients=3,
        cases=3,
        series=6,
    ),
    Form(
        "DICOM series",
        "The files of a series are one volume. The patient is that of the header, as a digest.",
        dicom,
        "classification",
        scans=4 * SLICES,
        classes=("no", "yes"),
        patients=4,
        series=4,
    ),
    Form(
        "NRRD volumes",
        "As NIfTI.",
        nrrd,
        "classification",
        scans=4 * SLICES,
        classes=("no", "yes"),
        patients=4,
        series=4,
    ),
    Form(
        "MetaImage volumes",
        "As NIfTI; `.mha`, or `.mhd` with its raw file.",
        metaimage,
        "classification",
        scans=4 * SLICES,
        classes=("no", "yes"),
        patients=4,
        series=4,
    ),
    Form(
        "A TIFF of several pages",
        "The pages are slices of one scan, in their order."
        " Pages of several sizes are not: the first is used, and the check says so.",
        tiff_stack,
        "classification",
        scans=4 * SLICES,
        classes=("no", "yes"),
        series=4,
    ),
    Form(
        "nnU-Net",
        "The channels of a case share its mask and stay together. Which cases are of one person is"
        " not told. `imagesTs` is used if there is a `labelsTs`.",
        nnunet,
        "segmentation",
        scans=3 * 2 * SLICES,
        cases=3,
        series=6,
        unused=("imagesTs/MS_009_0000.nii.gz",),
    ),
    Form(
        "nnU-Net with flat pictures and a test part",
        "`imagesTr` and `imagesTs` are the published split where both have masks."
        " A folder that holds the whole set is passed by.",
        nnunet_pictures,
        "segmentation",
        scans=6,
        cases=6,
        parts=("test", "train"),
    ),
    Form(
        "nnU-Net, version 1",
        "As version 2; the list names the cases without the numbers of their channels.",
        nnunet_version_1,
        "segmentation",
        scans=3 * 2 * SLICES,
        cases=3,
        series=6,
    ),
    Form(
        "The Medical Segmentation Decathlon",
        "The list rules, not its counts: images without a mask, and files that it does not list,"
        " are left out.",
        decathlon,
        "segmentation",
        scans=3 * SLICES,
        cases=3,
        series=3,
        unused=("imagesTs/hippo_7.nii.gz", "imagesTr/spare.nii.gz"),
    ),
    Form(
        "The Decathlon with several contrasts",
        "The volumes of one file are contrasts of one case.",
        decathlon_contrasts,
        "segmentation",
        scans=3 * 2 * SLICES,
        cases=3,
        series=6,
    ),
    Form(
        "BIDS",
        "`sub-` is the patient, `ses-` a visit. The class is the only column of `participants.tsv`"
        " that looks like one (`group`, `diagnosis`, `dx`…, 2 to 20 values; `n/a` is no value);"
        " without it, write a table.",
        bids,
        "classification",
        scans=8 * SLICES,
        classes=("control", "patient"),
        patients=4,
        cases=8,
        series=8,
    ),
    Form(
        "BIDS with masks",
        "A mask is found by its suffix (`_mask`, `_dseg`, `_roi`, `_seg`) beside the scan or in"
        " `derivatives/`, and is that of all contrasts of its session, unless it names one."
        " Masks of the brain or of tissues are left out.",
        bids_with_masks,
        "segmentation",
        scans=3 * 2 * SLICES,
        patients=3,
        cases=3,
        series=6,
        unused=tuple(
            f"derivatives/lesions/sub-{one:02d}/anat/sub-{one:02d}_desc-brain_mask.nii.gz"
            for one in (1, 2, 3)
        ),
    ),
    Form(
        "MedMNIST",
        "The classes are the numbers in the file, to be named by `classification.labels`; its parts"
        " are the published split. Sets of volumes, and those of several labels a picture, are"
        " refused.",
        medmnist,
        "classification",
        scans=22,
        classes=("0", "1"),
        positive="1",
        parts=("test", "train", "val"),
    ),
    Form(
        "MATLAB files of the figshare set",
        "Each file with `cjdata` is a slice with class, patient and mask; `cvind.mat` has the"
        " published folds. Other `.mat` files are refused with what they hold.",
        figshare,
        "classification",
        scans=6,
        classes=("glioma", "meningioma", "pituitary"),
        patients=4,
        parts=("fold1", "fold2", "fold3", "fold4", "fold5"),
    ),
    Form(
        "MATLAB files of the figshare set, with their masks",
        "The same folder serves both tasks.",
        figshare,
        "segmentation",
        scans=6,
        patients=4,
        parts=("fold1", "fold2", "fold3", "fold4", "fold5"),
    ),
)


# -- page --------------------------------------------------------------------------

SHOWN = 3
"""Entries of a folder, and rows of a table, that a tree shows."""
WIDTH = 240
"""Characters of a JSON file that a tree shows."""


def page() -> str:
    """Links to the forms, and a section for each: its tree, and what becomes of it."""
    shown = FORMS
    links = [f"[{form.title}](#{_anchor(form.title)})" for form in shown]
    lines = [" · ".join(links), ""]
    return "\n".join(lines + [line for form in shown for line in section(form)])


def _anchor(title: str) -> str:
    """The anchor of a heading, as MyST and a forge name it."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def section(form: Form) -> list[str]:
    with TemporaryDirectory() as folder:
        named = form.make(Path(folder) / "study").relative_to(folder).as_posix()
        lines = ["study/", *_tree(Path(folder) / "study", "  ")]
    return [
        *(f"## {form.title}", "", form.words, "", "```text", *lines, "```", ""),
        *("| | |", "|---|---|"),
        *(f"| {name} | {text} |" for name, text in _facts(form, named)),
        "",
    ]


def _facts(form: Form, named: str) -> list[tuple[str, str]]:
    volumes = f", {SLICES} slices of each of {form.series} volumes" if form.series else ""
    facts = [
        ("in `params.yaml`", f"`{form.task}.dataset: {named}`"),
        ("scans", f"{form.scans}{volumes}"),
        ("classes", ", ".join(f"`{one}`" for one in form.classes)),
        ("patients", str(form.patients or "unknown")),
        ("cases that stay together", str(form.cases or "")),
        ("published split", ", ".join(f"`{one}`" for one in form.parts)),
        ("left out", ", ".join(f"`{one}`" for one in form.unused)),
    ]
    return [(name, text) for name, text in facts if text]


def _tree(folder: Path, indent: str) -> list[str]:
    """The entries of a folder, of many the first ones, with the first rows of its tables."""
    lines = []
    for several in (True, False):
        entries = sorted(one for one in folder.iterdir() if one.is_dir() == several)
        shown = SHOWN
        if len(entries) == SHOWN + 1:
            shown = len(entries)  # a line that says "1 more" is no shorter
        for one in entries[:shown]:
            lines.append(f"{indent}{one.name}{'/' if several else ''}")
            lines += _tree(one, f"{indent}  ") if several else _rows(one, f"{indent}  ")
        if len(entries) > shown:
            lines.append(f"{indent}… {len(entries) - shown} more")
    return lines


def _rows(path: Path, indent: str) -> list[str]:
    if path.suffix == ".json":
        text = json.dumps(json.loads(path.read_text()))
        return [f"{indent}{text if len(text) < WIDTH else text[:WIDTH] + '…'}"]
    if path.suffix not in (".csv", ".tsv"):
        return []
    return [f"{indent}{line.expandtabs()}" for line in path.read_text().splitlines()[: SHOWN + 1]]
