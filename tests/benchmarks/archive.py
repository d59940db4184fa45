"""Writes an archive of any size straight into the tables, the same for the same seed, and knows what is in it."""

import contextlib
import json
import random
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from attrs import field, frozen

from haulage.builtin.sql.store import SqlStore

BEGAN = datetime(2024, 1, 1, tzinfo=UTC)
DAYS = 1000
RESOLUTIONS = {"360p": (640, 360), "720p": (1280, 720), "1080p": (1920, 1080)}
_NOW = BEGAN + timedelta(days=DAYS)


@frozen
class Stored:
    """One object that was written into the tables."""

    channel: str
    storage: str
    state: str
    size: int
    stored_at: datetime
    deleted_at: datetime | None


@frozen
class Archive:
    """What was written into the tables.

    Attributes:
        url: The database.
        statuses: The status of each job.
        objects: All objects.
    """

    url: str
    statuses: Sequence[str]
    objects: Sequence[Stored] = field(repr=False)


def write(url: str, folder: Path, jobs: int, seed: int = 1, storages: Sequence[str] = ("archive",)) -> Archive:
    """Write so many jobs, of which nine in ten have a video with two objects in each storage.

    Args:
        url: An empty database, of SQLite or PostgreSQL, as a config has it.
        folder: Where the path of one of SQLite starts.
        jobs: How many.
        seed: What lots are drawn from.
        storages: The names of the storages.
    """
    store = SqlStore.open(url, folder)
    store.prepare()
    store.close()
    tables: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("video_processing_jobs", "videos", "attempts", "stored_objects")
    }
    objects: list[Stored] = []
    lots = random.Random(seed)
    for number in range(1, jobs + 1):
        _job(tables, objects, lots, number, storages)
    with _connected(url, folder) as (cursor, mark):
        for name, rows in tables.items():
            columns = list(rows[0])
            marks = ", ".join([mark] * len(columns))
            named = ", ".join(f'"{column}"' for column in columns)
            cursor.executemany(f"insert into {name} ({named}) values ({marks})", [tuple(row.values()) for row in rows])
        if mark == "%s":
            for name in ("video_processing_jobs", "videos", "stored_objects"):
                cursor.execute(f"select setval(pg_get_serial_sequence('{name}', 'number'), max(number)) from {name}")
            # As the server does by itself a minute later, while commands are measured.
            cursor.connection.commit()
            cursor.connection.autocommit = True
            cursor.execute("vacuum analyze")
    return Archive(url, [row["status"] for row in tables["video_processing_jobs"]], objects)


def _job(
    tables: dict[str, list[dict[str, Any]]],
    objects: list[Stored],
    lots: random.Random,
    number: int,
    storages: Sequence[str],
) -> None:
    job, attempt = f"{number:032x}", f"{number + (1 << 100):032x}"
    status = "failed" if lots.random() < 0.1 else "pruned" if lots.random() < 0.05 else "downloaded"
    url = f"https://example.com/watch?v={number}"
    file = {"path": f"/space/{job}/video.mp4", "role": "video", "extension": "mp4", "media_type": "video/mp4",
            "size": 5_000_000, "sha256": "5" * 64}  # fmt: skip
    files = "[]" if status == "failed" else json.dumps([file])
    tables["video_processing_jobs"].append(
        {"number": number, "subscription": "" if number % 10 else "news", "listed": False, "id": job, "url": url,
         "variant": "", "site": "youtube", "status": status, "batch": "b1", "files": files, "asked_after": 0,
         "stage": "", "done": 0, "added_at": _time(BEGAN)}
    )  # fmt: skip
    failed = status == "failed"
    tables["attempts"].append(
        {"id": attempt, "job": job, "number": 1, "worker": "host:1", "began_at": _time(BEGAN), "ended_at": _time(BEGAN),
         "stage": "fetch" if failed else None, "kind": "unavailable" if failed else None,
         "message": "the video is private" if failed else None, "counted": False if failed else None}
    )  # fmt: skip
    if failed:
        return
    channel = f"UC{int(lots.paretovariate(1)) % 200:03}"
    resolution = lots.choice(list(RESOLUTIONS))
    width, height = RESOLUTIONS[resolution]
    size = lots.randrange(5_000_000, 900_000_000)
    tables["videos"].append(
        {"number": number, "job": job, "source": "youtube", "video_id": f"v{number}", "variant": "",
         "title": f"A film about the number {number}", "channel_id": channel, "download_status": status,
         "download_url": url, "download_size": size, "download_duration": 61.5, "download_resolution": resolution,
         "download_format": lots.choice(["mp4", "webm"]), "width": width, "height": height, "video_codec": "h264",
         "audio_codec": "aac", "fetched_by": "yt-dlp", "sha256": "5" * 64}
    )  # fmt: skip
    stored = BEGAN + timedelta(seconds=lots.randrange(DAYS * 86_400))
    deleted = stored + (_NOW - stored) * lots.random() if status == "pruned" else None
    state = "stored" if deleted is None else "deleted"
    for storage in storages:
        for role, its in (("video", size), ("record", lots.randrange(700, 1500))):
            objects.append(Stored(channel, storage, state, its, stored, deleted))
            tables["stored_objects"].append(
                {"number": len(objects), "video": number, "role": role, "storage": storage,
                 "key": f"{channel}/v{number}/{role}", "state": state, "size": its, "sha256": "5" * 64,
                 "attempt": attempt, "stored_at": _time(stored), "deleted_at": deleted and _time(deleted)}
            )  # fmt: skip


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@contextlib.contextmanager
def _connected(url: str, folder: Path) -> Iterator[tuple[Any, str]]:
    """A cursor of the database's own driver, and how that marks a value."""
    if url.startswith("sqlite:///"):
        with contextlib.closing(sqlite3.connect(folder / url.removeprefix("sqlite:///"))) as connection, connection:
            yield connection.cursor(), "?"
    else:
        import psycopg

        with psycopg.connect(url.replace("postgresql+psycopg", "postgresql")) as opened, opened.cursor() as cursor:
            yield cursor, "%s"
