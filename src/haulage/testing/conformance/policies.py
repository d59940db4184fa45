"""The laws of retry policies and of executors."""

import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Executor, Future, wait
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, ClassVar

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from haulage.contracts.policies import History, RetryPolicy
from haulage.errors import Failure, Kind
from haulage.registry.components import ExecutorComponent, RetryPolicyComponent
from haulage.testing.conformance.bench import Bench
from haulage.testing.conformance.component import ComponentTests
from haulage.testing.conformance.law import law
from haulage.values import AttemptId, Try

_QUICK = 0.05
_PATIENCE = 30.0
_FAILURES = st.builds(
    Failure,
    st.sampled_from([Kind.TRANSIENT, Kind.STORAGE, Kind.INVALID]),
    st.just("reset"),
    st.none() | st.integers(0, 10_000).map(lambda seconds: timedelta(seconds=seconds)),
)
_DRAWS = st.floats(0, 1, exclude_max=True)
_SETTINGS = settings(
    max_examples=60, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)


def history(failures: list[Failure], draw: float = 0.0) -> History:
    """What a policy is asked with after these failures."""
    began = datetime(2026, 1, 1, tzinfo=UTC)
    tries = tuple(
        Try(AttemptId(f"{number:032x}"), "fetch", failure, True, ZERO, began + number * timedelta(minutes=1))
        for number, failure in enumerate(failures)
    )
    return History(tries, draw)


ZERO = timedelta(0)


class RetryPolicyTests(ComponentTests):
    """The laws of a retry policy. A class of one's own has a fixture `config`: what stands under `retry:`.

    Attributes:
        longest: After so many failures at the latest the policy gives up.
    """

    kind = RetryPolicyComponent
    longest: ClassVar[int] = 100
    open_to_authors = ComponentTests.open_to_authors | {"longest"}

    @pytest.fixture
    def policy(self, bench: Bench[RetryPolicyComponent]) -> RetryPolicy:
        """The policy."""
        policy: RetryPolicy = bench.build()
        return policy

    @law
    def test_the_same_history_gives_the_same_answer(self, policy: RetryPolicy, bench: Bench[Any]) -> None:
        """Asked again, in another order or by another process, the policy says the same: it is a pure function."""
        other: RetryPolicy = bench.build()

        @_SETTINGS
        @given(st.lists(_FAILURES, min_size=1, max_size=8), _DRAWS)
        def check(failures: list[Failure], draw: float) -> None:
            asked = history(failures, draw)
            told = policy.next_delay(asked)
            policy.next_delay(history([*failures, *failures], draw))
            assert policy.next_delay(asked) == told, "a policy gives another answer to the same history"
            assert other.next_delay(asked) == told, "another instance gives another answer to the same history"

        check()

    @law
    def test_a_delay_is_never_negative(self, policy: RetryPolicy) -> None:
        """A job rests for a while or not at all, whatever failed; and a rest is a duration."""

        @_SETTINGS
        @given(st.lists(_FAILURES, min_size=1, max_size=self.longest), _DRAWS)
        def check(failures: list[Failure], draw: float) -> None:
            delay = policy.next_delay(history(failures, draw))
            assert delay is None or isinstance(delay, timedelta), f"a delay is no duration: {delay!r}"
            assert delay is None or delay >= ZERO, f"a job shall rest for {delay}"

        check()

    @law
    def test_retries_end(self, policy: RetryPolicy) -> None:
        """After `longest` failures the policy has given up, whatever they were, and it does not change its mind."""
        for failure in (Failure(Kind.TRANSIENT, "reset"), Failure(Kind.STORAGE, "503", timedelta(seconds=1))):
            for draw in (0.0, 0.5, 0.999):
                told = [policy.next_delay(history([failure] * count, draw)) for count in range(1, self.longest + 50)]
                assert None in told, f"a policy does not give up after {self.longest} failures"
                gave_up = told.index(None)
                assert gave_up < self.longest, f"a policy does not give up after {self.longest} failures"
                assert set(told[gave_up:]) == {None}, "a policy that gave up tries again after one more failure"

    @law
    def test_a_policy_computes_and_does_not_wait(self, policy: RetryPolicy, monkeypatch: pytest.MonkeyPatch) -> None:
        """It says how long to wait, and waits for nothing itself, however many failures there were."""

        def sleep(_: float) -> None:
            raise AssertionError("a policy sleeps instead of saying how long to wait")

        monkeypatch.setattr(time, "sleep", sleep)
        asked = history([Failure(Kind.TRANSIENT, "reset", timedelta(seconds=5))])
        long = history([Failure(Kind.TRANSIENT, "reset")] * 1000)
        policy.next_delay(asked)
        began = time.perf_counter()
        for each in (asked, long):
            policy.next_delay(each)
        assert time.perf_counter() - began < 20 * _QUICK, "a policy takes long to say how long to wait"

    @law
    def test_the_draw_changes_how_long_and_not_whether(self, policy: RetryPolicy) -> None:
        """What is random of a policy comes from the draw, and decides neither the end nor more than the wait."""
        for count in range(1, 12):
            failures = [Failure(Kind.TRANSIENT, "reset")] * count
            told = [policy.next_delay(history(failures, draw)) for draw in (0.0, 0.3, 0.6, 0.999)]
            ends = {delay is None for delay in told}
            assert len(ends) == 1, "whether a job is tried again depends on a draw"

    @law
    def test_many_threads_may_ask(self, policy: RetryPolicy) -> None:
        """Asked from many threads at once the policy says what it says to one."""
        asked = [history([Failure(Kind.TRANSIENT, "reset")] * count, 0.5) for count in range(1, 9)]
        wanted = [policy.next_delay(each) for each in asked]
        wrong: list[object] = []

        def ask() -> None:
            for _ in range(50):
                if (told := [policy.next_delay(each) for each in asked]) != wanted:
                    wrong.append(told)

        threads = [threading.Thread(target=ask) for _ in range(4)]
        switching = sys.getswitchinterval()
        sys.setswitchinterval(1e-5)
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            sys.setswitchinterval(switching)
        assert not wrong, "a policy gives other answers when many ask at once"


