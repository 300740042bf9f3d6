"""Find classes that are one class in two spellings."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping

from scanvote.core.errors import InputError
from scanvote.datasets.user_data.folder_names import spelling_key


def check_spellings(
    where: object, labels: Iterable[str], renamed: Mapping[str, str | None]
) -> None:
    """Refuse classes that are one in several spellings.

    Spellings differ in case, spaces, composed letters or number form alone.

    Args:
        where: the folder or table, for the message.
        labels: labels of the scans.
        renamed: `classification.labels`, which may join the spellings or part them.

    Raises:
        InputError: two classes are one; the message names them and how to join them.
    """
    spellings: dict[str, dict[str, str]] = defaultdict(dict)
    for label in dict.fromkeys(labels):
        result = renamed.get(label, label)
        if result is not None:
            spellings[spelling_key(result)].setdefault(result, label)
    doubled = [list(several.values()) for several in spellings.values() if len(several) > 1]
    if doubled:
        shown = "; ".join(" and ".join(_quoted(one) for one in names) for names in doubled)
        joined = ", ".join(
            f"{_quoted(one)}: {_quoted(names[0])}" for names in doubled for one in names[1:]
        )
        raise InputError(
            f"{where}: the classes {shown} are one class in several spellings; give them one"
            f" name, or join them by classification.labels: {{{joined}}}"
        )


def _quoted(name: str) -> str:
    """Return `name` as YAML in quotes, with escapes beyond ASCII."""
    return json.dumps(name) if not name.isascii() else f"'{name}'"
