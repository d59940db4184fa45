"""Objects in a bucket, as plain HTTP finds them."""

import hashlib
import random
from datetime import timedelta

import pytest

from haulage.plugin import AlreadyExists, Kind, ObjectInfo, StorageError
from haulage.testing import Call

MIB = 1 << 20
LONG = random.Random(7).randbytes(9 * MIB + 7)


@pytest.mark.parametrize("size", [0, 1, 8 * MIB - 1, 8 * MIB, 8 * MIB + 1, len(LONG)])
@pytest.mark.parametrize("known", [True, False], ids=["known", "growing"])
def test_what_was_stored_is_there(storage, witness, store, size, known):
    """A stranger finds the bytes, the media type and the three fields, and the storage tells of them as given."""
    call = Call()
    stored = store(storage, LONG[:size], call=call, known=known)
    assert witness.content("p/c/v.mp4") == LONG[:size]
    told = witness.told("p/c/v.mp4")
    digest = hashlib.sha256(LONG[:size]).hexdigest()
    assert (told["size"], told["contentType"]) == (str(size), "video/mp4")
    expected = {"attempt": call.attempt, "video": "generic 1 \\u00fc"} | ({"sha256": digest} if known else {})
    assert told["metadata"] == expected
    assert stored == storage.stat("c/v.mp4")
    assert (stored.key, stored.size, stored.version) == ("c/v.mp4", size, told["generation"])
    assert (stored.attempt, stored.sha256) == (call.attempt, digest if known else None)
    assert witness.names() == ["p/c/v.mp4"]


def test_nothing_is_visible_before_commit_nor_after_an_abort(storage, witness):
    """Bytes that were sent are seen by nobody until the whole object is."""
    call = Call()
    with storage.begin("c/v.mp4", ObjectInfo("video/mp4", call.attempt, "v", None), call) as upload:
        upload.write(LONG)
        assert witness.names() == []
    assert witness.names() == []
    with pytest.raises(StorageError, match="ended before"):
        upload.commit(size=len(LONG), sha256=hashlib.sha256(LONG).hexdigest())
    assert witness.names() == []


def test_an_object_is_read_as_it_was_stored(storage, store):
    """Reading gives every byte, in whatever pieces, and from the start each time."""
    store(storage, LONG)
    call = Call()
    with storage.read("c/v.mp4", call) as file:
        assert file.read(5) == LONG[:5]
        assert file.read() == LONG[5:]
        assert file.read() == b""
    with storage.read("c/v.mp4", call) as file:
        assert file.read(1) == LONG[:1]


def test_what_is_not_there_cannot_be_read(storage):
    """Reading a missing object is an error, which names it."""
    with (
        pytest.raises(StorageError, match=r"cannot read gs://test-\d+/p/c/v.mp4: it is not there"),
        storage.read("c/v.mp4", Call()),
    ):
        pass


def test_an_object_that_is_replaced_while_it_is_read_is_not_mixed(storage, store):
    """The bytes are all of the version that was there at first."""
    first = store(storage, LONG)
    with storage.read("c/v.mp4", Call()) as file:
        begun = file.read(MIB)
        store(storage, b"another", replaces=first)
        assert begun + file.read() == LONG


def test_a_second_object_does_not_take_the_place_of_a_first(storage, witness, store):
    """Without `replaces`, what is there stays."""
    store(storage, b"first")
    with pytest.raises(AlreadyExists):
        store(storage, b"second")
    assert witness.content("p/c/v.mp4") == b"first"


def test_an_object_written_meanwhile_is_not_replaced(storage, witness, store):
    """The last look is at the end: who was faster keeps the key, where a service passes over preconditions too."""
    call = Call()
    with storage.begin("c/v.mp4", ObjectInfo("video/mp4", call.attempt, "v", None), call) as upload:
        upload.write(b"slow")
        store(storage, b"fast")
        with pytest.raises(AlreadyExists):
            upload.commit(size=4, sha256=hashlib.sha256(b"slow").hexdigest())
    assert witness.content("p/c/v.mp4") == b"fast"


def test_a_version_replaces_itself_alone(storage, witness, store):
    """The version that was named is replaced, and no newer one."""
    first = store(storage, b"first")
    store(storage, b"second", replaces=first)
    assert witness.content("p/c/v.mp4") == b"second"
    with pytest.raises(AlreadyExists):
        store(storage, b"third", replaces=first)
    assert witness.content("p/c/v.mp4") == b"second"


