"""What can be installed: components and the packages that bring them."""

from typing import Any

from haulage.registry.components import Component, FetcherComponent, ObserverComponent, StorageComponent

PACKAGES: dict[tuple[type[Component[Any]], str], str] = {
    (FetcherComponent, "yt-dlp"): "haulage-ytdlp",
    (ObserverComponent, "otel"): "haulage-otel",
    (ObserverComponent, "prometheus"): "haulage-prometheus",
    (StorageComponent, "gcs"): "haulage-gcs",
    (StorageComponent, "s3"): "haulage-s3",
}
"""Published packages by the component that they offer."""
