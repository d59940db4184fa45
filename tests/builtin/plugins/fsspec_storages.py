"""The adapter for filesystems, as plugins that authors may write with it."""

from attrs import frozen

from haulage.plugin import FsspecStorage, StorageComponent, hookimpl, option


@frozen
class Root:
    """Where the objects are."""

    root: str = option(help="The folder in the filesystem.")


def build_local(options, context):
    from fsspec.implementations.local import LocalFileSystem

    return FsspecStorage(LocalFileSystem(skip_instance_cache=True), options.root)


def build_memory(options, context):
    from io import BytesIO

    from fsspec.implementations.memory import MemoryFileSystem

    class Memory(MemoryFileSystem):
        """Opens a file for each reader, as filesystems do; fsspec's own has one for all."""

        def _open(self, path, mode="rb", **rest):
            file = super()._open(path, mode, **rest)
            return BytesIO(file.getvalue()) if mode == "rb" else file

    return FsspecStorage(Memory(skip_instance_cache=True), options.root)


@hookimpl
def haulage_storages():
    """Offer them."""
    yield StorageComponent("fsspec-local", "Files, through fsspec.", Root, build_local)
    yield StorageComponent("fsspec-memory", "The memory of fsspec.", Root, build_memory)