def test_objects_are_listed_by_folder(storage, witness, store):
    """A folder is not the beginning of a name, and other prefixes are another's."""
    for key in ("a/1.mp4", "a/b/2.mp4", "ab/3.mp4"):
        store(storage, b"x", key)
    witness.put("q/a/4.mp4", b"x")
    witness.put("p/a/", b"")
    witness.put("p/a/Ü [x].mp4", b"stranger")
    assert sorted(each.key for each in storage.list("a")) == ["a/1.mp4", "a/b/2.mp4", "a/Ü [x].mp4"]
    assert {each.key: each.size for each in storage.list("")}["a/Ü [x].mp4"] == 8
    assert sorted(each.key for each in storage.list("ab")) == ["ab/3.mp4"]
    assert list(storage.list("none")) == []


def test_a_list_goes_on_page_by_page(build, strict, store):
    """Every page is asked for, and only when it is needed."""
    storage = build(bucket="videos", token="anon", endpoint_url=strict.url)
    for number in range(5):
        store(storage, b"x", f"c/{number}.mp4")
    strict.page = 2
    strict.asked.clear()
    listing = storage.list("c")
    assert next(listing).key == "c/0.mp4"
    assert len(strict.asked) == 1
    assert [each.key for each in listing] == [f"c/{number}.mp4" for number in range(1, 5)]
    assert len(strict.asked) == 3


def test_an_empty_bucket_is_empty(build, strict):
    """Google leaves out what it was not asked for, and a list without objects has no items."""
    assert list(build(bucket="videos", token="anon", endpoint_url=strict.url).list("")) == []


def test_one_object_is_deleted_and_nothing_else(storage, witness, store):
    """A missing object is quiet, and its neighbours stay."""
    for key in ("c/v.mp4", "c/v.mp4.json"):
        store(storage, b"x", key)
    storage.delete("c/v.mp4")
    storage.delete("c/v.mp4")
    assert witness.names() == ["p/c/v.mp4.json"]


def test_a_newer_version_is_not_deleted(storage, witness, store):
    """`only` is compared before anything is deleted, on a service that passes over preconditions too."""
    first = store(storage, b"first")
    second = store(storage, b"second", replaces=first)
    with pytest.raises(AlreadyExists):
        storage.delete("c/v.mp4", only=first)
    assert witness.content("p/c/v.mp4") == b"second"
    storage.delete("c/v.mp4", only=second)
    storage.delete("c/v.mp4", only=second)
    assert witness.names() == []


def test_preconditions_go_with_the_requests(build, strict, store):
    """A service that honours preconditions is told them: for a create, a replacement and a deletion."""
    storage = build(bucket="videos", token="anon", endpoint_url=strict.url)
    first = store(storage, b"first")
    second = store(storage, b"second", replaces=first)
    storage.delete("c/v.mp4", only=second)
    said = [each.query["ifGenerationMatch"] for each in strict.asked if "ifGenerationMatch" in each.query]
    assert said == ["0", first.version, second.version]


@pytest.mark.parametrize("key", ["../x.mp4", "a?b.mp4", "/a.mp4", "a//b.mp4", "ä.mp4", "", "a/.b"])
def test_what_is_no_key_reaches_no_service(build, key):
    """Nothing outside the alphabet of keys is asked for; there is no server here that could be."""
    storage = build(bucket="videos", token="anon", endpoint_url="http://127.0.0.1:9")
    info = ObjectInfo("video/mp4", Call().attempt, "v", None)
    asks = [
        lambda: storage.stat(key),
        lambda: storage.delete(key),
        lambda: storage.url(key),
        lambda: storage.begin(key, info, Call()),
        lambda: storage.read(key, Call()).__enter__(),
        lambda: storage.signed_url(key, timedelta(1)),
    ]
    for ask in asks:
        with pytest.raises(StorageError) as raised:
            ask()
        assert raised.value.failure.kind is Kind.CONFIG


def test_an_object_is_called_by_its_url(build):
    """People see the bucket, the prefix and the key."""
    assert build(bucket="videos", prefix="/a/b/").url("c/v.mp4") == "gs://videos/a/b/c/v.mp4"
    assert build(bucket="videos").url("v.mp4") == "gs://videos/v.mp4"


