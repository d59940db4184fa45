"""Be the server that forks a process a job, or, with `--once`, one such process.

Standard input is a socket: the server reads from it, as file descriptors, the sockets that its processes shall talk
to; a single process talks to it directly.
"""

import os
import signal
import socket
import sys
import threading
from pathlib import Path

# A transport that is not Python's would pass by the address guard.
sys.modules["curl_cffi"] = None  # type: ignore[assignment]

from haulage_ytdlp import wire  # noqa: E402
from haulage_ytdlp.child import guard, leaving, limits, work  # noqa: E402


def serve(control: socket.socket) -> None:
    """Fork a process for each socket that comes in, until ours is closed at the other end."""
    work.warm()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries the dead
    while True:
        data, descriptors, _, _ = socket.recv_fds(control, 16, 1)
        if not data:
            return
        for descriptor in descriptors:
            if os.fork() == 0:
                control.close()
                run(socket.socket(fileno=descriptor))
            os.close(descriptor)


def run(connection: socket.socket) -> None:
    """Carry out the one order that comes over the socket, and exit."""
    code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        leaving.heed_sigterm()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if os.getpid() != os.getsid(0):
            os.setsid()
        lines = connection.makefile("rb")
        order = wire.message(lines.readline())
        connection.sendall(wire.line(wire.Began(os.getpid())))
        threading.Thread(target=_end_with, args=(connection,), daemon=True).start()
        limits.bound_memory()
        guard.install(order.private_hosts)
        work.carry_out(order, lambda report: connection.sendall(wire.line(report)))
        code = 0
    except OSError:
        pass  # nobody listens any more
    finally:
        leaving.heard()
        os._exit(code)


def _end_with(connection: socket.socket) -> None:
    """Kill this process and all that it started as soon as haulage is gone."""
    try:
        while connection.recv(4096):
            pass
    except OSError:
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    end = socket.socket(fileno=os.dup(0))
    # What this process forks and starts must not hold the socket open after its own end.
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    if sys.argv[1:] == ["--once"]:
        run(end)
    serve(end)
