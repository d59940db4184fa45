"""G11. Deletion is deliberate: a repair mends what is ours, and touches nothing else, wherever it is killed."""

import json
import re
import signal
import sqlite3
from hashlib import sha256

import pytest
from harness.chains import points_in
from harness.oracle import judge
from harness.tamper import delete, flipped, write
from harness.warm import run_warm
from witnesses import S3, Local

COPIES = "select storage, role, key, state, size, sha256, attempt from stored_objects order by storage, key"
VIDEOS = (
    "select v.source, v.video_id, v.variant, v.title, v.channel_id, v.download_status, v.download_url, v.download_size,"
    " v.download_duration, v.download_resolution, v.download_format, v.width, v.height, v.video_codec, v.audio_codec,"
    " v.fetched_by, v.sha256, j.id, j.url, j.site, j.status, j.due_at"
    " from videos v join video_processing_jobs j on v.job = j.id order by v.video_id"
)


def haul(chain, site, *names):
    """Haul videos; their URLs, and their keys."""
    urls = {name: site.url(f"/clip.mp4?{name}-{chain.name.partition(' ')[0]}") for name in names}
    chain.work("get", *urls.values())
    query = "select j.url, o.key from stored_objects o join videos v on o.video = v.number"
    rows = chain.database.rows(f"{query} join video_processing_jobs j on v.job = j.id where o.role = 'video'")
    keys = {each["url"]: each["key"] for each in rows}
    return urls, {name: keys[url] for name, url in urls.items()}


def lies(chain):
    """The rows that say stored of what is not there."""
    there = chain.place.objects()
    return [
        each["key"] for each in chain.database.rows(COPIES) if each["state"] == "stored" and each["key"] not in there
    ]


def test_a_damaged_archive_is_mended_and_nobody_elses_is_touched(chain, site, digest):
    """Missing, cut, changed, left open: a report tells each and changes nothing, a repair mends those that are ours."""
    place, tells = chain.place, not isinstance(chain.place, Local)
    urls, keys = haul(chain, site, "gone", "cut", "bit", "whole", *(["theirs"] if tells else []))
    data = place.read(keys["whole"])
    told = {name: place.objects()[key].metadata for name, key in keys.items()}
    delete(place, keys["gone"])
    write(place, keys["cut"], data[:1000], told["cut"])
    write(place, keys["bit"], flipped(data), told["bit"])
    strange = {"strange/notes.txt": b"mine", f"{keys['whole']}.bak": data}
    expected = {"gone": "missing", "cut": "wrong size", "bit": "wrong digest"}
    if tells:
        strange |= {keys["theirs"]: data[:2000]}
        write(place, "old/video.mp4", data, told["whole"])
        expected |= {"theirs": "wrong size"}
    for key, content in strange.items():
        write(place, key, content)
    uploads = open_uploads(place, keys["whole"], "strange/upload")

    before = place.objects(), chain.database.rows(COPIES), chain.database.rows(VIDEOS)
    findings = json.loads(chain.work("fsck", "--deep", "--json", expected=[1]))["findings"]
    named = {each["name"]: each["sort"] for each in findings if each["sort"] not in ("foreign", "stale upload")}
    for name, sort in expected.items():
        assert [named[each] for each in named if each.endswith(keys[name])] == [sort], f"{name} was not found"
    assert ("orphan" in named.values()) is tells
    assert ("stale upload" in {each["sort"] for each in findings}) is bool(uploads)
    after = place.objects(), chain.database.rows(COPIES), chain.database.rows(VIDEOS)
    assert after == before, "a report changed something"
    assert sorted(place.unfinished()) == sorted(uploads), "a report ended an upload"

    chain.work("fsck", "--deep", "--repair", expected=(0, 1))
    assert not lies(chain)
    chain.work("work")
    objects = place.objects()
    kept = {key: objects[key].sha256 for key in strange if key in objects}
    assert kept == {key: sha256(data).hexdigest() for key, data in strange.items()}, "a repair touched what is not ours"
    whole = {urls[name]: digest("clip.mp4") for name in urls if name != "theirs"}
    verdict = judge(chain, whole)
    assert not verdict.lost, f"a repair lost a video: {verdict.lost}"
    assert "old/video.mp4" not in objects, "an object of ours that nobody needs was left"
    assert place.unfinished() == [each for each in uploads if "strange" in each], (
        "not those uploads that are ours ended"
    )
    if not tells:
        aside = {each.sha256 for key, each in objects.items() if ".damaged-" in key}
        assert len(aside) == 2, "what was damaged, and may be somebody's, was deleted"
    chain.work("fsck", "--deep", expected=[1 if tells else 0])


def open_uploads(place, *keys):
    """Begin uploads that nobody ends, as another client would; their keys."""
    if not isinstance(place, S3):
        return []
    for key in keys:
        place.client.create_multipart_upload(Bucket=place.bucket, Key=key)
    return list(keys)


