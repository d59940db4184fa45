"""Filesystems that behave as some do; the laws of the contract are held in tests/builtin/test_conformance.py."""

import errno
import hashlib
import os
from pathlib import Path

import pytest
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from haulage.cancel import Cancelled
from haulage.errors import AlreadyExists, Kind, StorageError
from haulage.plugin import AttemptId, FsspecStorage, ObjectInfo
from haulage.testing import Call

KEY = "UC1/v1/video.mp4"


@pytest.fixture
def root(tmp_path):
    return tmp_path / "library"


def local(root, kind=LocalFileSystem):
    return FsspecStorage(kind(skip_instance_cache=True), str(root))


def begin(storage, data, key=KEY, ctx=None, **rest):
    info = ObjectInfo("video/mp4", AttemptId("a" * 32), "youtube v1", hashlib.sha256(data).hexdigest())
    return storage.begin(key, info, ctx or Call(), **rest)


def put(storage, data, key=KEY, **rest):
    with begin(storage, data, key, **rest) as upload:
        upload.write(data)
        return upload.commit(size=len(data), sha256=hashlib.sha256(data).hexdigest())


def files(root):
    return {
        Path(folder, name).relative_to(root).as_posix(): Path(folder, name).read_bytes()
        for folder, _, names in os.walk(root)
        for name in names
    }


class NothingReplaces(LocalFileSystem):
    """Moves nothing onto a file, as SMB and WebDAV do."""

    def mv(self, path1, path2, **kwargs):
        if os.path.lexists(path2):
            raise OSError(errno.EEXIST, os.strerror(errno.EEXIST))
        Path(path1).rename(path2)


def test_where_a_move_replaces_nothing_the_old_object_is_removed_first(root):
    """Replacing works there too, and creating still overwrites nothing."""
    storage = local(root, NothingReplaces)
    first = put(storage, b"first")
    put(storage, b"second", replaces=first)
    with pytest.raises(AlreadyExists):
        put(storage, b"third")
    assert files(root) == {KEY: b"second"}


def test_an_object_that_appears_at_the_last_moment_is_not_overwritten_where_the_move_tells(root):
    """A filesystem that moves nothing onto a file keeps a stranger's object that came after the last look."""

    class Late(NothingReplaces):
        def mv(self, path1, path2, **kwargs):
            Path(path2).write_bytes(b"stranger")
            super().mv(path1, path2)

    with pytest.raises(AlreadyExists):
        put(local(root, Late), b"whole")
    assert files(root) == {KEY: b"stranger"}


def test_names_are_never_taken_for_patterns():
    """A filesystem whose own move takes patterns moves that one file, even in a folder whose name looks like one."""
    filesystem = MemoryFileSystem(global_store=False, skip_instance_cache=True)
    storage = FsspecStorage(filesystem, "/videos [ab]")
    filesystem.pipe_file("/videos a/UC1/v1/video.mp4", b"mine")
    first = put(storage, b"first")
    put(storage, b"second", replaces=first)
    put(storage, b"other", "UC1/v2/video.mp4")
    storage.delete("UC1/v2/video.mp4")
    assert {name: file.getvalue() for name, file in filesystem.store.items()} == {
        "/videos a/UC1/v1/video.mp4": b"mine",
        "/videos [ab]/UC1/v1/video.mp4": b"second",
    }


def test_what_the_filesystem_lost_is_not_published(root):
    """A file that is shorter there than what was written is not published."""
    storage = local(root)
    with begin(storage, b"whole") as upload:
        upload.write(b"whole")

        class Short(type(upload._file)):
            def close(self):
                super().close()
                os.truncate(self.path, 2)

        upload._file.__class__ = Short
        with pytest.raises(StorageError, match="the filesystem kept 2 of 5 bytes"):
            upload.commit(size=5, sha256=hashlib.sha256(b"whole").hexdigest())
    assert files(root) == {}


def test_files_of_one_size_are_told_apart_by_their_time():
    """A filesystem that tells nothing but size and time still tells that an object is another one."""
    storage = FsspecStorage(MemoryFileSystem(global_store=False, skip_instance_cache=True), "/")
    first = put(storage, b"first")
    put(storage, b"other", replaces=first)
    with pytest.raises(AlreadyExists):
        storage.delete(KEY, only=first)
    with pytest.raises(AlreadyExists):
        put(storage, b"third", replaces=first)


def test_a_folder_in_the_place_of_an_object_stays_as_it_is(root):
    """An object is neither moved into a folder that has its name nor deleted with it."""
    (root / KEY).mkdir(parents=True)
    storage = local(root)
    with pytest.raises(AlreadyExists, match="it is no file"):
        put(storage, b"whole")
    storage.delete(KEY)
    assert storage.stat(KEY) is None
    assert files(root) == {}
    assert (root / KEY).is_dir()


class LibraryError(Exception):
    """What a library raises that has errors of its own."""


