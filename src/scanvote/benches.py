"""The bench of a grid, by its name."""

from pathlib import Path
from typing import cast

from scanvote.bench import Bench
from scanvote.class_bench import ClassBench
from scanvote.mask_bench import MaskBench
from scanvote.params import Family, Params


def bench_of(name: str, prepared: Path, params: Params) -> Bench:
    """The bench of a family of classifiers, or of the ``unet``, on the shards of its task."""
    if name == "unet":
        return MaskBench(prepared, params)
    return ClassBench(cast(Family, name), prepared, params)
