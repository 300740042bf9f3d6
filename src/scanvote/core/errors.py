"""The one exception that a user is meant to see."""

from collections.abc import Iterable
from difflib import get_close_matches


class InputError(Exception):
    """Something the user gave is wrong.

    The message is one line: what is wrong, where, and what to do. Stages and
    the command line print it without a traceback and exit with 1; any other
    exception is a bug of ours.
    """


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint such as ``; did you mean 'phantom'?``, or every known name, if there is any."""
    names = sorted(known)
    near = get_close_matches(name, names, n=1, cutoff=0.5)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; known are {', '.join(names)}" if names else ""
