"""A head around the template, which contains only the brain.

The vault follows the brain's hull; skull base, face and neck consist of ellipsoids at their
usual places. Values are soft masks, 0 to 1, on a 2 mm grid.
"""

import numpy as np
from scipy import ndimage

from scanvote.datasets.phantom.noise import Floats, step

TISSUES = ("muscle", "fat", "mucosa", "bone", "marrow", "fluid", "nerve", "gland", "vein", "air")
# distance to the hull (mm, negative inside), depth under the skin (mm), then the tissues
CHANNELS = ("hull", "depth", *TISSUES)

ORIGIN = np.array([-96, -132, -140], np.float32)
SHAPE = (97, 128, 120)

# tissue, centre, radii (mm); painted in this order; if x is not 0, on both sides
Ellipsoid = tuple[str, tuple[float, float, float], tuple[float, float, float]]
FACE: tuple[Ellipsoid, ...] = (
    ("fat", (46, 52, -68), (14, 20, 20)),  # cheek
    ("fat", (27, 45, -33), (15, 26, 14)),  # orbit
    ("muscle", (22, 44, -34), (2, 18, 4)),
    ("muscle", (40, 46, -33), (2, 16, 4)),
    ("nerve", (22, 38, -32), (3, 22, 3)),  # optic nerve
    ("fluid", (32, 66, -35), (12, 12, 12)),  # eye
    ("bone", (27, 42, -17), (18, 30, 3)),  # orbital roof
    ("bone", (49, 40, -32), (3, 12, 12)),
    ("bone", (0, 62, -22), (5, 12, 8)),  # nasion
    ("mucosa", (0, 58, -50), (17, 34, 17)),  # nose
    ("air", (5, 58, -54), (2, 27, 11)),
    ("air", (11, 52, -50), (2, 22, 8)),
    ("air", (8, 46, -31), (6, 18, 7)),  # ethmoid cells
    ("bone", (0, 48, -44), (1.5, 28, 18)),
    ("bone", (30, 47, -57), (17, 18, 17)),
    ("air", (30, 47, -57), (14.5, 15.5, 14)),  # maxillary sinus
    ("bone", (12, 78, -8), (17, 8, 14)),
    ("air", (10, 79, -8), (11, 4, 8)),  # frontal sinus
    ("bone", (0, 52, -73), (24, 30, 3)),  # palate
    ("fat", (0, 38, -97), (27, 36, 22)),
    ("muscle", (0, 39, -95), (24, 33, 18)),  # tongue
    ("fat", (0, 44, -104), (2, 24, 9)),
    ("marrow", (0, 82, -82), (18, 6, 8)),
    ("bone", (0, 80, -112), (22, 8, 12)),  # jaws
    ("marrow", (0, 80, -112), (18, 5, 9)),
    ("air", (0, 8, -88), (9, 6, 30)),  # pharynx
    ("air", (0, 28, -76), (8, 22, 4)),
    ("bone", (40, -24, -40), (22, 11, 9)),  # petrous bones
    ("air", (56, -32, -42), (9, 11, 13)),  # mastoid cells
    ("air", (44, -18, -42), (10, 3, 3)),  # ear canal
    ("fluid", (32, -24, -38), (6, 3, 3)),  # inner ear
    ("bone", (0, 10, -44), (28, 22, 12)),  # sphenoid
    ("marrow", (22, 8, -42), (12, 10, 5)),
    ("air", (8, 20, -45), (9, 12, 8)),  # sphenoid sinus
    ("bone", (0, -9, -46), (13, 9, 12)),
    ("bone", (0, -15, -56), (13, 8, 13)),
    ("marrow", (0, -6, -43), (10, 5, 9)),  # clivus
    ("marrow", (0, -14, -56), (9, 4.5, 10)),
    ("bone", (0, -14, -82), (13, 9, 12)),  # vertebrae
    ("marrow", (0, -14, -84), (10, 6.5, 9)),
    ("bone", (0, -14, -108), (13, 10, 11)),
    ("marrow", (0, -14, -108), (11, 8, 9)),
    ("bone", (0, -14, -132), (13, 10, 10)),
    ("marrow", (0, -14, -132), (11, 8, 8)),
    ("bone", (0, -68, -88), (4, 9, 6)),  # spinous processes
    ("bone", (0, -68, -112), (4, 10, 6)),
    ("fluid", (0, 1, -24), (16, 13, 8)),  # suprasellar cistern
    ("vein", (12, 1, -34), (5, 9, 6)),  # cavernous sinus
    ("bone", (13, 2, -34), (2.6, 5, 2.6)),  # carotid, a flow void
    ("bone", (0, -6, -31), (8, 2, 5)),  # dorsum sellae
    ("gland", (0, 2, -33), (7, 5.5, 4)),
    ("gland", (0, 0, -26), (1.3, 1.5, 6)),  # stalk
    ("nerve", (0, 4, -20), (9, 4, 2)),  # chiasm
    ("bone", (0, -9, -34), (2, 2, 12)),  # basilar artery, a flow void
)


