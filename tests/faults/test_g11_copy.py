"""G11. Deletion is deliberate: what is moved is deleted at the old place only once it is whole at the new one."""

import os
import re
import signal
import time
from collections import Counter
from hashlib import sha256

import pytest
from attrs import frozen
from harness.chains import PLUGINS, Chain, points_in
from harness.tamper import delete, flipped, write
from harness.warm import run_warm
from plugins.quick import content
from program import Program
from witnesses import S3, Database, Gcs, Local

from haulage.testing import FaultProxy, faults

CONFIG = """\
fetcher: {{type: quick}}
storages: {{old: {old}, new: {new}, near: {near}, far: {far}}}
store_to: [old]
database: sqlite:///haulage.db
retry: {{initial: 0.01}}
"""
SIZE = 20_000
COPIES = (
    "select j.id, j.url, j.due_at, v.download_status, o.storage, o.role, o.key, o.state, o.size, o.sha256, o.attempt"
    " from video_processing_jobs j join videos v on v.job = j.id join stored_objects o on o.video = v.number"
)


@frozen
class Archive:
    """An archive with four places: a folder, two buckets of one S3 service, and one of Google Cloud Storage.

    Attributes:
        chain: The program, with its database.
        places: By the names of the storages, as other clients see them.
    """

    chain: Chain
    places: dict

    @property
    def folder(self):
        return self.chain.program.folder

    def haul(self, count, size=SIZE):
        """Haul videos into the folder; their URLs."""
        urls = [f"http://site.example/{size}/v{number}v" for number in range(count)]
        self.chain.work("get", "-a", self.chain.write(urls))
        return urls

    def move(self, old, new, **environ):
        """Start to move everything."""
        return self.chain.start("copy", "--from", old, "--to", new, "--move", "--yes", "--workers", "2", **environ)

    def rows(self, **wanted):
        """What the database says of copies."""
        return [row for row in self.chain.database.rows(COPIES) if wanted.items() <= row.items()]

    def found(self):
        """What each place holds, by storage and key: digests of what was read there."""
        there = {name: place.objects() for name, place in self.places.items()}
        return {(name, key): each.sha256 for name, objects in there.items() for key, each in objects.items()}

    def check_harmless(self, urls, when):
        """After a kill: each video is whole somewhere, and each row that says stored is right."""
        found = self.found()
        whole = set(found.values())
        homeless = [url for url in urls if sha256(content(url)).hexdigest() not in whole]
        assert homeless == [], f"{when}, a video is whole nowhere"
        assert self.lies(found) == [], f"{when}, a row says stored of what is not there"

    def lies(self, found):
        """The rows that say stored of what is not there, or not that."""
        return [row for row in self.rows(state="stored") if found.get((row["storage"], row["key"])) != row["sha256"]]

    def check(self, urls, storage, *empty):
        """Find each video in one storage, once and whole, nothing in others, and nothing that was hauled again."""
        self.chain.work("work")  # a job whose process was killed right before it would have put it down
        found = self.places[storage].objects()
        videos = Counter(each.sha256 for key, each in found.items() if key.endswith(".mp4"))
        assert videos == Counter(sha256(content(url)).hexdigest() for url in urls), f"{storage} has not each one once"
        assert len(found) == 2 * len(urls), f"more than the videos and their records: {sorted(found)}"
        for name in empty:
            assert self.places[name].objects() == {}, f"{name} still has what was moved"
        assert [each for place in self.places.values() for each in place.unfinished()] == [], "an upload was left open"
        stored = self.rows(state="stored")
        assert Counter(row["storage"] for row in stored) == {storage: 2 * len(urls)}
        for row in stored:
            there = found[row["key"]]
            assert (there.size, there.sha256) == (row["size"], row["sha256"]), f"{row['key']} is not what its row says"
        assert {row["state"] for row in self.rows()} <= {"stored", "deleted"}
        assert {(row["download_status"], row["due_at"]) for row in self.rows()} == {("downloaded", None)}
        fetched = (self.folder / "fetched").read_text().splitlines()
        assert sorted(fetched) == sorted(urls), "a video was hauled again"


