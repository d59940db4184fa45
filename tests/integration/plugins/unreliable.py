"""A storage on a disk that is not to be trusted: it loses bytes, changes or refuses them, or keeps what was deleted."""

from attrs import frozen

from haulage.builtin.local import LocalStorage, LocalUpload
from haulage.plugin import Capabilities, Failure, Kind, StorageComponent, StorageError, hookimpl, option


@frozen
class Options:
    fault: str = option(help="What is wrong with it.")


class UnreliableUpload(LocalUpload):
    def commit(self, **given):
        stored = super().commit(**given)
        path = self.storage.root / self.key
        if self.storage.fault == "loses":
            path.write_bytes(path.read_bytes()[:-1])
        elif self.storage.fault == "changes":
            path.write_bytes(path.read_bytes()[:-1] + b"?")
        return stored


class UnreliableStorage(LocalStorage):
    def __init__(self, root, fault):
        super().__init__(root)
        self.root, self.fault = root, fault

    def begin(self, key, info, ctx, *, replaces=None, size=None):
        if self.fault == "refuses":
            raise StorageError(Failure(Kind.STORAGE, "the disk does not answer", cure="mount it"))
        upload = UnreliableUpload(self, key, ctx.attempt, replaces, ctx)
        upload.storage, upload.key = self, key
        return upload

    def delete(self, key, *, only=None):
        if self.fault == "keeps":
            return
        if self.fault == "raises":
            raise ZeroDivisionError("one of nine")
        super().delete(key, only=only)


@hookimpl
def haulage_storages():
    yield StorageComponent(
        "unreliable",
        "A disk that is not to be trusted.",
        Options,
        lambda options, context: UnreliableStorage(context.folder / "disk", options.fault),
        capabilities=Capabilities(checks_content=True, exclusive_create=True),
    )
