"""What the service and its client say, in the words of a storage."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import aiohttp
from attrs import frozen
from botocore import exceptions as told

from haulage.plugin import Failure, Kind, StorageError, redact

_LONGEST = 300


class Unsound(Exception):
    """What the service says, or what it sent, cannot be right; the text says why."""


@frozen
class Where:
    """What errors say of the place where they happened.

    Attributes:
        bucket: The bucket.
        endpoint: The service's URL; empty before it is known.
        region: The one that requests are signed for; empty likewise.
        credentials: Where they were found, in words.
        timeout: The deadline of a request, in seconds.
    """

    bucket: str
    endpoint: str = ""
    region: str = ""
    credentials: str = "the credentials"
    timeout: float = 0


PERMISSIONS = {
    "AbortMultipartUpload": "s3:AbortMultipartUpload",
    "CompleteMultipartUpload": "s3:PutObject",
    "CopyObject": "s3:PutObject (and s3:GetObject where it is copied from)",
    "CreateMultipartUpload": "s3:PutObject",
    "DeleteObject": "s3:DeleteObject",
    "GetObject": "s3:GetObject",
    "HeadObject": "s3:GetObject",
    "ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "ListObjectsV2": "s3:ListBucket",
    "ListParts": "s3:ListMultipartUploadParts",
    "PutObject": "s3:PutObject",
    "UploadPart": "s3:PutObject",
    "UploadPartCopy": "s3:PutObject (and s3:GetObject where it is copied from)",
}
"""What a policy calls the right to each operation."""

_SET = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the storage's access_key_id and secret_access_key"
_RENEW = "renew them, or use a role or a profile that renews itself"

_CODES: dict[str, tuple[Kind, str, str]] = {
    "AccessDenied": (
        Kind.DENIED,
        "{credentials} may not: {permission} is missing",
        "allow {permission} for the bucket {bucket} in the policy",
    ),
    "InvalidAccessKeyId": (Kind.DENIED, "the service does not know the access key of {credentials}", _SET),
    "SignatureDoesNotMatch": (
        Kind.DENIED,
        "the secret access key of {credentials} does not belong to its access key",
        _SET,
    ),
    "ExpiredToken": (Kind.DENIED, "{credentials} have expired", _RENEW),
    "InvalidToken": (Kind.DENIED, "the session token of {credentials} is not valid", _RENEW),
    "TokenRefreshRequired": (Kind.DENIED, "{credentials} have expired", _RENEW),
    "RequestTimeTooSkewed": (
        Kind.DENIED,
        "the clock of this machine and the service's differ by more than the service allows",
        "set this machine's clock, by NTP for example",
    ),
    "NoSuchBucket": (
        Kind.DENIED,
        "there is no bucket {bucket} at {endpoint}",
        "make it, or correct bucket, region or endpoint_url",
    ),
    "InvalidBucketName": (Kind.CONFIG, "{bucket} is no name that a bucket can have", "correct bucket"),
    "AllAccessDisabled": (Kind.DENIED, "all access to the bucket {bucket} is disabled", "ask the service's operator"),
    "AccountProblem": (Kind.DENIED, "the service refuses the account", "ask the service's operator"),
    "InvalidObjectState": (Kind.STORAGE, "it is archived in its storage class", "have it restored first"),
    "NoSuchKey": (Kind.STORAGE, "it is not there", ""),
    "NoSuchUpload": (Kind.STORAGE, "somebody ended the upload meanwhile", ""),
    "InvalidStorageClass": (Kind.CONFIG, "the service has no such storage class", "correct storage_class"),
    "NotImplemented": (Kind.CONFIG, "the service cannot do what was asked: {said}", "see the options of the storage"),
    "BadDigest": (Kind.STORAGE, "other bytes arrived than were sent", ""),
    "XAmzContentSHA256Mismatch": (Kind.STORAGE, "other bytes arrived than were sent", ""),
    "XAmzContentChecksumMismatch": (Kind.STORAGE, "other bytes arrived than were sent", ""),
    "QuotaExceeded": (Kind.NO_SPACE, "the service's quota is used up", "free some space, or have it raised"),
    "XMinioStorageFull": (Kind.NO_SPACE, "the service is full", "free some space"),
    "XMinioAdminBucketQuotaExceeded": (Kind.NO_SPACE, "the bucket's quota is used up", "free some space"),
    "InsufficientStorage": (Kind.NO_SPACE, "the service is full", "free some space"),
    "SlowDown": (Kind.STORAGE, "the service asks for fewer requests", ""),
}
_SAME = {
    "403": "AccessDenied",
    "AccessForbidden": "AccessDenied",
    "AllAccessDenied": "AccessDenied",
    "AuthFailure": "InvalidAccessKeyId",
    "ExpiredTokenException": "ExpiredToken",
    "InvalidClientTokenId": "InvalidAccessKeyId",
    "RequestExpired": "RequestTimeTooSkewed",
    "503": "SlowDown",
    "507": "InsufficientStorage",
}
_WRONG_REGION = {
    "301",
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
    "PermanentRedirect",
    "TemporaryRedirect",
}
_NOT_FOUND = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}
_CREDENTIALS = (
    told.CredentialRetrievalError,
    told.InvalidConfigError,
    told.MetadataRetrievalError,
    told.RefreshWithMFAUnsupportedError,
    told.SSOError,
    told.TokenRetrievalError,
    told.UnknownCredentialError,
)
_LOST = (aiohttp.ClientError, ConnectionError, told.ConnectionClosedError, told.HTTPClientError, told.ConnectionError)


def code_of(error: BaseException) -> str:
    """What the service called an error; empty where it did not come from there."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, told.ClientError) else ""


