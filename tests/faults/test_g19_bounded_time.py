"""Nothing waits for ever: whatever a server does, a call ends by its deadline and a fifth, and asks once."""

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from harness.deadlines import PART, SILENT, measure
from harness.kept import Kept, kept_in_gcs, kept_in_s3
from harness.warm import start_warm
from lateness import Lateness
from program import Program

from haulage import Pipeline
from haulage.plugin import StorageError
from haulage.testing import FaultProxy, LoopbackSite


@pytest.fixture
def s3(seaweed: Any) -> Iterator[Kept]:
    """A bucket of S3."""
    with kept_in_s3(seaweed) as kept:
        yield kept


@pytest.fixture
def gcs(fake_gcs: Any) -> Kept:
    """A bucket of Google Cloud Storage."""
    return kept_in_gcs(fake_gcs)


@pytest.fixture
def deaf() -> Iterator[str]:
    """The URL of a server that takes no connection: its queue is full."""
    with socket.socket() as listening, contextlib.ExitStack() as stack:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        while True:
            client = stack.enter_context(socket.socket())
            client.settimeout(0.1)
            try:
                client.connect(listening.getsockname())
            except TimeoutError:
                break
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.mark.parametrize("store", ["s3", "gcs"])
def test_every_call_of_a_storage_ends_in_time(
    request: pytest.FixtureRequest, store: str, deaf: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each call ends by its deadline and a fifth, clean-up included, in an error, and asks nothing twice."""
    monkeypatch.setattr("haulage_s3.upload.part_size", lambda number, size: PART)
    kept: Kept = request.getfixturevalue(store)
    with Lateness() as lateness:
        outcomes = measure(kept, deaf, lateness)
    assert len(outcomes) >= 50, "too few cases"
    # A machine that stands still may use up the deadline before there is a request.
    asked = [each for each in outcomes if "nobody" not in each.case and each.late < 0.5 * each.deadline]
    unharmed = [str(each) for each in asked if not each.requests]
    assert not unharmed, "these calls met no fault, so they show nothing:\n" + "\n".join(unharmed)
    late = [str(each) for each in outcomes if each.seconds - each.late > 1.2 * each.deadline]
    assert not late, "these calls kept their caller waiting for too long:\n" + "\n".join(late)
    quiet = [str(each) for each in outcomes if each.error is None]
    assert not quiet, "these calls met a fault and told nobody:\n" + "\n".join(quiet)
    repeated = [str(each) for each in outcomes if each.repeated]
    assert not repeated, "these requests were sent again unasked:\n" + "\n".join(repeated)
    assert not [name for name in kept.names() if name.endswith("n.mp4")], "something was published"


@pytest.mark.parametrize("store", ["s3", "gcs"])
def test_signing_ends_in_time_where_nobody_gives_credentials(
    request: pytest.FixtureRequest, store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A URL that cannot be signed, since who gives credentials is silent, is an error at the deadline."""
    kept: Kept = request.getfixturevalue(store)
    (tmp_path / "token").write_text("a token")
    with FaultProxy(kept.url) as proxy:
        proxy.on("", "", SILENT)
        for name, value in {
            "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/hauler",
            "AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token"),
            "AWS_ENDPOINT_URL_STS": proxy.url,
            "GCE_METADATA_IP": proxy.url.removeprefix("http://"),
            "HOME": str(tmp_path),
        }.items():
            monkeypatch.setenv(name, value)
        secret = ("access_key_id", "secret_access_key", "token")
        nameless = evolve(kept, options={name: each for name, each in kept.options.items() if name not in secret})
        with Lateness() as lateness, contextlib.closing(nameless.storage(kept.url, 1)) as storage:
            began = time.monotonic()
            with pytest.raises(StorageError, match="sign"):
                storage.signed_url("c/v.mp4", timedelta(hours=1))
            ended = time.monotonic()
            assert ended - began - lateness.between(began, ended) < 1.2, "who asked for a URL was kept waiting"
        assert proxy.requests, "nobody was asked for credentials, so this shows nothing"


