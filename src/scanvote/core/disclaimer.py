"""The sentence under every figure, page and card."""

DISCLAIMER = "Research use, not for diagnosis."
SMOKE = "Smoke run, not a result. "
_smoke = False


def mark_smoke(smoke: bool) -> None:
    """Say from here on in every figure that it is of a smoke run, or no longer."""
    global _smoke
    _smoke = smoke


def footnote() -> str:
    """The sentence under a figure."""
    return f"{SMOKE if _smoke else ''}{DISCLAIMER}"
