"""The plan of the shards: every row once, in order, whatever the size of a shard."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanvote.params import Params, PrepareTask
from scanvote.preparation import Portion, portions


def how(params: Params, **changes: object) -> PrepareTask:
    return params.prepare.classification.model_copy(update=changes)


def scans(train: int, validation: int, test: int) -> pd.DataFrame:
    splits = ["train"] * train + ["validation"] * validation + ["test"] * test
    return pd.DataFrame({"scan_id": [f"s{at}" for at in range(len(splits))], "split": splits})


def rows(portion: Portion) -> list[tuple[str, int]]:
    return [(scan["scan_id"], at) for scan, wanted in portion.wanted() for at in wanted]


@given(
    st.integers(1, 40), st.integers(1, 9), st.integers(1, 9), st.integers(0, 21), st.integers(1, 30)
)
def test_every_row_is_in_one_shard_and_in_order(
    params: Params, train: int, validation: int, test: int, copies: int, size: int
) -> None:
    frame = scans(train, validation, test)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scanvote.arrays.SHARD_ROWS", size)
        parts = portions(frame, how(params, copies=copies))
    for split, each in (("train", copies + 1), ("validation", 1), ("test", 1)):
        mine = [part for part in parts if part.split == split]
        assert [part.number for part in mine] == list(range(len(mine)))
        assert all(len(part.rows) == size for part in mine[:-1])
        names = frame.loc[frame["split"] == split, "scan_id"]
        assert [row for part in mine for row in rows(part)] == [
            (name, at) for name in names for at in range(each)
        ]


def test_no_scan_is_loaded_for_nothing(params: Params) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scanvote.arrays.SHARD_ROWS", 8)
        parts = portions(scans(9, 1, 1), how(params, copies=3))
    assert all(len(wanted) for part in parts for _, wanted in part.wanted())
    assert [len(part.scans) for part in parts] == [2, 2, 2, 2, 1, 1, 1]


def test_large_images_make_shards_of_few_rows(params: Params) -> None:
    parts = portions(scans(100, 1, 1), how(params, image_size=1024, channels=3, copies=0))
    assert max(len(part.rows) for part in parts) * 1024 * 1024 * 4 <= 32 << 20
