"""The disk of local storages hangs: what reads from it never comes back."""

import time
from pathlib import Path

from haulage.builtin.local import LocalStorage
from haulage.plugin import hookimpl


def read(self, key, ctx):
    Path("reading").touch()
    time.sleep(600)


LocalStorage.read = read


@hookimpl
def haulage_storages():
    return ()
