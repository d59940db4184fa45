"""Storages and databases, seen by clients that know nothing of haulage."""

import hashlib
import json
import sqlite3
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from attrs import frozen

from haulage.testing.servers import FakeGcs, Moto, Seaweed


@frozen
class Found:
    """An object, as another client than haulage's finds it.

    Attributes:
        size: In bytes, as the store tells it.
        sha256: Of its bytes, which were read.
        media_type: As the store tells it; None where the store keeps none.
        metadata: As the store tells it; None where the store keeps none.
    """

    size: int
    sha256: str
    media_type: str | None = None
    metadata: Mapping[str, str] | None = None


class Place(Protocol):
    """Where videos go in a cell.

    Attributes:
        line: What the config says of it.
        environ: The environment with its credentials.
    """

    line: str
    environ: Mapping[str, str]

    def objects(self) -> dict[str, Found]:
        """Read all that is there, by key, but for what the store says was not written since it was read before."""

    def read(self, key: str) -> bytes:
        """Read one object."""

    def unfinished(self) -> list[str]:
        """Find what uploads have left that were never completed."""


class Local:
    """A folder."""

    environ: Mapping[str, str] = {}

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.line = f"{{type: local, path: {folder}}}"

    def objects(self) -> dict[str, Found]:
        files = [path for path in self.folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
        contents = {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in files}
        return {key: Found(len(data), hashlib.sha256(data).hexdigest()) for key, data in contents.items()}

    def read(self, key: str) -> bytes:
        return (self.folder / key).read_bytes()

    def unfinished(self) -> list[str]:
        return [str(path) for path in self.folder.rglob(".*") if path.is_file()]


class S3:
    """A bucket of an S3 server, seen by boto3."""

    def __init__(self, server: Seaweed | Moto, bucket: str) -> None:
        import boto3

        self.bucket = server.bucket(bucket)
        self.line = f"{{type: s3, bucket: {self.bucket}, endpoint_url: {server.endpoint_url}}}"
        self.environ = {
            "AWS_ACCESS_KEY_ID": server.access_key,
            "AWS_SECRET_ACCESS_KEY": server.secret_key,
            "AWS_REGION": "us-east-1",
        }
        self.client = boto3.client(
            "s3",
            endpoint_url=server.endpoint_url,
            aws_access_key_id=server.access_key,
            aws_secret_access_key=server.secret_key,
            region_name="us-east-1",
        )
        self._known: dict[tuple[Any, ...], Found] = {}

    def objects(self) -> dict[str, Found]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        found = {}
        for each in [each for page in pages for each in page.get("Contents", ())]:
            known = key, *_ = each["Key"], each["ETag"], each["Size"], each["LastModified"]
            if known not in self._known:
                told = self.client.get_object(Bucket=self.bucket, Key=key)
                digest = hashlib.sha256(told["Body"].read()).hexdigest()
                self._known[known] = Found(told["ContentLength"], digest, told["ContentType"], told["Metadata"])
            found[key] = self._known[known]
        return found

    def read(self, key: str) -> bytes:
        return self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def unfinished(self) -> list[str]:
        pages = self.client.get_paginator("list_multipart_uploads").paginate(Bucket=self.bucket)
        return [each["Key"] for page in pages for each in page.get("Uploads", ())]


class Gcs:
    """A bucket of a GCS server, seen by plain HTTP. It tells of no upload before it is complete."""

    environ: Mapping[str, str] = {}

    def __init__(self, server: FakeGcs, bucket: str) -> None:
        server.bucket(bucket)
        self.line = f"{{type: gcs, bucket: {bucket}, endpoint_url: {server.endpoint_url}, token: anon}}"
        self.url = f"{server.endpoint_url}/storage/v1/b/{bucket}/o"
        self._known: dict[tuple[Any, ...], Found] = {}

    def _get(self, url: str) -> bytes:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.read()

    def put(self, key: str, data: bytes) -> None:
        """Store an object."""
        url = f"{self.url.replace('/storage/', '/upload/storage/')}?uploadType=media&name={urllib.parse.quote(key)}"
        with urllib.request.urlopen(urllib.request.Request(url, data), timeout=10):
            pass

    def objects(self) -> dict[str, Found]:
        found = {}
        for each in json.loads(self._get(self.url)).get("items", ()):
            known = name, *_ = each["name"], each["generation"], each["metageneration"]
            if known not in self._known:
                digest = hashlib.sha256(self.read(name)).hexdigest()
                told = int(each["size"]), digest, each["contentType"], each.get("metadata", {})
                self._known[known] = Found(*told)
            found[name] = self._known[known]
        return found

    def read(self, key: str) -> bytes:
        return self._get(f"{self.url}/{urllib.parse.quote(key, safe='')}?alt=media")

    def unfinished(self) -> list[str]:
        return []


@frozen
class Database:
    """What remembers jobs in a cell.

    Attributes:
        url: What the config says of it.
        file: The file, where it is one of SQLite.
    """

    url: str
    file: Path | None = None

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Ask it, with nothing of haulage in between."""
        if self.file is not None:
            connection = sqlite3.connect(f"file:{self.file}?mode=ro", uri=True)
            connection.row_factory = sqlite3.Row
            try:
                return [dict(row) for row in connection.execute(query)]
            finally:
                connection.close()
        import psycopg
        from psycopg.rows import dict_row

        with psycopg.connect(self.url.replace("+psycopg", ""), row_factory=dict_row) as connected:
            return connected.execute(query).fetchall()
