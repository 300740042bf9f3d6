"""Names and reasons that somebody unknown has a part in: fit to be shown, never opened."""

LONGEST = 200
"""Characters of a name that are shown."""


def sanitise_name(name: str) -> str:
    """`name` in one printable line of at most `LONGEST` characters, its ending kept.

    What would move the cursor, turn the direction of writing or cannot be written as UTF-8
    stands as ``\\x1b`` and the like.
    """
    return _bounded(strip_control(_bounded(name))) or "(without a name)"


def strip_control(text: str) -> str:
    """`text` with all that is not printable escaped."""
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


def _bounded(text: str) -> str:
    half = LONGEST // 2
    return text if len(text) <= LONGEST else f"{text[: half - 1]}…{text[-half:]}"
