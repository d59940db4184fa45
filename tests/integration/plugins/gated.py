"""Plain files, which are read and written as the current folder says: while there is a file `hold`, reading waits.

A file `refuse` holds the kind of the failure that writing meets, and its message.
"""

import contextlib
import time
from pathlib import Path

from attrs import frozen

from haulage.builtin.local import LocalStorage
from haulage.plugin import Failure, Kind, StorageComponent, StorageError, hookimpl, option


@frozen
class Options:
    """Where they are."""

    path: str = option(help="The folder.")


class GatedStorage(LocalStorage):
    @contextlib.contextmanager
    def read(self, key, ctx):
        Path("reading").touch()
        while Path("hold").exists():
            ctx.cancel.raise_if_cancelled()
            time.sleep(0.01)
        with super().read(key, ctx) as file:
            yield file

    def begin(self, key, info, ctx, *, replaces=None, size=None):
        if Path("refuse").exists():
            kind, _, said = Path("refuse").read_text().partition(" ")
            raise StorageError(Failure(Kind(kind), said, cure="mend it"))
        return super().begin(key, info, ctx, replaces=replaces, size=size)


@hookimpl
def haulage_storages():
    yield StorageComponent(
        "gated", "Waits.", Options, lambda options, context: GatedStorage(Path(context.folder) / options.path)
    )
