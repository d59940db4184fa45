"""The laws of the storage contract, over every storage of the core but plain files, which have tests of their own."""

import functools
import hashlib
import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from attrs import field, frozen
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from haulage.builtin.memory import MemoryStorage
from haulage.cancel import Cancelled, CancelToken
from haulage.contracts.storage import Capabilities, ObjectInfo, Storage
from haulage.errors import AlreadyExists, Kind, StorageError
from haulage.plugin import FsspecStorage
from haulage.registry.builtin import haulage_storages
from haulage.values import AttemptId

KEY = "UC1/v1/video.mp4"
MIB = 1 << 20


@frozen
class Call:
    """The context of a call that nobody watches."""

    cancel: CancelToken = field(factory=CancelToken)
    attempt: AttemptId = field(default=AttemptId("a" * 32))
    log: logging.LoggerAdapter[logging.Logger] = field(factory=lambda: logging.LoggerAdapter(logging.getLogger("test")))

    def progress(self, done: int, total: int | None) -> None:
        """Nobody watches."""


@frozen
class Place:
    """A storage, what it claims, and all that lies in it, unfinished files too, as something else tells."""

    storage: Storage
    files: Callable[[], Mapping[str, bytes]]
    claims: Capabilities = field(factory=Capabilities)

    def visible(self):
        """What lies there under a name that is not hidden."""
        return {key: data for key, data in self.files().items() if not Path(key).name.startswith(".haulage-")}


def walked(root):
    return {
        Path(folder, name).relative_to(root).as_posix(): Path(folder, name).read_bytes()
        for folder, _, names in os.walk(root)
        for name in names
    }


def in_memory() -> Place:
    storage = MemoryStorage("shelf")
    [claims] = [each.capabilities for each in haulage_storages() if each.name == "memory"]
    # Nothing else can look into this process; what is unfinished is nowhere to be seen.
    return Place(
        storage, lambda: {each.key: storage.read(each.key, Call()).read() for each in storage.list("")}, claims
    )


def fsspec_local(root: Path) -> Place:
    return Place(FsspecStorage(LocalFileSystem(skip_instance_cache=True), str(root)), lambda: walked(root))


def fsspec_memory() -> Place:
    filesystem = MemoryFileSystem(global_store=False, skip_instance_cache=True)
    storage = FsspecStorage(filesystem, "/library")
    return Place(
        storage, lambda: {k.removeprefix("/library/"): file.getvalue() for k, file in filesystem.store.items()}
    )


@pytest.fixture(scope="session")
def sftp(sftp_server):
    """One connection to a real server for all tests."""
    from sshfs import SSHFileSystem

    return SSHFileSystem(
        "127.0.0.1",
        port=sftp_server.port,
        username="u",
        known_hosts=str(sftp_server.known_hosts),
        skip_instance_cache=True,
    )


@pytest.fixture(params=["memory", "fsspec-local", "fsspec-memory", "fsspec-sftp"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """Each storage in turn, empty."""
    if request.param == "fsspec-sftp":
        root = request.getfixturevalue("sftp_server").folder / tmp_path.name
        storage = FsspecStorage(request.getfixturevalue("sftp"), f"/{tmp_path.name}")
        found = Place(storage, lambda: walked(root))
    elif request.param == "fsspec-local":
        found = fsspec_local(tmp_path / "library")
    else:
        found = {"memory": in_memory, "fsspec-memory": fsspec_memory}[request.param]()
    yield found
    found.storage.close()


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def begin(storage, data, key=KEY, attempt="a" * 32, **rest):
    info = ObjectInfo("video/mp4", AttemptId(attempt), "youtube v1", sha256(data))
    return storage.begin(key, info, rest.pop("ctx", Call()), **rest)


def put(storage, data, key=KEY, **rest):
    with begin(storage, data, key, **rest) as upload:
        upload.write(data)
        return upload.commit(size=len(data), sha256=sha256(data))


def at_once(works):
    """What each of some calls returned or raised, run in threads that begin together."""
    barrier = threading.Barrier(len(works))

    def run(work):
        barrier.wait(10)
        try:
            return work()
        except StorageError as error:
            return error

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def test_nothing_is_visible_before_the_commit(place):
    """While an object is written nobody finds it; after the commit everybody finds it whole."""
    with begin(place.storage, b"whole") as upload:
        for part in (b"who", b"le"):
            upload.write(part)
            assert place.visible() == {}
            assert place.storage.stat(KEY) is None
            assert list(place.storage.list("")) == []
        stored = upload.commit(size=5, sha256=sha256(b"whole"))
        assert place.files() == {KEY: b"whole"}
    assert place.files() == {KEY: b"whole"}
    assert stored == place.storage.stat(KEY)
    assert (stored.key, stored.size) == (KEY, 5)
    assert stored.modified is not None


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, Cancelled])
@pytest.mark.parametrize("after", range(4))
def test_leaving_the_block_with_an_error_leaves_nothing(place, error, after):
    """Whatever ends the block, after whichever write, an upload that was not committed is gone."""

    def work():
        with begin(place.storage, b"abc") as upload:
            for letter in [b"a", b"b", b"c"][:after]:
                upload.write(letter)
            raise error

    with pytest.raises(error):
        work()
    assert place.files() == {}


