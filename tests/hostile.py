"""Files such as nobody should upload and somebody will, made for the tests; no two runs differ."""

import gzip
import io
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.random import Generator
from PIL import Image, PngImagePlugin

from tests.making import picture, volume

NAMES = (
    "scan.png",
    "../../../../etc/passwd",
    "..\\..\\windows\\system32\\cmd.exe",
    "/dev/zero",
    "file:///etc/passwd",
    "a\0b.png",
    "a\r\nSet-Cookie: x=1.png",
    "<script>alert(1)</script>.png",
    '";DROP TABLE scans;--.png',
    "=cmd|' /C calc'!A0.csv",
    "\u202egnp.exe",
    "Schädel 脳 🧠.jpg",
    "\x1b[2J\x1b[31mred.tif",
    "\ud800.png",
    "x" * 4000 + ".png",
    "",
    ".",
    "CON",
    "%2e%2e%2f%00.dcm",
    "{{7*7}}.nii.gz",
)


class Hostile(NamedTuple):
    """An upload.

    Attributes:
        name: as the client calls it.
        content: of the file.
        kind: what is wrong or strange with it.
        status: with which it is to be answered, 200 if it is a scan; None where that depends.
    """

    name: str
    content: bytes
    kind: str
    status: int | None


def hostile_files(seed: int, count: int) -> Iterator[Hostile]:
    """`count` uploads, each kind as often as any other, all their bytes determined by `seed`."""
    kinds = list(KINDS.items())
    for at in range(count):
        random = np.random.default_rng([seed, at])
        kind, (make, status) = kinds[at % len(kinds)]
        name = NAMES[int(random.integers(len(NAMES)))]
        yield Hostile(name, make(random), kind, status)


def saved(image: Image.Image, kind: str = "PNG", **how: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **how)
    return stream.getvalue()


