"""Write-behind: send the main file to the primary storage while it is still being downloaded.

What is sent too early is never published: only once the download has ended, and the digest of what was sent is that of
the finished file, does the ordinary way go on with this upload. In every other case it takes its own.
"""

import contextlib
import hashlib
import os
import threading
from collections.abc import Callable
from typing import BinaryIO, Self

from haulage.cancel import Cancelled, CancelToken
from haulage.contracts.context import Context, Growing
from haulage.contracts.storage import Upload
from haulage.values import MediaFile

WORTHWHILE = 8 << 20
"""Bytes that must be there before an upload is begun: what is smaller is sent at once when it is finished."""

_BLOCK = 1 << 20
_LOOK_AGAIN = 0.1

Begin = Callable[[Growing, Context], Upload | None]


class WriteBehind:
    """Follows one growing file in a thread of its own. A context manager: an upload that it still has is aborted.

    Used by the thread of the attempt, but for `offer`.

    Args:
        ctx: The attempt's.
        begin: Begins the upload, or returns None where it must not be; called at most once, in the thread that
            follows, and not any more once `finish` has returned.
    """

    def __init__(self, ctx: Context, begin: Begin) -> None:
        self._ctx = ctx
        self._begin = begin
        self._aside = _Aside(ctx)
        self._stack = contextlib.ExitStack()
        self._thread: threading.Thread | None = None
        self._beginning = threading.Lock()
        self._finished = threading.Event()
        self._upload: Upload | None = None
        self._sent, self._digest = 0, hashlib.sha256()

    def __enter__(self) -> Self:
        self._stack.enter_context(self._ctx.cancel.on_cancel(self._aside.cancel_it))
        return self

    def __exit__(self, *_: object) -> None:
        with self._stack:
            self._aside.cancel_it()
            self.finish()
            self._join()
            if self._upload is not None:
                self._upload.abort()

    def offer(self, file: Growing) -> None:
        """Follow this file, if it is the first one that is offered."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._follow, args=(file,), name="haulage-behind", daemon=True)
            self._thread.start()

    def finish(self) -> None:
        """Say that nothing more is appended. An upload that has not begun by now is not begun any more."""
        with self._beginning:
            self._finished.set()

    def take(self, file: MediaFile) -> Upload | None:
        """Wait until all is sent, and give the upload away; None where there is none that is good for this file.

        Raises:
            Cancelled: On cancel.
        """
        if self._upload is None:
            return None
        self._aside.total = file.size
        self._join()
        self._ctx.cancel.raise_if_cancelled()
        upload, self._upload = self._upload, None
        if (self._sent, self._digest.hexdigest()) == (file.size, file.sha256):
            return upload
        upload.abort()
        return None

    def _join(self) -> None:
        if self._thread is not None:
            self._thread.join()

    def _follow(self, file: Growing) -> None:
        try:
            while not _is_worth_it(file):
                if self._finished.wait(_LOOK_AGAIN):
                    return
            with os.fdopen(os.open(file.path, os.O_RDONLY | os.O_NOFOLLOW), "rb", buffering=0) as source:
                with self._beginning:
                    if not self._finished.is_set():
                        self._upload = self._begin(file, self._aside)
                if self._upload is not None:
                    self._send(source, self._upload)
        except Cancelled:
            pass
        except Exception as error:
            # It is sent again once it is finished, and what hinders that has consequences then.
            self._ctx.log.info("cannot be sent while it is downloaded: %s", error)

    def _send(self, source: BinaryIO, upload: Upload) -> None:
        while True:
            finished = self._finished.is_set()  # before reading: what is appended until then is read below
            block = source.read(_BLOCK)
            if block:
                upload.write(block)
                self._digest.update(block)
                self._sent += len(block)
                self._aside.say(self._sent)
            elif finished:
                return
            else:
                self._aside.cancel.raise_if_cancelled()
                self._finished.wait(_LOOK_AGAIN)


def _is_worth_it(file: Growing) -> bool:
    try:
        return file.path.stat().st_size >= WORTHWHILE
    except FileNotFoundError:
        return False


class _Aside:
    """Is the Context of an upload beside a download: with a cancel of its own, and heard only after the download."""

    def __init__(self, ctx: Context) -> None:
        self.attempt, self.log = ctx.attempt, ctx.log
        self.cancel = CancelToken()
        self.total: int | None = None
        self._ctx = ctx

    def cancel_it(self) -> None:
        """End what runs as soon as it can."""
        self.cancel.cancel("not needed any more")

    def say(self, done: int) -> None:
        """Say how much was sent, once that is what is waited for."""
        if self.total is not None:
            self._ctx.progress(done, self.total)

    def progress(self, done: int, total: int | None) -> None:
        """See Context."""

    def growing(self, file: Growing) -> None:
        """See Context."""
