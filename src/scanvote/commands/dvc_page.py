"""DVC's page of plots with Vega inside, so that its charts are drawn without a network.

`make env` writes the page and names it in ``.dvc/config.local``: DVC's own takes Vega from a CDN.
"""

import sys
from pathlib import Path

from scanvote.core.disclaimer import DISCLAIMER
from scanvote.core.files import write_text

_VEGA_LITE = "5.8"  # the earliest that is shipped; the templates of DVC are written for 5.2
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
{refresh_tag}
<title>DVC plots</title>
<style>
body {{ font-family: sans-serif; margin: 1.5em; }}
body > div:not([style]) {{ display: inline-block; vertical-align: top; margin: 0 1em 1em 0; }}
</style>
<script>{vega}</script>
</head>
<body>
<p>{disclaimer}</p>
{plot_divs}
</body>
</html>
"""


def plots_page() -> str:
    """Return a template for `plots.html_template` of DVC, which fills in the charts."""
    import vl_convert

    # its type hints ask for a snippet, which has a default
    bundle: str = vl_convert.javascript_bundle(vl_version=_VEGA_LITE)  # type: ignore[call-arg]
    vega = bundle.replace("</script", r"<\/script")
    filled_by_dvc = {name: f"{{{name}}}" for name in ("refresh_tag", "plot_divs")}
    return _PAGE.format(vega=vega, disclaimer=DISCLAIMER, **filled_by_dvc)


if __name__ == "__main__":
    write_text(Path(sys.argv[1]), plots_page())