def head(random: Generator) -> Image.Image:
    """RGB, wider than high."""
    grey = picture(int(random.integers(2**31)))[:36]
    return Image.fromarray(np.stack([grey, grey // 2, grey // 3], axis=2))


def png(random: Generator) -> bytes:
    return saved(head(random))


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def declared_png(width: int, height: int, data: bytes) -> bytes:
    """A grey PNG that declares a size, whatever its data hold."""
    header = struct.pack(">2I5B", width, height, 8, 0, 0, 0, 0)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def nifti(voxels: np.ndarray, **header: Any) -> bytes:
    """An uncompressed volume; `header` is written over what its header would tell."""
    import nibabel

    image = nibabel.Nifti1Image(voxels, np.eye(4))
    content = bytearray(image.to_bytes())
    told = nibabel.Nifti1Header(bytes(content[:348]))
    for name, value in header.items():
        told[name] = value
    content[:348] = told.binaryblock
    return bytes(content)


def dicom(pixels: np.ndarray | None, syntax: str = "1.2.840.10008.1.2.1", **values: Any) -> bytes:
    """A DICOM file of 16 bits; `pixels` (rows, columns) or (frames, rows, columns)."""
    import pydicom
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import MRImageStorage

    meta, data = FileMetaDataset(), pydicom.Dataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = MRImageStorage, "1.2.3"
    meta.TransferSyntaxUID = syntax
    data.file_meta = meta
    data.SOPClassUID, data.SOPInstanceUID, data.Modality = MRImageStorage, "1.2.3", "MR"
    data.PatientName, data.PatientID = "Doe^Jane", "P-1"
    data.ImageOrientationPatient = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    data.PixelSpacing, data.SliceThickness = [0.5, 0.5], 5.0
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 16, 15, 0
    if pixels is not None:
        data.Rows, data.Columns = pixels.shape[-2:]
        data.NumberOfFrames = len(pixels) if pixels.ndim == 3 else 1
        data.PixelData = pixels.tobytes()
    for name, value in values.items():
        setattr(data, name, value)
    if syntax.endswith(".2.5") or ".1.2.4." in syntax:
        data["PixelData"].is_undefined_length = True
    stream = io.BytesIO()
    pydicom.dcmwrite(stream, data, enforce_file_format=True)
    return stream.getvalue()


def slices(random: Generator, count: int = 4) -> np.ndarray:
    """(count, 24, 24) uint16."""
    voxels = volume(int(random.integers(2**31)), (24, 24, count)).astype(np.uint16)
    return np.ascontiguousarray(voxels.transpose(2, 1, 0))


def _cut(make: Callable[[Generator], bytes]) -> Callable[[Generator], bytes]:
    """Cut off somewhere between its header and its end."""

    def cut(random: Generator) -> bytes:
        content = make(random)
        return content[: int(len(content) * random.uniform(0.6, 0.95))]

    return cut


def _flipped(make: Callable[[Generator], bytes]) -> Callable[[Generator], bytes]:
    """A few bits of it are others."""

    def flipped(random: Generator) -> bytes:
        content = bytearray(make(random))
        for _ in range(int(random.integers(1, 8))):
            content[int(random.integers(len(content)))] ^= 1 << int(random.integers(8))
        return bytes(content)

    return flipped


def _as(kind: str, mode: str = "RGB", **how: Any) -> Callable[[Generator], bytes]:
    return lambda random: saved(head(random).convert(mode), kind, **how)


def _followed(make: Callable[[Generator], bytes], by: bytes) -> Callable[[Generator], bytes]:
    return lambda random: make(random) + by


def _always(content: bytes) -> Callable[[Generator], bytes]:
    return lambda random: content


def _several(kind: str) -> Callable[[Generator], bytes]:
    def make(random: Generator) -> bytes:
        more = [head(random), head(random)]
        return saved(head(random), kind, save_all=True, append_images=more)

    return make


def _deep(kind: str, colours: bool = False) -> Callable[[Generator], bytes]:
    """16 bits a channel, which Pillow does not write in colour."""

    def make(random: Generator) -> bytes:
        import cv2

        image = np.asarray(head(random)).astype(np.uint16) * 200
        done, content = cv2.imencode(kind, image if colours else image[:, :, 0])
        assert done
        return content.tobytes()

    return make


def _turned(kind: str) -> Callable[[Generator], bytes]:
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    return _as(kind, exif=exif)


def _clear(kind: str) -> Callable[[Generator], bytes]:
    """Half transparent."""

    def make(random: Generator) -> bytes:
        image = head(random)
        image.putalpha(128)
        return saved(image, kind, lossless=True)

    return make


def _bomb_png(random: Generator) -> bytes:
    """Black, and a thousand times as large as its file."""
    side = 30_000
    pack = zlib.compressobj(9)
    row = b"\0" * (side + 1) * 10
    return declared_png(side, side, b"".join(pack.compress(row) for _ in range(30)) + pack.flush())


def _long_chunk_png(random: Generator) -> bytes:
    """Its pixels declare four thousand million bytes."""
    content = bytearray(png(random))
    at = content.index(b"IDAT")
    content[at - 4 : at] = b"\xf0\0\0\0"
    return bytes(content)


def _many_chunks_png(random: Generator) -> bytes:
    content = png(random)
    at = content.index(b"IDAT") - 4
    return content[:at] + chunk(b"teSt", b"") * 2**16 + content[at:]


def _padded_jpeg(random: Generator) -> bytes:
    content = saved(head(random), "JPEG")
    return content[:2] + b"\xff" * 2**16 + content[2:]


def _text_bomb_png(random: Generator) -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "x" * 5_000_000, zip=True)
    return saved(head(random), pnginfo=info)


def _huge_jpeg(random: Generator) -> bytes:
    content = bytearray(saved(head(random), "JPEG"))
    frame = content.index(b"\xff\xc0")
    content[frame + 5 : frame + 9] = b"\xff\xff\xff\xff"
    return bytes(content)


def _many_passes(random: Generator) -> bytes:
    content = saved(head(random), "JPEG", progressive=True)
    last = content.rindex(b"\xff\xda")
    return content[:last] + content[last:-2] * 1000 + b"\xff\xd9"


def _tiff(entries: list[tuple[int, int]]) -> bytes:
    """The header of a TIFF, of tags with one number each, and a little of data."""
    tags = b"".join(struct.pack("<2H2I", tag, 4, 1, value) for tag, value in entries)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + tags + b"\0" * 64


def _sized_tiff(width: int, height: int) -> list[tuple[int, int]]:
    plain = [(258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, height), (279, 64)]
    return [(256, width), (257, height), *plain]


def _huge_webp(random: Generator) -> bytes:
    body = b"VP8X" + struct.pack("<I", 10) + b"\0" * 4 + b"\xfe\x3f\0" * 2 + b"\0" * 40
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def _huge_bmp(random: Generator) -> bytes:
    content = bytearray(saved(head(random), "BMP"))
    content[18:26] = struct.pack("<2i", 200_000, 200_000)
    return bytes(content)


def _noise(random: Generator) -> bytes:
    return b"\0" + random.bytes(int(random.integers(1, 4000)))


def _nifti(random: Generator) -> bytes:
    return nifti(volume(int(random.integers(2**31))))


def _nifti_gz(random: Generator) -> bytes:
    return gzip.compress(_nifti(random), mtime=0)


def _nifti_told(**header: Any) -> Callable[[Generator], bytes]:
    return lambda random: nifti(volume(int(random.integers(2**31))), **header)


def _bomb_nifti(dim: list[int], offset: int = 352) -> Callable[[Generator], bytes]:
    """Compressed nothing, 16 MiB of it, of which the header declares much or little."""
    header = nifti(np.zeros((1, 1, 1), np.uint8), dim=dim, vox_offset=offset)[:352]
    return _always(gzip.compress(header + b"\0" * 2**24, mtime=0))


def _dicom(random: Generator) -> bytes:
    return dicom(slices(random)[2])


def _dicom_told(**values: Any) -> Callable[[Generator], bytes]:
    return lambda random: dicom(slices(random)[2], **values)


def _runs_dicom(random: Generator) -> bytes:
    """Run lengths that stand for sixty times as many bytes, of a tiny image."""
    from pydicom.encaps import encapsulate

    runs = b"\x81\0" * 50_000
    frame = struct.pack("<16I", 2, 64, 64 + len(runs), *[0] * 13) + runs * 2
    return dicom(slices(random)[2], "1.2.840.10008.1.2.5", PixelData=encapsulate([frame]))


def _encoded_dicom(frame: bytes, syntax: str, random: Generator) -> bytes:
    from pydicom.encaps import encapsulate

    return dicom(slices(random)[2], syntax, PixelData=encapsulate([frame]))


def _strange_dicom(syntax: str) -> Callable[[Generator], bytes]:
    return lambda random: _encoded_dicom(b"\0" * 99, syntax, random)


def _larger_dicom(syntax: str) -> Callable[[Generator], bytes]:
    """The compressed image declares eight thousand million bytes, the header a thousand."""
    marker = b"\xff\xf7" if syntax.endswith("80") else b"\xff\xc3"
    frame = struct.pack(">HBHHB3B", 11, 16, 65535, 65535, 1, 1, 0x11, 0)
    scan = b"\xff\xda" + struct.pack(">HB2B3B", 8, 1, 1, 0, 1, 0, 0)
    content = b"\xff\xd8" + marker + frame + scan + b"\0" * 99 + b"\xff\xd9"
    return lambda random: _encoded_dicom(content, syntax, random)


def _colour_dicom(random: Generator) -> bytes:
    pixels = np.asarray(head(random))
    colour = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}
    bits = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}
    return dicom(pixels[:, :, 0], **colour | bits | {"PixelData": pixels.tobytes()})


