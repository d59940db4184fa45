"""G17. Upgrades keep data: what an earlier release wrote opens and is gone on with; what a later one wrote is refused.

The earlier release is the file of schema 1 beside the tests of the store, which is never edited.
"""

import contextlib
import hashlib
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from harness.chains import Chain, make_chain
from harness.warm import start_warm

FROZEN = Path(__file__).parents[1] / "builtin" / "sql" / "schema-1.sql"

WRITING = (("get", "http://127.0.0.1:1/clip.mp4"), ("work",), ("retry",), ("resume", "youtube"), ("status",), ("list",))
"""Commands, most of which would write."""


@pytest.fixture
def old(tmp_path: Path, request: pytest.FixtureRequest, site: Any) -> Chain:
    """An archive of schema 1, with two more jobs: one waits, and one was left by a worker that died."""
    chain = make_chain("local + sqlite", tmp_path, request, "light")
    chain = evolve(chain, program=evolve(chain.program, options=(*chain.program.options, "-p", "light_fetcher")))
    with _writing(tmp_path) as connection:
        connection.execute("pragma journal_mode = wal")
        connection.executescript(FROZEN.read_text(encoding="utf-8"))
        job = (
            "insert into video_processing_jobs (number, subscription, listed, id, url, variant, site, status, batch,"
            " files, due_at, attempt, worker, asked_after, stage, done, added_at) values"
            " (?, '', 0, ?, ?, '', 'here', ?, '', '[]', '2026-01-05T10:05:00.250Z', ?, 'host:1:2', 0, '', 0,"
            " '2026-01-05T10:00:02.000Z')"
        )
        attempt = "insert into attempts (id, job, number, worker, began_at) values (?, ?, 1, 'host:1:2', ?)"
        connection.execute(job, (7, "7" * 32, site.url("/clip.mp4?old-7"), "pending", None))
        connection.execute(job, (8, "8" * 32, site.url("/clip.mp4?old-8"), "downloading", "b8" * 16))
        connection.execute(attempt, ("b8" * 16, "8" * 32, "2026-01-05T10:03:30.250Z"))
        # What is elsewhere waits for somebody: these tests do not go there.
        connection.execute("update sites set opens_at = null, strikes = 1, reason = 'it is elsewhere'")
        connection.execute("insert into sites values ('here', '2026-01-05T10:00:00.000Z', 0, '')")
    return chain


@contextlib.contextmanager
def _writing(folder: Path) -> Any:
    with contextlib.closing(sqlite3.connect(folder / "haulage.db")) as connection, connection:
        yield connection


def _rows(chain: Chain, numbers: str) -> list[dict[str, Any]]:
    return chain.database.rows(f"select * from video_processing_jobs where number {numbers} order by number")


def test_a_database_of_an_earlier_release_is_gone_on_with(old, site, digest):
    """Its jobs are hauled, the crash among them told as one, and what it knew before is as it was."""
    before = {table: old.database.rows(f"select * from {table}") for table in ("videos", "stored_objects", "attempts")}
    jobs = _rows(old, "<= 6")
    ended = start_warm(old.program, "work").end()
    assert ended.code == 0, ended.said
    statuses = [each["status"] for each in _rows(old, ">= 7")]
    assert statuses == ["downloaded"] * 2, f"what an earlier release had queued was not hauled: {ended.said}"
    stored = [each.sha256 for key, each in old.place.objects().items() if key.endswith(".mp4")]
    assert stored == [digest("clip.mp4")] * 2
    for table, rows in before.items():
        now = old.database.rows(f"select * from {table}")
        kept = [each for each in rows if each["job" if "job" in each else "number"] != "8" * 32]
        assert [each for each in kept if each not in now] == [], f"of {table} something was lost"
    assert _rows(old, "<= 6") == jobs, "jobs were changed that nobody worked on"
    crashed = old.database.rows("select kind, counted from attempts where id = '" + "b8" * 16 + "'")
    assert crashed == [{"kind": "crashed", "counted": 0}]
    shown = json.loads(start_warm(old.program, "list", "--json").end().said)
    assert len(shown) == 8, "not every job of an earlier release is told of"


@pytest.mark.parametrize("command", WRITING, ids=lambda command: command[0])
def test_a_database_of_a_later_release_is_refused(old, tmp_path, command):
    """With exit code 3 and one line that says what to do; not a byte of it is changed."""
    with _writing(tmp_path) as connection:
        connection.execute("update schema_version set version = 2")
        connection.execute("alter table sites add column hours text")
    before = _digests(tmp_path)
    ended = start_warm(old.program, *command).end()
    assert ended.code == 3, f"a database of a later release was not refused: {ended.said}"
    assert ended.said.strip().count("\n") == 0, f"it is not one line: {ended.said}"
    assert "has schema 2, this haulage reads 1; upgrade haulage, or name another database" in ended.said
    assert _digests(tmp_path) == before, "a database that was refused was changed"
    assert not (tmp_path / ".haulage").exists(), "work was begun with a database that was refused"


def _digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("haulage.db*")}


def test_a_record_of_a_later_release_is_told_and_left_alone(tmp_path, request, site, digest):
    """An archive whose database is lost is taken in but for that, and what a record says besides does not matter."""
    chain = make_chain("local + sqlite", tmp_path, request, "cheap")
    known, later = (site.url(f"/clip.mp4?record-{name}") for name in ("known", "later"))
    chain.work("get", known, later)
    (tmp_path / "haulage.db").unlink()
    for record in (tmp_path / "library").rglob("*.json"):
        told = json.loads(record.read_bytes())
        told |= {"record": 2} if told["url"] == later else {"colours": ["red", "blue"]}
        record.write_text(json.dumps(told))
    before = chain.place.objects()
    said = chain.work("fsck", "--adopt", expected=(0, 1))
    rows = chain.database.rows("select download_url, download_status, sha256 from videos")
    taken = {"download_url": known, "download_status": "downloaded", "sha256": digest("clip.mp4")}
    assert rows == [taken], f"a record of a later release was taken for one of ours, or ours was not taken in: {said}"
    assert "it is a record of another version of haulage" in said
    assert chain.place.objects() == before, "an archive that was taken in was changed"
