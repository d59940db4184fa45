"""What is owed to mirrors is told, and the command that is told brings it there without a download."""

import json
import re
import shlex
from datetime import datetime, timedelta

import pytest

URL = "http://a.test/good/one"


@pytest.fixture
def configure(scripted):
    """Name a mirror that has a fault, or none, and for how long is waited after its failures."""

    def configure(fault, wait="0.05s"):
        (scripted.folder / "haulage.yaml").write_text(
            f"fetcher: {{type: scripted}}\nworkers: 1\nretry: {{initial: {wait}, factor: 1}}\n"
            f"storages: {{main: ./main, nas: {{type: unreliable, fault: {fault}}}}}\n"
        )

    configure("refuses")
    return configure


@pytest.fixture
def haulage(configure, scripted, call):
    """Run the program within this process."""
    return lambda *arguments: call(*scripted.options, "-p", "unreliable", *arguments)


@pytest.fixture
def told(haulage):
    """What a command tells as JSON."""
    return lambda *arguments: json.loads(haulage(*arguments, "--json").stdout)


@pytest.fixture
def owing(haulage):
    """A video that is stored, while its mirror was given up."""
    assert haulage("get", URL).returncode == 0
    return haulage


def test_status_counts_what_is_owed(owing, told, configure):
    """By storage; nothing is told of a storage that lacks nothing."""
    assert "owed to nas: 1 video\n" in owing("status").stdout
    assert told("status")["owed"] == {"nas": 1}
    configure("none")
    owing("retry")
    assert "owed" not in owing("status").stdout
    assert told("status")["owed"] == {}


def test_a_live_view_counts_what_is_owed(owing, scripted, watch):
    """On a terminal."""
    running = watch("-p", "unreliable", "status", "--watch", by=scripted, terminal=True)
    running.until("1 to nas")
    running.interrupt()
    assert running.end() == 0


def test_a_mirror_that_was_given_up_is_a_failure(owing, told, configure, scripted):
    """In a group of its own, with the command that makes the copy from the primary storage, without a download."""
    [group] = told("failures")
    assert (group["kind"], group["mirror"], group["waits"], group["count"]) == ("storage", "nas", False, 1)
    assert re.search(r"^1 ended by storage, of scripted, owed to nas; last ", owing("failures").stdout)
    assert (group["example"]["message"], group["cure"]) == ("the disk does not answer", "mount it")
    (scripted.folder / "one.begun").unlink()
    configure("none")
    assert owing(*shlex.split(group["command"])[1:]).returncode == 0
    [copy] = (scripted.folder / "disk").rglob("video.mp4")
    assert copy.read_bytes() == b"one"
    assert not (scripted.folder / "one.begun").exists(), "a mirror was made by a download"
    assert told("failures") == []
    assert owing("retry").stderr == "nothing to try again\n"


def test_a_mirror_that_waits_is_told(haulage, told, configure, scripted, watch, wait_for):
    """When it is tried again, and that `work` does it."""
    configure("refuses", "1h")
    running = watch("-p", "unreliable", "get", URL, by=scripted)
    running.until("again in 3600 s")
    running.process.terminate()
    assert running.end() == 4
    [group] = told("failures")
    assert (group["mirror"], group["waits"], group["command"]) == ("nas", True, "haulage work")
    assert told("status")["owed"] == {"nas": 1}
    [debt] = told("show", "one")["owed"]
    [(ended,)] = scripted.rows("select ended_at from attempts where kind = 'storage'")
    assert datetime.fromisoformat(debt["next"]) == datetime.fromisoformat(ended) + timedelta(hours=1)
    assert "owed      video, record to nas; tried again at 2" in haulage("show", "one").stdout


def test_show_tells_what_is_owed(owing, told, configure):
    """Which files to which storage, and what brings them there; nothing once it has them."""
    job = told("show", "one")["job"]
    said = owing("show", "one").stdout
    cure = f"not tried again by itself; bring it there with: haulage retry {job}"
    assert f"owed      video, record to nas; {cure}\n" in said
    assert told("show", "one")["owed"] == [{"storage": "nas", "roles": ["video", "record"], "next": None}]
    configure("none")
    assert owing("retry", job).returncode == 0
    assert "\nowed " not in owing("show", "one").stdout
    assert told("show", "one")["owed"] == []
