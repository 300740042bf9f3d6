"""Make untrusted names and messages safe to show."""

LONGEST = 200
"""Longest name shown, in characters."""


def sanitise_name(name: str) -> str:
    """Return `name` as one printable line of at most `LONGEST` characters.

    Its ending is kept. Characters that move the cursor, change the direction of writing or
    cannot be encoded as UTF-8 are escaped, as in ``\\x1b``.
    """
    return _shortened(strip_control(_shortened(name))) or "(without a name)"


def strip_control(text: str) -> str:
    """Escape all characters of `text` that are not printable."""
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


def _shortened(text: str) -> str:
    half = LONGEST // 2
    return text if len(text) <= LONGEST else f"{text[: half - 1]}…{text[-half:]}"
