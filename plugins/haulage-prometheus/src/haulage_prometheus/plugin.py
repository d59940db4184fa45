"""What this package offers to haulage."""

from collections.abc import Iterable

from haulage.plugin import BuildContext, Observer, ObserverComponent, hookimpl
from haulage_prometheus.options import PORT, PrometheusOptions


def _build(options: PrometheusOptions, context: BuildContext) -> Observer:
    from haulage_prometheus.observer import PrometheusObserver

    file = None if options.textfile is None else context.folder / options.textfile
    return PrometheusObserver(options.port or (None if file else PORT), options.address, file)


@hookimpl
def haulage_observers() -> Iterable[ObserverComponent]:
    """Offer the metrics."""
    yield ObserverComponent(
        "prometheus", "Metrics for Prometheus: an endpoint, a textfile, or both.", PrometheusOptions, _build
    )