def make(folder, request):
    """Make an archive; its servers are started."""
    name = os.urandom(6).hex()
    seaweed = request.getfixturevalue("seaweed")
    places = {
        "old": Local(folder / "library"),
        "new": S3(seaweed, f"b-{name}"),
        "near": S3(seaweed, f"c-{name}"),
        "far": Gcs(request.getfixturevalue("fake_gcs"), f"b-{name}"),
    }
    (folder / "haulage.yaml").write_text(CONFIG.format(**{key: place.line for key, place in places.items()}))
    program = Program(folder, ("-p", "crashpoints", "-p", "quick"), PLUGINS, places["new"].environ)
    chain = Chain("local + sqlite", program, places["old"], Database("sqlite:///haulage.db", folder / "haulage.db"))
    return Archive(chain, places)


@pytest.fixture
def archive(request, tmp_path):
    """An archive with nothing in it."""
    return make(tmp_path, request)


def holds(archive, pid):
    """Whether a process that is gone, or was stopped, holds a job, as the database tells."""
    return archive.chain.holds(pid)


@pytest.mark.timeout(1800)
def test_an_archive_is_moved_by_processes_that_are_killed(archive, extent, chance, ledger):
    """Folder to S3 to Google: whenever it is killed, the same command goes on, and all arrives, whole and once."""
    full = extent == "full"
    urls = archive.haul(200 if full else 12)
    for (old, new), kills in {("old", "new"): 12 if full else 1, ("new", "far"): 8 if full else 1}.items():
        killed = 0
        while killed < kills:
            running = archive.move(old, new, CRASH_AT=f"* {chance.randint(30, 400 if full else 90)}")
            ran = running.end()
            assert ran.code == -signal.SIGKILL, f"it came to its end before it was killed: {ran.code} {ran.said}"
            archive.check_harmless(urls, "killed at any seam")
            killed += holds(archive, running.pid)
        ledger.killed("any time, copy --move", archive.chain.name, killed)
        archive.chain.work("copy", "--from", old, "--to", new, "--move", "--yes")
        archive.check(urls, new, old)
    archive.chain.work("get", "-a", "urls")
    archive.check(urls, "far", "old", "new")


@pytest.mark.timeout(1800)
def test_an_archive_is_moved_although_it_is_killed_at_any_time(archive, extent, chance, ledger):
    """Kills by the clock, of two threads at once, in place of kills at seams."""
    full = extent == "full"
    urls = archive.haul(60 if full else 12)
    killed = 0
    while archive.rows(storage="old", state="stored"):
        running = archive.move("old", "new")
        deadline = time.monotonic() + chance.uniform(0.3, 1.5)
        while time.monotonic() < deadline and not running.ended():
            time.sleep(0.01)
        if running.ended() or killed >= (12 if full else 1):
            assert running.end().code == 0
            break
        os.kill(running.pid, signal.SIGSTOP)  # so that what it holds does not change while we look
        held = holds(archive, running.pid)
        os.kill(running.pid, signal.SIGKILL)
        running.end()
        killed += held
        archive.check_harmless(urls, "killed at any time")
    ledger.killed("any time, copy --move", archive.chain.name, killed)
    archive.chain.work("copy", "--from", "old", "--to", "new", "--move", "--yes")
    archive.check(urls, "new", "old")


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("old", "new"), [("old", "new"), ("new", "near")], ids=["sent", "inside the service"])
def test_a_kill_at_any_seam_of_a_move(archive, old, new, extent, chance, ledger):
    """No row claims what is not there, the video is whole somewhere, and what was verified is not copied again."""
    urls = archive.haul(1)
    if old != "old":
        archive.chain.work("copy", "--to", old, "--from", "old", "--move", "--yes")
    file = archive.folder / "points"
    assert archive.move(old, new, CRASH_LIST=str(file)).end().code == 0
    archive.check(urls, new, old)
    # A heart beats by the clock, and not each time as often.
    points = [point for point, held in points_in(file) if held and point.seam != "store.beat"]
    assert any(point.name == "storage.delete after" for point in points)
    assert any(point.name == "storage.copy_here after" for point in points) == (old != "old")
    ends = [
        point for point in points if point.name.startswith(("storage.delete", "storage.copy_here", "upload.publish"))
    ]
    for point in points if extent == "full" else chance.sample(ends, 2) + chance.sample(points, 1):
        archive.chain.work("copy", "--from", new, "--to", old, "--move", "--yes")
        running = archive.move(old, new, CRASH_AT=str(point))
        assert running.end().code == -signal.SIGKILL, f"it was not killed at {point}"
        archive.check_harmless(urls, f"killed at {point}")
        ledger.killed(point.name, archive.chain.name, 1)
        verified = archive.rows(storage=new, state="stored")
        assert archive.move(old, new).end().code == 0
        archive.check(urls, new, old)
        again = {row["role"]: row["attempt"] for row in archive.rows(storage=new)}
        assert [row for row in verified if again[row["role"]] != row["attempt"]] == [], f"{point}: copied once more"


