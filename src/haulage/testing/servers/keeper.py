"""Runs one program, until standard input ends: then kills it, and removes its files unless it was told to keep them.

This is a process of its own, between the tests and a server. The other end of its standard input is in the hands of
the process that runs the tests, so the server does not outlive that one, however it ends.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

KEEP = b"keep"


def main(stop_signal: int, files: list[str], command: list[str]) -> int:
    """Keep a program, which writes to this process's standard output, and return its exit code."""
    told: list[bytes] = []
    done = threading.Event()

    def listen() -> None:
        told.append(sys.stdin.buffer.read())
        done.set()

    def wait() -> None:
        server.wait()
        done.set()

    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    for work in (listen, wait):
        threading.Thread(target=work, daemon=True).start()
    done.wait()
    with contextlib.suppress(ProcessLookupError):
        server.send_signal(stop_signal)
    with contextlib.suppress(subprocess.TimeoutExpired):
        server.wait(5)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)
    code = server.wait()
    if told and told[0] != KEEP:
        remove(files)
    return code % 256


def remove(files: list[str]) -> None:
    """Remove files and whole folders, whether or not they are there."""
    for each in files:
        shutil.rmtree(each, ignore_errors=True)
        with contextlib.suppress(OSError):
            Path(each).unlink()


if __name__ == "__main__":
    # Not sys.exit, which would wait for the thread that reads.
    os._exit(main(**json.loads(sys.argv[1])))
