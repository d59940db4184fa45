"""A service that falls silent: a call ends at its deadline, or at a cancel."""

import hashlib
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from gcs_requests import CHUNK, DATA, MIB, QUERIES, everything
from lateness import Lateness

from haulage.cancel import Cancelled
from haulage.plugin import Kind, ObjectInfo, Size, StorageError
from haulage.testing import Call, faults

SOON = timedelta(seconds=2)
"""A fifth of it is what a busy machine may be late by, beside what can be measured."""


def fail_in_time(proxy, method, target, asked, said="said nothing, or took nothing, for 2 s"):
    """Have a call fail, which must not take longer from its harmed request on than its deadline and a fifth."""
    harmed = []
    with Lateness() as lateness:
        while not harmed:  # a machine that stands still uses up the time before that request, which shows nothing
            with pytest.raises(StorageError, match=said) as raised:
                asked()
            ended = time.monotonic()
            harmed = [one.at for one in proxy.requests if one.method == method and re.search(target, one.target)]
        late = lateness.between(harmed[0], ended)
    assert ended - harmed[0] - late < 1.2 * SOON.total_seconds()
    assert raised.value.failure.kind is Kind.STORAGE


@pytest.mark.parametrize("query", QUERIES, ids=["stat", "read", "list", "delete", "begin", "chunk"])
def test_a_silent_service_ends_within_the_deadline(proxied, proxy, witness, store, query):
    """An answer that does not come is an error when the deadline is over, and not a fifth of it later."""
    witness.put("p/c/there.mp4", DATA)
    storage = proxied(timeout=SOON)
    asked = everything(storage, store)[query]
    proxy.on(query[0], query[1], faults.Silence())
    proxy.on("DELETE", CHUNK, faults.Silence())
    fail_in_time(proxy, *query, asked)
    assert proxy.count(*query) == 1


@pytest.mark.parametrize("at", [0, MIB])
def test_an_upload_that_stalls_ends_within_the_deadline(proxied, proxy, witness, store, at):
    """Bytes that are not taken any more are an error when the deadline is over."""
    storage = proxied(timeout=SOON)
    proxy.on("PUT", CHUNK, faults.CutRequest(at, silent=True))
    fail_in_time(proxy, "PUT", CHUNK, lambda: store(storage, bytes(16 * MIB)))
    assert proxy.count("PUT", CHUNK) == 1
    assert witness.names() == []


def test_a_download_that_stalls_ends_within_the_deadline(proxied, proxy, witness):
    """Bytes that do not come any more are an error when the deadline is over."""
    witness.put("p/c/v.mp4", DATA)
    proxy.on("GET", "alt=media", faults.CutAnswer(MIB, silent=True))
    storage = proxied(timeout=SOON)

    def read():
        with storage.read("c/v.mp4", Call()) as file:
            file.read()

    fail_in_time(proxy, "GET", "alt=media", read, "cannot read gs://")


def test_a_download_hears_a_cancel(proxied, proxy, witness, clock):
    """A reader that waits for bytes is let go at once."""
    witness.put("p/c/v.mp4", DATA)
    proxy.on("GET", "alt=media", faults.CutAnswer(MIB, silent=True))
    call = Call()
    with proxied().read("c/v.mp4", call) as file:
        file.read(1)
        threading.Timer(0.2, call.cancel.cancel, ["enough"]).start()
        with pytest.raises(Cancelled):
            file.read()
    assert clock() < 5


def test_an_upload_hears_a_cancel_while_it_sends(proxied, proxy, witness, clock):
    """A chunk that is under way is broken off, and nothing is left of it."""
    call = Call()
    proxy.on("PUT", CHUNK, faults.Silence())
    storage = proxied(buffer=Size(MIB))
    with storage.begin("c/v.mp4", ObjectInfo("v", call.attempt, "v", None), call) as upload:
        threading.Timer(0.2, call.cancel.cancel, ["enough"]).start()
        with pytest.raises(Cancelled):
            upload.write(DATA)
    assert clock() < 5
    assert proxy.count("DELETE", CHUNK) == 1
    assert witness.names() == []


def test_an_upload_that_waits_for_another_hears_a_cancel(proxied, proxy, store):
    """Of two uploads to one key that end at once the second waits for the first, and not after a cancel."""
    storage, call, other = proxied(), Call(), Call()
    with ThreadPoolExecutor(1) as pool:
        with storage.begin("c/v.mp4", ObjectInfo("v", call.attempt, "v", None), call) as upload:
            upload.write(DATA)
            proxy.on("PUT", CHUNK, faults.Silence())
            first = pool.submit(store, storage, DATA, call=other)
            proxy.wait_for(lambda requests: any(each.method == "PUT" for each in requests))
            threading.Timer(0.2, call.cancel.cancel, ["enough"]).start()
            with pytest.raises(Cancelled):
                upload.commit(size=len(DATA), sha256=hashlib.sha256(DATA).hexdigest())
            assert not first.done(), "it waited for the first, and for no cancel"
        other.cancel.cancel("enough")
        assert isinstance(first.exception(), Cancelled)
    assert proxy.count("PUT", CHUNK) == 1
