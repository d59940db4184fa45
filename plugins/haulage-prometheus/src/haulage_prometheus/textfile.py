"""Metrics in a file, which node-exporter reads."""

import threading
from pathlib import Path

from prometheus_client import CollectorRegistry, write_to_textfile

from haulage.plugin import Failure, Kind, ObserverError

_SELDOM = 1.0
"""Seconds between two writes at least."""


class Textfile:
    """Writes the metrics after they have changed, in a thread of its own; a reader sees a whole file or the one before.

    Args:
        path: The file; its folder must be there.
        registry: What to write.

    Raises:
        ObserverError: It cannot be written.
    """

    def __init__(self, path: Path, registry: CollectorRegistry) -> None:
        self._path, self._registry = path, registry
        self._changed, self._closed = threading.Event(), threading.Event()
        self._error: ObserverError | None = None
        try:
            self._write()
        except FileNotFoundError as error:
            said = f"cannot write metrics to {path}: there is no folder {path.parent}"
            raise ObserverError(Failure(Kind.CONFIG, said, cure="make it")) from error
        except OSError as error:
            raise self._told(error) from error
        self._thread = threading.Thread(target=self._follow, name="haulage-metrics", daemon=True)
        self._thread.start()

    def change(self) -> None:
        """Say that there is something new.

        Raises:
            ObserverError: What was new before could not be written.
        """
        if self._error is not None:
            raise self._error
        self._changed.set()

    def close(self) -> None:
        """Write what is new, and end.

        Raises:
            ObserverError: It cannot be written, and that was not told before.
        """
        self._closed.set()
        self._changed.set()
        self._thread.join()
        if self._error is None:
            try:
                self._write()
            except OSError as error:
                raise self._told(error) from error

    def _follow(self) -> None:
        while not self._closed.is_set():
            self._changed.wait()
            self._changed.clear()
            try:
                self._write()
            except OSError as error:
                self._error = self._told(error)
                return
            self._closed.wait(_SELDOM)

    def _write(self) -> None:
        write_to_textfile(str(self._path), self._registry)

    def _told(self, error: OSError) -> ObserverError:
        return ObserverError(Failure(Kind.ENVIRONMENT, f"cannot write metrics to {self._path}: {error.strerror}"))
