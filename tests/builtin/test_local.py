import errno
import hashlib
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from haulage.builtin.local import LocalStorage
from haulage.contracts.storage import ObjectInfo
from haulage.errors import AlreadyExists, Kind, StorageError
from haulage.testing import Call
from haulage.values import AttemptId

KEY = "UC1/v1/video.mp4"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "library"


@pytest.fixture
def storage(root: Path) -> LocalStorage:
    return LocalStorage(root)


def info(data, attempt="a" * 32):
    return ObjectInfo("video/mp4", AttemptId(attempt), "youtube v1", hashlib.sha256(data).hexdigest())


def begin(storage, data, key=KEY, attempt="a" * 32, **rest):
    return storage.begin(key, info(data, attempt), rest.pop("ctx", Call()), **rest)


def put(storage, data, key=KEY, **rest):
    with begin(storage, data, key, **rest) as upload:
        upload.write(data)
        return upload.commit(size=len(data), sha256=hashlib.sha256(data).hexdigest())


def files(root):
    """All files below a folder with their bytes, as the operating system tells."""
    return {
        Path(folder, name).relative_to(root).as_posix(): Path(folder, name).read_bytes()
        for folder, _, names in os.walk(root)
        for name in names
    }


WRITER = """
import sys
from haulage.builtin.local import LocalStorage
from haulage.contracts.storage import ObjectInfo
from haulage.testing import Call

info = ObjectInfo("video/mp4", "d" * 32, "youtube v1", None)
upload = LocalStorage(sys.argv[1]).begin("UC1/v1/video.mp4", info, Call())
upload.write(b"half")
print("written", flush=True)
sys.stdin.read()
"""


