"""A fetcher that does what a URL says, `http://SITE/BEHAVIOUR/NAME`, and a storage that keeps nothing but sizes.

Each time that something is fetched or listed a line is added to a file in the current folder, so that it is known
without haulage. The video of a NAME is its bytes, or as many zeros as the behaviour says. Once a file `mended` is
there, all is well. When the process ends, its peak of memory stands in the file `peak`, in KiB, as the system tells it.
"""

import atexit
import hashlib
import importlib
import os
import signal
import time
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from attrs import frozen

from haulage.plugin import (
    Capabilities,
    Failure,
    Fetcher,
    FetcherComponent,
    FetchError,
    FetchResult,
    Kind,
    MediaFacts,
    MediaFile,
    Request,
    Storage,
    StorageComponent,
    StoredObject,
    Upload,
    Video,
    hookimpl,
)

ZEROS = {
    1 << 20: "30e14955ebf1352266dc2ff8067e68104607e750abb9d3b36582b8af909fcb58",
    1 << 28: "a6d72ac7690f53be6ae46ba88506bd97302a093f7108472bd9efc3cefda06484",
    1 << 32: "8479e43911dc45e89f934fe48d01297e16f51d17aa561d4d1c216b1ae0fcddca",
}
"""SHA-256 of so many zeros, as sha256sum has it."""


@frozen
class NoOptions:
    """None."""


def note(line):
    """Add a line to the notes: in one write, so that no two lines mix."""
    with Path("notes").open("a") as notes:
        notes.write(f"{line}\n")


class ToldFetcher(Fetcher):
    """Knows good, endless, poison, zeros-N, and each kind of failure, with `?after=` its seconds."""

    def site(self, url):
        return urlsplit(url).hostname

    def expand(self, request, ctx):
        parts = urlsplit(request.url)
        _, behaviour, name = parts.path.split("/")
        number = 0
        while behaviour == "endless":
            number += 1
            note(f"listed {number}")
            yield Request(f"http://{parts.hostname}/good/{name}-{number}")
        yield Video("told", name, request.variant, request.url, channel_id="channel")

    def fetch(self, video, folder, ctx):
        parts = urlsplit(video.url)
        _, behaviour, name = parts.path.split("/")
        note(f"{name} {time.time()}")
        if behaviour == "poison":
            os.kill(os.getpid(), signal.SIGKILL)
        if behaviour in list(Kind) and not Path("mended").exists():
            after = parse_qs(parts.query).get("after")
            raise FetchError(
                Failure(Kind(behaviour), f"it says {behaviour}", after and timedelta(seconds=float(after[0])))
            )
        path = folder / "video.mp4"
        if behaviour.startswith("zeros-"):
            size = int(behaviour.removeprefix("zeros-"))
            digest = ZEROS[size]
            path.touch()
            os.truncate(path, size)
        else:
            path.write_text(name)
            size, digest = len(name), hashlib.sha256(name.encode()).hexdigest()
        file = MediaFile(path, "video", "mp4", "video/mp4", size, digest)
        return FetchResult(video, (file,), MediaFacts("mp4", 1.0, 320, 180))


class Void(Storage):
    """Keeps sizes."""

    def __init__(self):
        self.sizes = {}

    def begin(self, key, info, ctx, *, replaces=None, size=None):
        return VoidUpload(self, key)

    def stat(self, key):
        return self.sizes.get(key)

    def read(self, key, ctx):
        raise AssertionError("what the storage has checked itself is not read back")

    def list(self, folder):
        return iter(self.sizes.values())

    def delete(self, key, *, only=None):
        self.sizes.pop(key, None)


class VoidUpload(Upload):
    def __init__(self, storage, key):
        self.storage, self.key, self.size = storage, key, 0

    def write(self, data):
        self.size += len(data)

    def commit(self, *, size, sha256):
        assert size == self.size
        self.storage.sizes[self.key] = StoredObject(self.key, size, version="1")
        return self.storage.sizes[self.key]

    def abort(self):
        pass


def note_peak():
    """Write down the peak of this process's memory."""
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    Path("peak").write_text(line.split()[1])


@hookimpl
def haulage_fetchers():
    yield FetcherComponent("told", "Does what a URL says.", NoOptions, lambda options, context: ToldFetcher())


@hookimpl
def haulage_storages():
    capabilities = Capabilities(checks_content=True)
    yield StorageComponent("void", "Keeps sizes.", NoOptions, lambda *_: Void(), capabilities=capabilities)


if os.environ.get("MUTANT"):
    importlib.import_module(os.environ["MUTANT"])
atexit.register(note_peak)
