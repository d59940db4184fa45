"""What the service and the libraries say, in the words of a storage."""

import json
import re
import socket
from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import aiohttp
from attrs import frozen
from google.auth import exceptions as auth

from haulage.plugin import AlreadyExists, Failure, Kind, StorageError, redact

PRECONDITION = HTTPStatus.PRECONDITION_FAILED
NOT_FOUND = HTTPStatus.NOT_FOUND
GONE = HTTPStatus.GONE

_LONGEST = 300
_PERMISSION = re.compile(r"\b(?:storage|serviceusage|cloudkms|iam)\.[A-Za-z]+(?:\.[A-Za-z]+)*\b")
_LIMITS = ("rateLimitExceeded", "userRateLimitExceeded", "dailyLimitExceeded", "quotaExceeded")
_PAYER = "project is who pays for the requests: name one that may, or leave it out if the bucket asks for none"


class Broken(Exception):
    """A connection broke, and the request that went over it may or may not have been done."""


@frozen
class Answer:
    """What the service answered.

    Attributes:
        status: The HTTP status.
        headers: Their names in lower case.
        body: All of it.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_good(self) -> bool:
        """Whether the service did what it was asked to."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    def read(self) -> dict[str, Any]:
        """The JSON object in the body; empty where there is none."""
        try:
            read = json.loads(self.body)
        except ValueError:
            return {}
        return read if isinstance(read, dict) else {}

    @property
    def reason(self) -> str:
        """The word for what is wrong: "notFound", "rateLimitExceeded"."""
        error = self.read().get("error")
        errors = error.get("errors") if isinstance(error, dict) else None
        first = errors[0] if isinstance(errors, list) and errors else None
        return str(first.get("reason", "")) if isinstance(first, dict) else ""

    @property
    def said(self) -> str:
        """What the service says of it, on one line and not too long."""
        error = self.read().get("error")
        message = error.get("message", "") if isinstance(error, dict) else error
        if message is None:
            message = self.body[:_LONGEST].decode(errors="replace") if not self.body.lstrip().startswith(b"<") else ""
        return redact(str(message))[:_LONGEST].strip()

    @property
    def says_no_bucket(self) -> bool:
        """Whether it is the bucket that is not there; a service that says nothing of it does not say so."""
        return self.status == NOT_FOUND and "bucket does not exist" in self.said.lower()


def refused(answer: Answer, doing: str, bucket: str, endpoint: str) -> StorageError:
    """What a storage raises for an answer that is not what was asked for.

    Args:
        answer: What the service answered.
        doing: What was tried: "write gs://bucket/key".
        bucket: Its name.
        endpoint: Of the service.
    """
    status, said = answer.status, answer.said
    told = f"cannot {doing}: {said or 'it was refused'} (HTTP {status})"
    if status == PRECONDITION:
        return AlreadyExists(Failure(Kind.CONFLICT, f"cannot {doing}: somebody else wrote or deleted it meanwhile"))
    if status == HTTPStatus.UNAUTHORIZED:
        cure = "the credentials are missing, wrong or expired: see which ones are used with `haulage doctor`"
        return StorageError(Failure(Kind.DENIED, told, cure=cure))
    if status == HTTPStatus.FORBIDDEN and answer.reason not in _LIMITS:
        return StorageError(Failure(Kind.DENIED, told, cure=_may(answer, bucket)))
    if status == NOT_FOUND:
        told = f"cannot {doing}: there is no bucket {bucket} at {endpoint}"
        return StorageError(Failure(Kind.DENIED, told, cure="make it, or correct bucket or endpoint_url"))
    if status == HTTPStatus.BAD_REQUEST and re.search(r"crc32c|md5|checksum|hash", said, re.IGNORECASE):
        return StorageError(Failure(Kind.STORAGE, f"cannot {doing}: other bytes arrived than were sent: {said}"))
    if status == HTTPStatus.BAD_REQUEST:
        cure = _PAYER if "project" in said.lower() or "requester pays" in said.lower() else _OPTIONS
        return StorageError(Failure(Kind.CONFIG, told, cure=cure))
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return StorageError(Failure(Kind.CONFIG, told, cure="correct endpoint_url: this is no Google Cloud Storage"))
    return StorageError(Failure(Kind.STORAGE, told, retry_after=_retry_after(answer)))


