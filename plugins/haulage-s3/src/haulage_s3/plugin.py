"""What this package offers to haulage."""

from collections.abc import Iterable

from haulage.plugin import BuildContext, Capabilities, Storage, StorageComponent, hookimpl
from haulage_s3.options import S3Options


def _build(options: S3Options, context: BuildContext) -> Storage:
    from haulage_s3.build import build

    return build(options, context)


@hookimpl
def haulage_storages() -> Iterable[StorageComponent]:
    """Offer S3."""
    yield StorageComponent(
        "s3",
        "A bucket of Amazon S3, or of anything that speaks its language.",
        S3Options,
        _build,
        capabilities=Capabilities(
            keeps_info=True, checks_content=True, exclusive_create=True, conditional_replace=True
        ),
    )
