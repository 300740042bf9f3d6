"""Many items, few processes, one order."""

import errno
import os

import pytest

from scanvote.core.errors import InputError
from scanvote.core.parallel import parallel_imap, parallel_map, processes_for, run_in_process


def test_results_are_in_the_order_of_the_items() -> None:
    items = list(range(-20, 20))
    assert parallel_map(abs, items, "", processes=2) == parallel_map(abs, items, "", processes=1)


def test_an_error_in_a_process_reaches_the_caller() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        parallel_map(int, ["1", "two"], "", processes=2)


def test_few_items_are_worth_one_process_and_many_all_that_are_allowed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("scanvote.core.parallel.allowed_processors", lambda: 3)
    assert [processes_for(199), processes_for(200)] == [1, 3]
    assert [processes_for(31, 32), processes_for(32, 32)] == [1, 3]


def test_a_process_that_dies_is_one_line() -> None:
    with pytest.raises(InputError, match="one of the 2 processes that share the work died"):
        parallel_map(os._exit, [1, 1], "", processes=2)
    with pytest.raises(InputError, match="a process that shares the work died"):
        run_in_process(os._exit, 1)


def test_an_error_in_a_single_process_reaches_the_caller_too() -> None:
    with pytest.raises(ValueError, match="invalid literal") as caught:
        run_in_process(int, "two")
    assert "_answer" in caught.value.__notes__[-1], "where it was raised"


def test_a_process_of_its_own_has_the_variables_that_it_is_given() -> None:
    assert run_in_process(os.getenv, "SCANVOTE_OF_ITS_OWN", SCANVOTE_OF_ITS_OWN="7") == "7"
    assert os.getenv("SCANVOTE_OF_ITS_OWN") is None


def test_processes_need_no_semaphores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which need a writable /dev/shm, and some containers have none."""

    def refused(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("multiprocessing.synchronize.SemLock.__init__", refused)
    assert parallel_map(abs, [-1, -2], "", processes=2) == [1, 2]
    assert run_in_process(abs, -1) == 1


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
