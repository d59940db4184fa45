"""SIGTERM comes while a display begins: it has changed the terminal, and nobody has entered its block."""

import os
import signal

from rich.live import Live

from haulage.plugin import hookimpl

start = Live.start


def interrupted(self, refresh=False):
    start(self, refresh)
    Live.start = start
    os.kill(os.getpid(), signal.SIGTERM)


Live.start = interrupted


@hookimpl
def haulage_storages():
    return ()
