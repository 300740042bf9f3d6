"""Signals that two scans may be of one person, for lookalikes.py beside this file."""

from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import cv2
import keras
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from scanvote.core.parallel import parallel_map
from scanvote.core.seeds import derive_seed, rng
from scanvote.images.crop import crop_box
from scanvote.images.decode import decode_grey, decode_image
from scanvote.pipeline.deduplicate.fingerprints import fingerprints
from scanvote.pipeline.deduplicate.pairs import connected_components
from scanvote.pipeline.deduplicate.registration import registered_correlation_of

SHORTLIST = 30_000
"""Pairs of the highest r, of whole and of cropped thumbnails each, that are aligned."""
PLACES = 5
"""Places in the order of the file names that a pair may be apart to come first."""
PARTS = 4
"""Parts of the persons for learning: two are learned from, the pairs of the others judged."""
NEGATIVES = 25
"""One in so many of the unlike pairs of two persons is learned from, with so much weight."""
SEED = 2021
CROPPED, LOOKS = "r of cropped thumbnails", "brightness, head box, noise"
NAMES = "file names, then r"
ALL, ALL_NAMES = "learned from all of the image", "learned, with file names"


@dataclass(frozen=True)
class Pairs:
    """All pairs (m,) of n scans; `person` is (n,), the others are (m,)."""

    first: np.ndarray
    second: np.ndarray
    person: np.ndarray
    one_person: np.ndarray
    one_class: np.ndarray

    def groups(self, chosen: np.ndarray) -> np.ndarray:
        """Connected components (n,) of the chosen pairs."""
        return connected_components(len(self.person), (self.first[chosen], self.second[chosen]))


def all_pairs(scans: pd.DataFrame) -> Pairs:
    first, second = np.triu_indices(len(scans), 1)
    person, folder = scans["person"].to_numpy(), pd.factorize(scans["folder"])[0]
    one_person, one_class = (each[first] == each[second] for each in (person, folder))
    return Pairs(first, second, person, one_person, one_class)


def signals(scans: pd.DataFrame, tree: Path, backbone: Path, pairs: Pairs) -> dict[str, np.ndarray]:
    """By rule how likely it holds each pair (m,) to be of one person, on a scale of its own."""
    paths = [tree / name for name in scans["scan_id"]]
    prints, deep = fingerprints(paths), _features(paths, backbone)
    cropped = _correlation(prints.cropped, pairs)
    whole = _correlation(prints.thumbnails, pairs)
    shortlist = np.union1d(*(np.argsort(-r)[:SHORTLIST] for r in (cropped, whole)))
    registered = _aligned(prints.thumbnails, pairs, shortlist)
    looks = _standardised(np.array([_appearance(path) for path in paths])).astype(np.float32)
    within = _centred(deep, scans["folder"])
    apart = _places_apart(scans, pairs)
    found = {
        CROPPED: cropped,
        "r of whole thumbnails": whole,
        "r of whole thumbnails, aligned": np.where(registered < 0, whole - 2, registered),
        "backbone, cosine": _cosine(deep, pairs),
        "backbone, class means removed": _cosine(within, pairs),
        "backbone, whitened": _cosine(_whitened(within, 512), pairs),
        LOOKS: _nearness(_whitened(looks, 20), pairs),
        NAMES: np.where(apart <= PLACES, cropped + 2, cropped),
    }
    terms, hard = _terms(found, pairs), (cropped > 0.65) | (whole > 0.7) | (apart <= 10)
    both = np.concatenate([terms, _nearby(apart)], axis=1)
    return found | {ALL: _learned(terms, hard, pairs), ALL_NAMES: _learned(both, hard, pairs)}


def _places_apart(scans: pd.DataFrame, pairs: Pairs) -> np.ndarray:
    place = scans["place"].to_numpy()
    return np.where(pairs.one_class, abs(place[pairs.first] - place[pairs.second]), 9999)


def _cosine(vectors: np.ndarray, pairs: Pairs) -> np.ndarray:
    unit = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return (unit @ unit.T)[pairs.first, pairs.second]


def _correlation(thumbnails: np.ndarray, pairs: Pairs) -> np.ndarray:
    flat = thumbnails.reshape(len(thumbnails), -1).astype(np.float32)
    return _cosine(flat - flat.mean(axis=1, keepdims=True), pairs)


def _nearness(values: np.ndarray, pairs: Pairs) -> np.ndarray:
    """Euclidean distance, less of it being more."""
    squares = (values**2).sum(axis=1)
    inner = (values @ values.T)[pairs.first, pairs.second]
    return -np.sqrt(np.maximum(squares[pairs.first] + squares[pairs.second] - 2 * inner, 0))


def _standardised(values: np.ndarray) -> np.ndarray:
    return (values - values.mean(axis=0)) / (values.std(axis=0) + 1e-6)


