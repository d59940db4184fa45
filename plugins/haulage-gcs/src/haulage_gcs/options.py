"""What can be set for the storage in the config."""

from datetime import timedelta
from typing import Any

from attrs import Attribute, frozen, validators

from haulage.plugin import Size, check_endpoint, check_prefix, option


def _bucket(_: Any, __: "Attribute[str]", value: str) -> None:
    if not value or "/" in value or not value.isprintable():
        raise ValueError("it is no name of a bucket: that has no gs:// and no / in it")


@frozen
class GcsOptions:
    """The options of `type: gcs`."""

    bucket: str = option(help="The bucket.", example="my-videos", validator=_bucket)
    prefix: str = option(
        "", help="What all keys begin with, like a folder in the bucket.", example="videos", validator=check_prefix
    )
    token: str = option(
        "",
        help="The credentials: the path of a key file, a key itself as JSON, or `anon` for none, as emulators want it; "
        "by default those that are found as every tool of Google's finds them.",
        example="key.json",
        secret=True,
    )
    project: str = option(
        "",
        help="The project that pays for the requests, where the bucket leaves that to who asks.",
        example="my-project",
    )
    endpoint_url: str = option(
        "",
        help="The service, where it is not `https://storage.googleapis.com`: an emulator, or a private endpoint.",
        example="http://127.0.0.1:4443",
        validator=check_endpoint("token", path=False),
    )
    region: str = option(
        "", help="Where the bucket is, which its price depends on; nothing else needs it.", example="us-central1"
    )
    storage_class: str = option(
        "", help="The storage class of what is written; by default the bucket's.", example="NEARLINE"
    )
    kms_key_name: str = option(
        "",
        help="The Cloud KMS key that encrypts what is written; by default as the bucket says.",
        example="projects/p/locations/eu/keyRings/r/cryptoKeys/k",
    )
    buffer: Size = option(
        Size(128 << 20),
        help="How many bytes may wait to be sent, for all uploads together; each may have 256 KiB anyway.",
        example="64MiB",
        validator=validators.ge(1 << 18),
    )
    timeout: timedelta = option(
        timedelta(seconds=60),
        help="How long the service may take to answer, or to take or give the next 256 KiB.",
        example="30s",
        validator=validators.ge(timedelta(seconds=1)),
    )
