"""`haulage import` of what yt-dlp itself downloaded: nothing is downloaded again, and no object is touched."""

import hashlib
import json
import re
import shutil
import subprocess
import sys

import pytest

NAMES = ("clip", "second", "third")
OBJECTS = (
    "select v.title, o.storage, o.role, o.key, o.state, o.size, o.sha256, o.attempt"
    " from stored_objects o join videos v on v.number = o.video order by o.storage, o.key"
)
JOBS = "select url, status, due_at from video_processing_jobs order by url"
FACTS = "select source, video_id, title, download_duration, width, height, download_format from videos order by title"


@pytest.fixture(scope="module")
def made(site, tmp_path_factory):
    """A folder that yt-dlp made of the site's videos, with its download archive."""
    folder = tmp_path_factory.mktemp("made")
    urls = [site.url(f"/{name}.mp4") for name in NAMES]
    archive = ["--download-archive", str(folder / "archive.txt")]
    command = [sys.executable, "-m", "yt_dlp", "--quiet", "--no-update", "--write-info-json", *archive, *urls]
    subprocess.run(command, cwd=folder, check=True, timeout=120)
    assert {path.name for path in folder.iterdir()} == {
        "archive.txt",
        *(f"{name} [{name}]{end}" for name in NAMES for end in (".mp4", ".info.json")),
    }
    return folder


@pytest.fixture
def old(program, made):
    """The same, as a storage beside the library."""
    config = program.folder / "haulage.yaml"
    config.write_text(config.read_text() + "storages: {old: old, nas: nas}\nstore_to: [old]\n")
    return shutil.copytree(made, program.folder / "old")


