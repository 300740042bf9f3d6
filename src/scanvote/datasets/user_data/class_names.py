"""Find classes that are one class in two spellings."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from scanvote.core.errors import InputError
from scanvote.datasets.user_data.folder_names import spelling_key


def check_spellings(
    where: object, labels: Iterable[str], renamed: Mapping[str, str | None]
) -> None:
    """Refuse classes that differ in case, spaces, composed letters or number form alone.

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
    for several in spellings.values():
        if len(several) > 1:
            names = list(several.values())
            joined = ", ".join(f"{ascii(one)[1:-1]!r}: {names[0]!r}" for one in names[1:])
            shown = " and ".join(repr(_visible(one, names)) for one in names)
            raise InputError(
                f"{where}: the classes {shown} are one class in {len(names)} spellings; give them"
                f" one name, or join them by classification.labels: {{{joined}}}"
            )


def _visible(name: str, names: Iterable[str]) -> str:
    """Return `name`, with escapes where it looks like another."""
    import unicodedata

    forms = [unicodedata.normalize("NFC", one) for one in names]
    return name if len(set(forms)) == len(forms) else ascii(name)[1:-1]