@pytest.mark.parametrize("after", range(4))
def test_a_cancel_is_heard_at_the_next_call_and_leaves_nothing(place, after):
    """Whenever the cancel comes before the commit, neither a write nor the commit goes through."""
    call = Call()

    def work():
        with begin(place.storage, b"abc", ctx=call) as upload:
            for letter in [b"a", b"b", b"c"][:after]:
                upload.write(letter)
            call.cancel.cancel("stopped")
            if after < 3:
                upload.write(b"more")
            else:
                upload.commit(size=3, sha256=sha256(b"abc"))
            raise AssertionError("it went through")

    with pytest.raises(Cancelled):
        work()
    assert place.files() == {}


@pytest.mark.parametrize(
    ("size", "announced", "said"),
    [
        (4, b"whole", "5 bytes were written, not the 4 announced"),
        (6, b"whole", "5 bytes were written, not the 6 announced"),
        (5, b"other", "other bytes were written than were announced"),
    ],
)
def test_other_bytes_than_announced_are_not_published(place, size, announced, said):
    """A truncated, longer or changed upload is refused, and nothing becomes visible."""
    with begin(place.storage, b"whole") as upload:
        upload.write(b"whole")
        with pytest.raises(StorageError) as caught:
            upload.commit(size=size, sha256=sha256(announced))
    assert str(caught.value) == f"{place.storage.url(KEY)}: {said}"
    assert caught.value.failure.kind is Kind.STORAGE
    assert place.files() == {}


@pytest.mark.parametrize("end", ["abort", "commit", "refusal"])
def test_an_upload_that_ended_cannot_be_used_again(place, end):
    """After its end an upload writes nothing and publishes nothing; it may be aborted any number of times."""
    upload = begin(place.storage, b"whole")
    upload.write(b"whole")
    if end == "abort":
        upload.abort()
    elif end == "commit":
        upload.commit(size=5, sha256=sha256(b"whole"))
    else:
        with pytest.raises(StorageError):
            upload.commit(size=4, sha256=sha256(b"whole"))
    left = {KEY: b"whole"} if end == "commit" else {}
    assert place.files() == left
    with pytest.raises(StorageError, match="failed or ended before"):
        upload.write(b"more")
    with pytest.raises(StorageError, match="failed or ended before"):
        upload.commit(size=5, sha256=sha256(b"whole"))
    upload.abort()
    upload.abort()
    assert place.files() == left


def test_an_object_that_is_there_is_not_overwritten(place):
    """Creating under a key that is taken raises AlreadyExists and leaves the object as it is."""
    put(place.storage, b"first")
    with pytest.raises(AlreadyExists) as caught:
        put(place.storage, b"second", attempt="b" * 32)
    assert caught.value.failure.kind is Kind.CONFLICT
    assert place.files() == {KEY: b"first"}


def test_the_current_version_may_be_replaced(place):
    """Whoever names the version that is there replaces it as a whole."""
    first = put(place.storage, b"first")
    second = put(place.storage, b"second", replaces=first)
    assert place.files() == {KEY: b"second"}
    assert second.version != first.version


@pytest.mark.parametrize("now", [b"another", None])
def test_a_version_that_is_gone_is_not_replaced(place, now):
    """Whoever names a version that was replaced or deleted meanwhile changes nothing."""
    first = put(place.storage, b"first")
    place.storage.delete(KEY)
    if now:
        put(place.storage, now)
    with pytest.raises(AlreadyExists):
        put(place.storage, b"second", replaces=first)
    assert place.files() == ({KEY: now} if now else {})


@pytest.mark.parametrize("replacing", [False, True])
def test_of_writers_of_one_key_at_once_the_object_is_one_ones(place, replacing):
    """The object is all of a writer that succeeded; where the storage claims it, no other one did."""
    for turn in range(5):
        key = f"{turn}/video.mp4"
        first = put(place.storage, b"first", key) if replacing else None
        datas = [letter * 100_000 for letter in (b"a", b"b", b"c", b"d")]
        told = at_once([functools.partial(put, place.storage, data, key, replaces=first) for data in datas])
        won = [data for data, each in zip(datas, told, strict=True) if not isinstance(each, StorageError)]
        here = {name: data for name, data in place.files().items() if name.startswith(f"{turn}/")}
        assert list(here) == [key]
        assert here[key] in (won if place.claims.exclusive_create else datas)
        if place.claims.conditional_replace if replacing else place.claims.exclusive_create:
            assert len(won) == 1
            assert {type(each) for each in told if isinstance(each, StorageError)} == {AlreadyExists}


