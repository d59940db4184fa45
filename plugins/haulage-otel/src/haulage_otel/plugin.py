"""What this package offers to haulage."""

from collections.abc import Iterable

from haulage.plugin import BuildContext, Observer, ObserverComponent, hookimpl
from haulage_otel.options import OtelOptions


def _build(options: OtelOptions, context: BuildContext) -> Observer:
    from haulage_otel.observer import OtelObserver

    return OtelObserver(options.endpoint, context.environ)


@hookimpl
def haulage_observers() -> Iterable[ObserverComponent]:
    """Offer the traces."""
    yield ObserverComponent("otel", "Traces of OpenTelemetry, sent by OTLP over HTTP.", OtelOptions, _build)
