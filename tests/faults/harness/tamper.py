"""What others do to an archive behind haulage's back, by their own clients."""

import json
import urllib.parse
import urllib.request
from collections.abc import Mapping

from witnesses import S3, Gcs, Local, Place


def write(place: Place, key: str, data: bytes, metadata: Mapping[str, str] | None = None) -> None:
    """Write an object over whatever is there, with metadata where the store keeps any."""
    if isinstance(place, Local):
        path = place.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    elif isinstance(place, S3):
        place.client.put_object(Bucket=place.bucket, Key=key, Body=data, Metadata=dict(metadata or {}))
    else:
        assert isinstance(place, Gcs)
        told = {"name": key, "contentType": "video/mp4", "metadata": dict(metadata or {})}
        body = b"".join(
            [
                b"--edge\r\nContent-Type: application/json\r\n\r\n" + json.dumps(told).encode(),
                b"\r\n--edge\r\nContent-Type: video/mp4\r\n\r\n" + data + b"\r\n--edge--\r\n",
            ]
        )
        url = place.url.replace("/storage/v1/", "/upload/storage/v1/") + "?uploadType=multipart"
        _ask(urllib.request.Request(url, body, {"Content-Type": "multipart/related; boundary=edge"}))


def delete(place: Place, key: str) -> None:
    """Delete an object."""
    if isinstance(place, Local):
        (place.folder / key).unlink()
    elif isinstance(place, S3):
        place.client.delete_object(Bucket=place.bucket, Key=key)
    else:
        assert isinstance(place, Gcs)
        _ask(urllib.request.Request(f"{place.url}/{urllib.parse.quote(key, safe='')}", method="DELETE"))


def _ask(request: urllib.request.Request) -> None:
    with urllib.request.urlopen(request, timeout=10) as answer:
        answer.read()


def flipped(data: bytes) -> bytes:
    """The same, but for one bit in its middle."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
