"""Calls that run at once, and meet where calls meet once in a million times."""

import functools
import sys
import threading
import time
from collections.abc import Callable, Collection, Sequence
from types import FrameType
from typing import Any

from haulage.errors import HaulageError

Work = Callable[[], Any]

_LONGEST = 120.0
_SHORT = 0.02
_STEPS = 2_000
_KIT = "haulage.testing"


class Race:
    """Runs calls in a thread each, and decides between the lines of the component which of them goes on.

    Args:
        component: Its lines count: those of all modules in the packages that its class and its bases come from.
        build: Likewise the package of what built it.

    Attributes:
        lines: How many of them each call ran when they last ran side by side.
    """

    def __init__(self, component: object, build: Callable[..., Any]) -> None:
        modules = [each.__module__ for each in (*type(component).__mro__, build)]
        self._packages = {module.partition(".")[0] for module in modules} - {"abc", "builtins"}
        self.lines: list[int] = []
        self._moment = _SHORT

    def side_by_side(self, works: Sequence[Work]) -> list[Any]:
        """Run calls that begin together and take turns after every line.

        Returns:
            What each call returned, or the HaulageError that it raised.

        Raises:
            AssertionError: One raised anything else, or did not end within two minutes; likewise for `one_waits`.
        """
        barrier = threading.Barrier(len(works))
        steps = [_Steps(self._packages, lambda _: time.sleep(0)) for _ in works]

        def begin(work: Work, step: _Steps) -> Any:
            barrier.wait(_LONGEST)
            return step.run(work)

        began = time.monotonic()
        told = _run([functools.partial(begin, work, step) for work, step in zip(works, steps, strict=True)])
        self._moment = max(_SHORT, 3 * (time.monotonic() - began))
        self.lines = [step.count for step in steps]
        return told

    def one_waits(self, first: Work, second: Work, line: int) -> list[Any]:
        """Run the second call while the first one waits before a line; longer than a moment it does not wait."""
        waits, done = threading.Event(), threading.Event()

        def meet(count: int) -> None:
            if count == line:
                waits.set()
                done.wait(self._moment)  # in vain where the second one waits for a lock that the first one holds

        def run_first() -> Any:
            try:
                return _Steps(self._packages, meet).run(first)
            finally:
                waits.set()

        def run_second() -> Any:
            waits.wait(_LONGEST)
            try:
                return second()
            finally:
                done.set()

        return _run([run_first, run_second])


def _run(works: Sequence[Work]) -> list[Any]:
    told: list[Any] = [None] * len(works)
    wrong: list[BaseException] = []

    def run(number: int) -> None:
        try:
            told[number] = works[number]()
        except HaulageError as error:
            told[number] = error
        except BaseException as error:
            wrong.append(error)

    # Daemons, so that one that hangs does not keep the interpreter.
    threads = [threading.Thread(target=run, args=(number,), daemon=True) for number in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(_LONGEST)
    assert not any(thread.is_alive() for thread in threads), "a call that runs beside others does not end"
    for error in wrong:
        raise AssertionError(f"{type(error).__name__} in a call that runs beside others: {error}") from error
    return told


class _Steps:
    """Calls something before each line of some packages that its thread runs."""

    def __init__(self, packages: Collection[str], before: Callable[[int], None]) -> None:
        self._packages, self._before = packages, before
        self.count = 0

    def run(self, work: Work) -> Any:
        traced = sys.gettrace()
        sys.settrace(self._enter)
        try:
            return work()
        finally:
            sys.settrace(traced)

    def _enter(self, frame: FrameType, *_: object) -> Any:
        name = str(frame.f_globals.get("__name__", ""))
        counts = name.partition(".")[0] in self._packages and not name.startswith(_KIT)
        return self._line if counts and self.count < _STEPS else None

    def _line(self, _: FrameType, event: str, __: object) -> Any:
        if event == "line" and self.count < _STEPS:
            self.count += 1
            self._before(self.count)
        return self._line
