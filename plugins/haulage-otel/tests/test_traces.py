"""What a collector is sent of a real run, and what becomes of a run whose collector is away."""

import hashlib
import time
from itertools import pairwise
from pathlib import Path

import pytest

from haulage.plugin import AttemptId, BuildContext, Copy, Deleted, Job, JobId, Request, Settled, Started, redact
from haulage_otel.options import OtelOptions
from haulage_otel.plugin import haulage_observers

OK, ERROR = 0, 2
"""Codes of a span's status in OTLP: nothing was said of it, and an error."""

PLANTED = "PLANTEDsigned-q7Zx9"
CARRIED = "PLANTEDheader-q7Zx9"


def traces(receiver):
    """The spans of each attempt, the span of the attempt first: by the URL, in the order of the attempts."""
    spans = receiver.spans()
    found = {}
    for root in spans:
        if not root.parent_span_id:
            inner = [span for span in spans if span.trace_id == root.trace_id and span.parent_span_id]
            assert all(span.parent_span_id == root.span_id for span in inner)
            found.setdefault(receiver.about(root)["url.full"].rpartition("/")[2], []).append([root, *inner])
    assert sum(len(each) for attempts in found.values() for each in attempts) == len(spans)
    return found


def test_an_attempt_is_a_span_and_its_steps_are_below_it(receiver, program):
    """Of three videos: one that is well, one that is not there, and one that fails twice; four traces in all."""
    running = program(f"{{type: otel, endpoint: '{receiver.url}'}}")
    urls = [f"http://s.example/{what}/{what}?token={PLANTED}" for what in ("good", "unavailable", "transient")]
    assert running.run("get", *urls).returncode == 1
    found = traces(receiver)
    assert {path for path, _, _ in receiver.asked} == {"/v1/traces"}
    assert {url: len(attempts) for url, attempts in found.items()} == {"good": 1, "unavailable": 1, "transient": 2}

    [[root, *steps]] = found["good"]
    assert (root.name, root.status.code) == ("haul", OK)
    assert [step.name for step in steps] == ["expand", "fetch", "upload", "verify", "upload", "verify"]
    for step in steps:
        assert root.start_time_unix_nano <= step.start_time_unix_nano <= step.end_time_unix_nano
        assert step.end_time_unix_nano <= root.end_time_unix_nano
    for one, other in pairwise(steps):
        assert one.end_time_unix_nano <= other.start_time_unix_nano
    [(job, attempt)] = running.rows("select job, id from attempts where kind is null")
    said = receiver.about(root)
    assert (said["haulage.job.id"], said["haulage.attempt.id"], said["haulage.attempt.number"]) == (job, attempt, 1)
    assert (said["haulage.video.source"], said["haulage.video.id"], said["haulage.status"]) == (
        "told",
        "good",
        "downloaded",
    )
    assert said["haulage.video.size"] == len(b"good")
    said = receiver.about(steps[3])
    assert (said["haulage.storage.name"], said["haulage.file.role"]) == ("library", "video")
    stored = (running.folder / "library" / said["haulage.object.key"]).read_bytes()
    assert hashlib.sha256(stored).digest() == hashlib.sha256(b"good").digest()
    assert said["haulage.object.size"] == len(stored)

    for kind in ("unavailable", "transient"):
        for root, *steps in found[kind]:
            assert [step.name for step in steps][-1] == "fetch"
            for span in (root, steps[-1]):
                assert (span.status.code, receiver.about(span)["error.type"]) == (ERROR, kind)
                assert f"it says {kind}" in span.status.message
            assert all(step.status.code == OK for step in steps[:-1])
    first, second = (receiver.about(root) for root, *_ in found["transient"])
    assert (first["haulage.attempt.number"], first["haulage.retry.delay"]) == (1, 0.01)
    assert (second["haulage.attempt.number"], second.get("haulage.retry.delay")) == (2, None)

    assert receiver.resource()["service.name"] == "haulage"
    assert PLANTED not in repr(receiver.asked), "a trace shows a secret"


def test_the_standard_variables_are_honoured(receiver, program):
    """Endpoint, headers, compression, the name of the service, and attributes of the resource."""
    running = program(
        OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url,
        OTEL_EXPORTER_OTLP_HEADERS=f"x-api={CARRIED}",
        OTEL_EXPORTER_OTLP_COMPRESSION="gzip",
        OTEL_SERVICE_NAME="archive",
        OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=test",
    )
    done = running.run("--log-format", "json", "--log-level", "debug", "get", "http://s.example/good/clip")
    assert [span.name for span in receiver.spans()][:2] == ["haul", "expand"]
    _, headers, _ = receiver.asked[0]
    assert (headers["x-api"], headers["Content-Encoding"]) == (CARRIED, "gzip")
    assert receiver.resource()["service.name"] == "archive"
    assert receiver.resource()["deployment.environment.name"] == "test"
    assert CARRIED not in done.stdout + done.stderr, "the program showed what gives access to the collector"


