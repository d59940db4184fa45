"""Another process that uses a metadata store, and does what it is told line by line."""

import datetime as dates
import json
import os
import subprocess
import sys
import threading
import time
from types import TracebackType
from typing import Any, Self

_PATIENCE = 60.0


class StoreProcess:
    """Runs in its `with` block, and is killed at the end of it.

    Args:
        bench: Has the config and the plugins of the store.
    """

    def __init__(self, bench: Any) -> None:
        from haulage.config.written import data  # not above: the process itself sets its clock first

        config = {"type": bench.record.name, **data(bench.options)}
        self._what = {"config": config, "plugins": bench.modules, "folder": str(bench.folder)}

    def __enter__(self) -> Self:
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environ,
        )
        self._write(self._what)  # not as an argument: it may hold a password
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def tell(self, call: str, *arguments: Any) -> None:
        """Have it make a call."""
        self._write([call, *arguments])

    def answer(self) -> Any:
        """What the oldest call that was not answered yet gave."""
        assert self._process.stdout is not None
        timer = threading.Timer(_PATIENCE, self._process.kill)
        timer.start()
        try:
            line = self._process.stdout.readline()
        finally:
            timer.cancel()
        assert line, "another process that uses the store failed, or does not answer"
        return json.loads(line)

    def call(self, call: str, *arguments: Any) -> Any:
        """Have it make a call, and return what that gave."""
        self.tell(call, *arguments)
        return self.answer()

    def _write(self, what: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()

    def kill(self) -> None:
        """End it as a power failure would."""
        self._process.kill()
        self._process.communicate()


_ahead = dates.timedelta(0)


def _jump(seconds: float) -> None:
    """Set the clock of this process ahead, as far as Python tells it."""
    global _ahead
    _ahead += dates.timedelta(seconds=seconds)


def _set_clock() -> None:
    """From now on, whoever imports the clock gets one that can jump."""
    real, plain, nanoseconds = dates.datetime, time.time, time.time_ns

    class Kind(type):
        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, real)

    class Ahead(real, metaclass=Kind):  # type: ignore[misc, valid-type]
        def __new__(cls, *args: Any, **kwargs: Any) -> Any:
            return real(*args, **kwargs)

        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return real.now(tz) + _ahead

        @classmethod
        def utcnow(cls) -> Any:
            return real.now(dates.UTC).replace(tzinfo=None) + _ahead

    dates.datetime = Ahead  # type: ignore[misc]
    time.time = lambda: plain() + _ahead.total_seconds()
    time.time_ns = lambda: nanoseconds() + int(_ahead.total_seconds() * 1e9)


def main(config: Any, plugins: list[str], folder: str) -> None:
    """Do what the lines of standard input say, and print what each gave."""
    _set_clock()
    from haulage.testing.conformance.metadata_calls import calls

    given = json.dumps(config)
    for line in sys.stdin:
        call, *arguments = json.loads(line)
        made = _jump if call == "jump" else calls(given, tuple(plugins), folder)[call]
        print(json.dumps(made(*arguments)), flush=True)  # noqa: T201 - it speaks by its output


if __name__ == "__main__":
    main(**json.loads(sys.stdin.readline()))
