"""Carry out orders with yt-dlp."""

import contextlib
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from haulage.plugin import FetchError, Lock, Video, keep_secret
from haulage_ytdlp import wire
from haulage_ytdlp.child.classify import classify
from haulage_ytdlp.child.download import download, growing
from haulage_ytdlp.child.estimate import estimate
from haulage_ytdlp.child.find import expand, extractor
from haulage_ytdlp.child.limits import check_size
from haulage_ytdlp.child.measure import measure
from haulage_ytdlp.child.parameters import parameters
from haulage_ytdlp.child.session import Silent, Ydl
from haulage_ytdlp.cookies import cookie_values
from haulage_ytdlp.options import YtDlpOptions

Send = Callable[[wire.Report], None]

_REPORT_EVERY = 0.1


def warm() -> None:
    """Import and compile, before the fork, what every order needs."""
    with Ydl(parameters(None, YtDlpOptions(), Silent(), lambda _: None)) as ydl:
        extractor(ydl, "http://example.invalid/video.mp4")
        ydl.get_info_extractor("Generic")


def carry_out(order: wire.Order, send: Send) -> None:
    """Do what was ordered and report how it went; never raises an Exception of its own."""
    folder = order.folder if isinstance(order, wire.Fetch) else None
    ydl = None
    try:
        if isinstance(order, wire.Measure):
            size = order.path.stat().st_size
            send(wire.Progress(size, size))  # what follows takes its time
            send(wire.Measured(measure(order.path, order.announced)))
            return
        if order.options.cookies:
            keep_secret(*cookie_values(Path(order.options.cookies)))
        with contextlib.ExitStack() as stack:
            if folder is not None:
                stack.enter_context(Lock.shared(folder))  # it is in use, even where haulage ends before this process
                _move_into(folder)
            with Ydl(parameters(folder, order.options, Silent(), _hook(order, send))) as ydl:
                if isinstance(order, wire.Expand):
                    for found in expand(ydl, order.request):
                        send(wire.FoundVideo(found) if isinstance(found, Video) else wire.FoundRequest(found))
                    send(wire.Expanded())
                elif isinstance(order, wire.Inquire):
                    send(wire.Estimated(estimate(ydl, order.video, order.options)))
                else:
                    send(wire.Fetched(download(ydl, order.video, order.folder, order.options)))
    except FetchError as error:
        send(wire.Failed(error.failure))
    except Exception as error:
        send(wire.Failed(classify(error, ydl and ydl.network_error)))


def _move_into(folder: Path) -> None:
    home = folder / ".home"
    if home.exists():
        shutil.rmtree(home)  # of the attempt before
    home.mkdir()
    os.environ["HOME"] = str(home)
    os.chdir(folder)


def _hook(order: wire.Expand | wire.Fetch | wire.Inquire, send: Send) -> Callable[[dict[str, Any]], None]:
    """What yt-dlp calls after each block that it wrote."""
    last = 0.0
    to_offer = order.video if isinstance(order, wire.Fetch) else None

    def hook(status: dict[str, Any]) -> None:
        nonlocal last, to_offer
        now = time.monotonic()
        if status.get("status") == "finished":  # what follows takes its time, and moves no bytes
            size = int(status.get("total_bytes") or status.get("downloaded_bytes") or 0)
            send(wire.Progress(size, size))
        if status.get("status") != "downloading":
            return
        done = int(status.get("downloaded_bytes") or 0)
        check_size(max(done, int(status.get("total_bytes") or 0)), order.options.max_filesize)
        if to_offer is not None:
            file, to_offer = growing(to_offer, status, order.options), None
            if file is not None:
                send(file)
        if now - last >= _REPORT_EVERY:
            last = now
            total = status.get("total_bytes") or status.get("total_bytes_estimate")
            send(wire.Progress(done, int(total) if total else None))

    return hook
