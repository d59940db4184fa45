"""While it runs: what others see of it, and what a signal does to it."""

import signal

import pytest
from program import WITHIN


def test_another_process_sees_how_far_it_is(site, program, wait_for):
    """The bytes that `status` tells rise while a download runs."""
    running = program.start("get", site.url("drip/5000/clip.mp4?seen"))
    seen = []

    def rises():
        if (program.folder / "haulage.db").exists():
            seen.extend(each["done"] for each in program.json("status", "--json")["running"] if each["done"])
        return len(set(seen)) >= 3

    try:
        wait_for(rises)
        assert seen == sorted(seen)
        [shown] = program.run("status").stdout.splitlines()[1:]
        assert shown.startswith("downloading  http://127.0.0.1")
        assert " %, " in shown
    finally:
        running.terminate()  # one Ctrl-C would have it finish
        running.communicate()


@pytest.mark.parametrize("signals", [[signal.SIGINT, signal.SIGINT], [signal.SIGTERM]])
def test_a_signal_ends_it_and_the_next_run_goes_on(site, program, wait_for, signals):
    """A second Ctrl-C, or SIGTERM, ends it within seconds with exit code 4 and no process left; nothing was counted."""
    path = f"/stall-first/2/50/{len(signals)}/third.mp4"  # silent, so that it is under way however late a signal comes
    with program.start("get", site.url(path)) as running:
        wait_for(lambda: any(request.body_bytes for request in site.log(path)[1:]))  # one looks at its beginning
        if len(signals) == 2:
            running.send_signal(signals[0])
            assert running.stderr.readline() == "finishing what runs; press Ctrl-C again to stop now, and go on later\n"
        running.send_signal(signals[-1])
        _, err = running.communicate(timeout=WITHIN)
    assert running.returncode == 4, err
    assert "the same command goes on with it" in err
    assert "Traceback" not in err
    assert program.processes() == []
    assert program.stored() == []
    assert program.rows("select status, attempt from video_processing_jobs") == [("pending", None)]
    assert program.rows("select kind, counted from attempts") == [(None, None)]
    assert program.run("get", site.url(path)).returncode == 0
    [stored] = program.stored()
    assert stored.read_bytes() == site.file("third.mp4").read_bytes()


def test_a_kill_leaves_no_process_and_the_next_run_goes_on(site, program, wait_for):
    """After SIGKILL the fetch ends by itself within seconds; the same command goes on, long before the lease ends."""
    path = "/drip/40000/third.mp4?killed"
    running = program.start("get", site.url(path))
    wait_for(lambda: any(request.body_bytes for request in site.log(path)))
    assert len(program.processes()) >= 3  # haulage, the server, the fetch
    running.kill()
    running.communicate()
    wait_for(lambda: not program.processes(), seconds=WITHIN)
    assert program.run("get", site.url(path)).returncode == 0
    assert len(program.stored()) == 1
    kinds = program.rows("select kind, counted from attempts order by number")
    assert kinds == [("crashed", 0), (None, None)]
    assert not [path for path in (program.folder / ".haulage" / "work").iterdir() if path.is_dir()]


def test_two_runs_of_one_url_haul_it_once(site, program, wait_for):
    """The second run waits for the first one's result, and reports it as its own."""
    path = "/drip/100000/third.mp4?twice"
    first = program.start("get", "--json", site.url(path))
    wait_for(lambda: any(request.body_bytes for request in site.log(path)))
    second = program.start("get", "--json", site.url(path))
    results = [run.communicate(timeout=60) for run in (first, second)]
    assert [run.returncode for run in (first, second)] == [0, 0], results
    assert ['"status": "downloaded"' in out for out, _ in results] == [True, True]
    assert len(program.stored()) == 1
    assert len(site.log(path)) == 2  # yt-dlp looks at the page before it downloads