def test_a_kill_while_repairing_leaves_no_row_that_lies(timely, site, digest, extent, chance, tmp_path):
    """No row claims what is not there, no byte of what was damaged is lost, and the next one mends it all."""
    chain = timely
    urls, keys = haul(chain, site, "one", "two")
    [url, other] = urls.values()
    good = chain.place.read(keys["one"])

    def damage(number):
        """Change one byte, another one each time; what is there then."""
        bad = good[:number] + bytes([good[number] ^ 1]) + good[number + 1 :]
        write(chain.place, keys["one"], bad, chain.place.objects()[keys["one"]].metadata)
        return bad

    file = tmp_path / "points"
    damage(0)
    run(chain, CRASH_LIST=str(file))
    chain.work("work")
    points = [point for point, _ in points_in(file)]
    wanted = [each for each in points if each.name.startswith(("store.claim", "store.save", "storage.", "upload."))]
    deletes = [each for each in points if each.name.startswith("storage.delete")]
    chosen = [*deletes, *chance.sample(wanted, 8 if extent == "full" else 1)]
    for number, point in enumerate(chosen, 1):
        bad = damage(number)
        assert run(chain, CRASH_AT=str(point)).code == -signal.SIGKILL, f"it was not killed at {point}"
        assert not lies(chain), f"killed at {point}, a row says stored of what is not there"
        assert bad in contents(chain), f"killed at {point}, the bytes that were damaged are lost"
        mend(chain)
        verdict = judge(chain, {url: digest("clip.mp4"), other: digest("clip.mp4")})
        assert not verdict.lost + verdict.partial, f"killed at {point}: {verdict}"


def run(chain, **environ):
    """Repair, until the end or a kill."""
    return run_warm(chain.program, "fsck", "--deep", "--repair", environ=environ)


def mend(chain):
    """Work, repair and work: what people do after a kill."""
    chain.work("work", expected=(0, 1))
    chain.work("fsck", "--deep", "--repair")
    chain.work("work")


def contents(chain):
    """The bytes of all that is stored."""
    return [chain.place.read(key) for key in chain.place.objects()]


def test_a_lost_database_is_made_again_from_the_storage(chain, site):
    """`fsck --adopt` brings back what the rows said, and nothing is downloaded again."""
    urls, _ = haul(chain, site, "one", "two", "three")
    before = chain.database.rows(COPIES), chain.database.rows(VIDEOS), chain.place.objects()
    asked = [len(site.log(url)) for url in urls.values()]
    forget(chain.database)
    chain.work("fsck", "--adopt", "--deep")
    copies, videos = chain.database.rows(COPIES), chain.database.rows(VIDEOS)
    tells = not isinstance(chain.place, Local)
    attempt = {} if tells else {"attempt": ""}  # plain files do not tell who wrote them
    copies, known = ([each | attempt for each in rows] for rows in (copies, before[0]))
    assert copies == known, "a copy was not taken in as it was"
    assert videos == before[1], "the database is not what it was"
    chain.work("get", *urls.values())
    assert [len(site.log(url)) for url in urls.values()] == asked, "what was adopted was hauled again"
    assert chain.place.objects() == before[2]


def forget(database):
    """Empty every table."""
    tables = ("stored_objects", "videos", "attempts", "video_processing_jobs", "sites")
    if database.file is not None:
        connection = sqlite3.connect(database.file, isolation_level=None)
        for table in tables:
            connection.execute(f"delete from {table}")
        connection.close()
        return
    import psycopg

    with psycopg.connect(database.url.replace("+psycopg", "")) as connected:
        connected.execute(f"truncate {', '.join(tables)}")


@pytest.mark.parametrize("chain", ["seaweedfs + postgres"], indirect=True)
def test_a_storage_that_cannot_be_reached_is_no_empty_one(chain, site):
    """Nor is one under another prefix, where nothing of ours lies; no row is given up for that."""
    haul(chain, site, "one")
    before = chain.database.rows(COPIES), chain.database.rows(VIDEOS)
    config = chain.program.folder / "haulage.yaml"
    told = config.read_text()
    config.write_text(re.sub(r"endpoint_url: [^,}]+", "endpoint_url: http://127.0.0.1:9", told))
    chain.work("fsck", "--repair", expected=[3])
    assert (chain.database.rows(COPIES), chain.database.rows(VIDEOS)) == before, "rows were given up"
    write(chain.place, "elsewhere/notes.txt", b"mine")
    config.write_text(told.replace("type: s3,", "type: s3, prefix: elsewhere,"))
    chain.work("fsck", "--repair", expected=(0, 1))
    assert (chain.database.rows(COPIES), chain.database.rows(VIDEOS)) == before, "rows were given up"
