"""From options to a storage."""

import logging
from collections.abc import Mapping
from typing import Any

from aiobotocore.httpsession import AIOHTTPSession
from aiobotocore.session import AioSession
from botocore.awsrequest import AWSPreparedRequest
from botocore.loaders import create_loader
from s3fs import S3FileSystem

from haulage.plugin import BuildContext, Failure, Kind, StorageError
from haulage_s3.errors import Where
from haulage_s3.examine import Examination
from haulage_s3.options import S3Options
from haulage_s3.service import Service, Written
from haulage_s3.storage import S3Storage

_loader = create_loader()
"""Keeps what it read of botocore's large files, for all storages."""

_QUIET = 3600  # seconds: deadlines are ours


def build(options: S3Options, context: BuildContext) -> S3Storage:
    """Make the storage; nothing is asked of the service yet.

    Raises:
        StorageError: The options do not fit together.
    """
    bucket = options.bucket or context.environ.get("AWS_S3_BUCKET", "")
    if not bucket:
        raise _wrong(context, "it names no bucket", "set bucket, or the environment variable AWS_S3_BUCKET")
    if bool(options.access_key_id) != bool(options.secret_access_key):
        missing = "secret_access_key" if options.access_key_id else "access_key_id"
        raise _wrong(context, f"its credentials are not complete: {missing} is missing", f"set {missing} too")
    if options.kms_key_id and not (options.encryption or "").startswith("aws:kms"):
        raise _wrong(context, "it has a kms_key_id, but no encryption with KMS", "set encryption: aws:kms")
    where = Where(bucket, credentials=_credentials(options, context.environ), timeout=options.timeout.total_seconds())
    written = Written(options.storage_class, options.encryption or "", options.kms_key_id)
    service = Service(filesystem(options, context.environ), where, options.prefix.strip("/"), written)
    explicit = options.endpoint_url, options.access_key_id
    examination = Examination(service, context.name, explicit, context.environ)
    return S3Storage(service, options.buffer, (options.profile, *explicit), examination)


def _wrong(context: BuildContext, said: str, cure: str) -> StorageError:
    return StorageError(Failure(Kind.CONFIG, f"storage '{context.name}': {said}", cure=cure))


def filesystem(options: S3Options, environ: Mapping[str, str]) -> S3FileSystem:
    """The filesystem whose client is used.

    Every argument that fsspec's own config and environment could set is given, so that they set none.
    """
    for name in ("aiobotocore", "botocore", "s3fs"):
        # Their debugging shows signed requests, with all that they are signed by.
        logging.getLogger(name).setLevel(logging.INFO)
    session = AioSession(profile=options.profile or None)
    session.register_component("data_loader", _loader)
    session.register("before-send.s3", _without_expect)
    session.register("before-call.s3", _without_redirect)
    return S3FileSystem(
        anon=False,
        endpoint_url=options.endpoint_url or None,
        key=options.access_key_id or None,
        secret=options.secret_access_key or None,
        token=options.session_token or None,
        username=None,
        password=None,
        use_ssl=True,
        client_kwargs={"region_name": options.region or environ.get("AWS_REGION") or None},
        config_kwargs={
            "http_session_cls": _Once,
            # Shorter than servers keep a connection that nobody uses, so that none is met that was just closed.
            "connector_args": {"keepalive_timeout": 5},
            "connect_timeout": _QUIET,
            "read_timeout": _QUIET,
            # As many as there are parts within the budget, and a thread each; a request must not wait for its turn.
            "max_pool_connections": 0,
            "retries": {"total_max_attempts": 1, "mode": "standard"},
            # We send MD5s, which every service checks.
            "request_checksum_calculation": "when_required",
            "response_checksum_validation": "when_required",
        },
        s3_additional_kwargs={},
        session=session,
        requester_pays=False,
        version_aware=False,
        cache_regions=False,
        asynchronous=False,
        loop=None,
        skip_instance_cache=True,
        use_listings_cache=False,
    )


class _Once(AIOHTTPSession):  # type: ignore[misc]
    """Sends each request once; aiohttp would repeat one whose connection is lost, unasked and uncounted."""

    async def _get_session(self, proxy_url: str | None) -> Any:
        session = await super()._get_session(proxy_url)
        session._retry_connection = False
        return session


def _without_expect(request: AWSPreparedRequest, **_: Any) -> None:
    """Send bodies at once: a server that never answers `Expect: 100-continue` would be waited for without end."""
    request.headers.pop("Expect", None)


def _without_redirect(context: dict[str, Any], **_: Any) -> None:
    """Have no request sent again to another region, unasked and uncounted; the error names the region."""
    context.setdefault("s3_redirect", {})["redirected"] = True


def _credentials(options: S3Options, environ: Mapping[str, str]) -> str:
    """Where the credentials are, in words; for those that botocore finds, as far as that can be told in advance."""
    if options.access_key_id:
        return "the credentials of the config (access_key_id)"
    if options.profile:
        return f"the credentials of the profile {options.profile}"
    if environ.get("AWS_ACCESS_KEY_ID"):
        return "the credentials of the environment (AWS_ACCESS_KEY_ID)"
    if environ.get("AWS_PROFILE"):
        return f"the credentials of the profile {environ['AWS_PROFILE']} (AWS_PROFILE)"
    if environ.get("AWS_WEB_IDENTITY_TOKEN_FILE"):
        return "the credentials for the role AWS_ROLE_ARN (AWS_WEB_IDENTITY_TOKEN_FILE)"
    return "the credentials that were found"
