"""The file of events: what its lines say, who may share it, and what becomes of a run when it cannot be written."""

import hashlib
import json
import re
import time
from pathlib import Path

import pytest
from program import Program

from haulage import Failure, Job, Kind, Lost, Progressed, Request, Started, Stepped
from haulage.builtin.jsonl import JsonLines

PLUGINS = Path(__file__).parents[1] / "faults" / "plugins"
PLANTED = "PLANTEDsigned-q7Zx9"
TIME = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
KEYS = {
    "started": {"video"},
    "stepped": {"step", "storage", "role"},
    "progressed": {"stage", "done", "total"},
    "stored": {"storage", "role", "key", "url", "size", "sha256"},
    "settled": {"seconds", "again", "failure", "video"},
    "run_ended": {"stored", "total", "monthly_cost", "unpriced", "tables"},
}


def program(folder, observer="{type: jsonl, path: events.jsonl}", more=""):
    """A program whose fetcher does what a URL says."""
    folder.mkdir(exist_ok=True)
    (folder / "haulage.yaml").write_text(
        f"fetcher: {{type: told}}\nretry: {{attempts: 2, initial: 0.01}}\nobservers: {{log: {observer}}}\n{more}"
    )
    return Program(folder, ("-p", "told"), PLUGINS)


def events(path):
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A run of three videos, one of which is not there and one whose site fails; in its URLs are secrets."""
    ran = program(tmp_path_factory.mktemp("ran"))
    urls = [f"http://{name}.example/{what}/{name}?token={PLANTED}&X-Amz-Signature={PLANTED}"
            for name, what in (("one", "good"), ("two", "unavailable"), ("three", "transient"))]  # fmt: skip
    done = ran.run("get", *urls)
    assert done.returncode == 1, done.stderr
    return ran


def test_every_line_is_an_event_of_the_schema(ran):
    """Each has a time in UTC and the keys of its kind; those of an attempt name it, and its job."""
    found = events(ran.folder / "events.jsonl")
    times = [each["time"] for each in found]
    assert all(TIME.fullmatch(each) for each in times)
    assert times == sorted(times)
    assert {each["event"] for each in found} == set(KEYS)
    for each in found:
        of_it = set() if each["event"] == "run_ended" else {"job", "attempt"}
        assert set(each) == {"time", "event"} | of_it | KEYS[each["event"]]


def test_the_events_are_those_of_the_database(ran):
    """Attempts, ends and objects are told once each, as sqlite3 finds them recorded."""
    found = events(ran.folder / "events.jsonl")
    attempts = {row[0] for row in ran.rows("select id from attempts")}
    assert len(attempts) == 4
    for kind in ("started", "settled"):
        assert sorted(each["attempt"] for each in found if each["event"] == kind) == sorted(attempts)
    stored = [(each["key"], each["size"], each["sha256"]) for each in found if each["event"] == "stored"]
    rows = ran.rows("select key, size, sha256 from stored_objects")
    assert sorted(stored) == sorted(rows)
    assert len(rows) == 2


def test_an_object_is_told_with_size_and_digest(ran):
    """They are those of the file that lies in the folder."""
    [video] = [each for each in events(ran.folder / "events.jsonl") if each["event"] == "stored"][:1]
    content = (ran.folder / "library" / video["key"]).read_bytes()
    assert content == b"one"
    assert (video["size"], video["sha256"]) == (3, hashlib.sha256(b"one").hexdigest())
    assert video["url"].endswith(video["key"])


def test_how_attempts_end_is_told(ran):
    """With the kind of the failure, in which step, and how long it rests in seconds, or null where nothing is left."""
    ends = [each for each in events(ran.folder / "events.jsonl") if each["event"] == "settled"]
    kinds = [each["failure"] and each["failure"]["kind"] for each in ends]
    sites = [each["video"]["url"].split("/")[2] for each in ends]
    assert sorted(zip(sites, kinds, [each["again"] for each in ends], strict=True), key=str) == [
        ("one.example", None, None),
        ("three.example", "transient", 0.01),
        ("three.example", "transient", None),
        ("two.example", "unavailable", None),
    ]
    assert {each["failure"]["stage"] for each in ends if each["failure"]} == {"fetch"}
    assert {each["video"]["status"] for each in ends} == {"downloaded", "pending", "failed", "unavailable"}
    assert all(0 <= each["seconds"] < 60 for each in ends)


def test_no_event_has_what_gives_access(ran):
    """Neither signatures nor tokens of URLs are in the file."""
    said = (ran.folder / "events.jsonl").read_text()
    assert "one.example/good/one" in said
    assert PLANTED not in said, "an event shows a secret"


def test_processes_may_share_the_file(tmp_path):
    """Of two that write at once, no two lines mix, and none is lost."""
    processes = []
    for number in range(2):
        each = program(tmp_path / str(number), "{type: jsonl, path: ../events.jsonl}", "workers: 3\n")
        processes.append(each.start("get", *(f"http://s.example/good/{number}-{clip}" for clip in range(8))))
    for process in processes:
        assert process.wait(60) == 0
        process.communicate()
    ends = [each["video"]["video_id"] for each in events(tmp_path / "events.jsonl") if each["event"] == "settled"]
    asked = sorted(f"{number}-{clip}" for number in range(2) for clip in range(8))
    assert sorted(ends) == asked, "who shares the file loses events"


def test_standard_output_may_be_the_file(tmp_path):
    """Events and results stand on lines of their own, which a reader tells apart by the key `event`."""
    done = program(tmp_path, "{type: jsonl, path: '-'}").run("get", "--json", "http://s.example/good/clip")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["status"] for each in lines if "event" not in each] == ["downloaded"]
    assert [each["event"] for each in lines if each.get("event") in ("started", "settled")] == ["started", "settled"]


def test_a_full_disk_harms_no_job(tmp_path):
    """The observer is told no more, after one warning that says why; the videos are stored."""
    urls = [f"http://s.example/good/{number}" for number in range(3)]
    done = program(tmp_path, "{type: jsonl, path: /dev/full}").run("--log-level", "warning", "get", *urls)
    assert done.returncode == 0, "a full disk under the events has harmed a job"
    [warning] = [line for line in done.stderr.splitlines() if "WARNING" in line]
    told = "observer jsonl to /dev/full raised and is told no more: cannot write events to /dev/full"
    assert f"{told}: No space left on device" in warning


def test_a_folder_that_is_missing_is_told_before_anything_is_hauled(tmp_path):
    """It is the config's fault: exit code 2, and one line with the cure."""
    missing = program(tmp_path, "{type: jsonl, path: no/events.jsonl}")
    done = missing.run("get", "http://s.example/good/clip")
    assert done.returncode == 2
    folder = tmp_path / "no"
    said = f"haulage: cannot write events to {folder}/events.jsonl: there is no folder {folder}; make it\n"
    assert done.stderr == said
    assert not (tmp_path / "notes").exists()


