import threading

import pytest

from haulage.cancel import Cancelled, CancelToken


def test_a_token_that_was_not_cancelled_lets_work_go_on():
    """Without a cancel nothing raises and there is no reason."""
    token = CancelToken()
    token.raise_if_cancelled()
    assert token.reason is None


def test_a_cancelled_token_raises_from_then_on():
    """Every later look raises Cancelled with the reason."""
    token = CancelToken()
    token.cancel("stopped")
    for _ in range(2):
        with pytest.raises(Cancelled, match=r"^stopped$"):
            token.raise_if_cancelled()


def test_cancelled_passes_those_who_catch_exceptions():
    """A component that catches Exception cannot swallow a cancel."""
    assert not issubclass(Cancelled, Exception)
    assert issubclass(Cancelled, BaseException)


def test_the_first_reason_counts_and_calls_run_once():
    """Cancelling again changes nothing and calls nobody a second time."""
    token, called = CancelToken(), []
    with token.on_cancel(lambda: called.append(1)):
        token.cancel("lost")
        token.cancel("stopped")
    assert (token.reason, called) == ("lost", [1])


def test_calls_run_in_the_thread_that_cancels_while_the_block_runs():
    """A worker that waits in its block is reached by a cancel from another thread."""
    token, entered, reached = CancelToken(), threading.Event(), threading.Event()
    threads: list[str] = []

    def call():
        threads.append(threading.current_thread().name)
        reached.set()

    def work():
        with token.on_cancel(call):
            entered.set()
            assert reached.wait(10)

    worker = threading.Thread(target=work, name="worker")
    worker.start()
    assert entered.wait(10)
    canceller = threading.Thread(target=token.cancel, args=("stopped",), name="canceller")
    canceller.start()
    worker.join(10)
    canceller.join(10)
    assert threads == ["canceller"]


def test_a_call_runs_at_once_where_the_cancel_came_first():
    """A cancel that came before the block is not missed, and the block still runs."""
    token, called = CancelToken(), []
    token.cancel("stopped")
    with token.on_cancel(lambda: called.append(1)):
        assert called == [1]
    assert called == [1]


@pytest.mark.parametrize("raises", [False, True])
def test_after_the_block_nothing_is_called(raises):
    """What a block has given back is not touched by a later cancel, however the block ended."""
    token, called = CancelToken(), []
    try:
        with token.on_cancel(lambda: called.append(1)):
            if raises:
                raise ValueError
    except ValueError:
        pass
    token.cancel("stopped")
    assert called == []


def test_one_call_in_two_blocks_is_kept_until_both_have_ended():
    """Ending the inner of two blocks with one call leaves the outer one's."""
    token, called = CancelToken(), []

    def call():
        called.append(1)

    with token.on_cancel(call):
        with token.on_cancel(call):
            pass
        token.cancel("stopped")
    assert called == [1]


def test_a_call_may_look_at_the_token():
    """A call that asks the token for its reason, or cancels again, does not hang."""
    token, seen = CancelToken(), []

    def call():
        token.cancel("again")
        seen.append(token.reason)

    with token.on_cancel(call):
        runner = threading.Thread(target=token.cancel, args=("stopped",), daemon=True)
        runner.start()
        runner.join(10)
    assert seen == ["stopped"]


def test_every_call_runs_once_however_many_cancel():
    """Of eight threads that cancel at once, one runs the calls."""
    token, called, barrier = CancelToken(), [], threading.Barrier(8)

    def cancel(number):
        barrier.wait(10)
        token.cancel(str(number))

    with token.on_cancel(lambda: called.append("a")), token.on_cancel(lambda: called.append("b")):
        threads = [threading.Thread(target=cancel, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
    assert sorted(called) == ["a", "b"]


def test_a_token_expires_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the moment that was named last it is cancelled, and whoever waits is reached, though nobody has told it."""
    now = [100.0]
    monkeypatch.setattr("haulage.cancel.time.monotonic", lambda: now[0])
    token, called = CancelToken(), []
    token.expire_at(110, "lost")
    token.expire_at(120, "lost")
    now[0] = 119.9
    token.raise_if_cancelled()
    now[0] = 120.0
    with token.on_cancel(lambda: called.append(1)), pytest.raises(Cancelled, match=r"^lost$"):
        token.raise_if_cancelled()
    assert (token.reason, called) == ("lost", [1])
