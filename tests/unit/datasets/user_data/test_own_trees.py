"""Random trees of a user's data: no person on two sides, no wrong class, no mask taken for a scan."""

import os
import tempfile
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.own_judging import judge, run_stages, small_params
from tests.own_trees import plan_tree
from tests.own_writing import write_tree


# a shrunk tree would take minutes; `python -m benchmarks.own_trees` shows many of a kind
@settings(
    max_examples=50,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
@given(rng=st.randoms(use_true_random=False))
def test_no_accepted_tree_is_misread(rng: Random) -> None:
    spec = plan_tree(rng)
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as place:
        patch.setattr(os, "cpu_count", lambda: 1)
        patch.delenv("DVC_ROOT", raising=False)
        tree = write_tree(spec, Path(place, "own"))
        outcome = run_stages(spec.task, small_params(spec.task, tree.path), Path(place, "out"))
        violations = judge(tree, outcome).violations
    assert not violations, f"{spec}: {outcome.message or 'accepted'}"
