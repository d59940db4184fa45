"""Writing objects, on servers that are real, with boto3 as the witness."""

import hashlib
import os
import subprocess
import sys

import pytest

from haulage.plugin import AttemptId, ObjectInfo, StorageError
from haulage.testing import Call
from haulage_s3 import parts

KEY = "UC1/v1/video.mp4"
PART = 8 << 20


def content(size, seed=b"0"):
    return hashlib.shake_256(seed).digest(size)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("size", [0, PART, 2 * PART + 7])
def test_an_object_is_what_was_written(bucket, put, size, known):
    """Whatever its size, known before or not, boto3 reads the bytes, the type and the metadata that were given."""
    data = content(size)
    storage = bucket.storage()
    stored = put(storage, data, size=size if known else None, block=(1 << 20) - 1)
    there = bucket.get()
    assert there["Bytes"] == data
    assert there["ContentType"] == "video/mp4"
    assert there["Metadata"] == {
        "attempt": "a" * 32,
        "video": "youtube v1",
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    assert bucket.objects() == {f"videos/{KEY}": size}
    assert bucket.uploads() == []
    assert stored == storage.stat(KEY)
    assert (stored.size, stored.version) == (size, there["ETag"].strip('"'))
    with storage.read(KEY, Call()) as source:
        assert source.read() == data


def test_what_is_not_known_when_the_upload_begins_is_not_made_up(bucket, put):
    """An object whose digest was not known at the beginning has none in its metadata, and none when it is looked at."""
    storage = bucket.storage()
    assert put(storage, content(2 * PART), sha256=None, size=None).sha256 is None
    assert bucket.get()["Metadata"] == {"attempt": "a" * 32, "video": "youtube v1"}


@pytest.mark.parametrize("identity", ["日本語 видео ⚡", "two\r\nlines", " ' \" \\ ", "é" * 5000])
def test_a_video_of_any_name_fits_into_the_metadata(bucket, identity):
    """Text of any alphabet and length is kept, in ASCII and within the 2 KB that S3 gives to all metadata."""
    storage = bucket.storage()
    info = ObjectInfo("video/mp4", AttemptId("a" * 32), identity, hashlib.sha256(b"x").hexdigest())
    with storage.begin(KEY, info, Call(), size=1) as upload:
        upload.write(b"x")
        upload.commit(size=1, sha256=info.sha256)
    kept = bucket.get()["Metadata"]
    assert kept["attempt"] == "a" * 32
    assert kept["video"].isascii()
    assert sum(len(name) + len(value) for name, value in kept.items()) <= 2048
    if len(identity) < 100:
        assert kept["video"].encode().decode("unicode_escape").strip() == identity.replace('"', '"').strip()


@pytest.mark.parametrize("size", [5, PART + 5])
def test_more_bytes_than_announced_are_refused(strict, begin, size):
    """Who writes more than was announced is told so at once, and nothing is left."""
    data = content(size)
    with begin(strict.storage(), data) as upload:
        upload.write(data)
        with pytest.raises(StorageError, match=f"more than the {size} bytes announced"):
            upload.write(b"!")
        with pytest.raises(StorageError):
            upload.commit(size=size, sha256=hashlib.sha256(data).hexdigest())
    assert strict.is_empty()


@pytest.mark.timeout(60)
def test_many_uploads_share_a_small_buffer_without_waiting_for_each_other(lenient, begin):
    """Uploads that one thread writes in turn go on, though together they need many times the buffer."""
    storage = lenient.storage(buffer=PART)
    block = content(PART // 2)
    uploads = [begin(storage, b"", f"{n}.mp4", size=2 * PART) for n in range(6)]
    for _ in range(4):
        for upload in uploads:
            upload.write(block)
    for upload in uploads:
        upload.commit(size=2 * PART, sha256=hashlib.sha256(block * 4).hexdigest())
    assert lenient.objects() == {f"videos/{n}.mp4": 2 * PART for n in range(6)}


def test_what_is_asked_for_with_each_object_reaches_the_service(lenient, put):
    """Storage class and encryption are those of the config, for small objects and for large ones."""
    storage = lenient.storage(storage_class="STANDARD_IA", encryption="aws:kms", kms_key_id="alias/videos")
    for key, size in {"small.mp4": 1, "large.mp4": PART + 1}.items():
        put(storage, content(size), key)
        there = lenient.get(key)
        assert there["StorageClass"] == "STANDARD_IA"
        assert there["ServerSideEncryption"] == "aws:kms"
        assert there["SSEKMSKeyId"] == "alias/videos"
        assert there["Bytes"] == content(size)


@pytest.mark.parametrize("first", [True, False])
def test_an_object_that_cannot_fit_is_refused_with_the_limit(strict, begin, monkeypatch, first):
    """What is larger than 10,000 parts hold is refused, at the beginning where its size is known."""
    monkeypatch.setattr(parts, "MOST", 2)
    storage = strict.storage()
    if first:
        with pytest.raises(StorageError, match=r"S3 takes no more than \d+ GiB in parts"):
            begin(storage, b"", size=(64 << 20) + 1)
    else:
        with begin(storage, b"", size=None) as upload, pytest.raises(StorageError, match=r"more than the \d+ GiB"):
            upload.write(content(3 * PART))
    assert strict.is_empty()


MEASURE = """
import hashlib, resource, sys
from pathlib import Path
from haulage.plugin import AttemptId, BuildContext, ObjectInfo
from haulage.testing import Call
from haulage_s3.options import S3Options
from haulage_s3.plugin import haulage_storages

endpoint_url, bucket, access_key, secret_key, mib = sys.argv[1:]
[record] = haulage_storages()
options = S3Options(
    bucket=bucket, endpoint_url=endpoint_url, region="us-east-1", access_key_id=access_key,
    secret_access_key=secret_key, buffer=32 << 20,
)
storage = record.build(options, BuildContext("archive", Path(), {}))
storage.stat("x")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
block, digest, size = bytes(range(256)) * 4096, hashlib.sha256(), int(mib) << 20
info = ObjectInfo("video/mp4", AttemptId("a"), "v", None)
with storage.begin(f"{mib}.mp4", info, Call(), size=size) as upload:
    for _ in range(size >> 20):
        upload.write(block)
        digest.update(block)
    upload.commit(size=size, sha256=digest.hexdigest())
storage.close()
print(before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_memory_is_bounded_by_the_buffer(strict):
    """An upload takes its buffer and little more, whatever the size of the object."""
    server = strict.server
    peaks = []
    for mib in ("48", "192"):
        arguments = [server.endpoint_url, strict.name, server.access_key, server.secret_key, mib]
        told = subprocess.run(
            [sys.executable, "-c", MEASURE, *arguments], capture_output=True, text=True, check=True, env={**os.environ}
        )
        before, peak = (int(each) / 1024 for each in told.stdout.split())
        assert peak <= before + 32 + 48, f"{mib} MiB took {peak - before:.0f} MiB more than the imports"
        peaks.append(peak)
    assert peaks[1] <= peaks[0] + 16, f"four times the size took {peaks[1] - peaks[0]:.0f} MiB more"