def test_many_threads_write_read_and_look_at_objects_of_their_own(place):
    """Each thread finds what it wrote, whatever the others do."""

    def work(number):
        for turn in range(5):
            key, data = f"{number}/{turn}.mp4", f"{number} {turn} ".encode() * 20_000
            stored = put(place.storage, data, key)
            with place.storage.read(key, Call()) as source:
                assert source.read() == data
            assert place.storage.stat(key) == stored
            if turn % 2:
                place.storage.delete(key)

    assert at_once([functools.partial(work, number) for number in range(8)]) == [None] * 8
    assert set(place.files()) == {f"{number}/{turn}.mp4" for number in range(8) for turn in (0, 2, 4)}


@pytest.mark.parametrize("size", [0, 1, MIB - 1, MIB + 1])
def test_an_object_is_what_was_written(place, size):
    """Bytes come back as they were written, whatever their number, and the store tells their size."""
    data = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    with begin(place.storage, data, size=size) as upload:
        for start in range(0, size, 65_521):
            upload.write(memoryview(data)[start : start + 65_521])
        assert upload.commit(size=size, sha256=sha256(data)).size == size
    assert place.files() == {KEY: data}
    with place.storage.read(KEY, Call()) as source:
        assert source.read(10) == data[:10]
        assert source.read() == data[10:]


def test_the_buffer_is_the_callers_again(place):
    """A buffer that is filled anew after each write does not change what was written before."""
    buffer = bytearray(b"one")
    with begin(place.storage, b"onetwo") as upload:
        upload.write(memoryview(buffer))
        buffer[:] = b"two"
        upload.write(memoryview(buffer))
        buffer[:] = b"six"
        upload.commit(size=6, sha256=sha256(b"onetwo"))
    assert place.files() == {KEY: b"onetwo"}


def test_what_was_given_with_an_object_is_kept_where_that_is_claimed(place):
    """A storage that claims `keeps_info` tells the attempt and the digest; another one tells neither."""
    put(place.storage, b"whole")
    told = place.storage.stat(KEY)
    expected = ("a" * 32, sha256(b"whole")) if place.claims.keeps_info else (None, None)
    assert (told.attempt, told.sha256) == expected


def test_reading_what_is_not_there(place):
    """An object that is not there is a storage's error that names it."""
    with pytest.raises(StorageError, match=r"cannot read .*UC1/v1/video\.mp4"):
        place.storage.read(KEY, Call()).__enter__()


def test_list_finds_what_is_below_a_folder(place):
    """Objects at any depth are listed, neither unfinished ones nor those of a folder whose name goes on."""
    for key, data in {KEY: b"whole", "UC1/v2.mp4": b"v2", "UC10/video.mp4": b"ten", "UC1.mp4": b"x"}.items():
        put(place.storage, data, key)
    with begin(place.storage, b"late", key="UC1/late.mp4") as upload:
        upload.write(b"late")
        assert {each.key: each.size for each in place.storage.list("")} == {
            KEY: 5,
            "UC1/v2.mp4": 2,
            "UC10/video.mp4": 3,
            "UC1.mp4": 1,
        }
        assert {each.key for each in place.storage.list("UC1")} == {KEY, "UC1/v2.mp4"}
    assert {each.version for each in place.storage.list("UC1/v1")} == {place.storage.stat(KEY).version}
    assert list(place.storage.list("UC2")) == list(place.storage.list(KEY)) == []


def test_delete_removes_one_object(place):
    """The object goes, its neighbours stay, and deleting it again is quiet."""
    put(place.storage, b"whole")
    put(place.storage, b"subtitle", key="UC1/v1/video.en.vtt")
    place.storage.delete(KEY)
    place.storage.delete(KEY)
    place.storage.delete("UC2/no/folder.mp4")
    assert place.files() == {"UC1/v1/video.en.vtt": b"subtitle"}


def test_delete_only_removes_the_version_it_was_given(place):
    """An object that was replaced meanwhile is not deleted in the place of the one before."""
    first = put(place.storage, b"first")
    second = put(place.storage, b"second", replaces=first)
    with pytest.raises(AlreadyExists):
        place.storage.delete(KEY, only=first)
    assert place.files() == {KEY: b"second"}
    place.storage.delete(KEY, only=second)
    place.storage.delete(KEY, only=second)
    assert place.files() == {}


@pytest.mark.parametrize("key", ["../outside", "/etc/passwd", "a b", ".hidden", "", "v[12]", "*", "v?", "{a,b}", "a\0"])
def test_keys_outside_the_alphabet_are_refused(place, key):
    """No call takes a key for a pattern, or reaches anything under a name that haulage does not make."""
    for name in ("v1", "va", "a", "b"):
        put(place.storage, b"mine", name)
    before = place.files()
    calls = [
        lambda: begin(place.storage, b"", key),
        lambda: place.storage.stat(key),
        lambda: place.storage.read(key, Call()).__enter__(),
        lambda: place.storage.delete(key),
        lambda: place.storage.url(key),
        *([lambda: list(place.storage.list(key))] if key else []),
    ]
    for call in calls:
        with pytest.raises(StorageError) as caught:
            call()
        assert caught.value.failure.kind is Kind.CONFIG
    assert place.files() == before


def test_closing_twice_is_harmless(place):
    """What a storage gives back is given back once."""
    put(place.storage, b"whole")
    place.storage.close()
    place.storage.close()
