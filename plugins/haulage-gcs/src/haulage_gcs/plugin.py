"""What this package offers to haulage."""

from collections.abc import Iterable

from haulage.plugin import BuildContext, Capabilities, Storage, StorageComponent, hookimpl
from haulage_gcs.options import GcsOptions


def _build(options: GcsOptions, context: BuildContext) -> Storage:
    from haulage_gcs.storage import GcsStorage

    return GcsStorage(options, context)


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
    )
