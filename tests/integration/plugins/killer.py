"""A plugin that kills its own process at one of the writes to the database: KILL_AT is "before 3" or "after 3"."""

import functools
import itertools
import os
import signal

from haulage.builtin.sql.store import SqlStore
from haulage.plugin import hookimpl

MOMENT, NUMBER = os.environ["KILL_AT"].split()
CALLS = itertools.count(1)


def deadly(write):
    @functools.wraps(write)
    def replacement(*args, **kwargs):
        here = next(CALLS) == int(NUMBER)
        if here and MOMENT == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = write(*args, **kwargs)
        if here and MOMENT == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return replacement


@hookimpl
def haulage_observers():
    """Offer nothing: a plugin has to have a hook."""
    return ()


for name in ("add", "claim", "save"):
    setattr(SqlStore, name, deadly(getattr(SqlStore, name)))