def head_tissues(t1: Floats, origin: Floats) -> tuple[Floats, Floats]:
    """Build the head around the brain.

    Args:
        t1: template of shape (x, y, z) at 1 mm, zero outside the brain.
        origin: position of its first voxel, mm.

    Returns:
        The channels `CHANNELS`, float32 (x, y, z, channels), and the position of the first voxel,
        mm.
    """
    grid = np.indices(SHAPE, np.float32) * 2 + ORIGIN[:, None, None, None]
    hull = _hull(t1, origin, grid)
    depth = _depth(hull, *grid)
    layers = _face(*grid)
    layers[TISSUES.index("vein")] += _venous_sinuses(hull, *grid)
    layers = [ndimage.gaussian_filter(np.clip(layer, 0, 1), 0.5) for layer in layers]
    return np.ascontiguousarray(np.stack([hull, depth, *layers], -1)), ORIGIN


def _hull(t1: Floats, origin: Floats, grid: Floats) -> Floats:
    index = [np.clip(grid[i] - origin[i], 0, t1.shape[i] - 1).astype(int) for i in range(3)]
    brain = t1[tuple(index)] > 0.05
    # closed by 10 mm: fissures and cisterns belong to the inside of the skull
    near = ndimage.distance_transform_edt(~brain, sampling=2) < 10
    closed = ndimage.distance_transform_edt(near, sampling=2) > 10
    inside = ndimage.distance_transform_edt(closed, sampling=2)
    outside = ndimage.distance_transform_edt(~closed, sampling=2)
    distance: Floats = ndimage.gaussian_filter((outside - inside).astype(np.float32), 1.0)
    return distance


def _depth(hull: Floats, x: Floats, y: Floats, z: Floats) -> Floats:
    side = np.abs(x)
    shapes = [
        hull - 14,
        _ellipsoid(x, y, z, (0, 36, -58), (66, 58, 88)),
        _ellipsoid(x, y, z, (0, 94, -52), (12, 18, 20)),  # nose
        _ellipsoid(x, y, z, (0, 70, -112), (34, 24, 26)),  # chin
        _ellipsoid(side, y, z, (64, 15, -22), (16, 34, 38)),  # temporal muscle
        np.hypot(x / 58, (y + 28) / 58).astype(np.float32) * 58 - 58 + np.maximum(z + 35, 0),
    ]
    # a smooth minimum: no creases where face, neck and vault meet
    blend = sum(np.exp(-np.clip(shape, -60, 60) / 5) for shape in shapes)
    depth: Floats = (5 * np.log(blend)).astype(np.float32)
    return depth


def _ellipsoid(
    x: Floats,
    y: Floats,
    z: Floats,
    centre: tuple[float, float, float],
    radii: tuple[float, float, float],
) -> Floats:
    """Return the approximate distance to an ellipsoid, mm, negative inside."""
    offsets = [(c - m) / r for c, m, r in zip((x, y, z), centre, radii, strict=True)]
    reach = np.sqrt(sum(offset**2 for offset in offsets))
    distance: Floats = ((reach - 1) * np.float32(min(radii))).astype(np.float32)
    return distance


def _face(x: Floats, y: Floats, z: Floats) -> list[Floats]:
    layers = [np.zeros(SHAPE, np.float32) for _ in TISSUES]
    layers[0] += 1  # muscle, until something else is painted
    for tissue, centre, radii in FACE:
        cover = step(-_ellipsoid(np.abs(x) if centre[0] else x, y, z, centre, radii), 2)
        for layer in layers:
            layer *= 1 - cover
        layers[TISSUES.index(tissue)] += cover
    return layers


def _venous_sinuses(hull: Floats, x: Floats, y: Floats, z: Floats) -> Floats:
    under_vault = step(3.5 - np.abs(hull - 1), 2)
    upper = ((z > 20) | (y < -70)) & (z > -18)
    sagittal = np.where(upper, step(4.5 - np.abs(x), 2), 0)
    transverse = np.where(y < -45, step(4 - np.abs(z + 22 + 0.1 * np.abs(x)), 2), 0)
    both: Floats = under_vault * np.maximum(sagittal, transverse).astype(np.float32)
    return both
