"""What can be set for the storage in the config."""

from datetime import timedelta
from typing import Literal

from attrs import frozen, validators

from haulage.plugin import Size, check_endpoint, check_prefix, option


@frozen
class S3Options:
    """The options of `type: s3`."""

    bucket: str = option("", help="The bucket; by default `AWS_S3_BUCKET` names it.", example="my-videos")
    prefix: str = option(
        "", help="What all keys begin with, like a folder in the bucket.", example="videos", validator=check_prefix
    )
    region: str = option(
        "",
        help="The region of the bucket; by default `AWS_REGION` or the profile names it.",
        example="eu-central-1",
    )
    endpoint_url: str = option(
        "",
        help="The service, where it is not Amazon's: MinIO, R2, SeaweedFS, ...",
        example="https://minio.example.org:9000",
        validator=check_endpoint("access_key_id and secret_access_key"),
    )
    profile: str = option("", help="The profile of `~/.aws` whose credentials are used.", example="archive")
    access_key_id: str = option(
        "",
        help="With secret_access_key, the credentials, instead of those that are found as every AWS tool finds them.",
        example="${MINIO_ACCESS_KEY_ID}",
        secret=True,
    )
    secret_access_key: str = option(
        "", help="The secret that belongs to access_key_id.", example="${MINIO_SECRET_ACCESS_KEY}", secret=True
    )
    session_token: str = option(
        "", help="The token that temporary credentials have besides.", example="${MINIO_SESSION_TOKEN}", secret=True
    )
    storage_class: str = option(
        "", help="The storage class of what is written; by default the bucket's.", example="STANDARD_IA"
    )
    encryption: Literal["AES256", "aws:kms", "aws:kms:dsse"] | None = option(
        None, help="How the service encrypts what is written; by default as the bucket says.", example="aws:kms"
    )
    kms_key_id: str = option(
        "",
        help="The key for an encryption with KMS; by default Amazon's own.",
        example="alias/videos",
    )
    buffer: Size = option(
        Size(128 << 20),
        help="How many bytes may wait to be sent; an upload has half of it at most, and one part of 8 MiB at least.",
        example="64MiB",
        validator=validators.ge(8 << 20),
    )
    timeout: timedelta = option(
        timedelta(seconds=60),
        help="How long the service may take to answer, or to take or give the next 256 KiB.",
        example="30s",
        validator=validators.ge(timedelta(seconds=1)),
    )
