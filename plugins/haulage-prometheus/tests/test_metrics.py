"""The numbers are those of a real run, as sqlite3, the files and the recipe of the run tell them."""

import re
import signal
import socket
import time
import urllib.request
from pathlib import Path

import prometheus_client
import pytest
from program import Program

from haulage import Continued, Copy, Deleted, Failure, JobId, Kind, Paused, Pipeline
from haulage.plugin import AttemptId, BuildContext, ObserverError
from haulage_prometheus.options import PrometheusOptions
from haulage_prometheus.plugin import haulage_observers

FAULTS = Path(__file__).parents[3] / "tests" / "faults" / "plugins"
SAMPLE = re.compile(r'([a-z_]+)(?:\{((?:[a-z_]+="[^"\\]*",?)*)\})? (-?[0-9.]+(?:e[+-]?[0-9]+)?|\+Inf)')
PLANTED = "PLANTEDsigned-q7Zx9"
RECIPE = {"good": 3, "unavailable": 2, "transient": 1}
"""How many videos of each behaviour are asked for; of transient ones there are two tries."""


def samples(text):
    """The samples of a text in Prometheus's format, read with nothing but its grammar."""
    found = {}
    for line in text.splitlines():
        if line.startswith("#"):
            assert re.fullmatch(r"# (HELP|TYPE) [a-z_]+ .+", line), line
        else:
            match = SAMPLE.fullmatch(line)
            assert match, f"no sample: {line!r}"
            labels = frozenset(re.findall(r'([a-z_]+)="([^"]*)"', match[2] or ""))
            assert (match[1], labels) not in found, f"told twice: {line}"
            found[match[1], labels] = float(match[3])
    return found


def sample(found, name, **labels):
    return found.get((name, frozenset(labels.items())), 0)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def scrape(port):
    """What is served, or nothing where nobody serves."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            assert answer.headers["Content-Type"].startswith("text/plain")
            return samples(answer.read().decode())
    except OSError:
        return {}


def await_(condition, process):
    """Wait until a condition holds, as long as the program runs."""
    end = time.monotonic() + 60
    while not (found := condition()):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "it did not come to that within a minute"
        time.sleep(0.05)
    return found


def program(folder, observer, fetcher="told"):
    (folder / "haulage.yaml").write_text(
        f"fetcher: {{type: {fetcher}}}\nretry: {{attempts: 2, initial: 0.01}}\nworkers: 2\n"
        f"observers: {{m: {observer}}}\n"
    )
    return Program(folder, ("-p", fetcher), FAULTS)


def build(folder, **options):
    [offered] = haulage_observers()
    return offered.build(PrometheusOptions(**options), BuildContext("m", folder, {}))


def _served(folder, port, process):
    """Let a worker haul what the recipe says: what it serves then, and what it said when it has ended."""
    await_(lambda: scrape(port), process)
    urls = [
        f"http://{kind}.example/{kind}/video-{kind}-{number}?token={PLANTED}"
        for kind, count in RECIPE.items()
        for number in range(count)
    ]
    (folder / "queue.yaml").write_text("database: sqlite:///haulage.db\nfetcher: {type: quick}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(FAULTS)
        with Pipeline.from_config(folder / "queue.yaml", modules=["quick"]) as pipeline:
            pipeline.add(urls)

    def all_ended():
        found = scrape(port)
        ended = sum(value for (name, _), value in found.items() if name == "haulage_videos_total")
        return found if ended == len(urls) else None

    served = await_(all_ended, process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    return served, err


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A worker that runs on when its queue is done; what it serves then; its folder; what is left at its end."""
    folder, port = tmp_path_factory.mktemp("ran"), free_port()
    ran = program(folder, f"{{type: prometheus, port: {port}, textfile: metrics/haulage.prom}}")
    (folder / "metrics").mkdir()
    with ran.start("work", "--forever") as process:
        try:
            served, err = _served(folder, port, process)
        finally:
            process.kill()  # where it has not ended
    assert "Traceback" not in err, err
    return ran, served, samples((folder / "metrics" / "haulage.prom").read_text())


def test_videos_are_counted_by_how_they_ended(ran):
    """As many as the recipe says, and as sqlite3 finds in the database."""
    program, served, _ = ran
    assert sample(served, "haulage_videos_total", status="downloaded", kind="") == 3
    assert sample(served, "haulage_videos_total", status="unavailable", kind="unavailable") == 2
    assert sample(served, "haulage_videos_total", status="failed", kind="transient") == 1
    rows = program.rows("select download_status, count(*) from videos group by 1")
    for status, count in rows:
        told = [
            value
            for (name, labels), value in served.items()
            if name == "haulage_videos_total" and ("status", status) in labels
        ]
        assert sum(told) == count


def test_attempts_are_counted_and_timed(ran):
    """As many as there are rows of attempts, one of which was followed by another one."""
    program, served, _ = ran
    [(attempts,)] = program.rows("select count(*) from attempts")
    assert attempts == 7
    assert sample(served, "haulage_attempt_seconds_count") == attempts
    assert sample(served, "haulage_attempt_seconds_bucket", le="+Inf") == attempts
    assert sample(served, "haulage_retries_total", kind="transient") == 1
    assert sample(served, "haulage_step_seconds_count", step="fetch") == attempts
    assert sample(served, "haulage_step_seconds_count", step="store") == 6
    assert 0 < sample(served, "haulage_attempt_seconds_sum") < 60


