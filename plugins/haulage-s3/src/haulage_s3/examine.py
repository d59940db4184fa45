"""Whether a bucket lets haulage do its work, and which right is missing where it does not."""

import secrets
from collections.abc import Callable, Coroutine, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError, NoCredentialsError

from haulage.plugin import Failure, Finding, StorageError
from haulage_s3.errors import PERMISSIONS, code_of, is_conflict, is_missing, status_of
from haulage_s3.service import Service

_METHODS = {
    "assume-role": "an assumed role, by the profile in ~/.aws/config",
    "assume-role-with-web-identity": "AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN",
    "config-file": "~/.aws/config",
    "container-role": "the role of this container",
    "custom-process": "the program that ~/.aws/config names",
    "env": "the environment (AWS_ACCESS_KEY_ID)",
    "explicit": "the config (access_key_id)",
    "iam-role": "the role of this machine",
    "shared-credentials-file": "~/.aws/credentials",
    "sso": "single sign-on, by the profile in ~/.aws/config",
}


class Examination:
    """Looks at one bucket; what it writes it deletes.

    Args:
        service: The bucket.
        name: What findings call the storage.
        explicit: The endpoint and the access key id that the config gives; empty where it gives none.
        environ: The environment variables.
    """

    def __init__(self, service: Service, name: str, explicit: tuple[str, str], environ: Mapping[str, str]) -> None:
        self._service, self._about = service, f"storage {name}"
        self._endpoint, self._access_key = explicit
        self._environ = environ

    def findings(self) -> Iterator[Finding]:
        """See SupportsExamination."""
        looks = (self._where, self._whose, self._rights)
        try:
            for look in looks:
                yield from look()
        except StorageError as error:
            yield self._bad(error.failure)

    def _bad(self, failure: Failure) -> Finding:
        return Finding(self._about, "bad", failure.message, failure.cure)

    def _run(self, doing: str, work: Coroutine[Any, Any, Any]) -> Any:
        return self._service.run(doing, work)

    def _where(self) -> Iterator[Finding]:
        self._run("reach the service", self._service.client())
        where = self._service.where
        region = f", region {where.region}" if where.region else ""
        yield Finding(self._about, "good", f"{where.endpoint}{region} (from {self._origin(where.endpoint)})")

    def _origin(self, endpoint: str) -> str:
        if self._endpoint:
            return "endpoint_url in the config"
        for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"):
            if self._environ.get(name) == endpoint:
                return f"the environment variable {name}"
        if (urlsplit(endpoint).hostname or "").endswith((".amazonaws.com", ".amazonaws.com.cn")):
            return "the region"
        return "~/.aws/config"

    def _whose(self) -> Iterator[Finding]:
        if self._access_key:
            yield Finding(self._about, "good", f"credentials from {_METHODS['explicit']}")
            return

        async def ask() -> Any:
            async with self._service.deadline():
                credentials = await self._service.filesystem.session.get_credentials()
            if credentials is None:
                raise NoCredentialsError
            return credentials.method

        method = self._run("sign requests", ask())
        yield Finding(self._about, "good", f"credentials from {_METHODS.get(method, method)}")

    def _rights(self) -> Iterator[Finding]:
        missing: list[str] = []
        key = self._service.key(f"haulage-doctor-{secrets.token_hex(8)}.txt")
        body = b"haulage doctor writes this and deletes it.\n"
        written = {"Key": key, "Body": body, **self._service.written.parameters()}
        may = self._permitted(missing)
        below = self._service.path("")
        may("list_objects_v2", Prefix=below, MaxKeys=1)
        may("list_multipart_uploads", Prefix=below, MaxUploads=1)
        begun = may("create_multipart_upload", Key=key, **self._service.written.parameters())
        if begun:
            upload = {"Key": key, "UploadId": begun["UploadId"]}
            may("list_parts", **upload)
            may("abort_multipart_upload", **upload)
        put = may("put_object", **written)
        holds: bool | None = None
        if put:
            try:
                holds = self._holds("put_object", **written, IfNoneMatch="*")
                if read := may("get_object", Key=key):
                    self._service.filesystem.loop.call_soon_threadsafe(read["Body"].close)
                other = f'"{"0" * 32}"'
                holds = self._holds("delete_object", Key=key, IfMatch=other) and holds
            finally:
                may("delete_object", Key=key)
        if missing:
            names = ", ".join(dict.fromkeys(missing))
            bucket = self._service.where.bucket
            yield Finding(
                self._about,
                "bad",
                f"{self._service.where.credentials} may not do all that haulage does with {bucket}: missing {names}",
                f"allow {names} for the bucket {bucket} in the policy",
            )
        else:
            yield Finding(self._about, "good", "it may be listed, written, read and deleted, and uploads ended")
        if holds is True:
            yield Finding(self._about, "good", "the service holds preconditions, so of two writers one succeeds")
        elif holds is False:
            said = "the service ignores preconditions: of two writers in the same moment both can succeed"
            yield Finding(self._about, "warning", said, "have one haulage at a time write there")

    def _permitted(self, missing: list[str]) -> Callable[..., Any]:
        """A function that does one request, and notes its permission where it is refused."""

        def may(operation: str, **parameters: Any) -> Any:
            async def ask() -> Any:
                try:
                    return await self._service.call(operation, **parameters)
                except ClientError as error:
                    if code_of(error) not in ("AccessDenied", "403"):
                        raise
                    missing.append(PERMISSIONS[error.operation_name].partition(" ")[0])
                    return None

            return self._run(f"examine s3://{self._service.where.bucket}", ask())

        return may

    def _holds(self, operation: str, **parameters: Any) -> bool:
        async def ask() -> bool:
            try:
                await self._service.call(operation, **parameters)
            except ClientError as error:
                if is_conflict(error):
                    return True
                if is_missing(error) or code_of(error) == "NotImplemented" or status_of(error) == 403:
                    return False
                raise
            return False

        return bool(self._run(f"examine s3://{self._service.where.bucket}", ask()))
