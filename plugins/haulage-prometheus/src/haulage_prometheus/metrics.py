"""What is counted and measured. No label has a value from outside: no URL, no channel, no title."""

import threading
import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from haulage.plugin import AttemptId, Continued, Deleted, Event, Lost, Paused, Settled, Started, Stepped, Stored

_SECONDS = (0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 14400)
"""From a file that is there already to a long video on a slow line."""


class Metrics:
    """Counts events. Safe to use from many threads.

    Attributes:
        registry: Has these metrics, and none of anybody else's.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._lock = threading.Lock()
        self._steps: dict[AttemptId, tuple[str, float]] = {}

        def counter(name: str, told: str, *labels: str) -> Counter:
            return Counter(name, told, labels, registry=self.registry)

        self._videos = counter(
            "haulage_videos", "Jobs that ended, by how, and the kind of failure where there was one.", "status", "kind"
        )
        self._retries = counter(
            "haulage_retries", "Attempts after which a job waits for the next, by the kind of failure.", "kind"
        )
        self._lost = counter("haulage_attempts_lost", "Attempts that had to let go of their job.")
        self._objects = counter("haulage_objects_stored", "Objects that were stored and verified.", "storage")
        self._bytes = counter("haulage_bytes_stored", "Their bytes.", "storage")
        self._deleted = counter("haulage_objects_deleted", "Objects that were deleted on purpose.", "storage")
        self._deleted_bytes = counter("haulage_bytes_deleted", "Their bytes.", "storage")
        self._running = Gauge("haulage_jobs_running", "Jobs in hand.", registry=self.registry)
        self._paused = Gauge(
            "haulage_paused", "1 while nothing is downloaded for want of space.", registry=self.registry
        )
        self._attempt = Histogram(
            "haulage_attempt_seconds", "How long attempts took.", buckets=_SECONDS, registry=self.registry
        )
        self._step = Histogram(
            "haulage_step_seconds",
            "How long their steps took.",
            ["step"],
            buckets=_SECONDS,
            registry=self.registry,
        )

    def __call__(self, event: Event) -> None:
        """Count an event."""
        match event:
            case Started(attempt=attempt):
                self._enter(attempt, "")
            case Stepped(attempt=attempt, step=step):
                self._enter(attempt, step)
            case Stored(copy=copy):
                self._objects.labels(copy.storage).inc()
                self._bytes.labels(copy.storage).inc(copy.size or 0)
            case Deleted(copy=copy):
                self._deleted.labels(copy.storage).inc()
                self._deleted_bytes.labels(copy.storage).inc(copy.size or 0)
            case Settled(attempt=attempt, record=record, again=again, seconds=seconds):
                self._leave(attempt)
                self._attempt.observe(seconds)
                last = record.tries[-1] if record.tries and record.tries[-1].attempt == attempt else None
                kind = last.failure.kind.value if last else ""
                if again is None:
                    self._videos.labels(record.status.value, kind).inc()
                else:
                    self._retries.labels(kind).inc()
            case Lost(attempt=attempt):
                self._leave(attempt)
                self._lost.inc()
            case Paused():
                self._paused.set(1)
            case Continued():
                self._paused.set(0)

    def _enter(self, attempt: AttemptId, step: str) -> None:
        now = time.monotonic()
        with self._lock:
            before = self._steps.get(attempt)
            self._steps[attempt] = (step, now)
            self._running.set(len(self._steps))
        self._observe(before, now)

    def _leave(self, attempt: AttemptId) -> None:
        with self._lock:
            before = self._steps.pop(attempt, None)
            self._running.set(len(self._steps))
        self._observe(before, time.monotonic())

    def _observe(self, step: tuple[str, float] | None, now: float) -> None:
        if step is not None and step[0]:
            self._step.labels(step[0]).observe(now - step[1])