def status_of(error: BaseException) -> int:
    """The HTTP status of the service's answer; 0 where there was none."""
    if not isinstance(error, told.ClientError):
        return 0
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def is_missing(error: BaseException) -> bool:
    """Whether the service says that the object is not there."""
    return code_of(error) in ("404", "NoSuchKey", "NotFound") and status_of(error) in (0, 404)


def is_conflict(error: BaseException) -> bool:
    """Whether the service says that a precondition does not hold."""
    return status_of(error) == 412 or code_of(error) == "PreconditionFailed"


def failure(error: BaseException, doing: str, where: Where) -> Failure:
    """What a storage says of an error.

    Args:
        error: What the client raised.
        doing: What was tried: "read s3://bucket/key".
        where: Where.
    """
    if isinstance(error, told.ClientError):
        kind, said, cure, wait = *_answered(error, where), _retry_after(error)
    else:
        kind, said, cure, wait = *_unanswered(error, where), None
    return Failure(kind, redact(f"cannot {doing}: {said}"), retry_after=wait, cure=cure)


def _answered(error: Any, where: Where) -> tuple[Kind, str, str]:
    code, status = code_of(error), status_of(error)
    answer = error.response.get("Error", {})
    if error.operation_name not in PERMISSIONS:  # of the token service, when it was asked for credentials
        said = f"{where.credentials} cannot be had: {_one_line(answer.get('Message') or code)}"
        return Kind.DENIED if status in range(400, 500) else Kind.STORAGE, said, _SET
    if code in _WRONG_REGION or status in (301, 307):
        return _elsewhere(error, where)
    code = _SAME.get(code, code)
    said = _one_line(f"the service answered {code or status}: {answer.get('Message') or 'and said no more'}")
    if code in _CODES:
        kind, pattern, cure = _CODES[code]
        permission = PERMISSIONS[error.operation_name]
        facts = {
            "bucket": where.bucket,
            "credentials": where.credentials,
            "endpoint": where.endpoint,
            "permission": permission,
            "said": said,
        }
        return kind, pattern.format_map(facts), cure.format_map(facts)
    if code.startswith("KMS.") or status in (401, 403):
        return Kind.DENIED, said, "let the credentials use the bucket and its keys"
    return Kind.STORAGE, said, ""


