"""What storages list and who owns it, in a file without a name: archives may be larger than memory."""

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator

from haulage.contracts.storage import StoredObject
from haulage.values import AttemptId, Job, JobId

_PAGE = 500

_TABLES = """
create table objects (
    number integer primary key, storage text, key blob, size integer, attempt text, sha256 text,
    claimed integer not null default 0, note text, unique (storage, key)
);
create table attempts (id text primary key, job text) without rowid;
create table keys (storage text, key blob, job text, primary key (storage, key)) without rowid;
"""


class Inventory:
    """The objects of all storages, by storage and key. For use by one thread; a context manager."""

    def __init__(self) -> None:
        self._file = sqlite3.connect("", isolation_level=None)  # "": a file without a name, made only when it is large
        self._file.executescript(_TABLES)
        self._file.execute("begin")

    def __enter__(self) -> "Inventory":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def put(self, storage: str, objects: Iterable[StoredObject]) -> int:
        """Take in what a storage lists; how many objects that were."""
        rows = ((storage, _blob(each.key), each.size, each.attempt, each.sha256) for each in objects)
        statement = "insert or ignore into objects (storage, key, size, attempt, sha256) values (?, ?, ?, ?, ?)"
        return self._file.executemany(statement, rows).rowcount

    def claim(self, storage: str, key: str) -> None:
        """Say that an object is one of ours, whose row or record is known."""
        self._file.execute("update objects set claimed = 1 where storage = ? and key = ?", (storage, _blob(key)))

    def listed(self, storage: str, key: str) -> StoredObject | None:
        """An object as it was listed; None where it was not."""
        asked = "select key, size, attempt, sha256 from objects where storage = ? and key = ?"
        row = self._file.execute(asked, (storage, _blob(key))).fetchone()
        return row and _object(*row)

    def note(self, storage: str, key: str, note: str) -> None:
        """Keep what was found out of an object; `unclaimed` tells it."""
        where = (note, storage, _blob(key))
        self._file.execute("update objects set note = ? where storage = ? and key = ?", where)

    def know(self, job: Job) -> None:
        """Remember the attempts of a job, and the keys that its rows name."""
        attempts = ((each, job.id) for each in job.attempts)
        self._file.executemany("insert or replace into attempts values (?, ?)", attempts)
        keys = ((copy.storage, _blob(copy.key), job.id) for copy in job.copies)
        self._file.executemany("insert or replace into keys values (?, ?, ?)", keys)

    def writer(self, attempt: AttemptId | None) -> JobId | None:
        """Whose attempt that is."""
        return self._job("select job from attempts where id = ?", (str(attempt),))

    def owner(self, storage: str, key: str) -> JobId | None:
        """Whose rows name this key."""
        return self._job("select job from keys where storage = ? and key = ?", (storage, _blob(key)))

    def _job(self, asked: str, where: tuple[object, ...]) -> JobId | None:
        with contextlib.suppress(UnicodeEncodeError):  # a stranger's name may be no text
            row = self._file.execute(asked, where).fetchone()
            return JobId(row[0]) if row else None
        return None

    def unclaimed(self) -> Iterator[tuple[str, StoredObject, str]]:
        """What nobody has claimed by the time it is its turn, by storage, with the note on it."""
        last: tuple[str, bytes] = ("", b"")
        asked = (
            "select storage, key, size, attempt, sha256, note from objects"
            " where (storage, key) > (?, ?) and claimed = 0 order by storage, key limit ?"
        )
        still = "select 1 from objects where storage = ? and key = ? and claimed = 0"
        while rows := self._file.execute(asked, (*last, _PAGE)).fetchall():
            for storage, key, size, attempt, sha256, note in rows:
                if self._file.execute(still, (storage, key)).fetchone():
                    yield storage, _object(key, size, attempt, sha256), note or ""
            last = rows[-1][:2]


def _blob(key: str) -> bytes:
    """A key as bytes: a stranger's may be no text."""
    return key.encode("utf-8", "surrogatepass")


def _object(key: bytes, size: int, attempt: str | None, sha256: str | None) -> StoredObject:
    writer = None if attempt is None else AttemptId(attempt)
    return StoredObject(key.decode("utf-8", "surrogatepass"), size, attempt=writer, sha256=sha256)
