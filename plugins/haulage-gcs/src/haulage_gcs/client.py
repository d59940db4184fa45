"""One request at a time to the JSON API, over the session and on the loop of a filesystem of gcsfs."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from attrs import frozen
from gcsfs.core import GCSFileSystem  # and not the one that gcsfs itself names, which asks each bucket what it is first

from haulage.plugin import BuildContext, Cancel, Failure, Kind, StorageError, run_on_loop
from haulage_gcs.credentials import ANONYMOUS, Credentials
from haulage_gcs.errors import NOT_FOUND, Answer, Broken, failure, refused
from haulage_gcs.options import GcsOptions

GOOGLE = "https://storage.googleapis.com"
QUANTUM = 1 << 18
"""What chunks of an upload are multiples of, and what has to get on its way before the deadline, in bytes."""

# A connection for each request: one that was kept may turn out to be closed, and nobody could tell what became of it.
_ALWAYS = {"Connection": "close", "User-Agent": "haulage-gcs"}
_T = TypeVar("_T")


@frozen
class Call:
    """What is asked of the service.

    Attributes:
        doing: What for, for people: "write gs://bucket/key".
        method: Of HTTP.
        path: From the first slash on, quoted.
        query: Parameters.
        json: What to send as JSON.
        headers: Beside the usual ones.
        body: What to send as it is, instead of JSON.
        signed: Whether to say who asks. The name of an upload session lets everybody in who knows it.
    """

    doing: str
    method: str
    path: str
    query: Mapping[str, str | Sequence[str]] = {}
    json: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = {}
    body: memoryview | None = None
    signed: bool = True


class Client:
    """Asks the service; for use from many threads.

    A request that fails is not sent again. It has a deadline: for the connection and the first bytes, for each further
    `QUANTUM` that is sent or received, and for the answer.

    Args:
        options: Of the storage.
        context: Of the storage.
    """

    def __init__(self, options: GcsOptions, context: BuildContext) -> None:
        self.bucket, self.endpoint = options.bucket, options.endpoint_url.rstrip("/") or GOOGLE
        self.seconds = options.timeout.total_seconds()
        # For ending what failed, and for looking what became of it: after a deadline, there is no time for another one.
        self.brief = min(self.seconds * 0.08, 3.0)
        self.credentials = Credentials(options.token, context, self.seconds)
        # As requests does for google-auth, and aiohttp does not.
        parts = urlsplit(self.endpoint)
        self.proxy = None if proxy_bypass(parts.netloc) else getproxies().get(parts.scheme)
        self._configured, self._payer = bool(options.endpoint_url), options.project
        self._lock = threading.Lock()
        self._filesystem: GCSFileSystem | None = None

    def ask(self, call: Call, cancel: Cancel | None = None, *, seconds: float | None = None) -> Answer:
        """Send one request and return the answer, whatever its status.

        Args:
            call: What to ask.
            cancel: Ends it.
            seconds: A deadline of its own.

        Raises:
            StorageError: There is no answer, or there are no credentials.
        """
        seconds = self.seconds if seconds is None else seconds
        return self._run(call.doing, self._ask(call, seconds), cancel, seconds)

    def want(
        self, call: Call, cancel: Cancel | None = None, *, seconds: float | None = None, missing_ok: bool = False
    ) -> Answer:
        """Send one request and return a good answer, or "not found" where that is `missing_ok`.

        Raises:
            StorageError: There is no answer, or another one.
        """
        answer = self.ask(call, cancel, seconds=seconds)
        missing = missing_ok and answer.status == NOT_FOUND and not answer.says_no_bucket
        if not answer.is_good and not missing:
            raise self.refused(answer, call.doing)
        return answer

    def learn(
        self, call: Call, cancel: Cancel | None = None, *, seconds: float | None = None, missing_ok: bool = False
    ) -> dict[str, Any] | None:
        """Send one request and return what a good answer tells; None for "not found" where that is `missing_ok`.

        Raises:
            StorageError: There is no answer, or another one.
        """
        answer = self.want(call, cancel, seconds=seconds, missing_ok=missing_ok)
        if not answer.is_good:
            return None
        told = answer.read()
        if not told:  # of somebody else, who answers everything with a page: nothing must be concluded from that
            said = f"cannot {call.doing}: {self.endpoint} does not answer as Google Cloud Storage does"
            raise StorageError(Failure(Kind.CONFIG, said, cure="correct endpoint_url, or sign in to the network"))
        return told

    def open(self, call: Call, cancel: Cancel) -> "Stream":
        """Send one request and return the body of a good answer unread.

        Raises:
            StorageError: There is no answer, or another one.
        """
        answer = self._run(call.doing, self._open(call), cancel, self.seconds)
        return Stream(self, call.doing, answer, cancel)

    def bounded(self, doing: str, work: Callable[[], _T]) -> _T:
        """Do what blocks in a thread, and wait for it no longer than for an answer: libraries below may try again.

        Raises:
            StorageError: It raised it, or took too long.
        """

        async def wait() -> _T:
            async with asyncio.timeout(self.seconds):
                return await asyncio.to_thread(work)

        return self._run(doing, wait(), None, self.seconds)

    def refused(self, answer: Answer, doing: str) -> StorageError:
        """What to raise for an answer that is not what was asked for."""
        return refused(answer, doing, self.bucket, self.endpoint)

    def object(self, name: str = "") -> str:
        """The path of an object, or of all."""
        return f"/storage/v1/b/{quote(self.bucket, safe='')}/o" + (f"/{quote(name, safe='')}" if name else "")

    def close(self) -> None:
        """Close the session. Harmless a second time."""
        with self._lock:
            filesystem, self._filesystem = self._filesystem, None
        if filesystem is not None and filesystem.session is not None:
            run_on_loop(filesystem.loop, filesystem.session.close())

    def _run(self, doing: str, work: Coroutine[Any, Any, _T], cancel: Cancel | None, seconds: float) -> _T:
        try:
            return run_on_loop(self._connected().loop, work, cancel)
        except StorageError:
            raise
        except Exception as error:
            raise failure(error, doing, self.endpoint, seconds=seconds, ours=self._configured) from error

    def _connected(self) -> GCSFileSystem:
        with self._lock:
            if self._filesystem is None:
                # Everything that could come from the environment, or from the config of fsspec, is said here.
                self._filesystem = GCSFileSystem(
                    project=self._payer,
                    token=ANONYMOUS,  # what is found otherwise is anything, down to nothing
                    endpoint_url=self.endpoint,
                    session_kwargs={},
                    requester_pays=False,
                    skip_instance_cache=True,
                    use_listings_cache=False,
                )
            return self._filesystem

    async def _ask(self, call: Call, seconds: float) -> Answer:
        async with asyncio.timeout(seconds) as deadline:
            return await _whole(await self._send(call, deadline, seconds))

    async def _open(self, call: Call) -> aiohttp.ClientResponse:
        async with asyncio.timeout(self.seconds) as deadline:
            answer = await self._send(call, deadline, self.seconds)
            if answer.status == HTTPStatus.OK:
                return answer
            raise self.refused(await _whole(answer), call.doing)

    async def _send(self, call: Call, deadline: asyncio.Timeout, seconds: float) -> aiohttp.ClientResponse:
        headers, query = {**_ALWAYS, **call.headers}, dict(call.query)
        if call.signed:
            # In a thread, since google-auth blocks, and the loop is everybody's.
            headers |= await asyncio.to_thread(self.credentials.headers, call.doing)
            query |= {"userProject": self._payer} if self._payer else {}
        data = None
        if call.body is not None:
            headers["Content-Length"] = str(call.body.nbytes)
            data = _slices(call.body, deadline, seconds) if call.body.nbytes else b""
        session: aiohttp.ClientSession = await self._connected()._set_session()
        return await session.request(
            call.method,
            self.endpoint + call.path,
            params=query,
            json=call.json,
            headers=headers,
            data=data,
            proxy=self.proxy,
            middlewares=(_once,),
            allow_redirects=False,  # 308 is how an upload session says that it wants more
            timeout=aiohttp.ClientTimeout(),
        )


async def _once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Send a request in a way that aiohttp does not send again, as it does by itself when a connection breaks."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise Broken from error


async def _whole(answer: aiohttp.ClientResponse) -> Answer:
    async with answer:
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return Answer(answer.status, headers, await answer.read())


async def _slices(body: memoryview, deadline: asyncio.Timeout, seconds: float) -> AsyncIterator[bytes]:
    """The body in pieces; each has a deadline of its own to get on its way."""
    for start in range(0, body.nbytes, QUANTUM):
        yield bytes(body[start : start + QUANTUM])  # aiohttp may hold on to it for longer than we may hold the body
        deadline.reschedule(asyncio.get_running_loop().time() + seconds)


class Stream:
    """The body of an answer.

    Args:
        client: Whose answer.
        doing: What for, for people.
        answer: Its body is unread.
        cancel: Ends reading.
    """

    def __init__(self, client: Client, doing: str, answer: aiohttp.ClientResponse, cancel: Cancel) -> None:
        self._client, self._doing, self._answer, self._cancel = client, doing, answer, cancel

    def read(self, size: int) -> bytes:
        """Read so many bytes, or fewer where the body ends. Raises StorageError, or Cancelled."""
        self._cancel.raise_if_cancelled()
        return self._client._run(self._doing, self._read(size), self._cancel, self._client.seconds)

    async def _read(self, size: int) -> bytes:
        read = bytearray()
        while len(read) < size:
            wanted = min(len(read) + QUANTUM, size)
            async with asyncio.timeout(self._client.seconds):
                while len(read) < wanted:
                    block = await self._answer.content.read(wanted - len(read))
                    if not block:
                        return bytes(read)
                    read += block
        return bytes(read)

    def close(self) -> None:
        """Break off what is unread. Harmless a second time."""

        async def close() -> None:
            self._answer.close()

        run_on_loop(self._client._connected().loop, close())
