"""However a run is ended, its last words are what it stored and what the archive comes to."""

import json
import re
import signal

import pytest
from program import WITHIN


@pytest.fixture
def telling(scripted):
    """The program with one worker, which writes its events into a file."""
    config = scripted.folder / "haulage.yaml"
    config.write_text(config.read_text() + "observers: {log: {type: jsonl, path: events.jsonl}}\n")
    return scripted


def size(program):
    """What lies in the library, in bytes."""
    return sum(path.stat().st_size for path in (*program.stored(), *program.records()))


def events(program):
    return [json.loads(line) for line in (program.folder / "events.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("behaviour", ["wait", "hang"], ids=["heeds it", "heeds nobody"])
@pytest.mark.parametrize("how", ["second Ctrl-C", "SIGTERM"])
@pytest.mark.parametrize("terminal", [True, False], ids=["terminal", "pipe"])
def test_a_run_that_is_ended_by_a_signal_says_so(telling, watch, wait_for, behaviour, how, terminal):
    """Within seconds there is one event, the last one, and one line; both tell the bytes that are in the library."""
    urls = "http://a.test/good/film", f"http://a.test/{behaviour}/on"
    running = watch("get", *urls, by=telling, terminal=terminal)
    wait_for((telling.folder / "on.begun").exists)
    if how == "SIGTERM":
        running.process.send_signal(signal.SIGTERM)
    else:
        running.interrupt()
        running.until("press Ctrl-C again")
        running.interrupt()
    assert running.end(seconds=WITHIN) == 4
    found, there = events(telling), size(telling)
    assert [each["event"] for each in found].count("run_ended") == 1, "the end of a run is not told, or twice"
    last = found[-1]
    assert (last["event"], last["total"], last["stored"]) == ("run_ended", there, there)
    words = r"\n[\d.]+ k?B stored, [\d.]+ k?B in the archive\nstopped; what was not finished"
    assert re.search(words, running.said), running.said
    jobs = telling.rows("select status, attempt from video_processing_jobs")
    assert jobs == [("downloaded", None), ("pending", None)]


def test_the_log_of_a_run_that_is_ended_by_a_signal_says_so(telling, watch, wait_for):
    """A line of JSON has the numbers."""
    running = watch("--log-format", "json", "get", "http://a.test/good/film", "http://a.test/wait/on", by=telling)
    wait_for((telling.folder / "on.begun").exists)
    running.process.send_signal(signal.SIGTERM)
    assert running.end(seconds=WITHIN) == 4
    said = [json.loads(line) for line in running.said.splitlines() if line.startswith("{")]
    [line] = [each for each in said if "total_bytes" in each]
    assert (line["stored_bytes"], line["total_bytes"]) == (size(telling), size(telling))


def test_a_run_that_is_ended_by_an_error_says_so(telling, watch):
    """It comes before the error, whose exit code is kept."""
    running = watch("get", "http://a.test/good/film", "http://a.test/config/wrong", by=telling)
    assert running.end() == 2
    assert [each["event"] for each in events(telling)][-1] == "run_ended"
    assert events(telling)[-1]["total"] == size(telling)
    assert re.search(r"\n[\d.]+ k?B stored, [\d.]+ k?B in the archive\nhaulage: ", running.said), running.said
