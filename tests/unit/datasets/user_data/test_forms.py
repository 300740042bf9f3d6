"""Every form of ``tests/forms.py`` through `download` and `data check`, which agree."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from scanvote.commands.data_check import check
from scanvote.datasets.base import Scan
from scanvote.datasets.user_data import read_layout, set_name
from scanvote.manifest import read_manifest
from scanvote.params import Params
from scanvote.pipeline.download.stage import download
from tests.forms import FORMS, SLICES, Form, page

Own = Callable[..., Params]


def known(column: pd.Series, name: str) -> set[str]:
    """Its values without the name of the set, which is in front of patients and cases."""
    return {value.removeprefix(f"{name}/") for value in column} - {""}


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.title)
def test_a_form_becomes_what_its_page_says(tmp_path: Path, own: Own, form: Form) -> None:
    path = form.make(tmp_path / "study")
    params = own(form.task, path, positive=form.positive, slices=SLICES)
    layout = read_layout(path, form.task, params)
    download(form.task, params, tmp_path / "raw")
    manifest = read_manifest(tmp_path / "raw/manifest.csv")
    assert len(manifest) == form.scans
    assert known(manifest["label"], set_name(path)) == {item.label for item in layout.items} - {""}
    assert sorted(known(manifest["label"], set_name(path))) == list(form.classes)
    assert len(known(manifest["patient"], set_name(path))) == form.patients
    # the volumes of one file are a case, too, which is known once it is open
    assert known(manifest["case"], set_name(path)) >= {item.case for item in layout.items} - {""}
    assert len(known(manifest["case"], set_name(path))) == form.cases
    assert sorted(known(manifest["source_split"], set_name(path))) == list(form.parts)
    assert len(known(manifest["series"], set_name(path))) == form.series
    assert {one.name for one in layout.skipped} >= set(form.unused)
    if form.task == "segmentation":
        assert (manifest["mask_pixels"].astype(int) > 0).all()


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.title)
def test_the_check_and_the_pipeline_agree(tmp_path: Path, own: Own, form: Form) -> None:
    path = form.make(tmp_path / "study")
    params = own(form.task, path, positive=form.positive, slices=SLICES)
    checked = check(path, form.task, params).scans
    download(form.task, params, tmp_path / "raw")
    manifest = read_manifest(tmp_path / "raw/manifest.csv")
    name = set_name(path)
    rows = {
        (row.path, row.label, row.patient, row.case, row.source_split)
        for row in manifest.itertuples()
    }
    seen = {
        (f"{name}/{one.path}", one.label, *tied(name, one), one.source_split) for one in checked
    }
    assert seen == rows


def tied(name: str, scan: Scan) -> tuple[str, str]:
    """Patient and case as in the manifest, in front of which is the name of the set."""
    patient, case = (f"{name}/{key}" if key else "" for key in (scan.patient, scan.case))
    return patient, case


def test_the_page_tells_of_every_form_that_is_read() -> None:
    text = page()
    assert all(f"## {form.title}" in text for form in FORMS)
    assert "study/\n  imagesTr/\n    MS_000_0000.nii.gz\n" in text
    assert "| patients | unknown |" in text
