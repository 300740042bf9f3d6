"""How a report writes numbers, everywhere alike: ``0.617 (0.522–0.711)``."""

import math
from collections.abc import Mapping

NOT_REPORTED = "not reported"
UNDEFINED = "undefined"
"""Of a figure that cannot be had, as the sensitivity of a class without a test scan."""
SMALLEST_P = 0.001


def number(value: float | None, digits: int = 3) -> str:
    """With a true minus; nothing is left of the sign of a zero."""
    if value is None or not math.isfinite(value):
        return UNDEFINED
    text = f"{value:.{digits}f}"
    return text.replace("-", "−" if float(text) else "")


def count(value: float | None) -> str:
    """A whole number, commas between its thousands."""
    return UNDEFINED if value is None or not math.isfinite(value) else f"{round(value):,}"


def interval(low: float | None, high: float | None, digits: int = 3) -> str:
    """``0.522–0.711``; ``−0.089 to 0.011`` where a minus stands beside."""
    ends = [number(low, digits), number(high, digits)]
    return (" to " if "−" in "".join(ends) else "–").join(ends)


def estimate(
    value: float | None, low: float | None = None, high: float | None = None, digits: int = 3
) -> str:
    """A figure with its interval, if it has one."""
    ends = [end for end in (low, high) if end is not None and math.isfinite(end)]
    told = f" ({interval(low, high, digits)})" if len(ends) == 2 else ""
    return number(value, digits) + told


def of(metrics: Mapping[str, float | None], key: str, digits: int = 3) -> str:
    """The figure `key` of flat metrics, with ``<key>_low`` and ``<key>_high``."""
    if key not in metrics:
        return NOT_REPORTED
    return estimate(metrics[key], metrics.get(f"{key}_low"), metrics.get(f"{key}_high"), digits)


def counted(metrics: Mapping[str, float | None], key: str) -> str:
    """The whole number `key` of flat metrics."""
    return count(metrics[key]) if key in metrics else NOT_REPORTED


def p_value(value: float | None) -> str:
    """``0.042``, or ``<0.001``."""
    if value is None or not math.isfinite(value):
        return UNDEFINED
    return f"<{SMALLEST_P}" if value < SMALLEST_P else number(value)


def p_words(metrics: Mapping[str, float | None], key: str) -> str:
    """``p = 0.042``, ``p < 0.001``."""
    if key not in metrics:
        return f"p {NOT_REPORTED}"
    text = p_value(metrics[key])
    return f"p < {text[1:]}" if text.startswith("<") else f"p = {text}"


def tiny(value: float | None) -> str:
    """A difference that may be far below what three digits show: ``2.4e-07``."""
    if value is None or not math.isfinite(value):
        return UNDEFINED
    return f"{value:.1e}" if value else "0"


def share(part: float, whole: float) -> str:
    """``12 of 180 (6.7 %)``."""
    percent = f" ({100 * part / whole:.1f} %)" if whole else ""
    return f"{count(part)} of {count(whole)}{percent}"
