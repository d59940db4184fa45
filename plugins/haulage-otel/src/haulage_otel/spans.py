"""From events to spans: one for each attempt at a video, and below it one for each of its steps."""

import threading

from attrs import define
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context
from opentelemetry.util.types import AttributeValue

from haulage.plugin import (
    AttemptId,
    Deleted,
    Event,
    Failure,
    Job,
    JobEvent,
    Lost,
    Progressed,
    Settled,
    Started,
    Stepped,
    Stored,
)

_NAMES = {"expand": "expand", "fetch": "fetch", "store": "upload", "verify": "verify"}


@define
class _Open:
    attempt: Span
    step: Span | None = None


class Spans:
    """Begins and ends spans as events tell. Safe to use from many threads.

    Args:
        tracer: Makes them.
    """

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._lock = threading.Lock()
        self._open: dict[AttemptId, _Open] = {}

    def __call__(self, event: Event) -> None:
        """Follow an event."""
        if not isinstance(event, JobEvent) or isinstance(event, Progressed):
            return
        with self._lock:
            match event:
                case Started(attempt=attempt, record=record):
                    about = {"haulage.job.id": event.job, "haulage.attempt.id": attempt, **_about(record)}
                    about["haulage.attempt.number"] = len(record.attempts)
                    span = self._tracer.start_span("haul", Context(), SpanKind.CONSUMER, about)
                    self._open[attempt] = _Open(span)
                case _ if event.attempt in self._open:
                    self._follow(self._open[event.attempt], event)

    def _follow(self, spans: _Open, event: JobEvent) -> None:
        match event:
            case Stepped(step=step, storage=storage, role=role):
                self._end_step(spans)
                about: dict[str, AttributeValue] = {}
                if storage is not None and role is not None:
                    about = {"haulage.storage.name": storage, "haulage.file.role": role}
                inside = set_span_in_context(spans.attempt, Context())
                spans.step = self._tracer.start_span(_NAMES[step], inside, SpanKind.INTERNAL, about)
            case Stored(copy=copy, url=url) if spans.step is not None:
                spans.step.set_attributes(
                    {"haulage.object.key": copy.key, "haulage.object.size": copy.size or 0, "haulage.object.url": url}
                )
            case Deleted(copy=copy, url=url):
                about = {"haulage.storage.name": copy.storage, "haulage.file.role": copy.role}
                about |= {"haulage.object.key": copy.key, "haulage.object.size": copy.size or 0}
                spans.attempt.add_event("deleted", {**about, "haulage.object.url": url})
            case Settled(record=record, again=again):
                last = record.tries[-1] if record.tries and record.tries[-1].attempt == event.attempt else None
                spans.attempt.set_attributes({"haulage.status": record.status.value, **_about(record)})
                if again is not None:
                    spans.attempt.set_attribute("haulage.retry.delay", again.total_seconds())
                self._end(event.attempt, last.failure if last else None)
            case Lost(failure=failure):
                self._end(event.attempt, failure)

    def _end_step(self, spans: _Open, failure: Failure | None = None) -> None:
        if spans.step is not None:
            _end(spans.step, failure)
            spans.step = None

    def _end(self, attempt: AttemptId, failure: Failure | None) -> None:
        spans = self._open.pop(attempt)
        self._end_step(spans, failure)
        _end(spans.attempt, failure)

    def end_all(self) -> None:
        """End what is open yet."""
        with self._lock:
            for attempt in list(self._open):
                self._end(attempt, None)


def _end(span: Span, failure: Failure | None) -> None:
    if failure is not None:
        span.set_attribute("error.type", failure.kind.value)
        span.set_status(Status(StatusCode.ERROR, str(failure)))
    span.end()


def _about(record: Job) -> dict[str, AttributeValue]:
    """What is known of the video; what is not is left out."""
    known: dict[str, AttributeValue | None] = {
        "url.full": record.request.url,
        "haulage.site": record.site,
        "haulage.variant": record.request.variant or None,
    }
    if record.video is not None:
        known["haulage.video.source"] = record.video.source
        known["haulage.video.id"] = record.video.id
        known["haulage.video.title"] = record.video.title or None
        known["haulage.video.channel"] = record.video.channel_id or None
    if record.files and record.facts is not None:
        known["haulage.video.size"] = record.files[0].size
        known["haulage.video.duration"] = record.facts.duration
    return {name: value for name, value in known.items() if value is not None}