@pytest.mark.timeout(1800)
def test_lost_answers_of_a_move_within_a_service(archive, extent, chance):
    """Whichever answer of the service is lost, the video is at the new place, whole, and gone at the old one."""
    urls = archive.haul(1)
    archive.chain.work("copy", "--to", "new", "--from", "old", "--move", "--yes")
    config = archive.folder / "haulage.yaml"
    endpoint = re.search(r"type: s3.*?endpoint_url: (http://[^ ,}]+)", config.read_text())[1]
    with FaultProxy(endpoint) as proxy:
        config.write_text(config.read_text().replace(endpoint, proxy.url))

        def lose(number):
            proxy.clear()
            proxy.on("", "", faults.DropAnswer(), only=number)
            ran = archive.move("new", "near").end()
            asked = list(proxy.requests)
            lost = [f"{each.method} {each.target}" for each in asked if each.fault != faults.Pass()]
            assert ran.code == 0, f"a false failure, after the answer to {lost} was lost: {ran.said}"
            archive.check(urls, "near", "new")
            proxy.clear()
            archive.chain.work("copy", "--from", "near", "--to", "new", "--move", "--yes")
            return asked

        asked = lose(0)
        copies = [number for number, each in enumerate(asked, 1) if each.method == "PUT"]
        assert len(copies) == 2, "the video and its record were not copied by the service"
        assert not [each for each in asked if each.method == "GET" and each.target.endswith(".mp4")], "it was read"
        numbers = set(range(1, len(asked) + 1))
        looks = [number for number in numbers if asked[number - 1].method == "HEAD" and number < copies[0]]
        chosen = numbers if extent == "full" else {copies[0], chance.choice(looks)}
        for number in sorted(chosen):
            lose(number)


@pytest.mark.parametrize(("old", "new"), [("old", "new"), ("new", "near")], ids=["sent", "inside the service"])
def test_what_is_not_what_was_stored_is_not_let_go(archive, old, new):
    """Changed before it was copied, changed afterwards, or gone: each is told, and not a byte of it is deleted."""
    urls = archive.haul(4)
    early, late, gone, good = urls
    if old != "old":
        archive.chain.work("copy", "--to", old, "--from", "old", "--move", "--yes")
    place, keys = archive.places[old], {row["url"]: row["key"] for row in archive.rows(storage=old, role="video")}
    told = {key: each.metadata for key, each in place.objects().items()}
    archive.chain.work("copy", "--to", new, "--from", old, late.rpartition("/")[2])
    for url in (early, late):
        write(place, keys[url], flipped(content(url)), told[keys[url]])
    delete(place, keys[gone])
    said = run_warm(archive.chain.program, *f"copy --from {old} --to {new} --move --yes".split())
    assert said.code == 1, said.said
    assert len(re.findall("^left ", said.said, re.MULTILINE)) == 3, said.said
    there = place.objects()
    for url in (early, late):
        changed = sha256(flipped(content(url))).hexdigest()
        assert keys[url] in there, "what was changed was deleted"
        assert there[keys[url]].sha256 == changed
    copied = Counter(each.sha256 for key, each in archive.places[new].objects().items() if key.endswith(".mp4"))
    expected = Counter(sha256(content(url)).hexdigest() for url in (late, good))
    assert copied == expected, "what was changed was taken for what was stored"
    assert not [row for row in archive.lies(archive.found()) if row["storage"] == new]
    assert {row["state"] for row in archive.rows(url=good, storage=old)} == {"deleted"}
    assert {row["state"] for url in urls[:3] for row in archive.rows(url=url, storage=old)} == {"stored"}
