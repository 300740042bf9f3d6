"""The exception for mistakes of the user."""

from collections.abc import Iterable
from difflib import get_close_matches


class InputError(Exception):
    """A mistake in something that the user gave.

    The message is one line: what is wrong, where, and what to do. Stages and
    the command line print it without a traceback and exit with 1; any other
    exception is a bug in scanvote.
    """


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a hint such as ``; did you mean 'phantom'?``.

    Without a similar name it lists every known name; it is empty if there is none.
    """
    names = sorted(known)
    near = get_close_matches(name, names, n=1, cutoff=0.5)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; known are {', '.join(names)}" if names else ""