def test_options_reach_the_service(build, strict, store):
    """The storage class, the key of encryption and who pays are in the requests."""
    storage = build(
        bucket="videos",
        token="anon",
        endpoint_url=strict.url,
        storage_class="NEARLINE",
        kms_key_name="projects/p/locations/eu/keyRings/r/cryptoKeys/k",
        project="payer",
    )
    strict.payer = "payer"
    stored = store(storage, b"x")
    storage.copy_here(storage, "c/v.mp4", "c/w.mp4", ObjectInfo("video/mp4", stored.attempt, "v", None), Call())
    (begun,) = [each for each in strict.asked if each.query.get("uploadType")]
    assert begun.json["storageClass"] == "NEARLINE"
    assert begun.query["kmsKeyName"].endswith("cryptoKeys/k")
    (copied,) = [each for each in strict.asked if "rewriteTo" in each.path]
    assert copied.json["storageClass"] == "NEARLINE"
    assert copied.query["destinationKmsKeyName"].endswith("cryptoKeys/k")


def test_a_closed_storage_may_be_closed_again(storage, store):
    """Closing is harmless a second time, and where nothing was ever asked."""
    store(storage, b"x")
    storage.close()
    storage.close()


def test_a_copy_is_made_inside_the_service(storage, witness, store, build, fake_gcs):
    """The bytes are the original's, what is kept with them is the copy's; another bucket of the service is fine."""
    store(storage, LONG)
    other = build(bucket=fake_gcs.bucket("another"), token="anon", endpoint_url=fake_gcs.endpoint_url)
    info = ObjectInfo("video/webm", Call().attempt, "other", "ab" * 32)
    copied = other.copy_here(storage, "c/v.mp4", "d/w.webm", info, Call())
    assert copied == other.stat("d/w.webm")
    assert (copied.key, copied.size, copied.attempt, copied.sha256) == ("d/w.webm", len(LONG), info.attempt, "ab" * 32)
    with other.read("d/w.webm", Call()) as file:
        assert file.read() == LONG
    with pytest.raises(AlreadyExists):
        other.copy_here(storage, "c/v.mp4", "d/w.webm", info, Call())
    again = other.copy_here(storage, "c/v.mp4", "d/w.webm", info, Call(), replaces=copied)
    assert again.version != copied.version


def test_a_long_copy_goes_on_until_it_is_done(build, strict, store):
    """A rewrite that takes several requests is one copy, of the version that was looked at."""
    storage = build(bucket="videos", token="anon", endpoint_url=strict.url)
    stored = store(storage, b"content")
    strict.rewrites = 3
    copied = storage.copy_here(
        storage, "c/v.mp4", "c/w.mp4", ObjectInfo("video/mp4", stored.attempt, "v", None), Call()
    )
    assert strict.objects["c/w.mp4"]["data"] == b"content"
    assert copied.size == 7
    asked = [each for each in strict.asked if "rewriteTo" in each.path]
    assert [each.query.get("rewriteToken") for each in asked] == [None, "1", "2"]
    assert {each.query["sourceGeneration"] for each in asked} == {stored.version}


def test_nothing_is_copied_from_elsewhere(storage, build, strict, fake_gcs):
    """Another service, and a bucket that our credentials may not read, are read through us instead."""
    elsewhere = build(bucket="videos", token="anon", endpoint_url=strict.url)
    info = ObjectInfo("video/mp4", Call().attempt, "v", None)
    assert storage.copy_here(elsewhere, "c/v.mp4", "c/w.mp4", info, Call()) is None
    assert strict.asked == []


def test_a_copy_that_our_credentials_may_not_make_is_not_made(build, strict, store):
    """Where the service says that we may not read the original, somebody else has to."""
    storage = build(bucket="videos", token="anon", endpoint_url=strict.url)
    original = store(storage, b"content")
    strict.refuse = ("rewriteTo", 403, "forbidden", "no storage.objects.get access")
    info = ObjectInfo("video/mp4", original.attempt, "v", None)
    assert storage.copy_here(storage, "c/v.mp4", "c/w.mp4", info, Call()) is None
    assert list(strict.objects) == ["c/v.mp4"]
