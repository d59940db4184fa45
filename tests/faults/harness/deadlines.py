"""Calls of a storage that meet a fault, and how they end.

Silent from the start, silent half-way, a byte a second, a reset, and a connection that nobody takes: each meets every
call of a storage, at two deadlines, all at the same time.
"""

import contextlib
import hashlib
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from attrs import frozen
from lateness import Lateness

from harness.kept import BODY, Kept
from haulage.plugin import ObjectInfo, StorageError
from haulage.testing import Call, FaultProxy, faults

DEADLINES = (1, 3)
"""Seconds."""

PART = 1 << 20
"""Bytes; a real part of S3 is larger, and takes longer to be signed than these tests have."""

PARTS = bytes(PART + 9)
DIGESTS = {data: hashlib.sha256(data).hexdigest() for data in (BODY, PARTS)}
SILENT, RESET, TRICKLE = faults.Silence(), faults.Reset(), faults.Trickle(1.0)
STOPS = faults.CutAnswer(20, silent=True)
STOPS_IN_BODY = faults.CutAnswer(len(BODY) // 2, silent=True)
TAKES_NO_MORE = faults.CutRequest(100_000, silent=True)

CASES = {
    "stat": (SILENT, TRICKLE, RESET),
    "read": (SILENT, STOPS_IN_BODY, TRICKLE, RESET),
    "list": (SILENT, STOPS, TRICKLE, RESET),
    "delete": (SILENT, TRICKLE, RESET),
    "begin": (SILENT, TRICKLE, RESET),
    "write": (SILENT, TAKES_NO_MORE, TRICKLE, RESET),
    "commit": (SILENT, TAKES_NO_MORE, TRICKLE, RESET),
    "complete": (SILENT, TRICKLE, RESET),
}


@contextlib.contextmanager
def ready(storage: Any, verb: str, folder: str) -> Iterator[Callable[[], object]]:
    """Prepare a call; what is given is the call itself, with all that it cleans up."""
    call = Call()
    there, new = f"{folder}/v.mp4", f"{folder}/n.mp4"
    info = ObjectInfo("video/mp4", call.attempt, "v", None)
    size = None if verb in ("begin", "write", "complete") else len(BODY)

    def read() -> object:
        with storage.read(there, call) as file:
            return file.read()

    def write() -> None:
        with upload:
            for _ in range(20):
                upload.write(PARTS)

    match verb:
        case "stat":
            yield lambda: storage.stat(there)
        case "read":
            yield read
        case "list":
            yield lambda: list(storage.list(folder))
        case "delete":
            yield lambda: storage.delete(there)
        case "begin":
            yield lambda: storage.begin(new, info, call, size=size)
        case "write":
            upload = storage.begin(new, info, call, size=size)
            upload.write(BODY)
            yield write
        case _:
            data = BODY if verb == "commit" else PARTS
            upload = storage.begin(new, info, call, size=size)
            upload.write(data)
            yield lambda: upload.commit(size=len(data), sha256=DIGESTS[data])


@frozen
class Outcome:
    """How a call ended.

    Attributes:
        case: What was called, and what it met.
        deadline: In seconds.
        seconds: How long it took.
        late: How many seconds of them this machine, which is busy, was late by.
        error: What it raised.
        requests: How many of its requests met the fault.
        repeated: How many of them were sent before.
    """

    case: str
    deadline: float
    seconds: float
    late: float
    error: StorageError | None
    requests: int
    repeated: int

    def __str__(self) -> str:
        took = f"{self.seconds:.2f} of {self.deadline:g} s ({self.late:.2f} s late)"
        return f"{self.case}: {took}, {self.requests} requests, {self.error}"


def warm(storage: Any) -> None:
    """Have the client made, which may take longer than a short deadline on a busy machine."""
    while True:
        with contextlib.suppress(StorageError):
            storage.stat("warm/v.mp4")
            return


def prepared_call(stack: contextlib.ExitStack, storage: Any, verb: str, folder: str) -> Callable[[], object]:
    """Prepare a call, as often as that meets the deadline of a machine that stands still meanwhile."""
    while True:
        with contextlib.suppress(StorageError):
            return stack.enter_context(ready(storage, verb, folder))


def measure(kept: Kept, deaf: str, lateness: Lateness) -> list[Outcome]:
    """Have each call meet each fault at each deadline, all at once."""
    with FaultProxy(kept.url) as proxy, contextlib.ExitStack() as stack:
        prepared = []
        for deadline in DEADLINES:
            storage = stack.enter_context(contextlib.closing(kept.storage(proxy.url, deadline)))
            warm(storage)
            for verb, (method, target) in kept.requests.items():
                for fault in CASES[verb]:
                    folder = f"c{len(prepared)}x"
                    kept.put(f"{folder}/v.mp4")
                    call = prepared_call(stack, storage, verb, folder)
                    rule = (method, target.replace("{}", folder))
                    proxy.on(*rule, fault)
                    prepared.append((f"{verb} {fault}", deadline, rule, call))
            for verb in kept.requests.keys() & {"write", "commit", "complete"}:
                folder = f"c{len(prepared)}x"
                call = prepared_call(stack, storage, verb, folder)
                all_of_it = f"{folder}(/|%2F)n.mp4"
                proxy.on("HEAD|GET", all_of_it, faults.Pass(), first=1)  # the look before it publishes
                proxy.on("", all_of_it, SILENT)
                prepared.append((f"{verb} Silence() and nothing more", deadline, ("", all_of_it), call))
            nobody = stack.enter_context(contextlib.closing(kept.storage(deaf, deadline)))
            for verb in ("stat", "list", "delete", "begin"):
                call = stack.enter_context(ready(nobody, verb, "c"))
                prepared.append((f"{verb} nobody takes the connection", deadline, ("NO", "ONE"), call))

        def ask(case: str, deadline: float, rule: tuple[str, str], call: Callable[[], object]) -> Outcome:
            began = time.monotonic()
            error = None
            try:
                call()
            except StorageError as raised:
                error = raised
            ended = time.monotonic()
            harmed = (each for each in proxy.requests if each.fault != faults.Pass())
            met = [(each.method, each.target) for each in harmed if re.search(rule[1], each.target)]
            late = lateness.between(began, ended)
            return Outcome(case, deadline, ended - began, late, error, len(met), len(met) - len(set(met)))

        with ThreadPoolExecutor(len(prepared)) as pool:
            asked = []
            for each in prepared:
                asked.append(pool.submit(ask, *each))
                time.sleep(0.04)  # all calls share one loop, and each is to be measured by itself
            return [each.result() for each in asked]
