"""What a person decides against the rule, and every way to get that table wrong."""

from pathlib import Path

import pandas as pd
import pytest

from scanvote.core.errors import InputError
from scanvote.pipeline.deduplicate.hamming import Pairs
from scanvote.pipeline.deduplicate.overrides import (
    apply_overrides,
    check_kept_apart,
    dropped,
    read_overrides,
)
from scanvote.pipeline.deduplicate.pairs import as_pairs

HEADER = "action,scan_id,other,reason\n"
FRAME = pd.DataFrame(
    {
        "scan_id": ["glioma/one", "glioma/two", "glioma/three", "glioma/four"],
        "series": ["", "", "s", "s"],
    }
)


def table(folder: Path, *lines: str, header: str = HEADER) -> Path:
    path = folder / "overrule.csv"
    path.write_text(header + "".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def listed(pairs: Pairs) -> list[tuple[int, int]]:
    return list(zip(*(side.tolist() for side in pairs), strict=True))


def test_a_header_decides_nothing(tmp_path: Path) -> None:
    overrides = read_overrides(table(tmp_path), FRAME)
    assert overrides == []
    assert listed(apply_overrides(as_pairs([(0, 1)]), overrides)) == [(0, 1)]


def test_each_action_does_its_part(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "keep,glioma/two,glioma/one,neighbours",
        "",
        '"merge","glioma/four","glioma/one","the same, turned"',
        "drop,glioma/three,,a collage",
    )
    overrides = read_overrides(path, FRAME)
    assert [(one.action, one.row, one.other, one.reason) for one in overrides] == [
        ("keep", 1, 0, "neighbours"),
        ("merge", 3, 0, "the same, turned"),
        ("drop", 2, -1, "a collage"),
    ]
    assert dropped(overrides) == {2}
    pairs = as_pairs([(0, 1), (1, 3), (1, 2), (2, 3)])
    assert listed(apply_overrides(pairs, overrides)) == [(1, 3), (0, 3)]


def test_blanks_around_a_value_do_not_matter(tmp_path: Path) -> None:
    (one,) = read_overrides(table(tmp_path, " drop , glioma/one ,, "), FRAME)
    assert (one.action, one.row) == ("drop", 0)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["kep,glioma/one,glioma/two,"], r"line 2: no action 'kep'; did you mean 'keep'\?"),
        (["keep,glioma/on,glioma/two,"], r"line 2: scan_id 'glioma/on'.*mean 'glioma/one'\?"),
        (["", "keep,glioma/one,glioma/tow,"], r"line 3: other 'glioma/tow'.*mean 'glioma/two'\?"),
        (["keep,xyz,glioma/two,"], r"line 2: scan_id 'xyz' is no scan of the manifest$"),
        (["merge,glioma/one,,"], "line 2: other is empty"),
        (["keep,,glioma/one,"], "line 2: scan_id is empty"),
        (["drop,glioma/one,glioma/two,"], "line 2: drop is of one scan"),
        (["keep,glioma/one,glioma/one,"], "line 2: scan_id and other are the same"),
        (["merge,glioma/three,glioma/four,"], "line 2: both are slices of one series"),
        (
            ["keep,glioma/one,glioma/two,", "merge,glioma/two,glioma/one,"],
            "line 3 contradicts line 2",
        ),
        (["drop,glioma/one,,", "drop,glioma/one,,"], "line 3 repeats line 2"),
        (["drop,glioma/one,,", "merge,glioma/one,glioma/two,"], "line 3: a scan that is dropped"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, lines: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said) as error:
        read_overrides(table(tmp_path, *lines), FRAME)
    assert str(error.value).startswith(str(tmp_path / "overrule.csv"))
    assert "\n" not in str(error.value)


def test_a_missing_file_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is missing; make it.*action,scan_id,other,reason"):
        read_overrides(tmp_path / "overrule.csv", FRAME)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no column other, reason"):
        read_overrides(table(tmp_path, header="action,scan_id\n"), FRAME)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b'action,scan_id,other,reason\n"a'])
def test_what_is_no_table_is_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "overrule.csv").write_bytes(content)
    with pytest.raises(InputError, match="is no CSV table"):
        read_overrides(tmp_path / "overrule.csv", FRAME)


def test_scans_kept_apart_may_not_be_joined_through_a_third(tmp_path: Path) -> None:
    overrides = read_overrides(table(tmp_path, "keep,glioma/one,glioma/two,"), FRAME)
    check_kept_apart(FRAME, as_pairs([(0, 2), (1, 3)]), overrides)
    with pytest.raises(InputError, match=r"line 2: glioma/one and glioma/two.*through glioma/t"):
        check_kept_apart(FRAME, as_pairs([(0, 2), (1, 2)]), overrides)