def test_a_site_that_gives_nothing_is_given_up(
    site: LoopbackSite, deaf: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, extent: str
) -> None:
    """A download that gets nowhere is a failure that is tried again as the policy says, and its process has ended."""
    monkeypatch.setattr("haulage_ytdlp.pace.READING", 4.0)
    monkeypatch.setattr("haulage_ytdlp.pace.DOWNLOADING", 2.0)
    monkeypatch.chdir(tmp_path)
    urls = [site.url(f"drip/1/clip.mp4?{tmp_path.name}")]
    urls += [site.url(f"stall/clip.mp4?{tmp_path.name}"), f"{deaf}/v.mp4"] if extent == "full" else []
    config = {"private_hosts": ["127.0.0.1"], "retry": {"attempts": 2, "initial": 0.1}, "workers": 3}
    with Pipeline.from_config(config) as pipeline:
        began = time.monotonic()
        jobs = list(pipeline.run(urls))
        took = time.monotonic() - began
    assert took < 25, f"it was waited for {took:.0f} s, and nothing came"
    for job in jobs:
        kinds = [each.failure.kind.value for each in job.tries if each.stage == "fetch"]
        assert kinds == ["transient", "transient"], f"the policy allows two tries: {job.tries}"
    assert len(jobs) == len(urls)
    assert not list(tmp_path.rglob("library/**/*.mp4"))


