"""What this package offers to haulage."""

from collections.abc import Iterable

from haulage.plugin import Billing, BuildContext, Capabilities, Storage, StorageComponent, hookimpl
from haulage_s3.options import S3Options


def _build(options: S3Options, context: BuildContext) -> Storage:
    from haulage_s3.build import build

    return build(options, context)


def _billing(options: S3Options, context: BuildContext) -> Billing | None:
    environ = context.environ
    endpoint = options.endpoint_url or environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL")
    if endpoint:
        return None  # not Amazon's, or not for everybody
    region = options.region or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or ""
    return Billing("s3", region, options.storage_class or "STANDARD")


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
        billing=_billing,
    )