def contents(folder):
    """The digests of all files in a folder, and when each was written."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {
        path.relative_to(folder).as_posix(): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in files
    }


def asked(site, before):
    """What was asked of the site since, but for lists."""
    return [each.path for each in site.requests[before:] if each.path != "/feed.xml"]


def test_a_folder_is_taken_in_and_nothing_is_downloaded_again(program, site, old):
    """Rows have the digests and facts of the files; asked for one by one and by a feed, nothing is fetched."""
    before = contents(old)
    result = program.run("import", "--from", "old")
    assert (result.returncode, result.stderr) == (0, "")
    assert [line.split("\t")[::2] for line in result.stdout.splitlines()[:3]] == [
        ["imported", f"{name} [{name}].mp4"] for name in NAMES
    ]
    assert contents(old) == before
    keys = sorted(each for each in before if each != "archive.txt")
    expected = [(key.partition(" [")[0], "old", key, "stored", before[key][0], "") for key in keys]
    assert [(row[0], row[1], *row[3:5], *row[6:]) for row in program.rows(OBJECTS)] == expected
    assert {row[2] for row in program.rows(OBJECTS)} == {"video", "info"}
    urls = [site.url(f"/{name}.mp4") for name in NAMES]
    assert program.rows(JOBS) == [(url, "downloaded", None) for url in sorted(urls)]
    facts = [row[3:] for row in program.rows(FACTS)]
    assert facts == [
        (site.recipes[f"{n}.mp4"].duration, site.recipes[f"{n}.mp4"].width, site.recipes[f"{n}.mp4"].height, "mp4")
        for n in NAMES
    ]
    count = len(site.requests)
    got = program.run("get", *urls, site.url("/feed.xml"))
    assert got.returncode == 0
    assert asked(site, count) == [], "what was imported was fetched again"
    again = program.run("import", "--from", "old")
    assert (again.returncode, again.stdout.splitlines()[0]) == (0, "0 videos imported, 0 bytes; 0 left out")
    assert {key: value for key, value in contents(old).items() if key in before} == before
    assert program.run("fsck", "--deep").returncode == 0


def test_a_dry_run_changes_nothing(program, old):
    """It tells what would be taken in with its bytes, writes no row, and reads no video."""
    (old / "second [second].mp4").write_bytes(b"no medium")
    told = program.json("import", "--from", "old", "--dry-run", "--json")
    sizes = {key: (old / key).stat().st_size for key in contents(old)}
    assert [(each["key"], each["state"], each["objects"]) for each in told["videos"]] == [
        (f"{name} [{name}].mp4", "planned", 2) for name in NAMES
    ]
    assert told["bytes"] == sum(size for key, size in sizes.items() if key != "archive.txt")
    assert (told["imported"], told["left"], told["other_objects"], told["dry_run"]) == (3, 0, 1, True)
    assert program.rows("select * from video_processing_jobs") == []


def test_what_is_not_whole_is_left_with_its_reason(program, old):
    """Empty, cut, a page, unfinished, of two videos, unnamed: each is told, and none is recorded."""
    whole = (old / "third [third].mp4").read_bytes()
    (old / "clip [clip].mp4").write_bytes(b"")
    (old / "second [second].mp4").write_bytes((old / "second [second].mp4").read_bytes()[:-2000])
    (old / "page [page].mp4").write_bytes(b"<!DOCTYPE html><html><body>sorry</body></html>")
    (old / "page [page].info.json").write_text(
        json.dumps({"extractor_key": "X", "id": "page", "webpage_url": "http://a.test/p"})
    )
    (old / "gone [gone].mp4.part").write_bytes(whole[:1000])
    (old / "name.mp4").write_bytes(whole)
    (old / "other [other].mp4").write_bytes(whole)
    shutil.copy(old / "third [third].info.json", old / "other [other].info.json")
    (old / "bad [bad].mp4").write_bytes(whole)
    (old / "bad [bad].info.json").write_text("[" * 100_000)
    (old / "bare [bare].mp4").write_bytes(whole)
    before = contents(old)
    result = program.run("import", "--from", "old")
    assert result.returncode == 1
    lines = [line.split("\t") for line in result.stdout.splitlines() if "\t" in line]
    reasons = {fields[2]: fields[-1] for fields in lines if fields[0] == "left"}
    assert reasons.pop("second [second].mp4").startswith("it ")
    assert reasons.pop("page [page].mp4").startswith("it cannot be read as a medium")
    assert reasons == {
        "clip [clip].mp4": "the file is empty",
        "gone [gone].mp4.part": "it is a part of a download that was not finished",
        "name.mp4": "its name is not of the layout",
        "other [other].mp4": "its name and its info JSON tell of two videos",
        "bad [bad].mp4": "its info JSON is not believed: it is not JSON",
        "bare [bare].mp4": "its source is not known; give an info JSON beside it, or --source NAME",
    }
    assert [row[3] for row in program.rows(OBJECTS)] == ["third [third].info.json", "third [third].mp4"]
    assert contents(old) == before
    assert program.run("import", "--from", "old").returncode == 1
    assert len(program.rows(OBJECTS)) == 2


def test_names_and_what_people_say_are_enough(program, old):
    """Without an info JSON a source and, where no page follows from it, a template of URLs are asked for."""
    for path in old.glob("*.info.json"):
        path.unlink()
    (old / "clip [clip].mp4").rename(old / "A - b [dQw4w9WgXcQ].mp4")
    (old / "second [second].mp4").rename(old / "second [sec-ond].mp4")
    layout = ("--from", "old", "--layout", "{title} [{video_id}].{ext}")
    result = program.run("import", *layout, "--source", "youtube")
    assert result.returncode == 1
    assert "'third' is no id of youtube" in result.stdout
    result = program.run("import", *layout, "--source", "site")
    assert (result.returncode, result.stdout.count("its page is not known; give an info JSON beside it")) == (1, 2)
    page = ("--url", "http://site.test/watch/{video_id}")
    assert program.run("import", *layout, "--source", "site", *page).returncode == 0
    assert program.rows(JOBS) == [
        ("http://site.test/watch/sec-ond", "downloaded", None),
        ("http://site.test/watch/third", "downloaded", None),
        ("https://www.youtube.com/watch?v=dQw4w9WgXcQ", "downloaded", None),
    ]


def test_it_goes_to_the_primary_storage_by_the_ordinary_step(program, site, old):
    """Where another storage is the first, the video is copied there from where it lies, and not downloaded."""
    config = program.folder / "haulage.yaml"
    config.write_text(config.read_text().replace("store_to: [old]", "store_to: [nas]"))
    count, before = len(site.requests), contents(old)
    assert program.run("import", "--from", "old").returncode == 0
    assert {row[1:] for row in program.rows(JOBS) if row[2] is None} == set()
    assert program.run("work").returncode == 0
    assert asked(site, count) == []
    assert contents(old) == before
    there = {digest for digest, _ in contents(program.folder / "nas").values()}
    assert {digest for key, (digest, _) in before.items() if key.endswith(".mp4")} <= there
    assert {row[1:] for row in program.rows(JOBS)} == {("downloaded", None)}


def test_what_was_imported_is_never_deleted(program, site, old):
    """Not by delete, by rules, by a move, nor by a repair; each says so."""
    assert program.run("import", "--from", "old").returncode == 0
    before = contents(old)
    url = site.url("/clip.mp4")
    deleted = program.run("delete", "--yes", url)
    assert deleted.returncode == 1
    assert "it was imported, and haulage deletes only what it wrote" in deleted.stdout
    moved = program.run("copy", "--from", "old", "--to", "nas", "--move", "--yes")
    assert moved.returncode == 1
    assert moved.stdout.count("not deleted in old: it was imported") == 3
    there = {digest for digest, _ in contents(program.folder / "nas").values()}
    assert {digest for key, (digest, _) in before.items() if key != "archive.txt"} <= there
    config = program.folder / "haulage.yaml"
    config.write_text(config.read_text() + "retention: [{max_age: 1ms, storage: old}]\n")
    pruned = program.run("prune", "--yes")
    assert pruned.returncode == 0
    assert "import keeps 3 that retention[0].max_age would let go" in program.run("prune", "--dry-run").stdout
    assert contents(old) == before
    (old / "clip [clip].mp4").write_bytes(b"changed" * 1000)
    before = contents(old)
    assert program.run("fsck", "--repair").returncode == 0
    assert program.run("work").returncode == 0
    assert {key: each for key, each in contents(old).items() if key in before} == before


def test_a_lost_object_is_told_and_hauled_again(program, site, old):
    """An audit finds what is not there any more, or is something else; a repair brings a copy of ours."""
    assert program.run("import", "--from", "old").returncode == 0
    good = contents(old)["clip [clip].mp4"][0]
    (old / "clip [clip].mp4").unlink()
    data = bytearray((old / "second [second].mp4").read_bytes())
    data[-1] ^= 1
    (old / "second [second].mp4").write_bytes(data)
    told = program.run("fsck", "--deep")
    assert told.returncode == 1
    assert re.search(r"^missing +\S+/clip \[clip\].mp4: it is not there", told.stdout, re.MULTILINE)
    assert re.search(r"^wrong digest +\S+/second \[second\].mp4: .*it was imported", told.stdout, re.MULTILINE)
    count = len(site.requests)
    assert program.run("fsck", "--deep", "--repair").returncode == 0
    assert program.run("work").returncode == 0
    assert set(asked(site, count)) == {"/clip.mp4", "/second.mp4"}
    keys = {row[0]: (row[3], row[6]) for row in program.rows(OBJECTS) if row[2] == "video"}
    assert keys["clip"][0].startswith("127.0.0.1/clip-")
    assert keys["clip"][1] == good == contents(old)[keys["clip"][0]][0]
    assert (old / "second [second].mp4").read_bytes() == data, "a repair touched what haulage did not write"
    assert program.run("fsck", "--deep").returncode == 0


def test_an_archive_keeps_lists_from_hauling(program, site, old):
    """What it names and no file holds is let go: a channel does not bring it back, and who asks for it gets it."""
    for path in old.glob("clip*"):
        path.unlink()
    archive = program.folder / "archive.txt"
    archive.write_text(
        "# mine\n\nyoutube dQw4w9WgXcQ\nnonsense\nvimeo 123456\nyoutube dQw4w9WgXcQ\n"
        "somesite a/b\nsomesite x1\ngeneric clip\n"
    )
    result = program.run("import", "--from", "old", "--archive", "archive.txt")
    assert result.returncode == 1
    left = [line.split("\t")[2:] for line in result.stdout.splitlines() if line.startswith("left")]
    assert [each[0] for each in left] == ["archive.txt:4", "archive.txt:7", "archive.txt:9"]
    assert left[0][1].startswith("it is no line of a download archive")
    assert {each[1] for each in left[1:]} == {"its page is not known; give an info JSON beside it, or --url TEMPLATE"}
    noted = [row for row in program.rows(JOBS) if row[1] == "pruned"]
    assert noted == [
        ("https://vimeo.com/123456", "pruned", None),
        ("https://www.youtube.com/watch?v=dQw4w9WgXcQ", "pruned", None),
        ("somesite:x1", "pruned", None),
    ]
    gone = "select state, attempt in (select id from attempts) from stored_objects where state = 'deleted'"
    assert program.rows(gone) == [("deleted", 1)] * 3, "they are not like what was deleted on purpose"
    rows = program.rows(JOBS)
    again = program.run("import", "--from", "old", "--archive", "archive.txt")
    assert again.returncode == 1
    assert program.rows(JOBS) == rows


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, "say what to import"),
        (("--from", "odl"), 2, "no storage 'odl' in the config; did you mean 'old'?"),
        (("--from", "old", "--layout", "%(title)s.%(ext)s"), 2, "nothing tells which video a file is"),
        (("--layout", "{video_id}.{ext}", "--archive", "a"), 2, "--layout is about the objects of a storage"),
        (("--from", "old", "--variant", "audio"), 2, "no variant 'audio' in the config"),
        (("--from", "old", "--url", "http://a.test/"), 2, "write the page like"),
        (("--archive", "missing.txt"), 2, "cannot read the archive missing.txt: No such file"),
        (("--archive", "binary"), 2, "cannot read the archive binary: it is not UTF-8 text"),
        (("--from", "old", "--workers", "0"), 2, "workers"),
    ],
)
def test_bad_input(program, old, arguments, code, said):
    """A clear line, and its exit code; nothing is recorded."""
    (program.folder / "binary").write_bytes(b"\xff\xfe\0")
    result = program.run("import", *arguments)
    assert result.returncode == code
    assert said in " ".join(result.stderr.split())


def test_lines_fit_on_a_terminal(program, site, old, watch):
    """Of any name, with nothing that moves the cursor."""
    name = "x" * 150 + "\u202e [third].mp4"
    (old / "third [third].mp4").rename(old / name)
    (old / "third [third].info.json").rename(old / name.replace(".mp4", ".info.json"))
    running = watch("import", "--from", "old", "--dry-run", terminal=True)
    running.until("left out")
    assert running.end() == 0
    lines = running.said.splitlines()
    assert max(map(len, lines)) <= 80
    assert "\u202e" not in running.said
    (old / "strange\u202e.txt").touch()
    third = program.run("import", "--from", "old").stdout
    (old / name).write_bytes(b"changed")
    commands = (("fsck",), ("show", site.url("/third.mp4")), ("url", site.url("/third.mp4")))
    told = [third, *(program.run(*each).stdout for each in commands)]
    assert all("x" * 50 in each for each in told)
    assert "\u202e" not in "".join(told)