def _elsewhere(error: Any, where: Where) -> tuple[Kind, str, str]:
    answer = error.response.get("Error", {})
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    region = headers.get("x-amz-bucket-region") or answer.get("Region")
    said = f"the bucket {where.bucket} is not in the region {where.region}"
    if region:
        return Kind.DENIED, f"{said} but in {region}", f"set region: {region}"
    endpoint = answer.get("Endpoint")
    return Kind.DENIED, said, f"set region, or endpoint_url{f', to what leads to {endpoint}' if endpoint else ''}"


def _retry_after(error: Any) -> timedelta | None:
    said = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("retry-after", "")
    return timedelta(seconds=int(said)) if said.isdecimal() and len(said) < 6 else None


def _unanswered(error: BaseException, where: Where) -> tuple[Kind, str, str]:
    if isinstance(error, Unsound):
        return Kind.STORAGE, str(error), ""
    if isinstance(error, told.NoCredentialsError):
        looked = "not in the config, not in the environment, not in ~/.aws, and this machine has no role"
        return Kind.DENIED, f"no credentials were found: {looked}", _SET
    if isinstance(error, told.PartialCredentialsError):
        missing, provider = error.kwargs.get("cred_var"), error.kwargs.get("provider")
        return Kind.DENIED, f"credentials are not complete: {missing} is missing ({provider})", f"set {missing} too"
    if isinstance(error, told.ProfileNotFound):
        profile = error.kwargs.get("profile")
        cure = "correct profile or AWS_PROFILE, or make it with: aws configure --profile " + str(profile)
        return Kind.DENIED, f"there is no profile {profile} in ~/.aws", cure
    if isinstance(error, _CREDENTIALS):
        return Kind.DENIED, f"credentials cannot be had: {_one_line(str(error))}", _SET
    if isinstance(error, told.SSLError):
        return Kind.CONFIG, f"the certificate of {where.endpoint} is not trusted", "AWS_CA_BUNDLE names those to trust"
    if isinstance(error, TimeoutError | asyncio.TimeoutError | told.ReadTimeoutError | told.ConnectTimeoutError):
        return Kind.STORAGE, f"{where.endpoint or 'the service'} did not answer within {where.timeout:g} s", ""
    if name := _unresolved(error):
        return Kind.CONFIG, f"there is no host {name}", "correct endpoint_url or region"
    if isinstance(error, told.EndpointConnectionError):
        return Kind.STORAGE, f"{where.endpoint} cannot be reached: {_innermost(error)}", ""
    if isinstance(error, told.IncompleteReadError | aiohttp.ClientPayloadError):
        return Kind.STORAGE, "it ended before its announced length", ""
    if isinstance(error, _LOST):
        return Kind.STORAGE, f"the connection to {where.endpoint} was lost: {_innermost(error)}", ""
    if isinstance(error, told.BotoCoreError | ValueError):
        return Kind.CONFIG, _one_line(str(error)), "see the options of the storage"
    return Kind.STORAGE, _one_line(f"{type(error).__name__}: {error}"), ""


def _unresolved(error: BaseException) -> str:
    for each in _chain(error):
        if isinstance(each, aiohttp.ClientConnectorDNSError):
            return str(each.host) if each.os_error.errno in _NOT_FOUND else ""
    return ""


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error, and those that it stands for, the outermost first."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        inner = getattr(seen, "kwargs", {}).get("error") if isinstance(seen, told.BotoCoreError) else None
        seen = inner if isinstance(inner, BaseException) else seen.__cause__


def _innermost(error: BaseException) -> str:
    *_, last = _chain(error)
    said = os.strerror(last.errno) if isinstance(last, OSError) and last.errno else str(last)
    return _one_line(said or type(last).__name__)


def _one_line(text: str) -> str:
    return " ".join(redact(text).split())[:_LONGEST]


@contextlib.contextmanager
def translated(doing: str, where: Callable[[], Where]) -> Iterator[None]:
    """Speak in our words of whatever the client raises; where that was is asked only then."""
    try:
        yield
    except StorageError:
        raise
    except Exception as error:
        raise StorageError(failure(error, doing, where())) from error
