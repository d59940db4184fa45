"""`--max-duration` and `--max-bytes`: what is told, the exit code, and that the same command goes on."""

import json

import pytest

from haulage import Query, Status


def test_a_run_ends_after_a_while(haulage, scripted):
    """What runs is put down, one line tells, and the same command finishes it."""
    result = haulage("get", "--max-duration", "300ms", "http://a.test/wait/one", "http://a.test/good/two")
    assert (result.returncode, result.stdout) == (4, "")
    assert result.stderr.splitlines()[-1] == (
        "ended by --max-duration; what was not finished stays in the queue, and the same command goes on with it"
    )
    (scripted.folder / "one.go").touch()
    result = haulage("get", "--max-duration", "1h", "http://a.test/wait/one", "http://a.test/good/two")
    assert (result.returncode, len(result.stdout.splitlines())) == (0, 2)
    assert "ended by" not in result.stderr


def test_a_fetcher_that_heeds_nobody_is_left(scripted, pipeline):
    """Within seconds, as after a second Ctrl-C; its job is due at once."""
    result = scripted.run("get", "--max-duration", "300ms", "http://a.test/hang/one")
    assert result.returncode == 4
    assert "the same command goes on with it" in result.stderr
    assert [job.status for job in pipeline.find(Query(unfinished=True))] == [Status.PENDING]


@pytest.mark.parametrize(("size", "codes"), [("1B", (4, 4, 0)), ("1GB", (0, 0))])
def test_a_run_ends_once_so_much_was_stored(haulage, size, codes):
    """The exit code is 4 where something is left, if only to see that it is there already, and 0 where nothing is."""
    urls = ["http://a.test/good/one", "http://a.test/good/two"]
    results = [haulage("get", "--max-bytes", size, "--json", *urls) for _ in codes]
    assert tuple(each.returncode for each in results) == codes
    told = [json.loads(line)["video_id"] for line in results[0].stdout.splitlines()]
    assert told == ["one", "two"][: 1 if codes[0] else 2]
    assert ("ended by --max-bytes" in results[0].stderr) is (codes[0] == 4)


def test_every_command_that_hauls_has_limits(haulage, scripted):
    """`work`, `sync` and `retry` end like `get`."""
    config = scripted.folder / "haulage.yaml"
    config.write_text(f"{config.read_text()}subscriptions: {{news: http://a.test/list/news}}\n")
    assert haulage("sync", "--max-bytes", "1B").returncode == 4
    assert haulage("work", "--max-duration", "1ms").returncode == 4
    assert haulage("work", "--max-bytes", "1B").returncode == 0
    again = haulage("sync", "--max-duration", "1ms")
    assert (again.returncode, again.stdout) == (4, ""), "a list that nobody read again is told to be done"
    assert haulage("sync").returncode == 0
    assert haulage("get", "http://a.test/transient/one", "http://a.test/transient/two").returncode == 1
    (scripted.folder / "mended").touch()
    assert haulage("retry", "--max-bytes", "1B").returncode == 4


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--max-bytes", "lots", "'lots' is no size of something; give one such as 500MB or 2GiB"),
        ("--max-bytes", "0", "'0' is no size of something"),
        ("--max-duration", "soon", "'soon' is no duration; give one such as 90s, 1h or 7d"),
    ],
)
def test_what_is_no_limit_is_refused(haulage, option, value, said):
    """Before anything is asked for."""
    result = haulage("get", option, value, "http://a.test/good/one")
    assert (result.returncode, said in result.stderr) == (2, True)