def test_a_line_that_a_full_disk_cut_short_spoils_no_other(tmp_path):
    """What follows it begins on a line of its own."""
    path = tmp_path / "events.jsonl"
    path.write_text('{"time": "2026-')
    observer = JsonLines(path)
    observer(Started("job", "attempt", Job("job", Request("http://s.example/v"), "s.example")))
    observer.close()
    first, second = path.read_text().splitlines()
    assert first == '{"time": "2026-'
    assert json.loads(second)["event"] == "started"


def test_progress_is_told_once_a_second_and_at_the_end(tmp_path):
    """However often a fetcher says how far it is; each step and each attempt for itself."""
    path, began = tmp_path / "events.jsonl", time.monotonic()
    observer = JsonLines(path)
    for done in range(5001):
        for attempt in "ab":
            observer(Progressed("job", attempt, "fetch", done, 5000))
    for done in (0, 1):
        observer(Progressed("job", "a", "store:archive", done, None))
    took = time.monotonic() - began
    observer.close()
    for attempt in "ab":
        told = [each for each in events(path) if each["attempt"] == attempt and each["stage"] == "fetch"]
        assert told[0]["done"] == 0
        assert told[-1]["done"] == 5000
        assert len(told) <= 2 + took, "progress floods the file"
    assert [each["done"] for each in events(path) if each["stage"] == "store:archive"] == [0]


def test_the_end_of_each_step_is_told(ran):
    """Of several small files that one storage gets within a second, each has a line that says it is all done."""
    found = events(ran.folder / "events.jsonl")
    attempt = next(each["attempt"] for each in found if each["event"] == "stored")
    sizes, steps = {}, {}
    for each in (each for each in found if each.get("attempt") == attempt):
        if each["event"] == "stepped":
            step = steps.setdefault((each["step"], each["role"]), [])
        elif each["event"] == "progressed" and steps:
            step.append((each["done"], each["total"]))
        elif each["event"] == "stored":
            sizes[each["role"]] = each["size"]
    assert set(sizes) == {"video", "record"}
    for role, size in sizes.items():
        assert (size, size) in steps["store", role], f"nobody says that all of the {role} was stored"


def test_a_step_of_unknown_length_tells_how_far_it_was(tmp_path):
    """What was held back is written before the next step, and before the end of the attempt; nothing of it twice."""
    path = tmp_path / "events.jsonl"
    observer = JsonLines(path)
    for done in range(1, 6):
        observer(Progressed("job", "a", "expand", done, None))
    observer(Stepped("job", "a", "fetch"))
    for done in range(10, 16):
        observer(Progressed("job", "a", "fetch", done, None))
    observer(Progressed("job", "b", "fetch", 1, None))
    observer(Lost("job", "a", Failure(Kind.CRASHED, "the lease ended")))
    observer.close()
    told = [each.get("done", each["event"]) for each in events(path) if each["attempt"] == "a"]
    assert told == [1, 5, "stepped", 10, 15, "lost"]


def test_a_file_that_may_not_be_written_is_told(closed_folder, powerless):
    """At the start, with the reason."""
    with powerless(), pytest.raises(Exception, match=r"cannot write events to .*: Permission denied; choose another"):
        JsonLines(closed_folder / "events.jsonl")
