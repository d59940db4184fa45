"""The program with a bucket: what is left of an upload that was killed or stopped, and what becomes of it."""

import hashlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from program import WITHIN

from haulage.testing import FaultProxy, faults

DATA = bytes(range(256)) * (20 << 12)
"""What the fetcher of these tests fetches: 20 MiB."""

FETCHER = """
import hashlib
from attrs import frozen
from haulage.plugin import *

DATA = bytes(range(256)) * (20 << 12)

@frozen
class NoOptions:
    pass

class Twenty(Fetcher):
    def site(self, url):
        return "a.test"

    def expand(self, request, ctx):
        yield Video("twenty", "v1", request.variant, request.url, channel_id="UC1")

    def fetch(self, video, folder, ctx):
        with open("fetched", "a") as note:
            note.write("once\\n")
        path = folder / "video.mp4"
        path.write_bytes(DATA)
        if "growing" in video.url:
            ctx.growing(Growing(path, video, "mp4", "video/mp4"))
            import time
            while True:
                ctx.cancel.raise_if_cancelled()
                time.sleep(0.01)
        file = MediaFile(path, "video", "mp4", "video/mp4", len(DATA), hashlib.sha256(DATA).hexdigest())
        return FetchResult(video, (file,), MediaFacts("mp4", 1.0))

@hookimpl
def haulage_fetchers():
    yield FetcherComponent("twenty", "Always the same 20 MiB.", NoOptions, lambda options, context: Twenty())
"""

CONFIG = """
fetcher: {{type: twenty}}
storages:
  archive: {{type: s3, bucket: {bucket}, prefix: videos, region: us-east-1, endpoint_url: "{url}"}}
"""


