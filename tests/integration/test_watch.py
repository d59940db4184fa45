"""`haulage status --watch`: on a real terminal and in a pipe, beside a real haul."""

import json
import os
import re
import signal
from datetime import datetime

import pytest
from program import WITHIN

SCREEN, BACK = b"\x1b[?1049h", b"\x1b[?1049l"
STYLE = re.compile(r"\x1b\[[0-9;]*m")


def frame(watched):
    """What is on the screen: all that was drawn since the cursor was last sent home."""
    return STYLE.sub("", watched.raw.decode(errors="replace").rpartition("\x1b[H")[2])


def until(watched, pattern):
    """Wait until the screen shows something, and return what is on it then."""
    while not re.search(pattern, frame(watched), re.DOTALL):
        assert watched._read(60), "it ended"
    return frame(watched)


@pytest.fixture
def hauling(site, program, wait_for):
    """A haul that is under way, of a video that takes a minute."""
    path = "/drip/15000/clip.mp4?watched"
    with program.start("get", site.url(path)) as running:
        wait_for(lambda: any(request.body_bytes for request in site.log(path)))
        yield program
        running.kill()


def test_a_terminal_is_filled_until_q_is_pressed(hauling, watch):
    """It shows how far and how fast the download is, again each second, and gives the terminal back as it was."""
    watched = watch("status", "--watch", terminal=True)
    first = until(watched, r"Running: 1 .*fetch .*kB/s")
    assert SCREEN in watched.raw
    lines = [line.rstrip() for line in first.replace("\r", "").split("\n")]
    assert lines[0].startswith("haulage  0 bytes stored")
    assert lines[1] == "queue  1 downloading"
    assert lines[2] == "ended  nothing"
    assert re.fullmatch(r"fetch  …\S+watched +.* \d+ % +\d+\.\d kB +\d+\.\d kB/s +\d+:\d\d", lines[5]), lines
    share = int(re.search(r" (\d+) %", lines[5])[1])
    until(watched, rf" ({'|'.join(str(share + more) for more in range(1, 40))}) %")
    os.write(watched.source, b"q")
    assert watched.end(seconds=WITHIN) == 0
    assert watched.raw.rfind(BACK) > watched.raw.rfind(SCREEN)
    assert watched.raw.rfind(b"\x1b[?25h") > watched.raw.rfind(b"\x1b[?25l"), "the cursor stays hidden"


def test_ctrl_c_ends_it_well(scripted, watch):
    """Exit code 0, and no word of it being stopped."""
    watched = watch("status", "--watch", by=scripted, terminal=True)
    until(watched, "Nothing yet; haul something with: haulage get URL")
    watched.interrupt()
    assert watched.end(seconds=WITHIN) == 0
    assert b"stopped" not in watched.raw


def of_stage(document):
    """Whether what runs is downloaded just then."""
    return document["running"] and document["running"][0]["stage"] == "fetch"


def test_a_pipe_gets_json_lines(hauling, watch):
    """A line each second, each with the speed that the lines before it show, which the first of a job cannot have."""
    watched = watch("status", "--watch", "--json")
    while not re.search(r'"rate": [1-9].*\n', watched.said):
        assert watched._read(60)
    watched.process.send_signal(signal.SIGINT)
    assert watched.end(seconds=WITHIN) == 0
    told = [json.loads(line) for line in watched.said.splitlines()]
    assert told[-1]["counts"] == {"downloading": 1}
    begin = next(each for each in told if each["running"])
    assert begin["running"][0]["rate"] is None
    assert begin["rates"] == {"fetch": None, "store": None}
    first, last = (
        next((datetime.fromisoformat(each["at"]), each["running"][0]["done"]) for each in lines if of_stage(each))
        for lines in (told, told[::-1])
    )
    seen = (last[1] - first[1]) / (last[0] - first[0]).total_seconds()
    assert told[-1]["running"][0]["rate"] == pytest.approx(seen, rel=0.2)
    assert told[-1]["rates"]["fetch"] == told[-1]["running"][0]["rate"]


def test_a_pipe_gets_plain_blocks(scripted, haulage, watch):
    """Blocks of lines with the time, the counts and the latest failures; nothing that only a terminal understands."""
    assert haulage("get", "http://a.test/conflict/taken").returncode == 1
    watched = watch("status", "--watch", by=scripted)
    watched.until("the site says conflict; mend it\n\n")
    watched.process.send_signal(signal.SIGINT)
    assert watched.end(seconds=WITHIN) == 0
    assert b"\x1b" not in watched.raw
    time, counts, failure, *_ = watched.said.splitlines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d\d:\d\d", time)
    assert counts == "1 failed; 0 bytes stored"
    assert re.fullmatch(
        rf"conflict     {time[:10]} \S+ http://a.test/conflict/taken: the site says conflict; mend it", failure
    )


def test_what_a_killed_worker_held_is_not_running(scripted, watch, wait_for, haulage):
    """Once its lease has ended, what nobody works on is not shown as running."""
    (scripted.folder / "haulage.yaml").write_text("fetcher: {type: scripted}\nlease: 1s\n")
    running = watch("get", "http://a.test/hang/deaf", by=scripted)
    wait_for((scripted.folder / "deaf.begun").exists)
    status = lambda: json.loads(haulage("status", "--json").stdout)  # noqa: E731
    wait_for(lambda: status()["running"])
    running.process.kill()
    told = wait_for(lambda: not (now := status())["running"] and now)
    assert told["counts"] == {"downloading": 1}
