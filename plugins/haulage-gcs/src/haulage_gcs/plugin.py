"""What this package offers to haulage."""

from collections.abc import Iterable

from haulage.plugin import Billing, BuildContext, Capabilities, Storage, StorageComponent, hookimpl
from haulage_gcs.options import GcsOptions


def _build(options: GcsOptions, context: BuildContext) -> Storage:
    from haulage_gcs.storage import GcsStorage

    return GcsStorage(options, context)


def _billing(options: GcsOptions, context: BuildContext) -> Billing | None:  # noqa: ARG001
    if options.endpoint_url:
        return None
    return Billing("gcs", options.region.lower(), options.storage_class or "STANDARD")


@hookimpl
def haulage_storages() -> Iterable[StorageComponent]:
    """Offer Google Cloud Storage."""
    yield StorageComponent(
        "gcs",
        "A bucket of Google Cloud Storage.",
        GcsOptions,
        _build,
        capabilities=Capabilities(
            keeps_info=True, checks_content=True, exclusive_create=True, conditional_replace=True
        ),
        billing=_billing,
    )
