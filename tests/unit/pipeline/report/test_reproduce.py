"""How the page is found again, by the very command that it prints."""

import subprocess
from pathlib import Path

from scanvote.pipeline.report.reproduce import COMMANDS
from tests.unit.pipeline.report.conftest import Finished

DIGEST = "0b1c2d3e4f5061728394a5b6c7d8e9f0"


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=test", "-c", "user.email=test@test")
    done = subprocess.run(
        ["git", *who, *words], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_the_commit_of_an_experiment_is_found(tmp_path: Path) -> None:
    """An experiment of DVC is a commit below refs/exps, and on no branch."""
    git(tmp_path, "init", "--quiet")
    lock = tmp_path / "dvc.lock"
    for digest in ("of the branch", DIGEST):
        lock.write_text(f"md5: {digest}\n")
        git(tmp_path, "add", "dvc.lock")
        git(tmp_path, "commit", "--quiet", "--message", digest)
    found = git(tmp_path, "rev-parse", "HEAD")
    git(tmp_path, "update-ref", "refs/exps/ab/cd/slower", found)
    git(tmp_path, "reset", "--quiet", "--hard", "HEAD~1")
    printed = COMMANDS[0].partition("#")[0].replace("MD5_OF_THIS_PAGE", DIGEST)
    assert f"commit {found}" in git(tmp_path, *printed.split()[1:])


def test_a_table_is_called_by_its_file(finished: Finished) -> None:
    files = {one.partition(" ")[0].rstrip(".") for one in finished.page.text.split("File: ")[1:]}
    assert len(files) > 8
    assert {one for one in files if not (finished.root / one).is_file()} == set()


def test_the_settings_are_all_but_where_the_work_was_done(finished: Finished) -> None:
    assert "search.epochs" in finished.page.text
    assert "compute." not in finished.page.text


def test_a_model_has_one_name(finished: Finished) -> None:
    """That of its files, in every table, text and figure."""
    text = finished.page.text
    assert "best on validation, cnn/filters64, on the same test scans" in text
    assert "CNN: filters" not in text
    assert "vote of cnn/filters64;" in finished.claim