def _lossless_dicom(random: Generator) -> bytes:
    """Lossless JPEG (ITU-T T.81, annex H) of the left neighbour's prediction."""
    pixels = slices(random)[2].astype(np.int64)
    before = np.roll(pixels, 1, axis=1)
    before[:, 0] = np.roll(pixels[:, 0], 1)
    before[0, 0] = 2**15
    bits = "".join(_difference(int(one)) for one in (pixels - before).ravel())
    bits += "1" * (-len(bits) % 8)
    data = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
    frame = struct.pack(">2sHBHHB3B", b"\xff\xc3", 11, 16, *pixels.shape, 1, 1, 0x11, 0)
    table = struct.pack(">2sHB", b"\xff\xc4", 36, 0) + bytes(
        [0] * 4 + [17] + [0] * 11 + [*range(17)]
    )
    scan = struct.pack(">2sH6B", b"\xff\xda", 8, 1, 1, 0, 1, 0, 0)
    content = b"\xff\xd8" + frame + table + scan + data + b"\xff\xd9"
    return _encoded_dicom(content, "1.2.840.10008.1.2.4.70", random)


def _difference(value: int) -> str:
    """Code a difference: five bits for its length, then itself, a negative one less one."""
    length = abs(value).bit_length()
    if length == 16:  # of which there is one only
        return "10000"
    stored = value if value > 0 else value + 2**length - 1
    return f"{length:05b}" + (f"{stored:0{length}b}" if length else "")


def _bare_dicom(random: Generator) -> bytes:
    """The data set alone, as some scanners write it."""
    content = dicom(slices(random)[2])
    (length,) = struct.unpack_from("<I", content, 140)
    return content[144 + length :]


