"""One object on its way into a bucket."""

import base64
import re
import time
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

import google_crc32c

from haulage.plugin import (
    AlreadyExists,
    CheckedUpload,
    Context,
    Failure,
    Kind,
    ObjectInfo,
    StorageError,
    StoredObject,
)
from haulage_gcs.client import QUANTUM, Call
from haulage_gcs.errors import GONE, NOT_FOUND, Answer
from haulage_gcs.objects import described, expected

if TYPE_CHECKING:
    from haulage_gcs.storage import GcsStorage

SMALLEST, LARGEST = 8 << 20, 32 << 20
"""Between these, a chunk is as large as all that was sent before it."""

_MORE = 308
_CANCELLED = 499
_UNTIL = re.compile(r"bytes=0-(\d+)")


class GcsUpload(CheckedUpload):
    """Fills a chunk and sends it, one after the other; `commit` sends the last one with the size and the checksum.

    The name of the session that the service gives lets everybody write who knows it, so it is told nobody; a session
    that nobody ends holds nothing that can be seen or is paid for, and the service forgets it after a week.

    A chunk whose answer is lost is not sent again, nor is the session asked how far it is: core begins anew, as often
    as its policy says.
    """

    def __init__(
        self,
        storage: "GcsStorage",
        key: str,
        info: ObjectInfo,
        ctx: Context,
        replaces: StoredObject | None,
        size: int | None,
    ) -> None:
        super().__init__(storage.url(key), ctx)
        self._storage, self._client, self._key = storage, storage.client, key
        self._info, self._replaces, self._expected = info, replaces, size
        self._crc32c = google_crc32c.Checksum()
        self._sent = 0
        self._until: float | None = None
        self._filled, self._chunk = 0, bytearray()
        ctx.cancel.raise_if_cancelled()
        self._session = self._begin()

    @property
    def _doing(self) -> str:
        return f"write {self._name}"

    def _begin(self) -> str:
        options = self._storage.options
        query = {"uploadType": "resumable", "name": self._storage.name(self._key), **expected(self._replaces)}
        if options.kms_key_name:
            query["kmsKeyName"] = options.kms_key_name
        call = Call(
            self._doing,
            "POST",
            f"/upload/storage/v1/b/{quote(options.bucket, safe='')}/o",
            query,
            json=described(self._info, options.storage_class),
            headers={"X-Upload-Content-Type": self._info.media_type},
        )
        answer = self._client.want(call, self._ctx.cancel)
        session = urlsplit(answer.headers.get("location", ""))
        if not session.path or not session.query:
            cure = "correct endpoint_url, if it is set"
            raise StorageError(Failure(Kind.CONFIG, f"cannot {self._doing}: no upload session was given", cure=cure))
        # Not its host: whatever that says, the bytes go to the endpoint of the config.
        return f"{session.path}?{session.query}"

    def _append(self, data: bytes | memoryview) -> None:
        self._crc32c.update(data if isinstance(data, bytes) else bytes(data))
        rest = memoryview(data).cast("B")
        while rest:
            if self._filled == len(self._chunk):
                self._flush()
            taken = rest[: len(self._chunk) - self._filled]
            self._chunk[self._filled : self._filled + len(taken)] = taken
            self._filled += len(taken)
            rest = rest[len(taken) :]

    def _flush(self) -> None:
        """Send what is in the chunk, and make room for the next one."""
        while self._filled:
            end = self._sent + self._filled
            answer = self._put(f"bytes {self._sent}-{end - 1}/*")
            if answer.status != _MORE:
                raise self._unexpected(answer)
            until = _UNTIL.fullmatch(answer.headers.get("range", ""))
            kept = int(until[1]) + 1 if until else 0
            if not self._sent < kept <= end:
                raise self._refusal(f"the service has {kept} bytes of the {end} that were sent")
            # It may keep less than it was sent, and wants the rest again.
            left = end - kept
            self._chunk[:left] = self._chunk[self._filled - left : self._filled]
            self._sent, self._filled = kept, left
        self._release()
        wanted = min(max(SMALLEST, self._sent), LARGEST)
        if self._expected is not None:
            wanted = min(wanted, max(QUANTUM, -(-(self._expected - self._sent) // QUANTUM) * QUANTUM))
        self._chunk = bytearray(self._storage.budget.take(wanted, QUANTUM))

    def _put(self, span: str, headers: dict[str, str] | None = None) -> Answer:
        call = Call(
            self._doing,
            "PUT",
            self._session,
            headers={"Content-Range": span, "Content-Type": self._info.media_type, **(headers or {})},
            body=memoryview(self._chunk)[: self._filled],
            signed=False,
        )
        return self._client.ask(call, self._ctx.cancel)

    def _publish(self) -> StoredObject:
        with self._storage.turn(self._key, self._ctx.cancel):
            # A look of ours, too: there are services that pass over the precondition.
            self._storage.check(self._key, self._replaces, self._ctx.cancel)
            return self._settle()

    def _settle(self) -> StoredObject:
        try:
            return self._finish()
        except AlreadyExists:
            raise
        except StorageError as error:
            self._until = time.monotonic() + self._client.brief
            found = self._storage.settled(self._key, self._info, self._size, self._checksum)
            if found is None:
                raise
            self._ctx.log.info("%s is there, though there was an error: %s", self._name, error)
            return found

    def _finish(self) -> StoredObject:
        span = f"bytes {self._sent}-{self._size - 1}/{self._size}" if self._size else "bytes */0"
        answer = self._put(span, {"X-Goog-Hash": f"crc32c={self._checksum}"})
        if not answer.is_good:
            raise self._unexpected(answer)
        self._session = ""  # it has ended
        return self._storage.verified(self._key, answer.read(), self._size, self._checksum)

    @property
    def _checksum(self) -> str:
        return base64.b64encode(self._crc32c.digest()).decode()

    def _unexpected(self, answer: Answer) -> StorageError:
        if answer.status in (NOT_FOUND, GONE):
            return self._refusal(f"the service has forgotten the upload session (HTTP {answer.status})")
        if answer.status == _MORE or answer.is_good:
            return self._refusal(f"the service did not take the bytes as they were meant (HTTP {answer.status})")
        return self._client.refused(answer, self._doing)

    def _release(self) -> None:
        taken, self._chunk = len(self._chunk), bytearray()
        self._storage.budget.give(taken)

    def _discard(self) -> None:
        # It raises nothing: that would take the place of what ended the upload, a cancel for one.
        self._release()
        session, self._session = self._session, ""
        if not session:
            return
        call = Call(f"end the upload of {self._name}", "DELETE", session, body=memoryview(b""), signed=False)
        # Looking what became of it was counted already: a little time for all that follows, and not for each.
        seconds = self._client.brief if self._until is None else max(0.0, self._until - time.monotonic())
        try:
            answer = self._client.ask(call, seconds=seconds)
            if not answer.is_good and answer.status not in (_CANCELLED, NOT_FOUND, GONE):
                raise self._client.refused(answer, call.doing)
        except StorageError as error:
            self._ctx.log.warning("%s; the service forgets it within a week, and nobody pays for it", error)
