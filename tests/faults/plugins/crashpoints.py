"""A plugin that ends its own process at a named point, fails there, or writes down which points it meets.

A point is a seam, a moment and a number: "store.save after 3" is right after the third save has returned. The
environment says what is wanted:

- `CRASH_LIST`: a file that each point is written to as it is met, and whether this process held a job then.
- `CRASH_AT`: the point. Seam and moment may be a pattern: "storage.* before 7" is the seventh call of a storage.
- `CRASH_HOW`: "kill" (the default), "stop", until SIGCONT comes, "wait", until a second after its file `waiting` was
  taken away, or the kind of the failure that is raised instead.
- `HANDOVER`: seconds that the files of another workspace are waited for, in place of minutes.
"""

import contextlib
import fnmatch
import functools
import importlib
import inspect
import itertools
import os
import signal
import threading
import time
from datetime import timedelta
from pathlib import Path

from haulage.pipeline import worker
from haulage.pipeline.assembly import Assembly
from haulage.pipeline.attempt import Attempt
from haulage.pipeline.workspace import Workspace
from haulage.plugin import Failure, FetchError, Kind, StorageError, StoreError, hookimpl

METHODS = {
    "store": ("prepare", "add", "claim", "beat", "save", "release", "sites", "next_due", "take_in"),
    "storage": ("stat", "begin", "delete", "pending", "abort_pending", "copy_here"),
    "upload": ("write", "commit", "_publish", "abort"),
    "fetcher": ("site", "expand", "fetch"),
    "workspace": ("roster", "occupy", "leave", "clear"),
    "attempt": ("progress",),
}
"""What is wrapped of each part; of what yields, the end is after the last thing that was taken."""

ERRORS = {"store": StoreError, "fetcher": FetchError}

PATTERN, _, NUMBER = os.environ.get("CRASH_AT", " 0").rpartition(" ")
HOW = os.environ.get("CRASH_HOW", "kill")
LIST = os.environ.get("CRASH_LIST")
BEATING = threading.RLock()
"""Who stops within a beat keeps others from writing to SQLite."""
MATCHES = itertools.count(1)
HELD = set()


def pass_by(seam, moment):
    """Be at a point."""
    name = f"{seam} {moment}"
    if LIST:
        with Path(LIST).open("a") as file:
            file.write(f"{name}\t{'held' if HELD else ''}\n")
    if fnmatch.fnmatchcase(name, PATTERN) and next(MATCHES) == int(NUMBER):
        if HOW == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if HOW == "stop":
            with BEATING:
                signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)  # this thread before others
            return
        if HOW == "wait":
            Path("waiting").touch()
            deadline = time.monotonic() + 60
            while Path("waiting").exists() and time.monotonic() < deadline:
                time.sleep(0.02)
            time.sleep(1)  # what was sent meanwhile is heard
            return
        Path("failed").touch()
        error = ERRORS.get(seam.partition(".")[0], StorageError)
        raise error(Failure(Kind(HOW), f"it was made to fail at {name} {NUMBER}"))


def wrapped(call, seam):
    """The call with a point before and after it."""

    @functools.wraps(call)
    def yielding(*args, **kwargs):
        pass_by(seam, "before")
        yield from call(*args, **kwargs)
        pass_by(seam, "after")

    @functools.wraps(call)
    def replacement(*args, **kwargs):
        pass_by(seam, "before")
        with BEATING if seam == "store.beat" else contextlib.nullcontext():
            result = call(*args, **kwargs)
        note(seam, args, result)
        pass_by(seam, "after")
        return result

    return yielding if inspect.isgeneratorfunction(call) else replacement


def note(seam, args, result):
    """Keep in mind whether a job is held; only worth something with one worker."""
    if seam == "store.claim" and result is not None:
        HELD.add(result.attempt)
    if seam == "store.save" and type(args[-1]).__name__ != "Keep":
        HELD.clear()


def wrap(target, part):
    """Wrap what there is of a part: of an instance, or of a class."""
    for name in METHODS[part]:
        if hasattr(target, name):
            setattr(target, name, wrapped(getattr(target, name), f"{part}.{name.strip('_')}"))
    return target


def wrap_storage(storage):
    """Wrap a storage, and the uploads that it begins."""
    begin = storage.begin
    storage.begin = lambda *args, **kwargs: wrap(begin(*args, **kwargs), "upload")
    read = storage.read

    @contextlib.contextmanager
    def reading(*args, **kwargs):
        pass_by("storage.read", "before")
        with read(*args, **kwargs) as source:
            yield source
        pass_by("storage.read", "after")

    storage.read = reading
    if hasattr(storage, "for_any_key"):
        storage.for_any_key = functools.partial(any_key, storage.for_any_key)
    return wrap(storage, "storage")


def any_key(make):
    """The storage for objects of any name, wrapped itself: what was copied with it is about the other one."""
    same = make()
    for name in {"read", "for_any_key", *METHODS["storage"]} & vars(same).keys():
        delattr(same, name)
    return wrap_storage(same)


def built(build):
    """What an assembly builds, wrapped."""

    @functools.wraps(build)
    def replacement(self, kind, chosen, name):
        part = build(self, kind, chosen, name)
        match kind.__name__:
            case "StorageComponent":
                return wrap_storage(part)
            case "MetadataStoreComponent":
                return wrap(part, "store")
            case "FetcherComponent":
                return wrap(part, "fetcher")
        return part

    return replacement


@hookimpl
def haulage_observers():
    """Offer nothing: a plugin has to have a hook."""
    return ()


worker.HANDOVER = timedelta(seconds=float(os.environ.get("HANDOVER", worker.HANDOVER.total_seconds())))
if os.environ.get("MUTANT"):
    importlib.import_module(os.environ["MUTANT"])
Assembly._build = built(Assembly._build)
wrap(Workspace, "workspace")
wrap(Attempt, "attempt")
