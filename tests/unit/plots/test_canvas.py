"""Pictures decode, are the same bytes twice, and say what they are not for."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from scanvote.core import disclaimer
from scanvote.metrics.bootstrap import interval_method
from scanvote.pipeline.inflation import figures as probed
from scanvote.plots import canvas
from scanvote.tuning import figures as searched
from tests.drawing import check_picture


def curves(path: Path, last: float = 0.5) -> None:
    table = pd.DataFrame({"epoch": [0, 1], "val_dice_1": [0.1, last], "val_dice_2": [0.2, np.nan]})
    for name in ("loss_1", "loss_2", "val_loss_1", "val_loss_2"):
        table[name] = [0.9, 0.5]
    searched.curves_figure(table, "val_dice", "Title", path)


def gallery(path: Path, grey: int = 100) -> None:
    canvas.gallery(np.full((3, 8, 8, 1), grey, np.uint8), ["a", "b", "c"], "Title", path)


def colours(path: Path, red: int = 200) -> None:
    images = np.full((7, 8, 8, 3), (red, 0, 50), np.uint8)
    canvas.gallery(images, [str(number) for number in range(7)], "Title", path)


def inflation(path: Path, added: float = 0.05) -> None:
    names = ["random", "grouped", "inflation"]
    table = pd.DataFrame({"protocol": names, "scans": [90, 80, None]}).astype({"scans": "Int64"})
    for name in ("accuracy", "macro_f1"):
        table[name] = [0.7 + added, 0.7, added]
        table[f"{name}_low"], table[f"{name}_high"] = table[name] - 0.02, table[name] + 0.02
    probed.inflation_figure(table, {name: name for name in names}, interval_method(), path)


def trials(**columns: list[object]) -> pd.DataFrame:
    """Three trials with a score and one that failed."""
    table = pd.DataFrame({"rank": [1, 2, 3, 4], "trial": ["a", "b", "c", "d"], **columns})
    return table.assign(epochs=9, parameters=[1, 2, 3, 4], val_f1=[0.9, 0.5, 0.4, np.nan])


def choices(path: Path, best: float = 0.9) -> None:
    table = trials(pooling=["max", "average", "max", "max"], units=[4, 8, np.nan, 4])
    table.loc[0, "val_f1"] = best
    searched.hyperparameter_figure(table, "val_f1", "Title", path)


def one_choice(path: Path, best: float = 0.9) -> None:
    table = trials(dropout=[0.25, 0.5, 0.25, 0.5])
    table.loc[0, "val_f1"] = best
    searched.hyperparameter_figure(table, "val_f1", "Title", path)


def no_choice(path: Path, score: float = 0.9) -> None:
    """A search of a single trial."""
    table = trials(pooling=["max"] * 4).head(1).assign(val_f1=score)
    searched.hyperparameter_figure(table, "val_f1", "Title", path)


DRAWN = pytest.mark.parametrize(
    ("draw", "change"),
    [
        (curves, 0.9),
        (gallery, 130),
        (colours, 90),
        (inflation, 0.1),
        (choices, 0.6),
        (one_choice, 0.6),
        (no_choice, 0.6),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)


@DRAWN
def test_a_picture(
    draw: Callable[..., None],
    change: float,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    check_picture(draw, change, tmp_path, monkeypatch)


def test_no_figure_stays_open(tmp_path: Path) -> None:
    from matplotlib import pyplot

    before = pyplot.get_fignums()
    curves(tmp_path / "a.png")
    assert pyplot.get_fignums() == before


def test_the_style_is_left_as_it_was(tmp_path: Path) -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    choices(tmp_path / "a.png")
    after = dict(matplotlib.rcParams)
    assert {key: after[key] for key in before if after[key] != before[key]} in (
        {},
        {"backend": "agg"},
    )


def test_colours_are_shown_as_they_are(tmp_path: Path) -> None:
    canvas.gallery(
        np.full((1, 8, 8, 3), (200, 0, 50), np.uint8), ["a"], "Title", tmp_path / "a.png"
    )
    image = cv2.imread(str(tmp_path / "a.png"))[..., ::-1]
    assert ((image == (200, 0, 50)).all(axis=2)).mean() > 0.05


def width(path: Path) -> int:
    return int(cv2.imread(str(path)).shape[1])


def test_choices_have_a_panel_each(tmp_path: Path) -> None:
    widths = []
    for draw in (no_choice, one_choice, choices):
        draw(tmp_path / "a.png")
        widths.append(width(tmp_path / "a.png"))
    assert widths[0] == widths[1] < widths[2]


def test_a_trial_that_failed_changes_no_choice(tmp_path: Path) -> None:
    table = trials(units=[4, 8, 4, 16])
    for name, rows in (("all.png", table), ("trained.png", table.head(3))):
        searched.hyperparameter_figure(rows, "val_f1", "Title", tmp_path / name)
    assert (tmp_path / "all.png").read_bytes() == (tmp_path / "trained.png").read_bytes()


def test_a_smoke_run_says_so_in_every_figure(tmp_path: Path) -> None:
    plain = disclaimer.footnote()
    choices(tmp_path / "plain.png")
    try:
        disclaimer.mark_smoke(True)
        assert disclaimer.footnote() == f"Smoke run, not a result. {plain}"
        choices(tmp_path / "smoke.png")
    finally:
        disclaimer.mark_smoke(False)
    assert disclaimer.footnote() == plain == "Research use, not for diagnosis."
    choices(tmp_path / "again.png")
    assert (tmp_path / "smoke.png").read_bytes() != (tmp_path / "plain.png").read_bytes()
    assert (tmp_path / "again.png").read_bytes() == (tmp_path / "plain.png").read_bytes()
