"""How much memory an upload takes, in a process of its own."""

import json
import os
import subprocess
import sys

import pytest

from haulage.testing import faults

MIB = 1 << 20
BUFFER = 128 * MIB
_UPLOAD = """
import hashlib, json, re, sys
from pathlib import Path
from haulage.plugin import BuildContext, ObjectInfo, Size
from haulage.testing.call import Call
from haulage_s3.build import build
from haulage_s3.options import S3Options

def most():
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) << 10

endpoint, bucket, size, buffer, announced = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])
options = S3Options(bucket=bucket, region="us-east-1", endpoint_url=endpoint, buffer=Size(buffer))
storage = build(options, BuildContext("archive", Path(), {}))
storage.stat("none.mp4")
before, call, block, digest = most(), Call(), bytes(1 << 20), hashlib.sha256()
info = ObjectInfo("video/mp4", call.attempt, "v", None)
with storage.begin(f"{size}.mp4", info, call, size=size if announced else None) as upload:
    for _ in range(size >> 20):
        upload.write(block)
        digest.update(block)
    upload.commit(size=size, sha256=digest.hexdigest())
print(json.dumps([before, most()]))
storage.close()
"""


@pytest.fixture
def measured(strict, proxy):
    """The most memory that was taken before an upload, and until its end; the service is slower than the writer."""
    proxy.on("PUT", "partNumber", faults.Delay(0.2))
    environ = {"AWS_ACCESS_KEY_ID": strict.server.access_key, "AWS_SECRET_ACCESS_KEY": strict.server.secret_key}

    def measured(size, announced):
        arguments = proxy.url, strict.name, *map(str, (size, BUFFER, int(announced)))
        command = [sys.executable, "-c", _UPLOAD, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=100, env={**os.environ, **environ})
        assert done.returncode == 0, done.stderr
        assert strict.objects()[f"{size}.mp4"] == size
        return json.loads(done.stdout)

    return measured


@pytest.mark.parametrize("announced", [True, False], ids=["size-known", "size-unknown"])
def test_memory_does_not_grow_with_the_file(measured, announced):
    """A file four times as large takes no more than 16 MiB more, and none more than the buffer and 48 MiB."""
    _, small = measured(96 * MIB, announced)
    before, large = measured(384 * MIB, announced)
    assert large - before <= BUFFER + 48 * MIB, f"{(large - before) / MIB:.0f} MiB more than the imports"
    assert large - small <= 16 * MIB, f"{(large - small) / MIB:.0f} MiB more than for a quarter of the file"