class Mark:
    """A task that leaves a line in a file, from whatever process it runs in. It can be pickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __call__(self, value: int = 0) -> int:
        """Leave it, and return the argument."""
        with open(self.path, "a", encoding="ascii") as file:  # noqa: PTH123 - a Path opens likewise
            file.write("x\n")
        return value


def _raise(text: str) -> None:
    raise ValueError(text)


def _wait_for(path: str) -> bool:
    import pathlib

    until = time.monotonic() + _PATIENCE
    while not pathlib.Path(path).exists():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


class ExecutorTests(ComponentTests):
    """The laws of an executor. A class of one's own has a fixture `config`: what stands under `executor:`.

    Tasks that it is given can be pickled, and may run in another process of this machine.
    """

    kind = ExecutorComponent

    @pytest.fixture
    def executor(self, bench: Bench[ExecutorComponent]) -> Iterator[Executor]:
        """The executor, which is shut down at the end."""
        executor: Executor = bench.build()
        yield executor
        executor.shutdown(wait=False, cancel_futures=True)

    @law
    def test_what_is_submitted_runs_and_its_result_comes_back(self, executor: Executor) -> None:
        """A future holds what the task returned."""
        futures = [executor.submit(pow, number, 2) for number in range(20)]
        assert [future.result(_PATIENCE) for future in futures] == [number**2 for number in range(20)], (
            "a future holds another result than its task returned"
        )

    @law
    def test_each_submission_runs_once(self, executor: Executor, tmp_path: Any) -> None:
        """The same function with the same arguments, submitted ten times, runs ten times."""
        mark = Mark(str(tmp_path / "marks"))
        futures = [executor.submit(mark, 7) for _ in range(10)]
        assert [future.result(_PATIENCE) for future in futures] == [7] * 10, "a task that was submitted did not run"
        assert len((tmp_path / "marks").read_text().split()) == 10, "tasks that are alike do not run once each"

    @law
    def test_what_a_task_raises_comes_out(self, executor: Executor) -> None:
        """A future raises what its task raised, with its text, and the next task runs."""
        failing = executor.submit(_raise, "not today")
        error = failing.exception(_PATIENCE)
        assert type(error) is ValueError, f"a task raised ValueError, and its future {error!r}"
        assert str(error) == "not today", "the error of a task has lost its text"
        assert executor.submit(pow, 2, 3).result(_PATIENCE) == 8, "a task that raised spoils the next one"

    @law
    def test_as_many_tasks_run_at_once_as_it_says(
        self, executor: Executor, bench: Bench[ExecutorComponent], tmp_path: Any
    ) -> None:
        """The option `workers` says how many tasks run at once; so many wait for each other without blocking."""
        options = bench.options
        assert "workers" in attrs.fields_dict(type(options)), "an executor has no option `workers`"
        workers = options.workers
        assert isinstance(workers, int), "`workers` is no number"
        assert workers >= 1, "an executor without workers"
        gate = tmp_path / "gate"
        waiting = [executor.submit(_wait_for, str(gate)) for _ in range(workers - 1)]
        last = executor.submit(partial(_touch, str(gate)))
        assert last.result(_PATIENCE), "fewer tasks run at once than `workers` says"
        assert all(future.result(_PATIENCE) for future in waiting), "fewer tasks run at once than `workers` says"

    @law
    def test_what_was_cancelled_in_the_queue_never_runs(
        self, executor: Executor, bench: Bench[ExecutorComponent], tmp_path: Any
    ) -> None:
        """A task that waits for a worker can be cancelled; others run."""
        gate, mark = tmp_path / "gate", Mark(str(tmp_path / "marks"))
        busy = [executor.submit(_wait_for, str(gate)) for _ in range(bench.options.workers)]
        queued = [executor.submit(mark) for _ in range(bench.options.workers + 5)]
        cancelled = [future for future in queued if future.cancel()]
        gate.touch()
        wait(busy, timeout=_PATIENCE)
        wait(queued, timeout=_PATIENCE)
        assert queued[-1] in cancelled, "a task that waits in the queue cannot be cancelled"
        assert all(future.cancelled() for future in cancelled), "a cancelled future does not say so"
        marks = (tmp_path / "marks").read_text().split() if (tmp_path / "marks").exists() else []
        assert len(marks) == len(queued) - len(cancelled), "a task that was cancelled in the queue ran all the same"

    @law
    def test_a_shutdown_waits_for_what_runs(self, bench: Bench[ExecutorComponent], tmp_path: Any) -> None:
        """Leaving the `with` block lets every task end; afterwards none is taken. A second shutdown is harmless."""
        executor: Executor = bench.build()
        mark = Mark(str(tmp_path / "marks"))
        with executor:
            futures: list[Future[int]] = [executor.submit(mark, number) for number in range(8)]
        assert all(future.done() for future in futures), "an executor was shut down before its tasks had ended"
        assert len((tmp_path / "marks").read_text().split()) == 8, "a shutdown lost a task"
        try:
            executor.submit(pow, 2, 2)
        except RuntimeError:
            pass
        else:
            raise AssertionError("an executor takes tasks after its shutdown")
        executor.shutdown()


def _touch(path: str) -> bool:
    import pathlib

    pathlib.Path(path).touch()
    return True
