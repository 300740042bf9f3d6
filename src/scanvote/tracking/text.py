"""Texts about MLflow's store that a person may read: without passwords, on one line."""

import re


def root_cause(error: BaseException) -> str:
    """Return the innermost error as one line of at most 300 characters."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return " ".join(str(error).split())[:300] or type(error).__name__


def hide_password(text: str) -> str:
    """Replace user and password in an address by asterisks."""
    return re.sub(r"//[^/@]*@", "//***@", text)
