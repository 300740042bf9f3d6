"""The stages on data of one's own, with small params."""

from collections.abc import Callable
from pathlib import Path

import pytest

from scanvote.params import Params, Task, load_params

ROOT = Path(__file__).parents[4]


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Params]:
    """params.yaml with the path, or the paths, of a user's data as the set of a task."""
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.chdir(tmp_path)

    def params(
        task: Task, *paths: Path | str, positive: str | None = None, **volumes: object
    ) -> Params:
        values = load_params(ROOT / "params.yaml").model_dump()
        values[task]["dataset"] = [str(path) for path in paths]
        values["volumes"] |= {"slices": 4, "planes": ["axial"]} | volumes
        values["evaluate"]["positive"] = positive
        values["prepare"][task] |= {"image_size": 32, "copies": 0}
        return Params.model_validate(values)

    return params
