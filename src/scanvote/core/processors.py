"""Number of processors that this process may use."""

import math
import os
from collections.abc import Iterator
from pathlib import Path


def allowed_processors(root: Path = Path("/")) -> int:
    """Return the number of processors allowed, which may be fewer than the machine has.

    It is limited by the affinity (`taskset`, cpusets, Slurm), and by the quota of the control group
    (`docker run --cpus`, Kubernetes, systemd's CPUQuota), rounded up.

    Args:
        root: where `/proc` and `/sys` lie.
    """
    counts = [os.cpu_count() or 1, *_quotas(root)]
    if hasattr(os, "sched_getaffinity"):  # on Linux
        counts.append(len(os.sched_getaffinity(0)))
    return max(1, min(counts))


def _quotas(root: Path) -> Iterator[int]:
    """Yield the limits of this process's control group and of all around it."""
    for folder in _control_groups(root):
        unified = _numbers(folder / "cpu.max")  # version 2: "max 100000" or "150000 100000"
        quota = unified or [
            *_numbers(folder / "cpu.cfs_quota_us"),  # version 1: -1 without a limit
            *_numbers(folder / "cpu.cfs_period_us"),
        ]
        if len(quota) == 2 and min(quota) > 0:
            yield math.ceil(quota[0] / quota[1])


def _control_groups(root: Path) -> Iterator[Path]:
    """Yield the folders of the control groups that limit this process's processors."""
    for line in _lines(root / "proc/self/cgroup"):
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers == "":
            mounts = ["sys/fs/cgroup", "sys/fs/cgroup/unified"]
        elif "cpu" in controllers.split(","):
            mounts = [f"sys/fs/cgroup/{controllers}", "sys/fs/cgroup/cpu"]
        else:
            continue
        # a container sees its own group as the root, whatever the path says
        inner = Path(path.lstrip("/"))
        for mount in mounts:
            yield from (root / mount / group for group in (inner, *inner.parents))


def _numbers(path: Path) -> list[int]:
    words = [word for line in _lines(path) for word in line.split()]
    try:
        return [int(word) for word in words]
    except ValueError:  # "max"
        return []


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
