"""Random trees of a user's data: no person on two sides, no wrong class, no mask used as a scan."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.own_judging import judge, run_stages, small_params
from tests.own_trees import numbered_tree
from tests.own_writing import write_tree

SEED = 2026


# numbers do not shrink: the trees of two numbers have nothing in common
@settings(
    max_examples=30,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
@given(number=st.integers(0, 10**6))
def test_no_accepted_tree_is_misread(number: int) -> None:
    spec = numbered_tree(SEED, number)
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as place:
        patch.setattr(os, "cpu_count", lambda: 1)
        patch.delenv("DVC_ROOT", raising=False)
        tree = write_tree(spec, Path(place, "own"))
        outcome = run_stages(spec.task, small_params(spec.task, tree.path), Path(place, "out"))
        violations = judge(tree, outcome).violations
    again = f"python -m benchmarks.own_trees --seed {SEED} --tree {number}"
    assert not violations, f"{spec}: {outcome.message or 'accepted'}; {again}"
