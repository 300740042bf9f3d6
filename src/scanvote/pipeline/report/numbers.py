"""Numbers as text, written the same way everywhere: ``0.617 (0.522–0.711)``."""

import math
from collections.abc import Mapping

NOT_REPORTED = "not reported"
UNDEFINED = "undefined"
"""Text for a metric without a value.

An example is the sensitivity of a class without a test scan.
"""
SMALLEST_P = 0.001


def number(value: float | None, digits: int = 3) -> str:
    """Format a number with a true minus sign; zero has no sign."""
    if value is None or not math.isfinite(value):
        return UNDEFINED
    text = f"{value:.{digits}f}"
    return text.replace("-", "−" if float(text) else "")


def count(value: float | None) -> str:
    """Return a whole number with commas between the thousands."""
    return UNDEFINED if value is None or not math.isfinite(value) else f"{round(value):,}"


def interval(low: float | None, high: float | None, digits: int = 3) -> str:
    """Return ``0.522–0.711``, or ``−0.089 to 0.011`` if one end is negative."""
    ends = [number(low, digits), number(high, digits)]
    return (" to " if "−" in "".join(ends) else "–").join(ends)


def estimate(
    value: float | None, low: float | None = None, high: float | None = None, digits: int = 3
) -> str:
    """Return a number with its interval, if it has one."""
    ends = [end for end in (low, high) if end is not None and math.isfinite(end)]
    brackets = f" ({interval(low, high, digits)})" if len(ends) == 2 else ""
    return number(value, digits) + brackets


def metric(metrics: Mapping[str, float | None], key: str, digits: int = 3) -> str:
    """Return the metric `key`, with its interval ``<key>_low`` to ``<key>_high``."""
    if key not in metrics:
        return NOT_REPORTED
    return estimate(metrics[key], metrics.get(f"{key}_low"), metrics.get(f"{key}_high"), digits)


def metric_count(metrics: Mapping[str, float | None], key: str) -> str:
    """Return the metric `key` as a whole number."""
    return count(metrics[key]) if key in metrics else NOT_REPORTED


def p_value(value: float | None) -> str:
    """Return a p-value as ``0.042``, or ``<0.001``."""
    if value is None or not math.isfinite(value):
        return UNDEFINED
    return f"<{SMALLEST_P}" if value < SMALLEST_P else number(value)


def p_words(metrics: Mapping[str, float | None], key: str) -> str:
    """Return the p-value `key` as ``p = 0.042`` or ``p < 0.001``."""
    if key not in metrics:
        return f"p {NOT_REPORTED}"
    text = p_value(metrics[key])
    return f"p < {text[1:]}" if text.startswith("<") else f"p = {text}"


def tiny(value: float | None) -> str:
    """Return a difference too small for three digits: ``2.4e-07``."""
    if value is None or not math.isfinite(value):
        return UNDEFINED
    return f"{value:.1e}" if value else "0"


def share(part: float, whole: float) -> str:
    """Return a share as ``12 of 180 (6.7 %)``."""
    percent = f" ({100 * part / whole:.1f} %)" if whole else ""
    return f"{count(part)} of {count(whole)}{percent}"
