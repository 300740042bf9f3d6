"""Simulate the acquisition of an image: contrast, bias field, noise, window."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from scanvote.datasets.phantom.anatomy import Anatomy
from scanvote.datasets.phantom.head import CHANNELS, TISSUES
from scanvote.datasets.phantom.lesions import GrowthZone, Lesion, Parts, mass_effect
from scanvote.datasets.phantom.noise import Floats, SmoothNoise, matrix_product, smooth_noise, step

Bytes = NDArray[np.uint8]

# signal of each tissue in T1 after gadolinium and in FLAIR; white matter in T1 is about 0.7
SIGNAL: dict[str, tuple[float, float]] = {
    "air": (0.01, 0.01),
    "bone": (0.05, 0.04),
    "marrow": (0.52, 0.24),
    "fat": (0.92, 0.55),
    "skin": (0.52, 0.36),
    "muscle": (0.40, 0.24),
    "mucosa": (0.74, 0.55),
    "fluid": (0.15, 0.06),
    "nerve": (0.60, 0.48),
    "gland": (0.92, 0.50),
    "vein": (0.90, 0.12),
    "dura": (0.85, 0.20),
    "grey": (0.48, 0.55),
    "white": (0.69, 0.42),
    "oedema": (0.40, 0.90),
    "tumour": (0.38, 0.80),
    "rim": (1.15, 0.95),
    "necrosis": (0.18, 0.36),
    "cleft": (0.30, 0.14),
    "meningioma": (1.12, 0.84),
    "adenoma": (1.02, 0.78),
    "cyst": (0.26, 0.50),
}


@dataclass(frozen=True)
class Scanner:
    """Properties of the scanner and the head in one series.

    Attributes:
        signal: brightness of each tissue.
        fluid, bone: thickness of the CSF rim and of the vault, mm.
        scalp: thickness of the fat under the skin, mm.
        coil: bias field, in log brightness.
        texture: relative variation of the tissue signal, everywhere and in lesions.
        planes: field that is near zero where fat lies between muscles.
        noise: standard deviation in each of the two channels, relative to full scale.
        blur: standard deviation of the point spread function, mm.
    """

    signal: dict[str, float]
    fluid: float
    bone: float
    scalp: float
    coil: SmoothNoise
    texture: tuple[SmoothNoise, SmoothNoise]
    planes: SmoothNoise
    noise: float
    blur: float


def draw_scanner(rng: np.random.Generator, contrast: int) -> Scanner:
    jitter = rng.normal(1, 0.06, len(SIGNAL))
    return Scanner(
        {name: SIGNAL[name][contrast] * jitter[i] for i, name in enumerate(SIGNAL)},
        fluid=float(rng.uniform(1.0, 3.5)),
        bone=float(rng.uniform(5.0, 7.5)),
        scalp=float(rng.uniform(2.5, 5.0)),
        coil=smooth_noise(rng, length=260, deviation=0.16, count=6),
        texture=(smooth_noise(rng, 11, 0.025, count=24), smooth_noise(rng, 17, 0.09, count=48)),
        planes=smooth_noise(rng, 46, 1.0, count=12),
        noise=float(rng.uniform(0.012, 0.032)),
        blur=float(rng.uniform(0.5, 0.9)),
    )


def signal_and_parts(
    points: Floats, folds: Floats, lesion: Lesion | None, template: Anatomy, scanner: Scanner
) -> tuple[Floats, Parts]:
    """Return the noise-free signal (n,) and the covers of the lesion.

    `points` (n, 3) are template coordinates. `folds` (n, 3) mm and the mass effect of the lesion
    displace only the brain.
    """
    head = template.head.at(points)
    hull = head[:, CHANNELS.index("hull")]
    t1, grey, white = template.brain.at(mass_effect(points, lesion) + folds).T
    brain = step(t1 - 0.14, 0.2) * step(1.0 - hull, 1.5)
    image = _brain_over(_skull(head, points, scanner), brain, t1, grey, white, scanner)
    if lesion is None:
        return image, []
    share = white / (grey + white + 0.05)
    zone = GrowthZone(hull, brain * step(t1 - 0.42, 0.16), share)
    parts = lesion.parts(points, zone)
    uneven = 1 + scanner.texture[1](points)[:, 0]
    for tissue, cover in parts:
        image = _over(image, cover, scanner.signal[tissue] * uneven)
    return image, parts


def _over(image: Floats, cover: Floats, value: Floats | float) -> Floats:
    painted: Floats = image + cover * (value - image)
    return painted


def _skull(head: Floats, points: Floats, scanner: Scanner) -> Floats:
    """Return the signal outside the brain: face, neck, fat, skin, vault, CSF."""
    signal = scanner.signal
    hull, depth = head[:, 0], head[:, 1]
    levels = np.array([signal[name] for name in TISSUES], np.float32)
    image = matrix_product(head[:, 2:], levels)
    between = 0.35 * step(0.1 - np.abs(scanner.planes(points)[:, 0]), 0.7)
    image = _over(image, between * head[:, CHANNELS.index("muscle")], signal["fat"])
    image = _over(image, step(2 + scanner.scalp - depth, 1.5), signal["fat"])
    image = _over(image, step(2 - depth, 1.0), signal["skin"])
    image *= step(depth, 1.0)
    inner, outer = scanner.fluid, scanner.fluid + scanner.bone
    # `FACE` contains the skull base with its openings; the vault is a closed shell
    vault = step(points[:, 2] + 26 - 0.16 * points[:, 1], 14)
    image = _over(image, step(outer - hull, 1.2) * vault, signal["bone"])
    middle = np.abs(hull - (inner + outer) / 2)
    image = _over(image, step(0.26 * scanner.bone - middle, 1.2) * vault, signal["marrow"])
    image = _over(image, step(inner + 1.5 - hull, 1.0) * (1 - vault), signal["bone"])
    image = _over(image, step(inner - hull, 1.0), signal["fluid"])
    for name in ("vein", "gland", "nerve"):
        image = _over(image, head[:, CHANNELS.index(name)], signal[name])
    return image


def _brain_over(
    image: Floats, brain: Floats, t1: Floats, grey: Floats, white: Floats, scanner: Scanner
) -> Floats:
    signal = scanner.signal
    # sulci and ventricles come from T1, which is sharper than the probability maps
    solid = step(t1 - 0.43, 0.30)
    share = np.clip(0.5 * step(t1 - 0.75, 0.2) + 0.5 * white / (grey + white + 0.05), 0, 1)
    matter = signal["grey"] + share * (signal["white"] - signal["grey"])
    value = signal["fluid"] + solid * (matter - signal["fluid"])
    return _over(image, brain, value)


def acquire(
    rng: np.random.Generator, signal: Floats, points: Floats, size: int, pixel: float, scan: Scanner
) -> Bytes:
    """Return an image, uint8 (size, size), of `signal` (n,).

    `points` (n, 3) are scanner coordinates, mm. The magnitude of a complex signal with Gaussian
    noise in both parts is Rician.
    """
    shaded = signal * np.exp(scan.coil(points)[:, 0]) * (1 + scan.texture[0](points)[:, 0])
    image = cv2.GaussianBlur(
        shaded.reshape(size, size).astype(np.float32), (0, 0), scan.blur / pixel
    )
    real, imaginary = rng.normal(0, scan.noise, (2, size, size)).astype(np.float32)
    magnitude = np.hypot(image + real, imaginary)
    # the window ends at the brightest half percent, as on a console
    top = max(1.04 * float(np.quantile(magnitude, 0.995)), 0.3)
    picture: Bytes = np.rint(np.clip(magnitude / top, 0, 1) * 255).astype(np.uint8)
    return picture
