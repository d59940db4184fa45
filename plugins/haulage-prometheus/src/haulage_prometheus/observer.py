"""The observer: counts events, and lets Prometheus have the numbers."""

from pathlib import Path

from prometheus_client import start_http_server

from haulage.plugin import Event, Failure, Kind, ObserverError, Progressed
from haulage_prometheus.metrics import Metrics
from haulage_prometheus.textfile import Textfile


class PrometheusObserver:
    """Counts events. Safe to use from many threads.

    Args:
        port: Where to serve the metrics; None for nowhere.
        address: The address to serve them at.
        textfile: The file to write them to; None for none.

    Raises:
        ObserverError: The port is in use, or the file cannot be written.
    """

    def __init__(self, port: int | None, address: str, textfile: Path | None) -> None:
        self._metrics = Metrics()
        registry = self._metrics.registry
        self._textfile = None if textfile is None else Textfile(textfile, registry)
        self._server = None
        if port is not None:
            try:
                self._server, self._thread = start_http_server(port, address, registry)
            except OSError as error:
                if self._textfile is not None:
                    self._textfile.close()
                raise ObserverError(
                    Failure(
                        Kind.ENVIRONMENT,
                        f"cannot serve metrics at {address}:{port}: {error.strerror}",
                        cure="end what listens there, or choose another port or a textfile",
                    )
                ) from error

    def __repr__(self) -> str:
        return "prometheus"

    def __call__(self, event: Event) -> None:
        """Count an event.

        Raises:
            ObserverError: The file cannot be written any more.
        """
        if isinstance(event, Progressed):
            return
        self._metrics(event)
        if self._textfile is not None:
            self._textfile.change()

    def close(self) -> None:
        """Write the last numbers, and serve no more; takes half a second at most.

        Raises:
            ObserverError: The file cannot be written.
        """
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
        if self._textfile is not None:
            self._textfile.close()
