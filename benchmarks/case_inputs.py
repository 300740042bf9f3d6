"""Inputs of the cases of people who prepare medical scans, made small.

Each function writes one case below `root` and returns what to give to scanvote, and what its
predicate has to know. The noise is seeded: the same bytes every time.
"""

import shutil
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
UIDS = "1.2.826.0.1.3680043.8.498"
SOP = "1.2.840.10008.5.1.4.1.1"


def seed(*words: object) -> int:
    return zlib.crc32(repr(words).encode()) % 10**6


def head(number: int, side: int = 64) -> Array:
    rng = np.random.default_rng(number)
    coarse = cv2.resize(rng.random((7, 7)), (side, side), interpolation=cv2.INTER_CUBIC)
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    return np.uint8(np.clip(coarse, 0.15, 1) * 255 * (x**2 / 0.7 + y**2 / 0.9 < 1))


def spot(number: int, side: int = 64) -> Array:
    at = np.random.default_rng(1000 + number).integers(side // 3, 2 * side // 3, 2)
    mask = np.zeros((side, side), np.uint8)
    cv2.circle(mask, (int(at[0]), int(at[1])), 7, 255, -1)
    return mask


def volume(number: int, shape: tuple[int, int, int] = (48, 48, 24)) -> Array:
    from scipy.ndimage import zoom

    coarse = np.random.default_rng(number).random((6, 6, 6))
    noise = np.clip(zoom(coarse, [length / 6 for length in shape], order=3), 0.15, 1)
    grid = np.meshgrid(*(np.linspace(-1, 1, length) for length in shape), indexing="ij")
    return (noise * 900 * (sum(axis**2 for axis in grid) < 0.85)).astype(np.int16)


def ball(at: tuple[int, int, int] = (24, 20, 12), radius: int = 6) -> Array:
    grid = np.meshgrid(np.arange(48), np.arange(48), np.arange(24), indexing="ij")
    distance = sum((axis - centre) ** 2 for axis, centre in zip(grid, at, strict=True))
    return (distance < radius**2).astype(np.uint8)


def image(path: Path, pixels: Array, *options: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    ok, data = cv2.imencode(path.suffix, pixels, list(options))
    assert ok
    path.write_bytes(data.tobytes())
    return path


def pages(path: Path, planes: Array) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwritemulti(str(path), [np.ascontiguousarray(one) for one in planes])


def nifti(path: Path, voxels: Array, affine: Array | None = None, unit: str = "") -> None:
    import nibabel

    path.parent.mkdir(parents=True, exist_ok=True)
    file = nibabel.Nifti1Image(voxels, np.eye(4) if affine is None else affine)
    if unit:
        file.header.set_xyzt_units(unit)
    nibabel.save(file, path)


def dicom(path: Path, pixels: Array, sop: str = f"{SOP}.4", **values: Any) -> Path:
    import pydicom
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    path.parent.mkdir(parents=True, exist_ok=True)
    meta, data = pydicom.dataset.FileMetaDataset(), pydicom.Dataset()
    uid = generate_uid(entropy_srcs=[path.as_posix()[-40:]])
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = sop, uid
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta = meta
    data.SOPClassUID, data.SOPInstanceUID, data.Modality = sop, uid, "MR"
    data.Rows, data.Columns = pixels.shape[-2:]
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 8 * pixels.itemsize
    data.HighBit, data.PixelRepresentation = data.BitsStored - 1, 0
    data.PixelSpacing, data.SliceThickness = [1.0, 1.0], 3.0
    data.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    if pixels.ndim == 3:
        data.NumberOfFrames = len(pixels)
    data.PixelData = pixels.tobytes()
    for name, value in values.items():
        if value is None:
            delattr(data, name)
        else:
            setattr(data, name, value)
    data.save_as(path, enforce_file_format=True)
    return path


def series(folder: Path, number: int, patient: str, uid: str, **values: Any) -> None:
    for at, pixels in enumerate(volume(number, (48, 48, 12)).transpose(2, 1, 0)):
        dicom(
            folder / f"IM{at:03d}.dcm",
            pixels.astype(np.uint16),
            PatientID=patient,
            SeriesInstanceUID=f"{UIDS}.{uid}",
            InstanceNumber=at + 1,
            ImagePositionPatient=[0, 0, 3.0 * at],
            **values,
        )


def yes_no(number: int) -> str:
    return "yes" if number % 2 else "no"


# ---- 1, 3, 5


def nnunet(root: Path) -> Path:
    for p in range(14):
        voxels = volume(p)
        other = np.where(voxels > 0, 1000 - voxels, 0).astype(np.int16)
        nifti(root / f"imagesTr/MS_{p:03d}_0000.nii.gz", voxels)
        nifti(root / f"imagesTr/MS_{p:03d}_0001.nii.gz", other)
        nifti(root / f"labelsTr/MS_{p:03d}.nii.gz", ball((20 + p % 5, 22, 12)))
    return root


def flat_contrasts(root: Path) -> Path:
    for p in range(14):
        voxels = volume(p)
        other = np.where(voxels > 0, 1000 - voxels, 0).astype(np.int16)
        nifti(root / f"sub-{p:02d}_T1w.nii.gz", voxels)
        nifti(root / f"sub-{p:02d}_FLAIR.nii.gz", other)
        nifti(root / f"sub-{p:02d}_seg.nii.gz", ball((20 + p % 5, 22, 12)))
    return root


def lgg_contrasts(root: Path, mirror: Path) -> Path:
    """Real slices of 24 patients as volumes of two contrasts, every second pixel."""
    source = root.with_name("src")
    with zipfile.ZipFile(mirror / "lgg-mri-segmentation.zip") as archive:
        archive.extractall(source)
    folders = sorted({path.parent for path in source.rglob("*_mask.tif")})
    kept = [one for one in folders if one.parent.name == "kaggle_3m"][:24]
    for q, folder in enumerate(kept):
        files = [one for one in folder.glob("*.tif") if "_mask" not in one.name]
        files.sort(key=lambda one: int(one.stem.rsplit("_", 1)[1]))
        images = np.stack([cv2.imread(str(one), -1)[::2, ::2] for one in files])
        masks = [cv2.imread(str(one.with_name(f"{one.stem}_mask.tif")), 0) for one in files]
        mask = (np.stack(masks)[:, ::2, ::2] > 0).astype(np.uint8)
        for at, channel in enumerate((2, 1)):
            voxels = images[..., channel].transpose(2, 1, 0)
            nifti(root / f"imagesTr/LGG_{q:03d}_{at:04d}.nii.gz", voxels)
        nifti(root / f"labelsTr/LGG_{q:03d}.nii.gz", mask.transpose(2, 1, 0))
    return root


def black_ends(root: Path) -> Path:
    empty = np.zeros((64, 64), np.uint8)
    for p in range(10):
        for s in range(8):
            image(root / f"P{p:02d}/{s}.png", empty if s in (0, 7) else head(100 * p + s))
            mask = empty if s in (0, 1, 6, 7) else spot(100 * p + s)
            image(root / f"P{p:02d}/{s}_mask.png", mask)
    return root


def black_of_some(root: Path) -> Path:
    empty = np.zeros((64, 64), np.uint8)
    for p in range(20):
        for s in range(6):
            black = s == 5 and p < 15
            image(root / f"P{p:02d}/{s}.png", empty if black else head(100 * p + s))
            image(root / f"P{p:02d}/{s}_mask.png", empty if s in (0, 5) else spot(100 * p + s))
    return root


def one_identifier(root: Path, name: str = "ANONYMOUS") -> Path:
    for p in range(10):
        series(root / yes_no(p) / f"P{p:02d}", p, name, f"7.{p + 1}")
    return root


def identifier_of_every_file(root: Path) -> Path:
    for p in range(10):
        folder = root / yes_no(p) / f"P{p:02d}"
        for at, pixels in enumerate(volume(p, (48, 48, 12)).transpose(2, 1, 0)):
            dicom(
                folder / f"IM{at:03d}.dcm",
                pixels.astype(np.uint16),
                PatientID=f"R{p}{at}",
                SeriesInstanceUID=f"{UIDS}.9.{p + 1}.{at + 1}",
                InstanceNumber=at + 1,
                ImagePositionPatient=[0, 0, 3.0 * at],
            )
    return root


# ---- 7, 8


def _rewritten(root: Path, implicit: bool) -> Path:
    import pydicom

    for k, label in enumerate(("no", "yes")):
        for p in range(4):
            series(root / label / f"P{p}", 10 * k + p, f"A{k}{p}", f"8.{k + 1}.{p + 1}")
    for path in sorted(root.rglob("*.dcm")):
        data = pydicom.dcmread(path)
        if implicit:
            data.file_meta, data.preamble = pydicom.dataset.FileMetaDataset(), None
        else:
            del data.file_meta.TransferSyntaxUID
        data.save_as(path, enforce_file_format=False, implicit_vr=implicit, little_endian=True)
    return root


def no_syntax(root: Path) -> Path:
    return _rewritten(root, implicit=False)


def no_preamble(root: Path) -> Path:
    return _rewritten(root, implicit=True)


def beside_ct(root: Path, others: tuple[str, ...]) -> Path:
    """CT series of eight patients with SEG, DOSE (a screen save), LOC or other objects."""
    for p in range(8):
        below = root / yes_no(p) / f"C{p}"
        series(below / "CT", p, f"C{p}", f"20.{p + 1}", Modality="CT")
        for other in others:
            _BESIDE[other](below, p)
    return root


def _seg(below: Path, p: int) -> None:
    mask = ball((16 + 2 * p, 20 + p, 6), 5)[:, :, :12].transpose(2, 1, 0)
    dicom(
        below / "SEG/1.dcm",
        mask.astype(np.uint16),
        f"{SOP}.66.4",
        PatientID=f"C{p}",
        Modality="SEG",
        SeriesInstanceUID=f"{UIDS}.21.{p + 1}",
        BitsAllocated=1,
        BitsStored=1,
        HighBit=0,
        PixelData=np.packbits(mask.ravel(), bitorder="little").tobytes(),
    )


def _dose_page(below: Path, p: int) -> None:
    page = np.zeros((96, 96), np.uint8)
    cv2.putText(page, f"CTDIvol {p}", (2, 40), 0, 0.4, 250, 1)
    dicom(
        below / "DOSE/1.dcm",
        page.astype(np.uint16),
        f"{SOP}.7",
        PatientID=f"C{p}",
        Modality="OT",
        InstanceNumber=1,
        ImageType=["DERIVED", "SECONDARY", "SCREEN SAVE"],
        SeriesInstanceUID=f"{UIDS}.22.{p + 1}",
        ImageOrientationPatient=None,
    )


def _localiser(below: Path, p: int) -> None:
    cube = volume(p, (48, 48, 48))
    planes = (
        ([1, 0, 0, 0, 1, 0], volume(p)[:, :, 12].T),
        ([1, 0, 0, 0, 0, -1], cube[:, 24].T),
        ([0, 1, 0, 0, 0, -1], cube[24].T),
    )
    for k, (orientation, pixels) in enumerate(planes):
        dicom(
            below / f"LOC/{k}.dcm",
            pixels.astype(np.uint16),
            PatientID=f"C{p}",
            Modality="CT",
            ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"],
            InstanceNumber=k + 1,
            SeriesInstanceUID=f"{UIDS}.23.{p + 1}",
            ImageOrientationPatient=orientation,
            ImagePositionPatient=[0, 0, float(k)],
        )


def _dose_grid(below: Path, p: int) -> None:
    grid = volume(p, (48, 48, 12)).transpose(2, 1, 0).astype(np.uint16)
    dicom(
        below / "RTDOSE/1.dcm",
        grid,
        f"{SOP}.481.2",
        PatientID=f"C{p}",
        Modality="RTDOSE",
        SeriesInstanceUID=f"{UIDS}.24.{p + 1}",
        ImagePositionPatient=[0, 0, 0],
    )


def _texts(below: Path, p: int) -> None:
    """Objects without pixels: RTSTRUCT, PR, KO, SR."""
    kinds = {"RTSTRUCT": "481.3", "PR": "11.1", "KO": "88.59", "SR": "88.11"}
    for modality, sop in kinds.items():
        dicom(
            below / f"TEXT/{modality}.dcm",
            np.zeros((2, 2), np.uint16),
            f"{SOP}.{sop}",
            PatientID=f"C{p}",
            Modality=modality,
            Rows=None,
            Columns=None,
            PixelData=None,
            SeriesInstanceUID=f"{UIDS}.25.{p + 1}.{sop}",
        )


_BESIDE = {
    "SEG": _seg,
    "DOSE": _dose_page,
    "LOC": _localiser,
    "RTDOSE": _dose_grid,
    "TEXT": _texts,
}


# ---- 9, 10, 11


def levels(s: int) -> Array:
    """(64, 64): oedema 2, necrosis 1 from slice 1 on, enhancing 4 from slice 2 on."""
    mask = np.zeros((64, 64), np.uint8)
    cv2.circle(mask, (32, 30), 14, 2, -1)
    if s > 0:
        cv2.circle(mask, (32, 30), 9, 1, -1)
    if s > 1:
        cv2.circle(mask, (32, 30), 9, 4, 3)
    return mask


def levels_as(root: Path, ending: str) -> Path:
    quality = (cv2.IMWRITE_JPEG_QUALITY, 90) if ending == "jpg" else ()
    for p in range(8):
        for s in range(4):
            image(root / f"P{p}/{s}.png", head(100 * p + s))
            mask = levels(s) * (60 if ending == "jpg" else 1)
            image(root / f"P{p}/{s}_mask.{ending}", mask, *quality)
    return root


def levels_of_volumes(root: Path) -> Path:
    for p in range(8):
        labels = np.zeros((48, 48, 24), np.uint8)
        for radius, label in ((10, 2), (7, 1), (4, 4)):
            labels[ball((24, 22, 12), radius) > 0] = label
        nifti(root / f"P{p}/x.nii.gz", volume(p))
        nifti(root / f"P{p}/x_seg.nii.gz", labels)
    return root


def noisy_empty_masks(root: Path) -> Path:
    rng = np.random.default_rng(1)
    for p in range(8):
        for s in range(4):
            noise = np.uint8(2 * (rng.random((64, 64)) < 0.02))
            image(root / f"P{p}/{s}.png", head(100 * p + s))
            image(root / f"P{p}/{s}_mask.png", noise if s % 2 else spot(100 * p + s))
    return root


def soft_ball() -> Array:
    """A mask that was resampled: values between 0 and 1 at the rim."""
    from scipy.ndimage import gaussian_filter

    soft = gaussian_filter(ball((24, 22, 12)).astype(np.float32), 2)
    return (soft / soft.max()).astype(np.float32)


def soft_masks(root: Path) -> Path:
    for p in range(8):
        nifti(root / f"P{p}/x.nii.gz", volume(p))
        nifti(root / f"P{p}/x_mask.nii.gz", soft_ball())
    return root


def lost_affine(root: Path) -> Path:
    affine = np.diag([-1.0, -1.0, 2.0, 1])
    affine[:3, 3] = [90, 126, -72]
    for p in range(8):
        nifti(root / f"P{p}/x.nii.gz", volume(p), affine)
        nifti(root / f"P{p}/x_mask.nii.gz", ball())
    return root


# ---- 12 to 16


def parts(root: Path, of_train: tuple[str, ...], of_test: tuple[str, ...]) -> Path:
    """Twelve pictures of each class of training, six of test."""
    for part, classes, count in (("train", of_train, 12), ("test", of_test, 6)):
        for label in classes:
            for i in range(count):
                image(root / f"{part}/{label}/{i}.png", head(seed(part, label, i)))
    return root


def beside_parts(root: Path, name: str = "pred") -> Path:
    parts(root, ("yes", "no"), ("yes", "no"))
    for i in range(6):
        image(root / f"{name}/{i}.png", head(777 + i))
    return root


def twice(root: Path) -> Path:
    for label in ("yes", "no"):
        for i in range(20):
            for above in ("", "brain_tumor_dataset/"):
                image(root / f"{above}{label}/{i}.png", head(seed(label, i)))
    return root


def twice_real(root: Path, mirror: Path) -> Path:
    source = root.with_name("src")
    name = "brain-mri-images-for-brain-tumor-detection.zip"
    with zipfile.ZipFile(mirror / name) as archive:
        archive.extractall(source)
    for label in ("yes", "no"):
        for file in sorted((source / label).iterdir())[:40]:
            for above in ("", "brain_tumor_dataset/"):
                copy = root / f"{above}{label}/{file.name}"
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, copy)
    return root


def above_classes(root: Path, above: tuple[str, ...], classes: tuple[str, ...]) -> Path:
    for place in above:
        for label in classes:
            for i in range(12):
                image(root / f"{place}/{label}/{i}.png", head(seed(place, label, i)))
    return root


def parts_below(root: Path) -> Path:
    for label in ("yes", "no"):
        for part, count in (("train", 12), ("test", 6)):
            for i in range(count):
                image(root / f"{label}/{part}/{i}.png", head(seed(label, part, i)))
    return root


def deep_patients(root: Path) -> Path:
    """As BreakHis: class, SOB, subtype, patient, magnification."""
    for label, kinds in (("benign", ("adenosis", "fibroadenoma")), ("malignant", ("ductal",))):
        for kind in kinds:
            for p in range(6):
                for i in range(2):
                    path = root / f"{label}/SOB/{kind}/SOB_{label[0]}_{kind[0]}{p:02d}/40X/{i}.png"
                    image(path, head(seed(label, kind, p, i)))
    return root


def respelled(root: Path, one: tuple[str, str], other: tuple[str, str]) -> Path:
    return parts(root, one, other)


def numbers_in_table(root: Path) -> Path:
    rows = ["path,label"]
    for i in range(40):
        image(root / f"{i:02d}.png", head(5000 + i))
        rows.append(f"{i:02d}.png,{i % 2 if i < 20 else float(i % 2)}")
    (root / "list.csv").write_text("\n".join(rows) + "\n")
    return root / "list.csv"


def pairs_in_classes(root: Path, scan: str, mask: str) -> Path:
    for k, label in enumerate(("benign", "malignant")):
        for i in range(15):
            image(root / label / scan.format(i), head(5000 * k + i))
            image(root / label / mask.format(i), spot(5000 * k + i))
    return root


def table_with_na(root: Path, gap: str, column: str = "patient") -> Path:
    """Two unlike scans of each of 24 persons; the second of every third is of a `gap`."""
    rows = ["path,label,patient"]
    for p in range(24):
        first, label = head(4000 + p).astype(np.float32), "AD" if p % 2 else "CN"
        bend = np.random.default_rng(p).random((6, 6)).astype(np.float32)
        bend = cv2.resize(bend, (64, 64), interpolation=cv2.INTER_CUBIC)
        image(root / f"{p:02d}a.png", first.astype(np.uint8))
        image(root / f"{p:02d}b.png", np.clip(first * (0.5 + bend), 0, 255).astype(np.uint8))
        missing = gap if p % 3 == 0 else ""
        patient = missing if missing and column == "patient" else f"S{p:02d}"
        rows.append(f"{p:02d}a.png,{label},S{p:02d}")
        rows.append(f"{p:02d}b.png,{missing if missing and column == 'label' else label},{patient}")
    (root / "list.csv").write_text("\n".join(rows) + "\n")
    return root / "list.csv"


# ---- 17 to 23


def planes_2d(root: Path) -> Path:
    for p in range(8):
        for s in range(3):
            nifti(root / f"imagesTr/c{p:02d}_s{s}_0000.nii.gz", volume(p)[:, :, 8 + 3 * s])
            nifti(root / f"labelsTr/c{p:02d}_s{s}.nii.gz", ball()[:, :, 8 + 3 * s])
    return root


def four_axes(root: Path) -> Path:
    """The lesion is seen in the fourth contrast alone."""
    for p in range(8):
        voxels, lesion = volume(p), ball((24, 22, 12))
        last = np.where(lesion > 0, 1500, voxels)
        contrasts = np.stack([voxels, voxels // 2, 900 - voxels, last], -1).astype(np.int16)
        nifti(root / f"imagesTr/BRATS_{p:03d}.nii.gz", contrasts)
        nifti(root / f"labelsTr/BRATS_{p:03d}.nii.gz", lesion)
    return root


def pages_with_masks(root: Path) -> Path:
    for p in range(8):
        planes = np.uint8(volume(p).transpose(2, 1, 0) / 900 * 255)
        pages(root / f"images/P{p}.tif", planes)
        pages(root / f"masks/P{p}.tif", ball((24, 22, 12)).transpose(2, 1, 0) * 255)
    return root


def pages_in_classes(root: Path) -> Path:
    for label in ("yes", "no"):
        for p in range(8):
            planes = volume(seed(label, p)).transpose(2, 1, 0)[8:16]
            pages(root / f"{label}/P{p}.tif", np.uint8(planes / 900 * 255))
    return root


def named_like_contrasts(root: Path) -> Path:
    for letter, label in (("T", "tumour"), ("N", "normal")):
        for p in range(1, 13):
            for s in range(3):
                image(root / f"{label}/{letter}{p}/{s}.png", head(seed(letter, p, s)))
    return root


def bids(root: Path, masks: bool = False) -> Path:
    rows = ["participant_id\tsex\tgroup"]
    for p in range(12):
        rows.append(f"sub-{p:02d}\tF\t{'control' if p % 2 else 'patient'}")
        for s in (1, 2):
            folder = root / f"sub-{p:02d}/ses-{s}/anat"
            nifti(folder / f"sub-{p:02d}_ses-{s}_T1w.nii.gz", volume(10 * p + s))
            if masks:
                below = root / f"derivatives/labels/sub-{p:02d}/ses-{s}/anat"
                nifti(below / f"sub-{p:02d}_ses-{s}_T1w_seg.nii.gz", ball())
    (root / "participants.tsv").write_text("\n".join(rows) + "\n")
    return root


def numbers(root: Path) -> Path:
    for label in (0, 1, 2, 10):
        for i in range(12):
            image(root / f"{label}/{i}.png", head(seed(label, i)))
    return root


def alpha_masks(root: Path) -> Path:
    white = np.full((64, 64, 3), 255, np.uint8)
    for i in range(24):
        image(root / f"{i:02d}.png", head(i))
        image(root / f"{i:02d}_mask.png", np.dstack([white, spot(i)]))
    return root


def field_of_view(root: Path) -> Path:
    """As DRIVE: the masks are circles, the truth is called manual."""
    circle = np.zeros((64, 64), np.uint8)
    cv2.circle(circle, (32, 32), 29, 255, -1)
    for i in range(21, 41):
        image(root / f"training/images/{i}_training.png", head(i))
        image(root / f"training/1st_manual/{i}_manual1.png", spot(i))
        image(root / f"training/mask/{i}_training_mask.png", circle)
    return root


def gigapixel(root: Path) -> Path:
    for label in ("yes", "no"):
        for i in range(12):
            image(root / f"{label}/{i}.jpg", head(seed(label, i), 256))
    packer = zlib.compressobj(1)
    data = b"".join(packer.compress(b"\0" + bytes(40000)) for _ in range(30000)) + packer.flush()
    size = struct.pack(">IIBBBBB", 40000, 30000, 8, 0, 0, 0, 0)
    chunks = (_chunk(b"IHDR", size), _chunk(b"IDAT", data), _chunk(b"IEND", b""))
    (root / "yes/big.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    return root


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