def test_a_collector_that_never_answers_harms_no_run(silent, program):
    """All videos are stored without waiting for it, and there is one warning."""
    running = program(
        f"{{type: otel, endpoint: '{silent}'}}", OTEL_EXPORTER_OTLP_TIMEOUT="600", OTEL_BSP_SCHEDULE_DELAY="50"
    )
    done = running.run("--log-level", "warning", "get", *(f"http://s.example/good/{each}" for each in range(20)))
    assert (done.returncode, done.stdout.count("stored")) == (0, 20), "a collector that is away has harmed a run"
    warnings = [each for each in done.stderr.splitlines() if each.startswith("WARNING")]
    assert warnings == [f"WARNING haulage.observers.otel: traces are lost: {silent} cannot be reached, or refuses them"]


def test_a_deletion_is_an_event_of_its_attempt(receiver):
    """The span of the attempt tells which object went, where it was, and how large."""
    [offered] = haulage_observers()
    observer = offered.build(OtelOptions(endpoint=receiver.url), BuildContext("traces", Path(), {}))
    job, attempt = Job(JobId("job"), Request("http://s.example/good/clip"), "s.example"), AttemptId("attempt")
    copy = Copy("nas", "video", "UC/v/video.mp4", "deleted", attempt, 1000, "0" * 64)
    observer(Started(job.id, attempt, job))
    observer(Deleted(job.id, attempt, copy, "nas/UC/v/video.mp4"))
    observer(Settled(job.id, attempt, job, None, 1.0))
    observer.close()
    [span] = receiver.spans()
    [event] = span.events
    assert (event.name, receiver.about(event)) == (
        "deleted",
        {
            "haulage.storage.name": "nas",
            "haulage.file.role": "video",
            "haulage.object.key": "UC/v/video.mp4",
            "haulage.object.size": 1000,
            "haulage.object.url": "nas/UC/v/video.mp4",
        },
    )


@pytest.mark.parametrize("how", ["closed", "silent"])
def test_the_end_of_a_run_waits_for_no_collector(request, how):
    """Closing gives up after two seconds, where nobody listens and where nobody answers."""
    [offered] = haulage_observers()
    options = OtelOptions(endpoint=request.getfixturevalue(how))
    observer = offered.build(options, BuildContext("traces", Path(), {}))
    job = Job(JobId("job"), Request("http://s.example/good/clip"), "s.example")
    observer(Started(job.id, AttemptId("attempt"), job))
    began = time.monotonic()
    observer.close()
    assert time.monotonic() - began < 6, "a collector that is away holds the end of a run up"


def test_a_collector_that_refuses_is_told_once(receiver, program):
    """It says that it is not allowed: a warning, and nothing is sent again and again."""
    receiver.status = 403
    running = program(f"{{type: otel, endpoint: '{receiver.url}'}}", OTEL_BSP_SCHEDULE_DELAY="50")
    done = running.run("--log-level", "warning", "get", *(f"http://s.example/good/{each}" for each in range(5)))
    assert done.returncode == 0
    [warning] = [each for each in done.stderr.splitlines() if each.startswith("WARNING")]
    assert f"traces are lost: {receiver.url} cannot be reached, or refuses them" in warning
    sent = [span.span_id for span in receiver.spans()]
    assert len(set(sent)) == len(sent)


@pytest.mark.parametrize("endpoint", ["collector:4318", "http://me:pw@collector:4318", "http://collector:4318/?a=b"])
def test_an_endpoint_that_is_none_is_refused(endpoint):
    """It is the URL of a web server, and nothing that gives access stands in it."""
    with pytest.raises(ValueError, match=r"it is no http|no user name and password|must end after the path"):
        OtelOptions(endpoint=endpoint)


def test_headers_are_secrets():
    """What gives access to the collector is shown in no message from then on."""
    [offered] = haulage_observers()
    environ = {"OTEL_EXPORTER_OTLP_HEADERS": f"a=b, authorization=Basic%20{CARRIED}"}
    offered.build(OtelOptions(), BuildContext("traces", Path(), environ)).close()
    for said in (f"Basic {CARRIED}", f"Basic%20{CARRIED}"):
        assert CARRIED not in redact(f"it answers that {said} is wrong")


def test_a_variable_that_is_wrong_is_told_at_the_start(program):
    """Nothing is hauled: exit code 3, and one line that says what is wrong."""
    running = program(OTEL_BSP_MAX_QUEUE_SIZE="0")
    done = running.run("get", "http://s.example/good/clip")
    assert done.returncode == 3
    assert done.stderr.startswith("haulage: a variable of the environment that begins with OTEL_ is wrong: ")
    assert len(done.stderr.splitlines()) == 1
    assert not (running.folder / "notes").exists()
