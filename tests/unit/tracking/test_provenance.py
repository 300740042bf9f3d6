import os
import subprocess
from pathlib import Path

import pytest

from scanvote.tracking import provenance

LOCK = """\
schema: '2.0'
stages:
  deduplicate@classification:
    cmd: python3 -m stages.deduplicate
    outs:
    - path: data/deduplicated/classification
      hash: md5
      md5: 62458768b07036556dcb609cff4351b5.dir
  search@ann:
    outs:
    - {path: models/search/ann, md5: aaaa.dir}
    - {path: metrics/search/ann.json, md5: '12e45'}
  search@cnn:
    outs:
    - {path: models/search/cnn, md5: bbbb.dir}
  cheap:
    outs:
    - {path: data/pipe}
  callback:
    cmd: true
"""


@pytest.fixture
def repository(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith(("DVC_", "GIT_"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dvc.lock").write_text(LOCK)
    return tmp_path


def _digests(inputs):
    return provenance.input_digests(inputs, provenance.known_digests(inputs))


def test_the_digest_of_an_output_of_another_stage(repository):
    found = _digests([Path("data/deduplicated/classification")])
    assert found == {"data/deduplicated/classification": "62458768b07036556dcb609cff4351b5.dir"}


def test_a_file_within_an_output_has_the_outputs_digest(repository):
    found = _digests([repository / "data/deduplicated/classification/manifest.csv"])
    assert list(found) == ["data/deduplicated/classification"]


def test_a_fan_in_names_every_output_below(repository):
    found = _digests([Path("models/search"), Path("metrics/search/ann.json")])
    assert found == {
        "models/search/ann": "aaaa.dir",
        "models/search/cnn": "bbbb.dir",
        "metrics/search/ann.json": "12e45",
    }


def test_an_input_added_with_dvc_add(repository):
    (repository / "raw").mkdir()
    (repository / "raw" / "scans.dvc").write_text("outs:\n- {md5: cccc.dir, path: scans}\n")
    assert _digests([Path("raw/scans")]) == {"raw/scans": "cccc.dir"}


def test_what_dvc_does_not_know_is_left_out(repository):
    assert _digests([Path("data/pipe"), Path("/elsewhere"), Path("x")]) == {}
    (repository / "dvc.lock").unlink()
    assert _digests([Path("models/search")]) == {}


def test_outside_git_there_is_no_commit(repository, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(repository.parent))
    assert provenance.git_commit() is None
    assert not provenance.has_uncommitted_sources()


def test_only_changed_code_counts_as_uncommitted(repository):
    def git(*words):
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", *identity, *words], check=True, capture_output=True)

    (repository / "src").mkdir()
    (repository / "src" / "a.py").write_text("a = 1\n")
    git("init")
    git("add", ".")
    git("commit", "-m", "first")
    assert len(provenance.git_commit() or "") == 40
    (repository / "dvc.lock").write_text("")
    (repository / "params.yaml").write_text("lr: 1\n")
    assert not provenance.has_uncommitted_sources()
    (repository / "src" / "b.py").write_text("b = 1\n")
    assert provenance.has_uncommitted_sources()