def test_what_a_dead_writer_left_goes_with_the_next_write_beside_it(storage, root):
    """While it lives its unfinished file is nobody's but its own."""
    command = [sys.executable, "-c", WRITER, str(root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout.readline() == b"written\n"
        put(storage, b"beside", "UC1/v1/video.json")
        assert b"half" in files(root).values(), "the file of a writer that lives was removed"
        writer.kill()
    assert b"half" in files(root).values()
    put(storage, b"more", "UC1/v1/video.en.vtt")
    assert files(root) == {"UC1/v1/video.json": b"beside", "UC1/v1/video.en.vtt": b"more"}


def test_before_the_commit_only_a_hidden_file_is_there(storage, root):
    """A reader who lists the folder while an object is written sees nothing under its name."""
    with begin(storage, b"whole") as upload:
        upload.write(b"who")
        [unfinished] = files(root)
        assert Path(unfinished).name.startswith(".")
        assert storage.stat(KEY) is None
        assert list(storage.list("")) == []
        upload.write(b"le")
        assert list(files(root)) == [unfinished]
        upload.commit(size=5, sha256=hashlib.sha256(b"whole").hexdigest())
        assert files(root) == {KEY: b"whole"}
    assert files(root) == {KEY: b"whole"}


def test_what_the_file_system_lost_is_not_published(storage, root):
    """A file that is shorter on disk than what was written is not published."""
    with begin(storage, b"whole") as upload:
        upload.write(b"whole")
        [unfinished] = files(root)
        os.truncate(root / unfinished, 2)
        with pytest.raises(StorageError, match="the file system kept fewer bytes"):
            upload.commit(size=5, sha256=hashlib.sha256(b"whole").hexdigest())
    assert files(root) == {}


def test_an_object_that_appears_at_the_last_moment_is_not_overwritten(storage, root, monkeypatch):
    """Publishing is one step that fails where the key was taken after the last look at it."""
    link = os.link

    def late(*args, **kwargs):
        (root / KEY).write_bytes(b"stranger")
        link(*args, **kwargs)

    monkeypatch.setattr(os, "link", late)
    with pytest.raises(AlreadyExists):
        put(storage, b"whole")
    assert files(root) == {KEY: b"stranger"}


def test_bytes_are_durable_before_the_name_and_the_name_before_the_return(storage, root, monkeypatch):
    """A power failure finds either no object or a whole one: file, name and folder are forced out in that order."""
    (root / KEY).parent.mkdir(parents=True)
    folder, calls = (root / KEY).parent, []
    fsync, link = os.fsync, os.link

    def spy_fsync(descriptor):
        inode = os.fstat(descriptor).st_ino
        [name] = [each.name[:9] for each in (folder, *folder.iterdir()) if each.stat().st_ino == inode][:1]
        calls.append(f"fsync {name}")
        fsync(descriptor)

    def spy_link(source, target, **rest):
        calls.append(f"link {Path(target).name}")
        link(source, target, **rest)

    monkeypatch.setattr(os, "fsync", spy_fsync)
    monkeypatch.setattr(os, "link", spy_link)
    put(storage, b"whole")
    assert calls == ["fsync .haulage-", "link video.mp4", "fsync v1"]


def test_folders_are_durable_before_anything_is_written_in_them(storage, root, monkeypatch):
    """Each folder that is made is forced out in the one above it."""
    fsync, synced = os.fsync, []

    def spy(descriptor):
        synced.append(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", spy)
    with begin(storage, b"whole"):
        assert synced == [root.stat().st_ino, (root / "UC1").stat().st_ino]


def test_bytes_that_cannot_be_made_durable_are_not_published(storage, root, monkeypatch):
    """Where the disk is found to be full at the last moment, nothing becomes visible."""

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with begin(storage, b"whole") as upload:
        upload.write(b"whole")
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(StorageError) as caught:
            upload.commit(size=5, sha256=hashlib.sha256(b"whole").hexdigest())
    assert caught.value.failure.kind is Kind.NO_SPACE
    assert files(root) == {}


@pytest.mark.parametrize("code", [errno.EPERM, errno.EOPNOTSUPP])
def test_a_file_system_without_hard_links_serves_as_well(storage, root, monkeypatch, code):
    """Where names cannot be linked, the finished file is renamed, and what is there still stays."""

    def refuse(*args, **kwargs):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "link", refuse)
    put(storage, b"whole")
    with pytest.raises(AlreadyExists):
        put(storage, b"other")
    assert files(root) == {KEY: b"whole"}


class Full(io.FileIO):
    """A file on a disk with room for 64 KiB."""

    def write(self, data):
        if self.tell() + len(data) > 65_536:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(data)


@pytest.fixture
def small_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A disk of 64 KiB: a real one for those who may mount it."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if os.geteuid() == 0 and subprocess.run(command, capture_output=True, check=False).returncode == 0:
        yield folder
        subprocess.run(["umount", str(folder)], check=True)
    else:
        monkeypatch.setattr(Path, "open", lambda path, mode="r", **rest: Full(path, mode))
        yield folder
        monkeypatch.undo()


def test_a_full_disk_publishes_nothing_and_says_so(small_disk):
    """When space runs out the failure is one that pauses, nothing is visible, and the space is given back."""
    storage, data = LocalStorage(small_disk / "library"), b"x" * 50_000
    with begin(storage, data * 2) as upload:
        upload.write(data)
        with pytest.raises(StorageError) as caught:
            upload.write(data)
        failure = caught.value.failure
        assert failure.kind is Kind.NO_SPACE
        assert str(failure) == (
            f"cannot write {small_disk}/library/{KEY}: {os.strerror(errno.ENOSPC)}; free some space"
        )
        with pytest.raises(StorageError):
            upload.commit(size=100_000, sha256=hashlib.sha256(data * 2).hexdigest())
    assert files(small_disk) == {}
    put(storage, data)
    assert [path.stat().st_size for path in small_disk.rglob("*.mp4")] == [50_000]


class Broken(io.FileIO):
    """A file whose disk takes five bytes and then breaks."""

    def write(self, data):
        if self.tell() >= 5:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return super().write(data[:5])


@pytest.mark.parametrize("size", [5, 10])
def test_after_a_write_that_failed_nothing_can_be_committed(storage, root, monkeypatch, size):
    """Whatever is announced, an upload that lost bytes on the way is refused."""
    monkeypatch.setattr(Path, "open", lambda path, mode="r", **rest: Broken(path, mode))
    upload = begin(storage, b"wholewhole")
    with pytest.raises(StorageError) as caught:
        upload.write(b"wholewhole")
    assert caught.value.failure.kind is Kind.STORAGE
    with pytest.raises(StorageError, match="failed or ended before"):
        upload.commit(size=size, sha256=hashlib.sha256(b"wholewhole").hexdigest())
    monkeypatch.undo()
    assert files(root) == {}


def test_a_write_that_takes_a_part_is_gone_on_with(storage, root, monkeypatch):
    """Where the system takes fewer bytes than it was given, the rest follows."""

    class Slow(io.FileIO):
        def write(self, data):
            return super().write(data[:3])

    monkeypatch.setattr(Path, "open", lambda path, mode="r", **rest: Slow(path, mode))
    put(storage, b"whole object")
    monkeypatch.undo()
    assert files(root) == {KEY: b"whole object"}


def test_a_path_under_a_file_is_denied(tmp_path):
    """A storage whose path leads through a file is refused at once, with what to do."""
    (tmp_path / "file").write_bytes(b"mine")
    for path in (tmp_path / "file", tmp_path / "file" / "library"):
        with pytest.raises(StorageError) as caught:
            LocalStorage(path)
        assert caught.value.failure.kind is Kind.DENIED
        assert caught.value.failure.cure == "let haulage write there, or choose another path"
        assert str(path) in caught.value.failure.message
    assert files(tmp_path) == {"file": b"mine"}


def test_a_folder_that_is_not_ours_to_write_is_denied(closed_folder, powerless):
    """A storage that may not be written to is refused at the start, not after the first download."""
    for path in (closed_folder, closed_folder / "library"):
        with powerless(), pytest.raises(StorageError) as caught:
            LocalStorage(path)
        assert caught.value.failure.kind is Kind.DENIED
        assert caught.value.failure.cure == "let haulage write there, or choose another path"


def test_a_folder_that_is_closed_later_is_denied(closed_folder, powerless):
    """Where the rights go while haulage runs, the failure is one that stops the run and says what to do."""
    storage = LocalStorage(closed_folder)
    (closed_folder / "UC1").mkdir()
    (closed_folder / "UC1" / "video.mp4").write_bytes(b"mine")
    (closed_folder / "UC1").chmod(0o555)
    for call in (lambda: begin(storage, b"whole"), lambda: storage.delete("UC1/video.mp4")):
        with powerless(), pytest.raises(StorageError) as caught:
            call()
        assert caught.value.failure.kind is Kind.DENIED
    assert files(closed_folder) == {"UC1/video.mp4": b"mine"}


def test_a_key_under_an_object_is_refused(storage, root):
    """An object cannot be a folder too; nothing is changed."""
    put(storage, b"whole", key="a")
    with pytest.raises(StorageError):
        put(storage, b"other", key="a/b")
    assert storage.stat("a/b") is None
    storage.delete("a/b")
    assert files(root) == {"a": b"whole"}


def test_a_missing_folder_is_made(tmp_path):
    """The storage's folder and all above it are made at the start."""
    LocalStorage(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


def test_stat_tells_what_the_file_system_tells(storage, root):
    """Size and time are those of the file as it is now, and nothing is claimed of who wrote it."""
    before = datetime.now(UTC) - timedelta(seconds=1)
    put(storage, b"whole")
    (root / KEY).write_bytes(b"changed behind our back")
    found = storage.stat(KEY)
    assert found is not None
    assert (found.key, found.size, found.attempt, found.sha256) == (KEY, 23, None, None)
    assert found.modified is not None
    assert before <= found.modified <= datetime.now(UTC) + timedelta(seconds=1)


def test_list_finds_strangers_and_passes_over_what_is_unfinished(storage, root):
    """All objects below a folder are listed, whoever wrote them and whatever they are called, but no unfinished one."""
    put(storage, b"whole")
    put(storage, b"12", key="UC1/v2.haulage-x.mp4")
    put(storage, b"123", key="UC10/video.mp4")
    (root / "UC1" / "my holiday (1).mp4").write_bytes(b"1234")
    (root / ".DS_Store").write_bytes(b"12345")
    (root / "UC1" / "empty").mkdir()
    (root / "UC1" / "gone").symlink_to("nowhere")
    os.mkfifo(root / "pipe")
    with begin(storage, b"later", key="UC1/later.mp4") as upload:
        upload.write(b"late")
        found = {each.key: each.size for each in storage.list("")}
        below = {each.key for each in storage.list("UC1")}
    assert found == {
        KEY: 5,
        "UC1/v2.haulage-x.mp4": 2,
        "UC10/video.mp4": 3,
        "UC1/my holiday (1).mp4": 4,
        ".DS_Store": 5,
    }
    assert below == {KEY, "UC1/v2.haulage-x.mp4", "UC1/my holiday (1).mp4"}
    assert list(storage.list("UC2")) == []


def test_what_cannot_be_listed_is_not_taken_for_empty(storage, root, powerless, closed_folder):
    """A folder that may not be looked into is an error: its objects are not gone."""
    shut = closed_folder / "shut"
    shut.mkdir(mode=0o700)
    (shut / "video.mp4").write_bytes(b"whole")
    open_storage = LocalStorage(closed_folder)
    shut.chmod(0o000)
    with powerless(), pytest.raises(StorageError) as caught:
        list(open_storage.list(""))
    shut.chmod(0o700)
    assert caught.value.failure.kind is Kind.DENIED


def test_the_longest_names_can_be_written(storage, root):
    """A name as long as the file system allows is no trouble while the object is unfinished."""
    put(storage, b"whole", key="UC1/" + "x" * 255)
    assert files(root) == {"UC1/" + "x" * 255: b"whole"}


def test_an_object_is_called_by_its_path(storage, root):
    """People are told where the file lies."""
    assert storage.url(KEY) == f"{root}/UC1/v1/video.mp4"
