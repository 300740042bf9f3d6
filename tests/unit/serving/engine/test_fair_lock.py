"""Turns at the networks: one at a time, first come, first served."""

import threading

import pytest

from scanvote.serving.engine.fair_lock import FairLock, serialise_calls

LONG = 30.0


class Network:
    """Counts who asks it at the same time."""

    def __init__(self) -> None:
        self.inside, self.most, self.calls = 0, 0, 0

    def predict_on_batch(self, scans: int) -> int:
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.calls += 1
        self.inside -= 1
        return 2 * scans


def test_networks_are_asked_one_at_a_time():
    networks = [Network(), Network()]
    serialise_calls(networks, FairLock(), lambda: None)  # type: ignore[arg-type]

    def ask() -> None:
        for number in range(200):
            assert networks[number % 2].predict_on_batch(number) == 2 * number

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    assert sum(network.calls for network in networks) == 800
    assert max(network.most for network in networks) == 1


def test_who_came_first_has_the_turn_first_also_after_the_one_who_had_it():
    turns, order, waiting = FairLock(), list[str](), threading.Event()

    def other() -> None:
        waiting.set()
        with turns.turn():
            order.append("other")

    thread = threading.Thread(target=other)
    with turns.turn():
        thread.start()
        waiting.wait(LONG)
        while len(turns._waiting) < 2:
            pass
        order.append("first")
    with turns.turn():
        order.append("first again")
    thread.join(LONG)
    assert order == ["first", "other", "first again"]


def test_a_turn_that_fails_is_given_on():
    turns = FairLock()

    def fail() -> None:
        with turns.turn():
            raise ValueError

    for _ in range(2):
        with pytest.raises(ValueError):  # noqa: PT011
            fail()


def test_the_check_comes_first_and_may_stop_it():
    network = Network()

    def stop() -> None:
        raise KeyError

    serialise_calls([network], FairLock(), stop)  # type: ignore[list-item]
    with pytest.raises(KeyError):
        network.predict_on_batch(1)
    assert network.calls == 0
