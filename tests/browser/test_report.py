"""The report in a real browser: no table and no gallery is cut, on screens and on paper."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from scanvote.params import load_params
from scanvote.pipeline.report.page import page
from scanvote.pipeline.report.report_data import read_report_data
from tests.unit.pipeline.report.making import repository

ROOT = Path(__file__).parents[2]
MANY = tuple(f"a_rather_long_name_of_class_{number}" for number in range(11))
PAPER = 718
"""Pixels between the margins of 1 cm on A4."""

CUT = """() => {
  for (const one of document.querySelectorAll('details')) one.open = true;
  const found = [], edge = document.documentElement.clientWidth;
  const scrolls = (one) => one && (one.matches('.scroll, .gallery .frame, pre')
    && getComputedStyle(one).overflowX === 'auto' || scrolls(one.parentElement));
  for (const one of document.querySelectorAll('main *')) {
    const { right, width } = one.getBoundingClientRect();
    const name = one.tagName + ' ' + one.textContent.trim().slice(0, 60);
    if (width && right > edge + 1 && !scrolls(one)) found.push('beyond the edge: ' + name);
    if (one.scrollWidth > one.clientWidth + 1 && one.matches('.scroll, .frame, .pictures, dl'))
      found.push('wide: ' + name);
    if (one.scrollHeight > one.clientHeight + 1 && getComputedStyle(one).overflowY !== 'visible')
      found.push('high: ' + name);
  }
  return found;
}"""


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Addresses of a usual report and of one of many classes with long names, large pictures."""
    found = {}
    for name, labels in {"usual": ("glioma", "no_tumor", "pituitary"), "many": MANY}.items():
        root = repository(
            tmp_path_factory.mktemp(name) / "repository",
            load_params(ROOT / "params.yaml"),
            labels=labels,
        )
        for picture, shape in {"errors": (1023, 2400), "confusion": (1800, 1200)}.items():
            path = root / f"metrics/evaluate/classification/{picture}.png"
            Image.new("1", shape).save(path)
        html = root / "report.html"
        html.write_text(page(read_report_data(root)), encoding="utf-8")
        found[name] = html.as_uri()
    return found


@pytest.fixture(scope="module")
def window(browser) -> Iterator[object]:
    opened = browser.new_page()
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("name", "width", "medium", "may_scroll"),
    [
        ("usual", 1280, "screen", False),
        ("usual", 1920, "screen", False),
        ("usual", 390, "screen", True),
        ("usual", PAPER, "print", False),
        ("many", 1280, "screen", True),
        ("many", PAPER, "print", False),
    ],
)
def test_nothing_is_cut(
    window, reports: dict[str, str], name: str, width: int, medium: str, may_scroll: bool
) -> None:
    """What is too wide for a screen scrolls in its own frame; paper cannot scroll."""
    window.set_viewport_size({"width": width, "height": 900})
    window.emulate_media(media=medium)
    if window.url != reports[name]:
        window.goto(reports[name])
    cut = window.evaluate(CUT)
    assert [one for one in cut if not (may_scroll and one.startswith("wide"))] == []
