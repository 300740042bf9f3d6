"""Paths of the user's own data in params.yaml, without the imports of the published sets."""

from pathlib import Path

from scanvote.core.errors import InputError, did_you_mean
from scanvote.core.files import from_root
from scanvote.params import Params, Task

PUBLISHED = frozenset(
    (
        *("brain_tumor_mri", "brain_tumor_yes_no", "chest_xray_pneumonia"),
        *("figshare_brain_tumor", "ixi", "lgg_mri", "phantom"),
    )
)
"""Names of the sets in `scanvote.datasets.registry`; any other name is a path."""


def own_path(name: str) -> Path | None:
    """Return the path that a name in params.yaml stands for; None for a published set."""
    return None if name in PUBLISHED else from_root(Path(name))


def own_paths(task: Task, params: Params) -> list[tuple[str, Path]]:
    """Return the user's own data of a task, each as named in params.yaml and as a path."""
    names = getattr(params, task).dataset or []
    return [(name, path) for name in names if (path := own_path(name)) is not None]


def missing_path(name: str, path: Path, task: Task) -> InputError:
    """Return the error of a path that does not exist."""
    if "/" in name or path.suffix:
        return InputError(f"{task}.dataset: {path} does not exist")
    hint = did_you_mean(name, PUBLISHED)
    return InputError(f"{task}.dataset: no data set and no path {name!r}{hint}")
