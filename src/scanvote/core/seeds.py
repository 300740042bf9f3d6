"""Seeds derived from their purpose, independent of what ran before."""

import hashlib

import numpy as np


def derive_seed(seed: int, *purpose: object) -> int:
    """Derive a seed in [1, 2³¹) from `seed` and its purpose.

    It is never 0, which Keras Tuner takes for "random".
    """
    text = "/".join(str(part) for part in (seed, *purpose))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") % (2**31 - 1) + 1


def rng(seed: int, *purpose: object) -> np.random.Generator:
    return np.random.default_rng(derive_seed(seed, *purpose))
