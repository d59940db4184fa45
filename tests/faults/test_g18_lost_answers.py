"""Lost answers do no harm: no false failure, no false success, no duplicate, and nothing left behind.

A haul is run again and again; each time the answer to another one of its requests is lost: the server did as it was
asked, and the program hears nothing but the end of the connection.
"""

import hashlib
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from harness.commits import CommitProxy
from harness.warm import start_warm
from plugins.quick import content
from program import Program
from sqlalchemy import make_url
from witnesses import S3, Database, Gcs, Local, Place

from haulage.testing import FaultProxy, faults

CONFIG = """\
fetcher: {{type: quick}}
storages: {{archive: {storage}}}
database: {database}
retry: {{initial: 0.01}}
workers: 1
"""

PLUGINS = Path(__file__).parent / "plugins"
SAMPLE = 5
"""How many requests of each haul lose their answer in the short extent."""


def haul(folder: Path, url: str, storage: str, database: str, environ: Mapping[str, str] = {}) -> None:
    """Run the program to its end; it must say that all is done."""
    (folder / "haulage.yaml").write_text(CONFIG.format(storage=storage, database=database))
    done = start_warm(Program(folder, ("-p", "quick"), PLUGINS, environ), "get", url).end()
    assert done.code == 0, f"a false failure: {done.said}"


def check(folder: Path, url: str, place: Place, database: Database) -> None:
    """Find the video there, once and whole, and nothing else."""
    found = {key: each for key, each in place.objects().items() if url.rpartition("/")[2] in key}
    videos = [each for key, each in found.items() if key.endswith(".mp4")]
    assert [each.sha256 for each in videos] == [hashlib.sha256(content(url)).hexdigest()], "a false success"
    assert len(found) == 2, f"more than the video and its record: {sorted(found)}"
    assert (folder / "fetched").read_text().splitlines() == [url], "it was fetched again"
    rows = database.rows(
        "select j.due_at, v.download_status, o.state from video_processing_jobs j"
        " join videos v on v.job = j.id join stored_objects o on o.video = v.number"
    )
    assert rows == [{"due_at": None, "download_status": "downloaded", "state": "stored"}] * 2


@pytest.fixture(params=["seaweedfs", "gcs"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Place, str, str]:
    """A bucket, what the config says of it, and the URL of a video that is sent to it in pieces."""
    name = f"b-{hashlib.sha256(str(tmp_path).encode()).hexdigest()[:12]}"
    if request.param == "gcs":
        gcs = Gcs(request.getfixturevalue("fake_gcs"), name)
        return gcs, gcs.line.replace("}", ", buffer: 1MiB}"), "http://site.example/2500000/"
    s3 = S3(request.getfixturevalue("seaweed"), name)
    return s3, s3.line, "http://site.example/9000000/"


def test_every_lost_answer_of_a_store(
    request: pytest.FixtureRequest, place: Any, tmp_path: Path, extent: str, chance: random.Random
) -> None:
    """Whichever answer of the store is lost, the video is stored once and whole, fetched once, and nothing is left."""
    witness, line, url = place
    server = request.getfixturevalue("fake_gcs" if isinstance(witness, Gcs) else "seaweed").endpoint_url
    with FaultProxy(server) as proxy:
        line = line.replace(server, proxy.url)

        def lose(number: int) -> int:
            folder = tmp_path / f"lost-{number}"
            folder.mkdir()
            proxy.clear()
            proxy.on("", "", faults.DropAnswer(), only=number)
            haul(folder, f"{url}v{number}v", line, "sqlite:///haulage.db", witness.environ)
            lost = [f"{each.method} {each.target}" for each in proxy.requests if each.fault != faults.Pass()]
            database = Database("sqlite:///haulage.db", folder / "haulage.db")
            try:
                check(folder, f"{url}v{number}v", witness, database)
                assert witness.unfinished() == [], "an upload was left open"
            except AssertionError as error:
                error.add_note(f"the answer to request {number} was lost: {lost}")
                raise
            return len(proxy.requests)

        last = lose(0)
        assert last > 10, "too few requests"
        numbers = range(1, last + 1) if extent == "full" else sorted(chance.sample(range(1, last + 1), SAMPLE))
        for number in numbers:
            lose(number)


def test_every_lost_commit(postgres: Any, tmp_path: Path, extent: str, chance: random.Random) -> None:
    """Whichever COMMIT the database does not answer, the video is stored once, and nobody has to try again."""

    def lose(number: int) -> int:
        folder = tmp_path / f"lost-{number}"
        folder.mkdir()
        url, place = make_url(postgres.database()), Local(folder / "library")
        with CommitProxy(url.port or 0, number) as proxy:
            through = url.set(port=proxy.port).render_as_string(hide_password=False)
            haul(folder, f"http://site.example/3000/v{number}v", place.line, through)
            count = proxy.count
        database = Database(url.render_as_string(hide_password=False))
        check(folder, f"http://site.example/3000/v{number}v", place, database)
        [row] = database.rows("select count(*) as attempts, count(kind) as failures from attempts")
        assert row == {"attempts": 1, "failures": 0}, f"COMMIT {number} was lost, and counted as a failure"
        return count

    last = lose(0)
    assert last > 10, "too few commits"
    for number in range(1, last + 1) if extent == "full" else sorted(chance.sample(range(1, last + 1), SAMPLE)):
        lose(number)
