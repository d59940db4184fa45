"""The commands that work off the queue, fill it again, and open what was closed."""

import json
import signal

import pytest
from program import WITHIN

from haulage import Pipeline, Request

JOBS = "select url, status, (select count(*) from attempts a where a.job = j.id) from video_processing_jobs j"


def contents(program):
    """The bytes of all that is stored."""
    return sorted(path.read_text() for path in program.stored())


def test_work_goes_on_with_what_others_left(scripted, watch, wait_for, pipeline):
    """It hauls what a `get` was stopped from hauling, and what a program has added; once nothing is left it ends."""
    stopped = watch("get", "http://a.test/wait/one", "http://a.test/good/two", by=scripted)
    wait_for((scripted.folder / "one.begun").exists)
    stopped.process.terminate()
    assert stopped.end() == 4
    pipeline.add(["http://a.test/good/three"])
    (scripted.folder / "one.go").touch()
    result = scripted.run("work")
    assert result.returncode == 0
    assert sorted(result.stdout.splitlines()) == [
        f"stored       Title of {name} (180p, 1:01, {len(name)} bytes)"
        f" -> {scripted.folder}/library/channel/{name}/video.mp4"
        for name in ("one", "three", "two")
    ]
    [(total,)] = scripted.rows("select sum(size) from stored_objects")
    summary, account = result.stderr.splitlines()
    assert summary == "3 stored"
    assert account.endswith(f" stored, {total / 1000:.4g} kB in the archive")
    assert contents(scripted) == ["one", "three", "two"]
    idle = scripted.run("work", "--json")
    assert (idle.returncode, idle.stdout, idle.stderr) == (0, "", "")


def test_two_workers_share_one_queue(scripted, watch, wait_for, pipeline):
    """Both work at once, each job is in the hands of one of them, and both end when all is done."""
    held, free = [f"http://a.test/wait/{each}" for each in "ab"], [f"http://a.test/good/{each}" for each in range(6)]
    pipeline.add([*held, *free])
    both = [watch("work", "--json", by=scripted) for _ in range(2)]
    wait_for(lambda: all((scripted.folder / f"{each}.begun").exists() for each in "ab"))  # with one worker each
    for each in "ab":
        (scripted.folder / f"{each}.go").touch()
    assert [each.end() for each in both] == [0, 0]
    told = [json.loads(line) for each in both for line in each.said.splitlines()]
    assert sorted(each["url"] for each in told) == sorted([*held, *free])
    assert {each["status"] for each in told} == {"downloaded"}
    assert contents(scripted) == sorted([*"ab", *map(str, range(6))])
    assert scripted.rows("select count(*), count(distinct job), count(distinct worker) from attempts") == [(8, 8, 2)]


def test_a_worker_that_waits_for_more(scripted, watch, wait_for, pipeline):
    """`--forever` takes what is added later, too, and ends when it is told to."""
    running = watch("work", "--forever", by=scripted)
    wait_for((scripted.folder / ".haulage" / "work" / "workers").exists)
    for name in ("early", "late"):
        pipeline.add([f"http://a.test/good/{name}"])
        running.until(f"stored       Title of {name} ")
    running.process.send_signal(signal.SIGTERM)
    assert running.end(seconds=WITHIN) == 4
    assert contents(scripted) == ["early", "late"]


@pytest.mark.parametrize(("left", "code"), [([], 0), (["http://a.test/good/left"], 4)])
def test_a_worker_that_is_stopped(scripted, watch, wait_for, pipeline, left, code):
    """It finishes what runs, and the exit code says whether something is left."""
    pipeline.add(["http://a.test/wait/held", *left])
    running = watch("work", by=scripted)
    wait_for((scripted.folder / "held.begun").exists)
    running.interrupt()
    running.until("finishing what runs")
    (scripted.folder / "held.go").touch()
    assert running.end() == code
    assert contents(scripted) == ["held"]
    assert ("stopped; what was not begun stays in the queue" in running.said) == bool(left)


FAILED = {
    "http://a.test/transient/flaky": "failed",
    "http://a.test/conflict/taken": "failed",
    "http://a.test/unavailable/gone": "unavailable",
    "http://a.test/geo/abroad": "unavailable",
    "http://a.test/good/fine": "downloaded",
}


@pytest.mark.parametrize(
    ("arguments", "again"),
    [
        ([], ["transient/flaky", "conflict/taken"]),
        (["--kind", "conflict"], ["conflict/taken"]),
        (["--kind", "unavailable", "--kind", "geo"], ["unavailable/gone", "geo/abroad"]),
        (["gone"], ["unavailable/gone"]),
        (["http://a.test/geo/abroad", "flaky"], ["geo/abroad", "transient/flaky"]),
        (["flaky", "taken", "--kind", "transient"], ["transient/flaky"]),
    ],
)
def test_retry(scripted, pipeline, arguments, again):
    """What has failed is tried again, or what is named or of a kind; nothing else is touched."""
    config = scripted.folder / "haulage.yaml"
    config.write_text(config.read_text().replace("{initial: 0.05}", "{attempts: 1}"))
    with Pipeline.from_config(config, modules=["scripted"]) as impatient:
        assert {job.request.url: job.status.value for job in impatient.run(FAILED)} == FAILED
    (scripted.folder / "mended").touch()
    expected = {f"http://a.test/{path}" for path in again}
    result = scripted.run("retry", *arguments, "--json")
    assert result.returncode == 0
    assert {json.loads(line)["url"] for line in result.stdout.splitlines()} == expected
    assert scripted.rows(JOBS) == [
        (url, "downloaded" if url in expected else status, 1 + (url in expected)) for url, status in FAILED.items()
    ]