def test_objects_and_their_bytes_are_those_that_are_there(ran):
    """Each file in the library is counted, with its size."""
    program, served, _ = ran
    sizes = [path.stat().st_size for path in (program.folder / "library").rglob("*") if path.is_file()]
    assert len(sizes) == 6
    assert sample(served, "haulage_objects_stored_total", storage="library") == 6
    assert sample(served, "haulage_bytes_stored_total", storage="library") == sum(sizes)


def test_the_textfile_says_at_the_end_what_was_served(ran):
    """The same numbers, nobody at work any more, and nothing else is left in its folder."""
    program, served, file = ran
    assert file == served
    assert sample(file, "haulage_jobs_running") == 0
    assert [path.name for path in (program.folder / "metrics").iterdir()] == ["haulage.prom"]


def test_no_label_comes_from_outside(ran):
    """Neither a URL nor a video has a series of its own, and a secret has none at all."""
    program, served, _ = ran
    values = {value for _, labels in served for _, value in labels}
    assert not [value for value in values if "example" in value or "video-" in value], "series without bound"
    assert PLANTED not in (program.folder / "metrics" / "haulage.prom").read_text()
    assert {name for _, labels in served for name, _ in labels} == {"status", "kind", "storage", "step", "le"}


def test_jobs_in_hand_are_told_while_they_last(tmp_path):
    """Two workers hold two of three videos."""
    port = free_port()
    running = program(tmp_path, f"{{type: prometheus, port: {port}}}", fetcher="quick")
    (tmp_path / "hold").touch()
    with running.start("get", *(f"http://s.example/1000/{number}" for number in range(3))) as process:
        found = await_(lambda: (told := scrape(port)) and sample(told, "haulage_jobs_running") == 2 and told, process)
        assert sample(found, "haulage_step_seconds_count", step="fetch") == 0
        (tmp_path / "hold").unlink()
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err


def test_a_port_in_use_is_told_before_anything_is_hauled(tmp_path):
    """Exit code 3, and one line that says which port and what to do."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = program(tmp_path, f"{{type: prometheus, port: {port}}}").run("get", "http://s.example/good/clip")
    assert done.returncode == 3
    said = f"haulage: cannot serve metrics at 127.0.0.1:{port}: Address already in use"
    assert done.stderr == f"{said}; end what listens there, or choose another port or a textfile\n"
    assert not (tmp_path / "notes").exists()


def test_a_folder_that_is_missing_is_told_at_the_start(tmp_path):
    """It is the config's fault."""
    with pytest.raises(ObserverError, match=r"there is no folder .*/no; make it$") as caught:
        build(tmp_path, textfile="no/haulage.prom")
    assert caught.value.failure.kind is Kind.CONFIG


def test_a_textfile_that_cannot_be_written_any_more_is_told(tmp_path):
    """With the next event after it was found out, and that is the observer's end."""
    (tmp_path / "metrics").mkdir()
    observer = build(tmp_path, textfile="metrics/haulage.prom")
    (tmp_path / "metrics" / "haulage.prom").unlink()
    (tmp_path / "metrics").rmdir()
    with pytest.raises(ObserverError, match=r"cannot write metrics to .*: No such file or directory"):  # noqa: PT012
        for _ in range(1000):
            observer(Continued())
            time.sleep(0.02)
    observer.close()


def test_a_reader_of_the_textfile_sees_all_of_it(tmp_path):
    """Who has opened it goes on reading what it was, for it is never written in place; the end is in it at the end."""
    path = tmp_path / "haulage.prom"
    observer = build(tmp_path, textfile="haulage.prom")

    def paused():
        return sample(samples(path.read_text()), "haulage_paused")

    with path.open() as reader:
        before = path.read_text()
        observer(Paused(Failure(Kind.NO_SPACE, "the disk is full")))
        end = time.monotonic() + 30
        while not paused() and time.monotonic() < end:
            time.sleep(0.01)
        assert paused() == 1
        observer(Continued())  # sooner after the write before than it is written again
        observer.close()
        assert reader.read() == before, "who reads the textfile sees it change"
    assert paused() == 0, "the textfile lacks how it ended"


def test_what_is_deleted_is_counted(tmp_path):
    """Objects and bytes, by storage."""
    port, attempt = free_port(), AttemptId("a")
    observer = build(tmp_path, port=port)
    for role, size in (("video", 1000), ("record", 24)):
        copy = Copy("nas", role, f"UC/v/{role}", "deleted", attempt, size, "0" * 64)
        observer(Deleted(JobId("j"), attempt, copy, f"nas/{role}"))
    found = scrape(port)
    observer.close()
    assert sample(found, "haulage_objects_deleted_total", storage="nas") == 2
    assert sample(found, "haulage_bytes_deleted_total", storage="nas") == 1024


def test_a_pause_is_told(tmp_path):
    """The gauge is 1 while there is no room, and 0 once there is again; default metrics know nothing of it."""
    port = free_port()
    observer = build(tmp_path, port=port)
    told = [sample(scrape(port), "haulage_paused")]
    for event in (Paused(Failure(Kind.NO_SPACE, "the disk is full")), Continued()):
        observer(event)
        told.append(sample(scrape(port), "haulage_paused"))
    observer.close()
    assert told == [0, 1, 0]
    with socket.socket() as listener:  # the port is free again
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen()
    assert b"haulage" not in prometheus_client.generate_latest()