def _dicom_frames(random: Generator) -> bytes:
    return dicom(slices(random))


SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
HTML = b"<!DOCTYPE html><html><script>alert(1)</script></html>"
ZIP = b"PK\x03\x04\x14\0\0\0\0\0" + b"\0" * 200
STRETCHED = [1.0, 1e-5, 1e3, 1e3, 1, 1, 1, 1]

KINDS: dict[str, tuple[Callable[[Generator], bytes], int | None]] = {
    "PNG": (png, 200),
    "JPEG": (_as("JPEG"), 200),
    "TIFF": (_as("TIFF"), 200),
    "BMP": (_as("BMP"), 200),
    "WebP": (_as("WEBP"), 200),
    "progressive JPEG": (_as("JPEG", progressive=True), 200),
    "grey PNG of 16 bits": (_deep(".png"), 200),
    "colour PNG of 16 bits": (_deep(".png", True), 200),
    "TIFF of 16 bits": (_deep(".tif"), 200),
    "TIFF of floating point": (_as("TIFF", "F"), 200),
    "CMYK JPEG": (_as("JPEG", "CMYK"), 200),
    "PNG with alpha": (_clear("PNG"), 200),
    "grey PNG with alpha": (_as("PNG", "LA"), 200),
    "WebP with alpha": (_clear("WEBP"), 200),
    "PNG with a palette": (_as("PNG", "P"), 200),
    "PNG of one bit": (_as("PNG", "1"), 200),
    "JPEG turned by EXIF": (_turned("JPEG"), 200),
    "animated PNG": (_several("PNG"), 200),
    "animated WebP": (_several("WEBP"), 200),
    "TIFF of several pages": (_several("TIFF"), 200),
    "PNG with a zip behind": (_followed(png, ZIP), 200),
    "PNG with HTML behind": (_followed(png, HTML), 200),
    "JPEG with a zip behind": (_followed(_as("JPEG"), ZIP), 200),
    "DICOM image": (_dicom, 200),
    "DICOM of several frames": (_dicom_frames, 200),
    "NIfTI": (_nifti, 200),
    "compressed NIfTI": (_nifti_gz, 200),
    "empty": (_always(b""), 422),
    "one byte": (_always(b"\0"), 415),
    "noise": (_noise, 415),
    "text": (_always("Schädel\n".encode() * 50), 415),
    "SVG": (_always(SVG), 415),
    "HTML": (_always(HTML), 415),
    "PDF": (_always(b"%PDF-1.7\n" + b"0" * 100), 415),
    "zip": (_always(ZIP), 415),
    "GIF": (_as("GIF", "P"), 415),
    "program": (_always(b"\x7fELF" + b"\0" * 500), 415),
    "script": (_always(b"#!/bin/sh\nrm -rf /\n"), 415),
    "pickle": (_always(b"\x80\x04cposix\nsystem\n(S'true'\ntR."), 415),
    "compressed text": (_always(gzip.compress(b"text" * 1000, mtime=0)), 415),
    "film": (_always(b"\0\0\0\x18ftypheic" + b"\0" * 100), 415),
    "zip with a PNG behind": (lambda random: ZIP + png(random), 415),
    "cut PNG": (_cut(png), 422),
    "cut JPEG": (_cut(_as("JPEG")), 422),
    "cut TIFF": (_cut(_as("TIFF")), 422),
    "cut BMP": (_cut(_as("BMP")), 422),
    "cut WebP": (_cut(_as("WEBP")), 422),
    "cut DICOM": (_cut(_dicom), 422),
    "cut NIfTI": (_cut(_nifti), 422),
    "cut compressed NIfTI": (_cut(_nifti_gz), 422),
    "flipped bits in PNG": (_flipped(png), None),
    "flipped bits in JPEG": (_flipped(_as("JPEG")), None),
    "flipped bits in TIFF": (_flipped(_as("TIFF", compression="tiff_lzw")), None),
    "flipped bits in WebP": (_flipped(_as("WEBP")), None),
    "flipped bits in BMP": (_flipped(_as("BMP")), None),
    "flipped bits in DICOM": (_flipped(_dicom), None),
    "flipped bits in NIfTI": (_flipped(_nifti), None),
    "flipped bits in compressed NIfTI": (_flipped(_nifti_gz), None),
    "the magic of PNG alone": (_always(b"\x89PNG\r\n\x1a\n"), 422),
    "the magic of JPEG alone": (_always(b"\xff\xd8\xff\xe0"), 422),
    "the magic of DICOM alone": (_always(b"\0" * 128 + b"DICM"), 415),
    "PNG with too few pixels": (
        _always(declared_png(500, 500, zlib.compress(b"\0" * 1000))),
        422,
    ),
    "PNG of 900 million pixels": (_bomb_png, 413),
    "PNG that declares all there can be": (_always(declared_png(2**31 - 1, 2**31 - 1, b"")), 413),
    "PNG with a chunk beyond its end": (_long_chunk_png, 422),
    "PNG of too many chunks": (_many_chunks_png, 422),
    "JPEG padded without end": (_padded_jpeg, 422),
    "PNG with a bomb of text": (_text_bomb_png, 422),
    "huge JPEG": (_huge_jpeg, 413),
    "JPEG of a thousand passes": (_many_passes, 422),
    "huge TIFF": (_always(_tiff(_sized_tiff(200_000, 200_000))), 413),
    "TIFF of two widths": (_always(_tiff([(256, 30_000), *_sized_tiff(10, 5000)])), 422),
    "TIFF with a huge tile": (
        _always(_tiff([*_sized_tiff(10, 10), (322, 2**15), (323, 2**15)])),
        413,
    ),
    "huge WebP": (_huge_webp, 413),
    "huge BMP": (_huge_bmp, 413),
    "DICOM that declares too much": (_dicom_told(Rows=65_535, Columns=65_535), 413),
    "DICOM of a million frames": (_dicom_told(Rows=1, Columns=1, NumberOfFrames=10**6), 413),
    "DICOM of too little colour": (
        _dicom_told(SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0),
        422,
    ),
    "DICOM of four channels": (_dicom_told(SamplesPerPixel=4), 415),
    "DICOM in colour": (_colour_dicom, 200),
    "DICOM without its prefix": (_bare_dicom, 200),
    "DICOM of lossless JPEG": (_lossless_dicom, 200),
    "DICOM segmentation": (_dicom_told(Modality="SEG"), 415),
    "DICOM without pixels": (lambda random: dicom(None), 415),
    "DICOM that nothing decodes": (_strange_dicom("1.2.840.10008.1.2.4.201"), 415),
    "DICOM of no JPEG-LS": (_strange_dicom("1.2.840.10008.1.2.4.80"), 422),
    "DICOM of no JPEG": (_strange_dicom("1.2.840.10008.1.2.4.70"), 422),
    "DICOM with a JPEG larger than it tells": (_larger_dicom("1.2.840.10008.1.2.4.70"), 422),
    "DICOM with a JPEG-LS larger than it tells": (_larger_dicom("1.2.840.10008.1.2.4.80"), 422),
    "DICOM with a bomb of run lengths": (_runs_dicom, 422),
    "deflated DICOM": (
        lambda random: dicom(np.zeros((500, 500), np.uint16), "1.2.840.10008.1.2.1.99"),
        415,
    ),
    "DICOM with pixels a thousand times as wide as high": (
        _dicom_told(PixelSpacing=[1e-4, 1e3]),
        413,
    ),
    "NIfTI that declares too much": (_nifti_told(dim=[3, 32_767, 32_767, 32_767, 1, 1, 1, 1]), 413),
    "NIfTI bomb, declared": (_bomb_nifti([3, 4096, 4096, 4096, 1, 1, 1, 1]), 413),
    "NIfTI bomb before its voxels": (_bomb_nifti([3, 2, 2, 2, 1, 1, 1, 1], 2**30), 422),
    "NIfTI bomb behind its voxels": (_bomb_nifti([3, 9, 9, 9, 1, 1, 1, 1]), 200),
    "NIfTI of complex numbers": (
        lambda random: nifti(volume(int(random.integers(2**31))).astype(np.complex64)),
        422,
    ),
    "NIfTI with negative sides": (_nifti_told(dim=[3, -5, 10, 10, 1, 1, 1, 1]), 422),
    "NIfTI with voxels of no width": (
        _nifti_told(pixdim=STRETCHED, sform_code=0, qform_code=1),
        413,
    ),
    "NIfTI that is nowhere": (_nifti_told(srow_x=[np.nan] * 4), 422),
    "NIfTI with its voxels elsewhere": (_nifti_told(magic=b"ni1", vox_offset=0), 422),
}
"""How each kind is made, and how it is to be answered."""