FAILURES = [
    (OSError(errno.ENOSPC, "No space left on device"), Kind.NO_SPACE, "No space left on device; free some space"),
    (PermissionError("not yours"), Kind.DENIED, "PermissionError: not yours; let haulage write there"),
    (OSError(errno.EROFS, "Read-only file system"), Kind.DENIED, "Read-only file system; let haulage write there"),
    (LibraryError("reset\nby peer"), Kind.STORAGE, "LibraryError: reset by peer"),
    (LibraryError("GET https://u:hunter2@nas/x"), Kind.STORAGE, "LibraryError: GET https://nas/x"),
]


@pytest.mark.parametrize(("error", "kind", "said"), FAILURES, ids=lambda each: str(each)[:20])
@pytest.mark.parametrize("method", ["makedirs", "_open", "info", "mv", "ls", "rm_file"])
def test_whatever_a_filesystem_raises_is_a_failure_of_the_storage(root, monkeypatch, method, error, kind, said):
    """No library's error leaves the storage; what is to be done about it is told by its kind."""
    storage = local(root)
    put(storage, b"there", "there.mp4")

    def fail(*args, **kwargs):
        raise error

    def work():
        put(storage, b"whole")
        list(storage.list(""))
        storage.delete("there.mp4")

    monkeypatch.setattr(storage.filesystem, method, fail)
    with pytest.raises(StorageError) as caught:
        work()
    assert caught.value.failure.kind is kind
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value)
    monkeypatch.undo()
    assert {name for name in files(root) if name != KEY} == {"there.mp4"}


def test_a_write_that_failed_cannot_be_committed(root):
    """Whatever is announced, an upload that lost bytes on the way is refused, and leaves nothing."""
    with begin(local(root), b"whole") as upload:
        upload.write(b"who")
        upload._file.f.close()
        with pytest.raises(StorageError, match=r"cannot write .*ValueError"):
            upload.write(b"le")
        with pytest.raises(StorageError, match="failed or ended before"):
            upload.commit(size=3, sha256=hashlib.sha256(b"who").hexdigest())
    assert files(root) == {}


def test_what_cannot_be_removed_is_told_and_takes_no_cancel_away(root, monkeypatch, caplog):
    """An abort that fails names what it left in a warning, and the cancel goes on its way."""
    storage, call = local(root), Call()

    def refuse(path):
        raise OSError(errno.EIO, "Input/output error")

    def work():
        with begin(storage, b"whole", ctx=call) as upload:
            monkeypatch.setattr(storage.filesystem, "rm_file", refuse)
            call.cancel.cancel("stopped")
            upload.write(b"whole")

    with pytest.raises(Cancelled):
        work()
    [left] = files(root)
    assert left.startswith("UC1/v1/.haulage-")
    assert left in caplog.text
    assert list(storage.list("")) == []


def test_reading_raises_a_storages_errors_and_the_readers_own(root, monkeypatch):
    """What the file raises is translated; what the reader's block raises is not."""
    storage = local(root)
    put(storage, b"whole" * 1_000_000)

    def read():
        with storage.read(KEY, Call()) as source:
            source.read(1)
            source.raw._file.f.close()
            source.read()

    with pytest.raises(StorageError, match=r"cannot read .*video\.mp4: ValueError"):
        read()

    def mistake():
        with storage.read(KEY, Call()):
            raise KeyError("the reader's own")

    with pytest.raises(KeyError):
        mistake()


def test_a_cancel_ends_reading(root):
    """A cancel is heard at the next block."""
    storage, call = local(root), Call()
    put(storage, b"x" * 3_000_000)
    with storage.read(KEY, call) as source:
        source.read(1)
        call.cancel.cancel("stopped")
        with pytest.raises(Cancelled):
            source.read()


def test_strangers_files_are_listed(root):
    """A file of any name is listed, wherever it lies; only unfinished objects are not."""
    (root / "my holiday (1)").mkdir(parents=True)
    (root / "my holiday (1)" / "a b.mp4").write_bytes(b"four")
    (root / ".haulage-left").write_bytes(b"unfinished")
    assert {each.key: each.size for each in local(root).list("")} == {"my holiday (1)/a b.mp4": 4}


@pytest.mark.parametrize(
    ("base", "url"),
    [("", f"file:///videos/{KEY}"), ("sftp://nas/videos/", f"sftp://nas/videos/{KEY}")],
)
def test_an_object_is_called_as_its_author_says(base, url):
    """Without a word of the author it is called as the filesystem calls it."""
    assert FsspecStorage(LocalFileSystem(), "/videos", base_url=base).url(KEY) == url


@pytest.mark.parametrize("root", ["/", "", "library", "file:///library"])
def test_roots_are_written_as_the_filesystem_writes_them(root):
    """However the root is written, a key lies below it."""
    at = {"/": "/", "": f"{Path.cwd()}/", "library": f"{Path.cwd()}/library/", "file:///library": "/library/"}
    assert FsspecStorage(LocalFileSystem(), root).path(KEY) == at[root] + KEY