def test_a_download_that_takes_for_ever_ends(
    site: LoopbackSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However well a download goes, its attempt ends after the longest that one may take, and the next one goes on."""
    # Of it too is what comes before the first byte, which takes long on a busy machine: an attempt may gain nothing.
    monkeypatch.setattr("haulage_ytdlp.pace.LONGEST", 3.5)
    monkeypatch.chdir(tmp_path)
    size = site.file("large.mp4").stat().st_size
    retry = {"attempts": 50, "initial": 0.1, "max_delay": 0.1}
    for number in range(3):
        url = f"drip/{size // 5}/large.mp4?{tmp_path.name}-{number}"
        with Pipeline.from_config({"private_hosts": ["127.0.0.1"], "retry": retry, "workers": 1}) as pipeline:
            [job] = pipeline.run([site.url(url)])
        kinds = [each.failure.kind.value for each in job.tries]
        if kinds:
            break  # where a machine stands still, a download may be done before anybody can end it
    assert kinds, "an attempt went on for longer than it may"
    assert set(kinds) == {"transient"}
    assert job.status == "downloaded", f"it cannot be gone on with: {job.tries}"


CONFIG = """\
fetcher: {{type: quick}}
storages: {{archive: {storage}}}
database: {database}
retry: {{attempts: 2, initial: 0.1}}
lease: {lease}
workers: 1
"""


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """The program with a fetcher that needs no site."""
    return Program(tmp_path, ("-p", "quick"), Path(__file__).parent / "plugins")


def configure(program: Program, storage: str, database: str = "sqlite:///haulage.db", lease: str = "90s") -> None:
    """Write its config."""
    text = CONFIG.format(storage=storage, database=database, lease=lease)
    (program.folder / "haulage.yaml").write_text(text)


def line(kept: Kept, endpoint_url: str, deadline: str) -> str:
    """What a config says of a storage."""
    options = {**kept.options, "endpoint_url": endpoint_url, "timeout": deadline, "type": kept.type}
    return "{" + ", ".join(f"{name}: {value}" for name, value in options.items()) + "}"


@pytest.mark.parametrize("store", ["s3", "gcs"])
def test_a_silent_store_is_asked_as_often_as_the_policy_says(
    request: pytest.FixtureRequest, store: str, program: Program
) -> None:
    """A video that cannot be sent fails after the tries that the policy allows, each within its deadline, and waits."""
    kept: Kept = request.getfixturevalue(store)
    url = "http://site.example/300000/v"
    with FaultProxy(kept.url) as proxy, Lateness() as lateness:
        configure(program, line(kept, proxy.url, "1s"))
        proxy.on("PUT", "", SILENT)
        ran = start_warm(program, "get", url).end()
        ended = time.monotonic()
        assert ran.code == 1, f"nobody is told that it failed: {ran.said}"
        sent = [each.at for each in proxy.requests if each.method == "PUT"]
        assert len(sent) == 2, f"the policy allows two tries, and the store was asked {len(sent)} times"
        # 1.2 s of each, and 0.1 s between them; what else the program does, and its end, is given a second or two.
        first, second = (to - since - lateness.between(since, to) for since, to in pairwise([*sent, ended]))
        assert first < 2.5, "the first try took too long"
        assert second < 3, "the second try took too long"
        proxy.clear()
        assert start_warm(program, "get", url).end().code == 0
    assert (program.folder / "fetched").read_text().splitlines() == [url], "it was fetched again"


@pytest.mark.parametrize("store", ["s3", "gcs"])
def test_a_second_ctrl_c_ends_a_run_behind_a_silent_store(
    request: pytest.FixtureRequest, store: str, program: Program
) -> None:
    """Where a call that no cancel reaches waits for a minute, the program has ended after 5 s, and nothing is lost."""
    kept: Kept = request.getfixturevalue(store)
    url = "http://site.example/300000/v"
    with FaultProxy(kept.url) as proxy:
        configure(program, line(kept, proxy.url, "60s"))
        proxy.on("HEAD|GET", "channel", SILENT)
        with contextlib.closing(program.watch("get", url)) as running:
            proxy.wait_for(lambda requests: any(each.fault == SILENT for each in requests), timeout=60)
            running.interrupt()
            running.until("finishing what runs")
            running.interrupt()
            try:
                code = running.process.wait(15)  # it takes 4.2 s at most by itself; the call takes a minute
            except subprocess.TimeoutExpired:
                code = None
            assert code == 4, f"15 s after a second Ctrl-C the exit code is {code}"
            running.end()
            assert "the same command goes on with it" in running.said
        rows = "select attempt, due_at <= strftime('%Y-%m-%dT%H:%M:%fZ', 'now') from video_processing_jobs"
        assert program.rows(rows) == [(None, 1)], "the job is not due"
        assert program.rows("select kind from attempts") == [(None,)], "it counts as a failure or as a crash"
        proxy.clear()
        assert start_warm(program, "get", url).end().code == 0
    assert (program.folder / "fetched").read_text().splitlines() == [url], "it was fetched again"


@pytest.mark.parametrize("returns", [True, False], ids=["comes back", "stays away"])
def test_a_database_that_goes_away_is_waited_for(postgres: Any, program: Program, returns: bool) -> None:
    """A database that is away for seconds ends no run; where it stays away the run ends in time, to be gone on with."""
    url, hold = "http://site.example/3000/v", program.folder / "hold"
    configure(program, "library", postgres.database(), "90s" if returns else "3s")
    hold.touch()
    with contextlib.closing(program.watch("--log-format", "json", "get", url)) as running:
        while not (program.folder / "fetched").exists():
            assert running.process.poll() is None, "it ended before it fetched"
            time.sleep(0.02)
        postgres.stop()
        try:
            away = time.monotonic()
            hold.unlink()
            if returns:
                running.until("waiting up to 30 s")
            else:
                code = running.end()
                assert code == 3, f"the database is not there, and the exit code is {code}: {running.said}"
                assert time.monotonic() - away < 10
        finally:
            postgres.start()
        if returns:
            code = running.end()
            assert code == 0, f"a database that was away for seconds ended the run: {running.said}"
    if not returns:
        ran = start_warm(program, "get", url).end()
        assert ran.code == 0, f"it cannot be gone on with: {ran.said}"
    assert len(list((program.folder / "library").rglob("video.mp4"))) == 1
