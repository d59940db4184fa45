"""Starts fetch processes that something is done to before they begin."""

import subprocess
from types import SimpleNamespace

from haulage_ytdlp import process

_RUN = "import runpy; runpy.run_module('haulage_ytdlp.child', run_name='__main__', alter_sys=True)"


def begin_with(code: str) -> None:
    """Run some code in each fetch process that this process starts from now on, before its own."""

    def start(command: list[str], **options: object) -> "subprocess.Popen[bytes]":
        python, safely, _, _, *arguments = command
        return subprocess.Popen([python, safely, "-c", f"{code}\n{_RUN}", *arguments], **options)

    process.subprocess = SimpleNamespace(Popen=start, TimeoutExpired=subprocess.TimeoutExpired)
