"""A site that wants a file to be asked for in pieces, played by the test."""

from email.message import Message
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from offers import TAG
from yt_dlp.networking import Request, Response
from yt_dlp.networking.exceptions import HTTPError, TransportError

from haulage_ytdlp.child.resume import Direct

OTHER_TAG = {"ETag": '"b"'}


@pytest.mark.parametrize("headers", [TAG, {}], ids=["named", "not named"])
def test_same(tmp_path: Path, headers: dict[str, str]) -> None:
    """Piece after piece is taken, and each but the first says which content is meant, if it has a name."""
    direct, sent = Direct(str(tmp_path / "video.mp4")), []
    for start in (0, 10, 20):
        answer = direct.open(_piece(start), lambda request: _answer(request, sent, 30, headers))
        assert answer.headers["Content-Range"] == f"bytes {start}-{start + 9}/30"
    assert sent == [None, headers.get("ETag"), headers.get("ETag")]


@pytest.mark.parametrize(
    ("size", "headers", "status"), [(31, TAG, 206), (30, OTHER_TAG, 206), (30, OTHER_TAG, 200), (5, TAG, 416)]
)
def test_changed(tmp_path: Path, size: int, headers: dict[str, str], status: int) -> None:
    """A content that changes between two pieces fails the download, and nothing of it is gone on with."""
    direct = Direct(str(tmp_path / "video.mp4"))
    direct.open(_piece(0), lambda request: _answer(request, [], 30, TAG))
    (tmp_path / "video.mp4.part").write_bytes(b"x" * 10)
    with pytest.raises(TransportError, match="the content changed while it was downloaded"):
        direct.open(_piece(10), lambda request: _answer(request, [], size, headers, status))
    assert list(tmp_path.iterdir()) == []


def _piece(start: int) -> Request:
    return Request("http://127.0.0.1/", headers={"Range": f"bytes={start}-{start + 9}"})


def _answer(request: Request, sent: list[Any], size: int, more: dict[str, str], status: int = 206) -> Response:
    sent.append(request.headers.get("If-Range"))
    span = request.headers["Range"].removeprefix("bytes=")
    headers = Message()
    for name, value in more.items():
        headers[name] = value
    if status == 206:
        headers["Content-Range"] = f"bytes {span}/{size}"
    headers["Content-Length"] = "10" if status == 206 else str(size)
    response = Response(BytesIO(), request.url, headers, status)
    if status == 416:
        raise HTTPError(response)
    return response
