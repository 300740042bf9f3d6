"""The 95 % intervals hold a truth that is known in about 95 of 100 simulated tables.

`benchmarks/coverage.py` measures it closely; here 200 tables tell 95 % from 90 %.
"""

import pytest

from benchmarks import coverage


def test_intervals_cover(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coverage, "MANY", 50_000)
    for name, (ours, _) in coverage.coverage(groups=80, skill=2.0, tables=200).items():
        assert 0.92 <= ours <= 0.985, name
