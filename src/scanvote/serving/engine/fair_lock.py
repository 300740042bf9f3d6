"""Whose turn it is to ask the networks: predictions and explanations, one call each in turn."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras


class FairLock:
    """A lock that is had in the order in which it was asked for.

    `threading.Lock` may be taken again at once by the thread that gave it back, so that an
    explanation of a thousand calls would hold up all predictions to its end.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        """A taken lock of each thread that waits; the first is of the thread whose turn it is."""

    @contextmanager
    def turn(self) -> Iterator[None]:
        mine = threading.Lock()
        mine.acquire()
        with self._guard:
            self._waiting.append(mine)
            first = len(self._waiting) == 1
        if not first:
            mine.acquire()  # until the one before gives its turn on
        try:
            yield
        finally:
            with self._guard:
                self._waiting.popleft()
                if self._waiting:
                    self._waiting[0].release()


def serialise_calls(
    networks: "Iterable[keras.Model]", turns: FairLock, check: Callable[[], None]
) -> None:
    """Make each call of the networks one turn; `check` is called first, and may raise."""
    for network in networks:
        network.predict_on_batch = _in_turn(network.predict_on_batch, turns, check)


def _in_turn(
    asked: Callable[..., Any], turns: FairLock, check: Callable[[], None]
) -> Callable[..., Any]:
    def ask(*args: Any, **kwargs: Any) -> Any:
        check()
        with turns.turn():
            return asked(*args, **kwargs)

    return ask
