"""Components that put secrets into all that they say: into failures, exceptions, and what they write of events."""

import os
from pathlib import Path

import mutant
from attrs import frozen

from haulage.plugin import (
    Failure,
    Kind,
    MetadataStore,
    MetadataStoreComponent,
    ObserverComponent,
    Storage,
    StorageComponent,
    StorageError,
    hookimpl,
    option,
)

SAID = (
    "cannot sign in with {0}: GET https://me:{0}@h.example/v?next=https%3A%2F%2Fi.example%2F%3Ftoken%3D{1} said "
    "{{'Authorization': 'Bearer {1}', 'Cookie': 'session={1}'}} for password={1}"
)


@frozen
class Options:
    """The options of all of them."""

    how: str = option("raise", help="Whether it raises anything or keeps to the contract.", example="fail")
    password: str = option("", help="What it gives away.", secret=True)


class Spiteful(Storage):
    """A storage whose words are full of secrets."""

    def __init__(self, options):
        self.options = options

    def begin(self, key, *_, **__):
        if key.startswith("haulage-check-"):
            raise StorageError(Failure(Kind.STORAGE, f"not just now, {self.options.password}"))
        self.fail()

    def stat(self, key):
        return None

    def fail(self):
        said = SAID.format(self.options.password, os.environ["TOLD"])
        if self.options.how == "fail":
            raise StorageError(Failure(Kind.STORAGE, said, cure=said))
        raise RuntimeError(said)

    def read(self, key, ctx):
        self.fail()

    def list(self, folder):
        self.fail()

    def delete(self, key, *, only=None):
        self.fail()

    def url(self, key):
        return f"https://me:{self.options.password}@h.example/{key}"


def store(options, context):
    """A metadata store that cannot be used, and says so with secrets."""

    def fail(*_, **__):
        raise RuntimeError(SAID.format(options.password, os.environ["TOLD"]))

    methods = dict.fromkeys(MetadataStore.__abstractmethods__, fail)
    return type("SpitefulStore", (MetadataStore,), methods)()


def observer(options, context):
    """Writes down each event as it is, and raises at the end of the first job that it sees."""
    file = Path(context.folder) / "events"

    def observe(event):
        with file.open("a", encoding="utf-8") as lines:
            lines.write(f"{event!r}\n")
        if type(event).__name__ == "Settled":
            raise RuntimeError(SAID.format(options.password, os.environ["TOLD"]))

    return observe


@hookimpl
def haulage_storages():
    """Offer the storage."""
    yield StorageComponent("spiteful", "Tells secrets.", Options, lambda options, context: Spiteful(options))


@hookimpl
def haulage_metadata_stores():
    """Offer the store."""
    yield MetadataStoreComponent("spiteful", "Tells secrets.", Options, store)


@hookimpl
def haulage_observers():
    """Offer the observer."""
    yield ObserverComponent("spiteful", "Tells secrets.", Options, observer)


assert mutant
