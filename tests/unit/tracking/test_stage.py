"""The params of a stage's run are those that dvc.yaml lists for it."""

from pathlib import Path

import pytest

from scanvote.core.errors import InputError
from scanvote.tracking.stage import _watched_params

WATCHED = """
stages:
  plain: {params: [seed, cnn]}
  each: {matrix: {task: [a, b]}, params: ["phantom.${item.task}", "${item.task}"]}
  looped: {foreach: {a: {}}, do: {params: [evaluate]}}
  whole: {params: [params.yaml: ]}
  none: {cmd: "true"}
"""


@pytest.mark.parametrize(
    ("stage", "keys"),
    [
        *(("plain", ["seed", "cnn"]), ("each", ["phantom.a", "a"]), ("looped", ["evaluate"])),
        *(("whole", []), ("none", [])),
    ],
)
def test_the_braces_hold_the_item(
    stage: str, keys: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("dvc.yaml").write_text(WATCHED)
    assert _watched_params(stage, "a") == keys


@pytest.mark.parametrize(
    "text",
    [None, "", "stages: [", "stages: {}", "stages: {plain: }", "stages: {plain: {params: x}}"],
)
def test_a_file_that_does_not_say_is_one_line(
    text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if text is not None:
        Path("dvc.yaml").write_text(text)
    with pytest.raises(InputError, match=r"^dvc\.yaml: "):
        _watched_params("plain", None)
