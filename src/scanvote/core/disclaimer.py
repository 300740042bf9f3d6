"""The disclaimer under every figure, page and card."""

DISCLAIMER = "Research use, not for diagnosis."
SMOKE = "Smoke run, not a result. "
_smoke = False


def mark_smoke(smoke: bool) -> None:
    """Mark all further figures as of a smoke run, or not."""
    global _smoke
    _smoke = smoke


def footnote() -> str:
    """Return the sentence under a figure."""
    return f"{SMOKE if _smoke else ''}{DISCLAIMER}"
