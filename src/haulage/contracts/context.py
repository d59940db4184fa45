"""What a component may use: at the start, and in every call that can take long."""

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from attrs import field, frozen

from haulage.values import AttemptId, Video


@frozen
class BuildContext:
    """Given once, to `build`. Pure data, so that a component can be built in any process.

    Attributes:
        name: The component's name in the config, such as "archive".
        folder: Where relative paths in options start: the folder of the config file.
        environ: The environment variables.
        private_hosts: Host names, addresses and CIDR blocks inside the own network that fetching may reach.
        variants: For fetchers: the options of each named variant, of the class that `build` is given.
    """

    name: str
    folder: Path
    environ: Mapping[str, str] = field(repr=False)
    private_hosts: tuple[str, ...] = ()
    variants: Mapping[str, Any] = field(factory=dict, repr=False)


@frozen
class Growing:
    """A main file that is still being written: bytes are appended to `path`, and those that are there stay.

    It is an offer, not a promise: where it is broken, by a download that starts over for one, the digest of the
    finished file tells, and nothing is published of what was read too early.

    Attributes:
        path: Where it grows; the file may appear later, and may be renamed when it is finished.
        video: The video, as far as it is known by now: what its key is made of must not change any more.
        extension: As for MediaFile.
        media_type: Its MIME type.
    """

    path: Path
    video: Video
    extension: str
    media_type: str


class Cancel(Protocol):
    """Whether the work shall end; haulage.cancel.CancelToken is the one that core hands out."""

    def raise_if_cancelled(self) -> None:
        """Raise Cancelled if the work was cancelled."""

    def on_cancel(self, call: Callable[[], None]) -> AbstractContextManager[None]:
        """Have `call` run, from any thread, if the work is cancelled while the block runs."""


class Context(Protocol):
    """Given to every call that can take long. All of it may be used from any thread."""

    @property
    def attempt(self) -> AttemptId:
        """The attempt that the call belongs to."""

    @property
    def cancel(self) -> Cancel:
        """Whether the work shall end."""

    @property
    def log(self) -> logging.LoggerAdapter[logging.Logger]:
        """A logger whose lines carry the job and the attempt."""

    def progress(self, done: int, total: int | None) -> None:
        """Say how many bytes are done, and of how many where that is known. Cheap; call at will."""

    def growing(self, file: Growing) -> None:
        """Offer the main file while it is still being written. It may be ignored; cheap, and at most once a fetch."""
