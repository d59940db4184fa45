"""A bucket of a real server whose service a fault proxy can stand before."""

import contextlib
import json
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from attrs import frozen

from haulage.plugin import BuildContext, Size, StorageComponent
from haulage.registry.host import Host

BODY = bytes(700_000)
"""Of the objects that strangers store."""


@frozen
class Kept:
    """A bucket of a real server, and how its service is asked.

    Attributes:
        type: Of the storage.
        url: Of the server.
        options: Of the storage, but for the endpoint and the deadline.
        requests: What each call asks: a method and what the target has in it.
        put: Stores an object, as a stranger does.
        names: Lists all objects, likewise.
    """

    type: str
    url: str
    options: dict[str, Any]
    requests: dict[str, tuple[str, str]]
    put: Callable[[str], object]
    names: Callable[[], set[str]]

    def storage(self, endpoint_url: str, deadline: float) -> Any:
        """A storage with a deadline."""
        component = Host().find(StorageComponent, self.type)
        given = {**self.options, "endpoint_url": endpoint_url, "timeout": timedelta(seconds=deadline)}
        return component.build(component.options(**given), BuildContext("archive", Path(), {}))


@contextlib.contextmanager
def kept_in_s3(seaweed: Any) -> Iterator[Kept]:
    """A new bucket of S3, for as long as a block lasts."""
    import boto3

    bucket = seaweed.bucket(f"b{uuid.uuid4().hex[:12]}")
    keys = {"aws_access_key_id": seaweed.access_key, "aws_secret_access_key": seaweed.secret_key}
    client = boto3.client("s3", endpoint_url=seaweed.endpoint_url, region_name="us-east-1", **keys)
    with contextlib.closing(client):
        yield Kept(
            "s3",
            seaweed.endpoint_url,
            {
                "bucket": bucket,
                "region": "us-east-1",
                "access_key_id": seaweed.access_key,
                "secret_access_key": seaweed.secret_key,
                "buffer": Size(8 << 20),
            },
            {
                "stat": ("HEAD", "{}/v.mp4"),
                "read": ("GET", "{}/v.mp4"),
                "list": ("GET", "prefix={}"),
                "delete": ("DELETE", "{}/v.mp4"),
                "begin": ("POST", "{}/n.mp4.uploads"),
                "write": ("PUT", "{}/n.mp4.*partNumber"),
                "commit": ("PUT", "{}/n.mp4"),
                "complete": ("POST", "{}/n.mp4.*uploadId"),
            },
            lambda key: client.put_object(Bucket=bucket, Key=key, Body=BODY),
            lambda: {each["Key"] for each in client.list_objects_v2(Bucket=bucket).get("Contents", ())},
        )


def kept_in_gcs(fake_gcs: Any) -> Kept:
    """A new bucket of Google Cloud Storage."""
    bucket = fake_gcs.bucket(f"b{uuid.uuid4().hex[:12]}")
    objects = f"{fake_gcs.endpoint_url}/storage/v1/b/{bucket}/o"

    def put(key: str) -> None:
        url = f"{objects.replace('/storage/', '/upload/storage/')}?uploadType=media&name={key}"
        urllib.request.urlopen(urllib.request.Request(url, BODY, method="POST"), timeout=10).close()

    def names() -> set[str]:
        with urllib.request.urlopen(objects, timeout=10) as answer:
            return {each["name"] for each in json.loads(answer.read()).get("items", ())}

    return Kept(
        "gcs",
        fake_gcs.endpoint_url,
        {"bucket": bucket, "token": "anon", "buffer": Size(1 << 20)},
        {
            "stat": ("GET", "{}%2Fv.mp4.fields"),
            "read": ("GET", "{}%2Fv.mp4.alt=media"),
            "list": ("GET", "prefix={}"),
            "delete": ("DELETE", "{}%2Fv.mp4"),
            "begin": ("POST", "{}/n.mp4"),
            "write": ("PUT", "{}/n.mp4|{}%2Fn.mp4"),
            "commit": ("PUT", "{}/n.mp4|{}%2Fn.mp4"),
        },
        put,
        names,
    )
