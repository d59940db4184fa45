"""A service whose answers are lost, or cannot be read: what was done, and what is believed."""

import hashlib

import pytest
from gcs_requests import BEGIN, CHUNK, DATA, LIST, MIB, OBJECT, everything, told

from haulage.plugin import Kind, ObjectInfo, Size, StorageError
from haulage.testing import Call, faults


def test_a_lost_answer_of_the_last_request_is_no_failure(proxied, proxy, witness, store):
    """What was stored, its answer lost, counts as stored: it is ours, and whole."""
    proxy.on("PUT", CHUNK, faults.DropAnswer())
    stored = store(proxied(), DATA)
    assert witness.content("p/c/v.mp4") == DATA
    assert stored.version == witness.told("p/c/v.mp4")["generation"]
    assert proxy.count("PUT", CHUNK) == 1


def test_an_error_though_it_was_stored_is_no_failure(proxied, proxy, witness, store):
    """A service that stores the object and says that it failed is believed in what it shows."""
    proxy.on("PUT", CHUNK, faults.CutAnswer(10))
    assert store(proxied(), DATA).version == witness.told("p/c/v.mp4")["generation"]


def test_a_lost_answer_does_not_claim_what_another_stored(proxied, proxy, witness, store):
    """An object of somebody else under the key is no success of ours, even with the same bytes."""
    storage = proxied()
    proxy.on("PUT", CHUNK, faults.Reset(), only=2)
    call = Call()
    with storage.begin("c/v.mp4", ObjectInfo("video/mp4", call.attempt, "v", None), call) as upload:
        upload.write(DATA)
        proxy.on("GET", OBJECT, told(404, "notFound", "No such object"), first=2)  # neither sees the other coming
        store(storage, DATA)
        with pytest.raises(StorageError, match="broke the connection off"):
            upload.commit(size=len(DATA), sha256=hashlib.sha256(DATA).hexdigest())


@pytest.mark.parametrize("fault", [faults.DropAnswer(), faults.Drop()], ids=["done", "not done"])
def test_a_lost_answer_of_a_chunk_ends_the_upload(proxied, proxy, witness, store, fault):
    """A chunk is not sent again; the upload fails, its session is ended, and nothing is seen."""
    proxy.on("PUT", CHUNK, fault, only=2)
    with pytest.raises(StorageError, match="broke the connection off") as raised:
        store(proxied(buffer=Size(MIB)), DATA)
    assert raised.value.failure.kind is Kind.STORAGE
    assert (proxy.count("PUT", CHUNK), proxy.count("DELETE", CHUNK)) == (2, 1)
    assert witness.names() == []


@pytest.mark.parametrize(
    ("query", "left"),
    [(("GET", OBJECT), True), (("GET", LIST), True), (("DELETE", "/o/"), False), (("POST", BEGIN), True)],
    ids=["stat", "list", "delete", "begin"],
)
def test_a_lost_answer_leaves_what_was_done(proxied, proxy, witness, store, query, left):
    """Every other answer that is lost is an error; what was asked for is done or not, and nothing else."""
    witness.put("p/c/there.mp4", DATA)
    storage = proxied()
    proxy.on(*query, faults.DropAnswer(), only=1)
    with pytest.raises(StorageError, match="broke the connection off"):
        everything(storage, store)[query]()
    assert witness.names() == (["p/c/there.mp4"] if left else [])
    storage.delete("c/there.mp4")  # again, or at last
    assert witness.names() == []


def test_a_lost_answer_of_a_copy_is_no_failure(proxied, proxy, witness):
    """A copy that was made, its answer lost, counts as made."""
    witness.put("p/c/v.mp4", DATA)
    storage, call = proxied(), Call()
    proxy.on("POST", "rewriteTo", faults.DropAnswer())
    info = ObjectInfo("video/mp4", call.attempt, "v", None)
    copied = storage.copy_here(storage, "c/v.mp4", "c/w.mp4", info, call)
    assert copied.version == witness.told("p/c/w.mp4")["generation"]


@pytest.mark.parametrize("query", [("GET", OBJECT), ("GET", LIST), ("POST", BEGIN)], ids=["stat", "list", "begin"])
def test_a_page_of_somebody_else_is_no_answer(proxied, proxy, store, query):
    """Where a network answers everything with a page of its own, nothing is taken for stored, missing or empty."""
    storage = proxied()
    proxy.on(*query, faults.Answer(200, {"Content-Type": "text/html"}, b"<html>sign in</html>"))
    with pytest.raises(StorageError) as raised:
        everything(storage, store)[query]()
    assert raised.value.failure.kind is Kind.CONFIG
    assert "endpoint_url" in raised.value.failure.cure


@pytest.mark.parametrize("told", [b"{}", b'{"size": "6"}', b'{"generation": "7"}', b"<html>"])
def test_an_answer_that_cannot_be_read_deletes_nothing(proxied, proxy, witness, store, told):
    """Where the last answer does not say what was stored, a look decides; no other object is deleted for it."""
    storage = proxied()
    first = store(storage, b"first")
    proxy.on("PUT", CHUNK, faults.Answer(200, {}, told))
    with pytest.raises(StorageError, match="cannot be read"):
        store(storage, b"second", replaces=first)
    assert witness.content("p/c/v.mp4") == b"first"
    assert proxy.count("DELETE", "/o/") == 0
