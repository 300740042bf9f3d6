"""Journal of what a stage logs, kept while MLflow's store does not take it.

A server that restarts, or a disk that is full for an hour, must not end a training of a night.
"""

import errno
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from scanvote.core.errors import InputError
from scanvote.core.terminal import print_status
from scanvote.tracking.location import is_server
from scanvote.tracking.text import hide_password, root_cause

T = TypeVar("T")
_PAUSE = 30.0
"""Seconds after a failed call in which the store is not asked again."""
_SHARE = 10
"""Or that many times as long as the failed call took."""
_LAST_PAUSES = (0, 2, 4, 8, 16, 30, 60)
"""Seconds before each of the last calls of a server, at the end of the stage: it may restart."""
_BUGS = (
    *(AssertionError, AttributeError, ImportError, LookupError, NameError, TypeError, ValueError),
    *(sqlite3.IntegrityError, sqlite3.ProgrammingError),
)
_REFUSALS = (
    *("BAD_REQUEST", "INVALID_PARAMETER_VALUE", "INVALID_STATE"),
    *("RESOURCE_ALREADY_EXISTS", "RESOURCE_DOES_NOT_EXIST"),
)
"""MLflow's codes for a call that it will never take: of a run that a person deleted."""
_FULL = (errno.ENOSPC, errno.EDQUOT)


class Journal:
    """Calls of the store, in order.

    When the store fails, the call and those after it are kept, and made when it answers again:
    one line says so. A call that it refuses is left out, with a line as well.
    """

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._pending = deque[Callable[[], Any]]()
        self._failure: Exception | None = None
        self._next = 0.0

    def add(self, call: Callable[[], T]) -> T | None:
        """Make the call, or keep it for later.

        Returns:
            The result of the call, None if it is kept or refused.
        """
        self._pending.append(call)
        return self._make_calls() if time.monotonic() >= self._next else None

    def close(self) -> None:
        """Make the calls that were kept.

        Raises:
            InputError: the store still fails.
        """
        for pause in _LAST_PAUSES if is_server(self._uri) else (0,):
            time.sleep(pause if self._pending else 0)
            self._make_calls()
            if not self._pending:
                return
        if self._pending and self._failure is not None:
            raise store_failed(self._uri, self._failure) from self._failure

    def abandon(self) -> None:
        """Make the calls that were kept if the store answers; the stage has an error to tell."""
        with suppress(Exception):
            self._make_calls()

    def _make_calls(self) -> Any:
        result = None
        while self._pending:
            call, began = self._pending.popleft(), time.monotonic()
            try:
                result = call()
            except Exception as error:
                result = None
                if _is_refused(error):
                    print_status(f"{_place(self._uri)} refuses to log: {_reason(error)}")
                elif is_failure(error):
                    self._pending.appendleft(call)
                    self._wait(error, time.monotonic() - began)
                    return None
                else:
                    raise
        if self._failure is not None:
            self._failure, self._next = None, 0.0
            print_status(f"{_place(self._uri)} answers again, and has all that was kept")
        return result

    def _wait(self, error: Exception, took: float) -> None:
        self._next = time.monotonic() + max(_PAUSE, _SHARE * took)
        if self._failure is None:
            print_status(
                f"{_failure_text(self._uri, error)}; the stage goes on, and what it logs is kept"
                " until then"
            )
        self._failure = error


@contextmanager
def open_journal(uri: str) -> Iterator[Journal]:
    """Open a journal for the block.

    Raises:
        InputError: the block ended, and the store has not taken all of it.
    """
    journal = Journal(uri)
    try:
        yield journal
    except BaseException:
        journal.abandon()
        raise
    journal.close()


@contextmanager
def one_line_failures(uri: str) -> Iterator[None]:
    """Turn a failure of the store in the block into an InputError."""
    try:
        yield
    except Exception as error:
        if isinstance(error, InputError) or not (is_failure(error) or _is_refused(error)):
            raise
        raise store_failed(uri, error) from error


def store_failed(uri: str, error: Exception) -> InputError:
    """Return the error that ends a stage whose log is lost."""
    return InputError(
        f"{_failure_text(uri, error)}; what was trained is kept: run the same again then"
    )


def is_failure(error: Exception) -> bool:
    """Tell if a call of the store failed for a reason outside this program.

    A server is away, a disk full, a database locked, a token no longer valid: the same call may
    succeed later. The clients of clouds have exceptions of their own, so only what a mistake in a
    program raises is excluded.
    """
    return isinstance(error, OSError) or not isinstance(error, (*_BUGS, InputError))


def _is_refused(error: Exception) -> bool:
    code = getattr(error, "error_code", None)  # of an MlflowException
    # what a proxy answers in the name of a server that is away is no RestException
    answered = type(error).__name__ == "RestException" or "API request" not in str(error)
    return code in _REFUSALS and answered


def _failure_text(uri: str, error: Exception) -> str:
    what = "reached" if is_server(uri) else "written"
    remedy = "free space there" if _is_full(error) else "see that it answers"
    return f"{_place(uri)}: the MLflow store cannot be {what}: {_reason(error)}; {remedy}"


def _is_full(error: BaseException | None) -> bool:
    while error is not None:
        if getattr(error, "errno", None) in _FULL or "disk is full" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def _place(uri: str) -> str:
    return hide_password(uri)


def _reason(error: Exception) -> str:
    return hide_password(root_cause(error))
