"""Manifests of a few rows, for tests of what follows from them."""

import pandas as pd


def manifest(rows: int, **columns: list[object]) -> pd.DataFrame:
    """Scans a, b, c…, of one class and unknown patients, but for the `columns` given."""
    names = [chr(ord("a") + row) for row in range(rows)]
    values = {
        "scan_id": names,
        "source": ["set"] * rows,
        "path": [f"set/{name}.png" for name in names],
        "label": ["glioma"] * rows,
        "patient": [""] * rows,
        "series": [""] * rows,
        "case": [""] * rows,
        "relatives": [""] * rows,
        "sha256": names,
        "width": [64] * rows,
        "height": [64] * rows,
    }
    return pd.DataFrame(values | columns)
