"""Turns of predictions and explanations at the networks, one call each."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras


class FairLock:
    """Lock that serves threads in the order of their requests.

    The thread that releases a `threading.Lock` may take it again at once, so that an explanation
    of a thousand calls would delay all predictions to its end.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        """One acquired lock per thread; the first belongs to the thread whose turn it is."""

    @contextmanager
    def turn(self) -> Iterator[None]:
        own = threading.Lock()
        own.acquire()
        with self._guard:
            self._waiting.append(own)
            first = len(self._waiting) == 1
        if not first:
            own.acquire()  # blocks until the previous thread ends its turn
        try:
            yield
        finally:
            with self._guard:
                self._waiting.popleft()
                if self._waiting:
                    self._waiting[0].release()


def serialise_calls(
    networks: "Iterable[keras.Model]", lock: FairLock, check: Callable[[], None]
) -> None:
    """Make each call of the networks wait for its turn.

    `check` runs before each call and may raise to prevent it.
    """
    for network in networks:
        network.predict_on_batch = _in_turn(network.predict_on_batch, lock, check)


def _in_turn(
    predict: Callable[..., Any], lock: FairLock, check: Callable[[], None]
) -> Callable[..., Any]:
    def predict_in_turn(*args: Any, **kwargs: Any) -> Any:
        check()
        with lock.turn():
            return predict(*args, **kwargs)

    return predict_in_turn
