"""DVC's page of plots, drawn in a browser that has no network."""

from pathlib import Path

from dvc_render import VegaRenderer, render_html

from scanvote.commands.dvc_page import plots_page
from scanvote.core.disclaimer import DISCLAIMER

ROOT = Path(__file__).parents[2]
MADE = ROOT / ".dvc/plots.html"
"""By `make env`: to bundle Vega takes seconds."""
TEMPLATE = str(ROOT / ".dvc/plots/curves.json")

CURVES = [
    {"epoch": epoch, "model": model, "score": epoch / model, "rev": rev}
    for epoch in range(3)
    for model in (1, 2)
    for rev in ("workspace", "HEAD")
]
ROC = [{"x": x, "y": x, "rev": rev} for x in (0, 0.5, 1) for rev in ("workspace", "HEAD")]


def test_charts_are_drawn_without_a_network(browser, tmp_path: Path) -> None:
    charts = [
        VegaRenderer(CURVES, "curves/cnn.csv", x="epoch", y="score", template=TEMPLATE),
        VegaRenderer(ROC, "roc", x="x", y="y", template="simple"),
    ]
    template = MADE if MADE.is_file() else tmp_path / "template.html"
    if template != MADE:
        template.write_text(plots_page(), encoding="utf-8")
    page_file = render_html(charts, tmp_path / "index.html", html_template=template)
    context = browser.new_context(offline=True)
    page, failed, asked = context.new_page(), [], []
    page.on("pageerror", lambda error: failed.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(page_file.as_uri())
    page.wait_for_function("document.querySelectorAll('svg.marks').length == 2")
    lines = page.locator("#curves_cnn_csv .mark-line path").count()
    text = page.inner_text("body")
    context.close()
    assert failed == []
    assert [url for url in asked if url.startswith("http")] == []
    assert lines == 4  # two models in two revisions
    assert DISCLAIMER in text
