"""The observer: makes spans of events, and sends them to a collector."""

import logging
import threading
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from urllib.parse import unquote

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from haulage.plugin import Event, Failure, Kind, ObserverError, keep_secret, public_url
from haulage_otel.spans import Spans

_LAST_CHANCE = 2.0
"""Seconds that the end of a run waits for a collector."""

_log = logging.getLogger("haulage.observers.otel")


class OtelObserver:
    """Makes spans of events. Safe to use from many threads; nobody who works waits for the collector.

    What the collector does not take is dropped, once the queue is full (2048 spans, or `OTEL_BSP_MAX_QUEUE_SIZE`).

    Args:
        endpoint: The collector; "" for what the environment says.
        environ: The environment.

    Raises:
        ObserverError: What the environment says cannot be used.
    """

    def __init__(self, endpoint: str, environ: Mapping[str, str]) -> None:
        for name in ("OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"):
            keep_secret(*(unquote(each.partition("=")[2].strip()) for each in environ.get(name, "").split(",")))
        logging.getLogger("opentelemetry").addHandler(logging.NullHandler())  # the exporter below says it once
        try:
            exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces" if endpoint else None)
            resource = Resource.create({"service.version": version("haulage")} | _name(environ))
            self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
            self._exporter = _Exporter(exporter, endpoint or _endpoint(environ))
            self._provider.add_span_processor(BatchSpanProcessor(self._exporter))
        except ValueError as error:  # of a variable that is no number, for one
            said = f"a variable of the environment that begins with OTEL_ is wrong: {error}"
            raise ObserverError(Failure(Kind.ENVIRONMENT, said, cure="change it")) from error
        self._spans = Spans(self._provider.get_tracer("haulage", version("haulage-otel")))

    def __repr__(self) -> str:
        return "otel"

    def __call__(self, event: Event) -> None:
        """Follow an event."""
        self._spans(event)

    def close(self) -> None:
        """Send what is left; takes two seconds at most, and then gives up."""
        self._spans.end_all()
        sending = threading.Thread(target=self._provider.shutdown, name="haulage-otel-end", daemon=True)
        sending.start()
        sending.join(_LAST_CHANCE)
        if sending.is_alive():
            self._exporter.fail()


class _Exporter(SpanExporter):
    """Says once that spans cannot be sent, and once more after they could be."""

    def __init__(self, exporter: OTLPSpanExporter, endpoint: str) -> None:
        self._exporter = exporter
        self._endpoint = public_url(endpoint)
        self._failing = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send spans."""
        result = self._exporter.export(spans)
        if result is SpanExportResult.SUCCESS:
            self._failing = False
        else:
            self.fail()
        return result

    def fail(self) -> None:
        """Say that spans are lost, if that was not said yet."""
        if not self._failing:
            self._failing = True
            _log.warning("traces are lost: %s cannot be reached, or refuses them", self._endpoint)

    def shutdown(self) -> None:
        """End what is under way."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]


def _endpoint(environ: Mapping[str, str]) -> str:
    """Where traces are sent where the config does not say it."""
    named = (environ.get(f"OTEL_EXPORTER_OTLP_{each}ENDPOINT") for each in ("TRACES_", ""))
    return next(filter(None, named), "http://localhost:4318")


def _name(environ: Mapping[str, str]) -> dict[str, str]:
    """What the traces are said to be of, where the environment does not say it."""
    said = environ.get("OTEL_SERVICE_NAME") or "service.name=" in environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    return {} if said else {"service.name": "haulage"}