_OPTIONS = "correct bucket, prefix, storage_class or kms_key_name, whichever it is about"


def _may(answer: Answer, bucket: str) -> str:
    if answer.reason in ("accountDisabled", "UserProjectAccountProblem") or "billing" in answer.said.lower():
        return "see to the billing account of the project"
    if answer.reason in ("retentionPolicyNotMet", "objectUnderActiveHold"):
        return "a retention policy or a hold keeps it: wait, or take that off"
    permission = _PERMISSION.search(answer.said)
    if permission and permission[0].startswith("serviceusage."):
        return _PAYER
    if permission:
        return f"grant the credentials {permission[0]} on the bucket {bucket}"
    return f"grant the credentials a role on the bucket {bucket}, such as Storage Object User"


def _retry_after(answer: Answer) -> timedelta | None:
    seconds = answer.headers.get("retry-after", "")
    return timedelta(seconds=int(seconds)) if seconds.isascii() and seconds.isdecimal() and len(seconds) < 7 else None


def failure(error: Exception, doing: str, endpoint: str, *, seconds: float, ours: bool) -> StorageError:
    """What a storage raises instead of a library's error.

    Args:
        error: What was raised.
        doing: What was tried: "write gs://bucket/key".
        endpoint: The service that was asked.
        seconds: The deadline.
        ours: Whether the endpoint stands in the config.
    """
    if isinstance(error, auth.GoogleAuthError):
        return unauthenticated(error, doing)
    kind, cure = Kind.STORAGE, ""
    if isinstance(error, TimeoutError):  # asyncio's, and those of aiohttp
        said = f"{endpoint} said nothing, or took nothing, for {seconds:g} s"
    elif isinstance(error, aiohttp.ClientConnectorDNSError):
        said = f"the name of {endpoint} does not resolve"
        # A name that DNS does not know, and not a DNS that is out of reach for a while.
        if ours and getattr(error.os_error, "errno", None) == socket.EAI_NONAME:
            kind, cure = Kind.CONFIG, "correct endpoint_url"
    elif isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
        said = f"{endpoint} has no certificate that this machine trusts: {error}"
        kind, cure = Kind.CONFIG, "correct endpoint_url, or have the machine trust its authority"
    elif isinstance(error, aiohttp.ClientConnectorError):
        said = f"{endpoint} cannot be reached: {error.strerror or error.os_error}"
    elif isinstance(error, aiohttp.InvalidURL):
        said, kind, cure = f"{endpoint} is no URL", Kind.CONFIG, "correct endpoint_url"
    elif isinstance(error, Broken | aiohttp.ClientError | ConnectionError):
        said = f"{endpoint} broke the connection off"
    else:
        said = f"{type(error).__name__}: {error}"
    return StorageError(Failure(kind, redact(f"cannot {doing}: {said}"), cure=cure))


def unauthenticated(error: Exception, doing: str, origin: str = "") -> StorageError:
    """What a storage raises where no token was given for the credentials.

    Args:
        error: What google-auth raised.
        doing: What was tried.
        origin: Where the credentials come from.
    """
    said = redact(str(error.args[0] if error.args else error))[:_LONGEST]
    message = f"cannot {doing}: no access token for {origin or 'the credentials'}: {said}"
    low = said.lower()
    cure = "set token, or GOOGLE_APPLICATION_CREDENTIALS, to the file of a key that is in force"
    kind = Kind.DENIED
    if isinstance(error, auth.TransportError | auth.TimeoutError) or getattr(error, "retryable", False):
        kind, cure = Kind.STORAGE, ""
    elif ("iat" in low and "exp" in low) or "reasonable timeframe" in low:
        cure = "set the clock of this machine: it is wrong"
    elif "expired or revoked" in low or "reauth" in low:
        cure = "sign in again: gcloud auth application-default login"
    elif "invalid_grant" in low or "invalid_client" in low:
        cure = "the key was deleted or disabled, or is another account's: make a new one, and set token to its file"
    return StorageError(Failure(kind, message, cure=cure))
