"""Many items, few processes, one order."""

import os

import pytest

from scanvote.core.parallel import parallel_imap, parallel_map


def test_results_are_in_the_order_of_the_items() -> None:
    items = list(range(-20, 20))
    assert parallel_map(abs, items, "", processes=2) == parallel_map(abs, items, "", processes=1)


def test_an_error_in_a_process_reaches_the_caller() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        parallel_map(int, ["1", "two"], "", processes=2)


def test_nothing_is_said_where_there_is_no_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    parallel_map(os.fspath, ["a", "b"], "Check")
    assert capfd.readouterr() == ("", "")


def test_a_stream_gives_one_result_before_it_takes_the_next_item() -> None:
    taken: list[int] = []
    results = parallel_imap(taken.append, [1, 2, 3], "", processes=1)
    next(results)
    assert taken == [1]
    next(results)
    assert taken == [1, 2]
