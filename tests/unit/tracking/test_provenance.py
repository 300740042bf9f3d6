import os
import subprocess
from pathlib import Path

import pytest

from scanvote.core.errors import InputError
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


@pytest.fixture
def committed(repository):
    """The repository with one commit."""
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    for words in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "first"]):
        subprocess.run(["git", *words], check=True, capture_output=True)
    provenance._warn.cache_clear()
    return repository


def test_before_the_first_commit_and_of_what_is_not_there_git_says_nothing(committed):
    assert provenance.git("show", "HEAD:./params.yaml") == ""
    assert provenance.git("rev-parse", "--verify", "--quiet", "nobody") == ""
    subprocess.run(["git", "switch", "-q", "--orphan", "new"], check=True)
    assert provenance.git("show", "HEAD:./dvc.lock") == ""
    assert provenance.git_commit() is None


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ("owner", "detected dubious ownership in repository at"),
        ("HEAD", "not a git repository"),
        ("branch", "No such ref: HEAD"),
        ("object", "bad object HEAD"),
        ("no git", "it is not installed"),
        ("link", "not a git repository"),
    ],
)
def test_git_that_refuses_gives_its_reason_and_a_run_says_so(
    damage, reason, committed, monkeypatch, capsys
):
    branch = committed / ".git" / (committed / ".git/HEAD").read_text().split()[1]
    if damage == "owner":
        for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):  # may hold safe.directory
            monkeypatch.setenv(name, os.devnull)
        monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    elif damage == "HEAD":
        (committed / ".git/HEAD").write_text("")
    elif damage == "branch":
        branch.write_text("")
    elif damage == "object":
        branch.write_text(f"{'1' * 40}\n")
    elif damage == "no git":
        monkeypatch.setenv("PATH", str(committed))
    else:  # as of a worktree whose repository is gone
        (committed / ".git").rename(committed / "moved")
        (committed / ".git").write_text("gitdir: /nowhere\n")
    with pytest.raises(InputError, match=reason) as refused:
        provenance.git("show", "HEAD:./params.yaml")
    assert "\n" not in str(refused.value)
    assert provenance.git_commit() is None
    said = capsys.readouterr().err
    assert said.startswith("scanvote: this run is logged without its commit: git does not answer")
    assert reason in said


def test_outside_git_nothing_is_refused_even_without_git(repository, monkeypatch, capsys):
    monkeypatch.setenv("PATH", str(repository))
    assert provenance.git_commit() is None
    assert capsys.readouterr().err == ""