@pytest.fixture
def start(strict: Any, proxy: FaultProxy, tmp_path: Path) -> Callable[..., "subprocess.Popen[str]"]:
    """Start the program, with a config that names the bucket behind the proxy."""
    (tmp_path / "twenty.py").write_text(FETCHER)
    (tmp_path / "haulage.yaml").write_text(CONFIG.format(bucket=strict.name, url=proxy.url))
    keys = {"AWS_ACCESS_KEY_ID": strict.server.access_key, "AWS_SECRET_ACCESS_KEY": strict.server.secret_key}

    def start(*arguments: str, **environ: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "haulage", "-p", "twenty", *arguments]
        return subprocess.Popen(
            command,
            cwd=tmp_path,
            env={name: value for name, value in {**os.environ, **keys, **environ}.items() if value},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    return start


def _wait_until(proxy: FaultProxy, method: str, target: str) -> None:
    proxy.wait_for(lambda asked: any(each.method == method and re.search(target, each.target) for each in asked), 30)


def _whole(strict: Any) -> None:
    digest = hashlib.sha256(strict.get()["Bytes"]).hexdigest()
    assert digest == hashlib.sha256(DATA).hexdigest()
    assert sorted(strict.objects()) == ["videos/UC1/v1/video.json", "videos/UC1/v1/video.mp4"]
    assert strict.uploads() == [], "an upload is left open, and billed"


STAGES = {
    "while it grows": ("http://a.test/growing", "PUT", "partNumber=2"),
    "in a part": ("http://a.test/v1", "PUT", "partNumber=2"),
    "at the end": ("http://a.test/v1", "POST", r"video\.mp4\?uploadId="),
}


@pytest.mark.parametrize("stage", STAGES)
def test_what_a_kill_left_is_ended_by_the_next_run(strict, proxy, start, tmp_path, stage):
    """A killed upload stays open at the service; whoever takes the job over ends it, and stores the video once."""
    url, method, target = STAGES[stage]
    proxy.on(method, target, faults.Silence())
    with start("get", url) as killed:
        _wait_until(proxy, method, target)
        killed.kill()
    assert strict.uploads() == ["videos/UC1/v1/video.mp4"]
    proxy.clear()
    if "growing" in url:
        (tmp_path / "twenty.py").write_text(FETCHER.replace('"growing" in', '"never" in'))
    with start("work") as again:
        out, err = again.communicate(timeout=60)
    assert again.returncode == 0, out + err
    _whole(strict)
    assert (tmp_path / "fetched").read_text() == "once\n" * (2 if "growing" in url else 1)


@pytest.mark.parametrize("then", [["fsck", "--repair"], ["get", "http://a.test/v1"]], ids=["fsck", "get"])
def test_what_an_outage_left_open_is_ended_afterwards(strict, proxy, start, tmp_path, then):
    """An upload that could be neither completed nor ended is ended as ours when the service is well; no other is."""
    with (tmp_path / "haulage.yaml").open("a") as config:
        config.write("retry: {attempts: 1}\n")
    for method in ("POST", "DELETE"):
        proxy.on(method, r"video\.mp4\?uploadId=", faults.Answer(500))
    proxy.on("GET", r"\?uploads", faults.Answer(500))
    with start("get", "http://a.test/v1") as failed:
        out, err = failed.communicate(timeout=60)
    assert failed.returncode == 1, out + err
    assert strict.uploads() == ["videos/UC1/v1/video.mp4"]
    proxy.clear()
    with start("show", "v1") as shown:
        assert "video, not stored: s3://" in shown.communicate(timeout=60)[0]
    for key in ("videos/UC1/v1/other.mp4", "videos/UC2/v1/video.mp4"):
        strict.boto.create_multipart_upload(Bucket=strict.name, Key=key)
    with start(*then) as mended:
        out, err = mended.communicate(timeout=60)
    assert mended.returncode == 0, out + err
    left = sorted(strict.uploads())
    assert left == ["videos/UC1/v1/other.mp4", "videos/UC2/v1/video.mp4"], (
        "what is ours stays billed, or a stranger's went"
    )
    assert (tmp_path / "fetched").read_text() == "once\n", "what was fetched was fetched again"


@pytest.mark.parametrize("stage", STAGES)
def test_what_is_stopped_leaves_nothing(strict, proxy, start, stage):
    """SIGTERM in the middle of an upload: within seconds the program and its upload have ended."""
    url, method, target = STAGES[stage]
    proxy.on(method, target, faults.Silence())
    with start("get", url) as stopped:
        _wait_until(proxy, method, target)
        stopped.send_signal(signal.SIGTERM)
        stopped.communicate(timeout=WITHIN)
    assert stopped.returncode == 4
    assert strict.is_empty(), "something is left of an upload that was stopped"


def test_doctor_says_what_the_credentials_lack(strict, start):
    """Each right that is missing is named, and the exit code is 3; with all of them it is 0, and nothing is left."""
    with start("doctor") as good:
        out, err = good.communicate(timeout=60)
    assert good.returncode == 0, out + err
    assert "storage archive: it may be listed, written, read and deleted, and uploads ended" in out
    server = strict.server
    reader = {"AWS_ACCESS_KEY_ID": server.reader_access_key, "AWS_SECRET_ACCESS_KEY": server.reader_secret_key}
    with start("doctor", **reader) as weak:
        out, err = weak.communicate(timeout=60)
    assert weak.returncode == 3, out + err
    assert "missing s3:PutObject" in out
    assert strict.is_empty()


def test_credentials_are_tried_before_anything_is_fetched(strict, start, tmp_path):
    """Where they are too weak, wrong or missing, the run ends with exit code 3 and one line that says which."""
    server = strict.server
    weak = {"AWS_ACCESS_KEY_ID": server.reader_access_key, "AWS_SECRET_ACCESS_KEY": server.reader_secret_key}
    cases = {
        "s3:PutObject is missing": weak,
        "the service does not know the access key": {"AWS_ACCESS_KEY_ID": "nobody"},
        "does not belong to its access key": {"AWS_SECRET_ACCESS_KEY": "wrong"},
        "no credentials were found": {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""},
        "AWS_SECRET_ACCESS_KEY is missing": {"AWS_SECRET_ACCESS_KEY": ""},
    }
    for said, environ in cases.items():
        with start("get", "http://a.test/v1", **environ) as refused:
            out, err = refused.communicate(timeout=60)
        assert (refused.returncode, out, err.count("\n")) == (3, "", 1), f"{said}: {out}{err}"
        assert said in err
    assert not (tmp_path / "fetched").exists()
    assert strict.is_empty()


def test_switching_from_a_folder_to_a_bucket_changes_one_line(strict, start, tmp_path):
    """The same config with a folder instead of the bucket stores the same bytes."""
    with start("get", "http://a.test/v1") as hauling:
        assert hauling.wait(60) == 0
    _whole(strict)
    text = (tmp_path / "haulage.yaml").read_text().splitlines()
    (tmp_path / "haulage.yaml").write_text("\n".join([*text[:-1], "  archive: ./library"]))
    (tmp_path / "haulage.db").unlink()
    with start("get", "http://a.test/v1") as hauling:
        assert hauling.wait(60) == 0
    stored = tmp_path / "library" / "UC1" / "v1" / "video.mp4"
    assert hashlib.sha256(stored.read_bytes()).hexdigest() == hashlib.sha256(DATA).hexdigest()