def _centred(values: np.ndarray, folder: pd.Series) -> np.ndarray:
    """Less the mean of the class, so that what classes have in common counts no more."""
    frame = pd.DataFrame(values)
    return (frame - frame.groupby(folder.to_numpy()).transform("mean")).to_numpy()


def _whitened(values: np.ndarray, count: int) -> np.ndarray:
    """The first principal components, each of the same variance."""
    return np.linalg.svd(values - values.mean(axis=0), full_matrices=False)[0][:, :count]


def _features(paths: list[Path], backbone: Path) -> np.ndarray:
    """Means over the places (n, d) of what the backbone makes of the scans at 192 px."""
    network = keras.saving.load_model(backbone)
    made = []
    for start in range(0, len(paths), 32):
        scans = [cv2.resize(decode_image(path), (192, 192)) for path in paths[start : start + 32]]
        maps = network(np.stack(scans).astype(np.float32), training=False)
        made.append(np.asarray(maps).mean(axis=(1, 2)))
    return _standardised(np.concatenate(made))


def _appearance(path: Path) -> np.ndarray:
    """Where the head lies (5), the background (4), noise (4), quantiles (9), histogram (14)."""
    scan = decode_grey(path).astype(np.float32)
    (x, y, wide, high), (height, width) = crop_box(decode_grey(path)), scan.shape
    inside = np.zeros(scan.shape, bool)
    inside[y : y + high, x : x + wide] = True
    blurred = cv2.GaussianBlur(scan, (0, 0), 1)
    fine, coarse = abs(scan - blurred), abs(blurred - cv2.GaussianBlur(scan, (0, 0), 3))
    outside = np.append(scan[~inside], 0)
    place = [x / width, y / height, wide / width, high / height, wide / high]
    level = [outside.mean(), outside.std(), np.median(outside), (outside == 0).mean()]
    noise = [np.append(fine[~inside], 0).mean(), fine[inside].mean(), np.median(fine[inside])]
    tissue = np.percentile(scan[inside & (scan > 45)], [1, 5, 10, 25, 50, 75, 90, 95, 99])
    histogram = np.histogram(scan[inside], 14, (0, 256), density=True)[0]
    return np.concatenate([place, level, noise, [coarse[inside].mean()], tissue, histogram])


def _aligned(thumbnails: np.ndarray, pairs: Pairs, shortlist: np.ndarray) -> np.ndarray:
    """r after registration, of the shortlist; of the others -1."""
    both = [(thumbnails[pairs.first[at]], thumbnails[pairs.second[at]]) for at in shortlist]
    values = np.full(len(pairs.first), -1, np.float32)
    values[shortlist] = parallel_map(_aligned_pair, both, "Align")
    return values


def _aligned_pair(both: tuple[np.ndarray, np.ndarray]) -> float:
    return registered_correlation_of(*both)


def _terms(found: dict[str, np.ndarray], pairs: Pairs) -> np.ndarray:
    """The signals (m, d) in forms that a sum can weigh: the last steps before 1 tell the most."""
    columns = [pairs.one_class]
    for name, values in found.items():
        if name == LOOKS:
            columns += [values, np.exp(values)]
        elif name != NAMES:
            near = np.clip(values, -0.9, 0.99)
            columns += [values, np.arctanh(near), near * abs(near)]
    return np.stack(columns, axis=1).astype(np.float32)


def _nearby(apart: np.ndarray) -> np.ndarray:
    """How far apart (m,) in the order of the names, in forms (m, 5) that a sum can weigh."""
    steps = [apart <= places for places in (1, 3, 5, 10)]
    return np.stack([-np.log1p(np.minimum(apart, 300)), *steps], axis=1).astype(np.float32)


def _learned(terms: np.ndarray, hard: np.ndarray, pairs: Pairs) -> np.ndarray:
    """Logistic regression (m,) of the terms (m, d), never learned on either person of a pair.

    Persons are dealt to four parts; the pairs of each two parts are judged by what was learned on
    the other two, so that each pair is judged once. Of the pairs that are not `hard` few are drawn.
    """
    part = np.array([derive_seed(SEED, "part", person) % PARTS for person in pairs.person])
    one, other = part[pairs.first], part[pairs.second]
    other = np.where(one == other, (one + 1) % PARTS, other)  # a part alone: with the next one
    drawn = rng(SEED, "drawn").integers(NEGATIVES, size=len(one)) == 0
    sure = pairs.one_person | hard
    weight, scores = np.where(sure, 1, NEGATIVES), np.empty(len(one), np.float32)
    for low, high in combinations(range(PARTS), 2):
        rest = ~np.isin(part, [low, high])
        learn = (sure | drawn) & rest[pairs.first] & rest[pairs.second]
        judged = (np.minimum(one, other) == low) & (np.maximum(one, other) == high)
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))
        weights = {"logisticregression__sample_weight": weight[learn]}
        model.fit(terms[learn], pairs.one_person[learn], **weights)
        scores[judged] = model.decision_function(terms[judged])
    return scores
