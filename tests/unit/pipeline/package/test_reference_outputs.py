"""The table of a package's test: the same for the same scans, whatever they are called."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanvote.core.errors import InputError
from scanvote.core.files import write_csv
from scanvote.pipeline.package.reference_outputs import (
    digest_of,
    read_reference_outputs,
    reference_masks,
    reference_votes,
)


def tables(groups: list[str], seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of a vote and of a manifest, a scan for each of these groups."""
    names = [f"patient-{number}" for number in range(len(groups))]
    random = np.random.default_rng(seed)
    vote = pd.DataFrame(
        {
            "scan_id": names,
            "label": [f"class{number % 2}" for number in range(len(groups))],
            "predicted": random.choice(["class0", "class1"], len(groups)),
        }
    )
    shas = [f"{number:03}" for number in range(len(groups))]
    return vote, pd.DataFrame({"scan_id": names, "sha256": shas, "group": groups})


@given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=12), st.integers(0, 2**31 - 1))
def test_names_of_scans_and_groups_and_their_order_do_not_matter(groups, seed):
    vote, manifest = tables(groups)
    random = np.random.default_rng(seed)
    new = dict(zip(vote["scan_id"], random.permutation(100).astype(str), strict=False))
    called = dict(zip("abcd", random.permutation(100).astype(str), strict=False))
    other = manifest.assign(
        scan_id=manifest["scan_id"].map(new), group=manifest["group"].map(called)
    ).sample(frac=1, random_state=seed)
    shuffled = vote.assign(scan_id=vote["scan_id"].map(new)).sample(frac=1, random_state=seed)
    pd.testing.assert_frame_equal(reference_votes(vote, manifest), reference_votes(shuffled, other))


def mask_tables(patients: list[str], found: int = 3) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of masks and of a manifest, a slice for each of these patients."""
    names = [f"slice-{number}" for number in range(len(patients))]
    masks = pd.DataFrame({"scan_id": names, "truth": "0 4", "predicted": f"1 {found}"})
    shas = [f"{number:03}" for number in range(len(names))]
    manifest = {"scan_id": names, "sha256": shas, "patient": patients, "mask_pixels": 40}
    return masks.assign(height=2, width=5), pd.DataFrame(manifest)


def test_masks_have_their_pixel_counts_by_patient_and_no_name(tmp_path: Path):
    table = reference_masks(*mask_tables(["ann", "ann", "bob"]))
    assert table["group"].tolist() == [0, 0, 1]
    assert table[["overlap", "predicted", "truth"]].to_numpy().tolist() == [[3, 3, 4]] * 3
    write_csv(table, tmp_path / "test.csv")
    again = read_reference_outputs(tmp_path / "test.csv")
    pd.testing.assert_frame_equal(again[list(table)], table)
    assert digest_of(again) == digest_of(table)
    assert digest_of(reference_masks(*mask_tables(["x", "x", "y"], found=2))) == digest_of(table)
    assert digest_of(reference_masks(*mask_tables(["x", "y", "y"]))) != digest_of(table)


def test_who_belongs_together_matters():
    one, other = (reference_votes(*tables(groups)) for groups in (list("aabb"), list("abab")))
    assert digest_of(one) != digest_of(other)


def test_what_was_predicted_does_not_make_another_test():
    one, other = (reference_votes(*tables(list("aabbcc"), seed)) for seed in (0, 1))
    assert not one.equals(other)
    assert digest_of(one) == digest_of(other)


def test_another_label_or_another_file_makes_another_test():
    vote, manifest = tables(list("aabb"))
    relabelled = vote.assign(label=["class1", *vote["label"][1:]])
    replaced = manifest.assign(sha256=["999", *manifest["sha256"][1:]])
    digests = {
        digest_of(reference_votes(vote, manifest)),
        digest_of(reference_votes(relabelled, manifest)),
        digest_of(reference_votes(vote, replaced)),
    }
    assert len(digests) == 3


def test_nobody_is_named():
    assert "patient" not in reference_votes(*tables(list("aabb"))).to_csv()


def test_it_is_read_as_it_was_written(tmp_path: Path):
    table = reference_votes(*tables(list("aabb")))
    write_csv(table, tmp_path / "test.csv")
    pd.testing.assert_frame_equal(
        read_reference_outputs(tmp_path / "test.csv"), table, check_dtype=False
    )
    assert digest_of(read_reference_outputs(tmp_path / "test.csv")) == digest_of(table)


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", "scan,label,group,predicted\n1,a,x,a\n"])
def test_what_is_no_such_table_is_one_line(tmp_path: Path, content: str):
    (tmp_path / "test.csv").write_text(content)
    with pytest.raises(InputError, match=r"test\.csv is no table of a package's test"):
        read_reference_outputs(tmp_path / "test.csv")
