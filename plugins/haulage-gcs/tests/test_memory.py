"""How much memory an upload takes, in a process of its own."""

import json
import subprocess
import sys

MIB = 1 << 20
BUFFER = 128 * MIB
_UPLOAD = """
import gc, hashlib, json, re, sys
from pathlib import Path
from haulage.plugin import BuildContext, ObjectInfo, Size
from haulage.testing.call import Call
from haulage_gcs.options import GcsOptions
from haulage_gcs.storage import GcsStorage

def most():
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) << 10

endpoint, bucket, size, buffer = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
options = GcsOptions(bucket=bucket, token="anon", endpoint_url=endpoint, buffer=Size(buffer))
storage = GcsStorage(options, BuildContext("archive", Path(), {}))
storage.stat("none.mp4")
before, call, block, digest = most(), Call(), bytes(1 << 20), hashlib.sha256()
with storage.begin("v.mp4", ObjectInfo("video/mp4", call.attempt, "v", None), call) as upload:
    for _ in range(size >> 20):
        upload.write(block)
        digest.update(block)
    upload.commit(size=size, sha256=digest.hexdigest())
print(json.dumps([before, most()]))
storage.close()
"""


def measured(fake_gcs, bucket, size):
    """The most memory that was taken before an upload, and until its end."""
    command = [sys.executable, "-c", _UPLOAD, fake_gcs.endpoint_url, bucket, str(size), str(BUFFER)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_memory_does_not_grow_with_the_file(fake_gcs, bucket, witness):
    """A file four times as large takes no more than 16 MiB more, and none more than the buffer and 48 MiB."""
    _, small = measured(fake_gcs, bucket, 33 * MIB)
    witness.delete("v.mp4")
    before, large = measured(fake_gcs, bucket, 132 * MIB)
    assert witness.told("v.mp4")["size"] == str(132 * MIB)
    assert large - before <= BUFFER + 48 * MIB, f"{(large - before) / MIB:.0f} MiB more than the imports"
    assert large - small <= 16 * MIB, f"{(large - small) / MIB:.0f} MiB more than for a quarter of the file"