def test_what_retry_cannot_do(scripted, haulage, pipeline):
    """Nothing to try again is no mistake; an unknown video or kind is one, with exit code 2 and the cure."""
    [job] = pipeline.run(["http://a.test/unavailable/gone"])
    for arguments in ([], ["--kind", "bug"]):
        result = haulage("retry", *arguments)
        assert (result.returncode, result.stdout, result.stderr) == (0, "", "nothing to try again\n")
    result = haulage("retry", "gone", "nothing")
    assert (result.returncode, result.stderr.splitlines()[-1]) == (
        2,
        "Error: no video 'nothing'; see: haulage list",
    )
    result = haulage("retry", "--kind", "flaky")
    assert (result.returncode, result.stderr.splitlines()[-1]) == (
        2,
        "Error: no such kind of failure: 'flaky'; there are: transient, rate_limited, unavailable, not_yet, auth, geo,"
        " invalid, no_space, storage, denied, conflict, environment, config, crashed, bug",
    )
    assert scripted.rows(JOBS) == [(job.request.url, "unavailable", 1)]


@pytest.mark.parametrize(("kind", "code"), [("auth", 1), ("environment", 3)])
def test_a_site_that_a_person_has_to_open(scripted, haulage, kind, code):
    """Its jobs wait, others go on; each command says so and how to open it, and `resume` does."""
    first, other = f"http://closed.test/{kind}/first", "http://open.test/good/other"
    second = "http://closed.test/good/second"
    result = scripted.run("get", first, second, other)
    assert result.returncode == code
    assert result.stdout.splitlines()[1:] == [
        f"pending      {first}: the site says {kind}; mend it",
        f"pending      {second}",
    ]
    closed = f"closed.test is closed: the site says {kind}; mend it. Once that is mended: haulage resume closed.test\n"
    [(size,)] = scripted.rows("select sum(size) from stored_objects")
    account = f"{size} B stored, {size} B in the archive\n"
    assert result.stderr == (
        f"again once that is mended: {first}: the site says {kind}; mend it\n1 stored, 2 pending\n{account}{closed}"
    )
    assert scripted.rows("select name, opens_at, strikes, reason from sites where opens_at is null") == [
        ("closed.test", None, 1, f"the site says {kind}; mend it")
    ]
    work = scripted.run("work")
    assert (work.returncode, work.stdout) == (code, "")
    assert work.stderr == f"2 pending\n0 B stored, {size} B in the archive\n{closed}"
    size = sum(path.stat().st_size for path in (scripted.folder / "library").rglob("*.*") if path.is_file())
    assert haulage("status").stdout == (
        f"2 pending, 1 downloaded; {size} bytes stored\n"
        f"closed       closed.test: the site says {kind}; mend it; once that is mended: haulage resume closed.test\n"
    )
    told = json.loads(haulage("status", "--json").stdout)
    [failed] = told.pop("failures")
    assert (failed["url"], failed["kind"], failed["status"]) == (first, kind, "pending")
    del told["at"]
    assert told == {
        "counts": {"pending": 2, "downloaded": 1},
        "stored_bytes": size,
        "running": [],
        "owed": {},
        "rates": {"fetch": None, "store": None},
        "sites": [{"name": "closed.test", "opens": None, "strikes": 1, "reason": f"the site says {kind}; mend it"}],
    }
    (scripted.folder / "mended").touch()
    result = haulage("resume", "closed.test")
    assert (result.returncode, result.stdout, result.stderr) == (
        0,
        "closed.test is open again; of its jobs, 2 wait for: haulage work\n",
        "",
    )
    assert scripted.run("work").returncode == 0
    assert contents(scripted) == ["first", "other", "second"]
    assert json.loads(haulage("status", "--json").stdout)["sites"] == []
    assert haulage("resume", "closed.test").stdout == "closed.test was open; of its jobs, 0 wait\n"


def test_a_site_that_nobody_knows(haulage, pipeline):
    """Opening it is a mistake, and the line says which sites are closed."""
    list(pipeline.run([Request("http://closed.test/auth/first")]))
    result = haulage("resume", "close.test")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1] == "Error: no job is of the site 'close.test'; closed: closed.test"


def test_another_url_of_a_video_names_it(haulage, scripted):
    """Where a second URL led to a video that there was already, each command takes it for that video."""
    config = scripted.folder / "haulage.yaml"
    config.write_text(config.read_text() + "storages: {library: library, nas: nas}\nstore_to: [library]\n")
    one, two = "http://a.test/twin/one", "http://a.test/twin/two"
    assert haulage("get", one, two).returncode == 0
    [(second,)] = scripted.rows("select url from video_processing_jobs where twin is not null")
    [(stored,)] = scripted.rows("select key from stored_objects where role = 'video'")
    for url in (one, two):
        assert haulage("url", url).stdout.strip() == str(scripted.folder / "library" / stored)
    assert haulage("copy", "--to", "nas", second).returncode == 0
    assert (scripted.folder / "nas" / stored).is_file()
    assert haulage("delete", "--yes", second).returncode == 0
    assert not (scripted.folder / "library" / stored).exists()
