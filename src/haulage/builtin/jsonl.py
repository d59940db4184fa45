"""An observer that writes each event as one line of JSON."""

import json
import os
import re
import stat
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs

from haulage.contracts.policies import (
    Deleted,
    Event,
    JobEvent,
    Lost,
    Paused,
    Progressed,
    Settled,
    Started,
    Stepped,
    Stored,
)
from haulage.documents import failure_document, job_document, object_document, time_document
from haulage.errors import Failure, Kind, ObserverError
from haulage.values import AttemptId, Job

_SELDOM = 1.0
"""Seconds between two lines about the progress of one step; how far it was at its end is told in any case."""

_STDOUT = 1


class JsonLines:
    """Appends events to a file. Safe to use from many threads; many processes may share the file.

    Each line is one write, so that lines of several writers do not mix, and is in the file when the call returns.

    Args:
        path: The file; made where it is missing. None is standard output.

    Raises:
        ObserverError: The file cannot be written to.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._told: dict[AttemptId, tuple[str, bool, float]] = {}
        self._held_back: dict[AttemptId, Progressed] = {}
        self._file = _STDOUT if path is None else _open(path)

    def __repr__(self) -> str:
        return f"jsonl to {self._path or 'standard output'}"

    def __call__(self, event: Event) -> None:
        """Write an event.

        Raises:
            ObserverError: It cannot be written: the disk is full, or nobody reads standard output any more.
        """
        with self._lock:
            for each in self._worth_it(event):
                line = json.dumps(event_document(each, datetime.now(UTC)), ensure_ascii=False)
                self._write(f"{line}\n".encode("utf-8", "replace"))

    def close(self) -> None:
        """Close the file; what was written is there already."""
        with self._lock:
            if self._path is not None:
                os.close(self._file)
            self._file = -1

    def _worth_it(self, event: Event) -> list[Event]:
        """What is written now: not one more line about the same progress, but how far a step was that has ended."""
        if isinstance(event, Stepped | Settled | Lost):
            self._told.pop(event.attempt, None)
            held = self._held_back.pop(event.attempt, None)
            return [event] if held is None else [held, event]
        if not isinstance(event, Progressed):
            return [event]
        now, ended = time.monotonic(), event.done == event.total
        stage, had_ended, last = self._told.get(event.attempt, ("", False, 0.0))
        if stage == event.stage and (had_ended or not ended) and now - last < _SELDOM:
            self._held_back[event.attempt] = event
            return []
        held = self._held_back.pop(event.attempt, None)
        self._told[event.attempt] = (event.stage, ended, now)
        return [event] if held is None or held.stage == event.stage else [held, event]

    def _write(self, line: bytes) -> None:
        try:
            while line:  # once, but where a disk is about to be full
                line = line[os.write(self._file, line) :]
        except OSError as error:
            said = f"cannot write events to {self._path or 'standard output'}: {error.strerror}"
            raise ObserverError(Failure(Kind.ENVIRONMENT, said)) from error


def event_document(event: Event, time: datetime) -> dict[str, Any]:
    """An event as a JSON object; docs/reference/events.md describes it."""
    said: dict[str, Any] = {"time": time_document(time), "event": kind_of(type(event))}
    if isinstance(event, JobEvent):
        said |= {"job": event.job, "attempt": event.attempt}
    match event:
        case Started(record=record):
            said |= {"video": _video(record)}
        case Stored(copy=copy, url=url) | Deleted(copy=copy, url=url):
            said |= object_document(copy, url)
        case Settled(record=record, again=again, seconds=seconds):
            last = record.tries[-1] if record.tries and record.tries[-1].attempt == event.attempt else None
            said |= {
                "seconds": round(seconds, 3),
                "again": None if again is None else again.total_seconds(),
                "failure": last and {"stage": last.stage, **failure_document(last.failure)},
                "video": _video(record),
            }
        case Lost(failure=failure) | Paused(failure=failure):
            said |= {"failure": failure_document(failure)}
        case _:
            said |= attrs.asdict(event)
    return said


def kind_of(event: type[Event]) -> str:
    """What lines call a kind of event: its name in lower case, words joined by "_"."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", event.__name__).lower()


def _video(record: Job) -> dict[str, Any]:
    return job_document(record, lambda _: None)


def _open(path: Path) -> int:
    try:
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
        if _was_cut_short(path):
            os.write(file, b"\n")
        return file
    except OSError as error:
        wrong, cure = error.strerror, "choose another path"
        if isinstance(error, FileNotFoundError):
            wrong, cure = f"there is no folder {path.parent}", "make it"
        raise ObserverError(Failure(Kind.CONFIG, f"cannot write events to {path}: {wrong}", cure=cure)) from error


def _was_cut_short(path: Path) -> bool:
    """Whether the file ends in the middle of a line, as a full disk leaves it."""
    if not stat.S_ISREG(path.stat().st_mode) or not path.stat().st_size:
        return False
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read() != b"\n"
