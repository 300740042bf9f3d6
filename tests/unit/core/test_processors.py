"""Processors allowed, not present."""

import os
from pathlib import Path

import pytest

from scanvote.core.processors import allowed_processors

UNIFIED, FIRST = "0::/lab/job\n", "4:memory:/job\n3:cpu,cpuacct:/job\n"


@pytest.fixture(autouse=True)
def sixteen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 16)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(16)), raising=False)


def machine(root: Path, groups: str, **files: str) -> Path:
    """A root with `/proc/self/cgroup` and files of control groups, named with __ for a slash."""
    for name, text in {"proc__self__cgroup": groups, **files}.items():
        path = root / name.replace("__", "/").replace("cpu_max", "cpu.max")
        path = path.with_name(path.name.replace("cfs", "cpu.cfs"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_without_a_limit_it_is_every_processor(tmp_path: Path) -> None:
    assert allowed_processors(tmp_path) == 16
    assert (
        allowed_processors(machine(tmp_path, UNIFIED, sys__fs__cgroup__cpu_max="max 100000\n"))
        == 16
    )


def test_the_affinity_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3, 7})
    assert allowed_processors(tmp_path) == 2


@pytest.mark.parametrize(
    ("limit", "expected"), [("400000 100000", 4), ("150000 100000", 2), ("10000 100000", 1)]
)
def test_the_quota_counts_rounded_up(tmp_path: Path, limit: str, expected: int) -> None:
    assert (
        allowed_processors(machine(tmp_path, UNIFIED, sys__fs__cgroup__lab__job__cpu_max=limit))
        == expected
    )


def test_the_quota_of_a_group_around_counts(tmp_path: Path) -> None:
    files = {
        "sys__fs__cgroup__lab__job__cpu_max": "max 100000",
        "sys__fs__cgroup__lab__cpu_max": "300000 100000",
    }
    assert allowed_processors(machine(tmp_path, UNIFIED, **files)) == 3


def test_in_a_container_the_root_is_its_own_group(tmp_path: Path) -> None:
    files = {"sys__fs__cgroup__cpu_max": "200000 100000"}
    assert allowed_processors(machine(tmp_path, "0::/../../elsewhere\n", **files)) == 2


@pytest.mark.parametrize(("quota", "expected"), [("250000", 3), ("-1", 16)])
def test_version_1_counts_too(tmp_path: Path, quota: str, expected: int) -> None:
    folder = "sys__fs__cgroup__cpu,cpuacct__job__"
    files = {f"{folder}cfs_quota_us": quota, f"{folder}cfs_period_us": "100000"}
    assert allowed_processors(machine(tmp_path, FIRST, **files)) == expected


def test_what_cannot_be_understood_limits_nothing(tmp_path: Path) -> None:
    files = {"sys__fs__cgroup__cpu_max": "many"}
    assert allowed_processors(machine(tmp_path, "no such form\n0::/\n", **files)) == 16
