"""`haulage failures`, and the filters of `list` and `retry`: which jobs they mean."""

import json
import re
import shlex
from datetime import datetime

import pytest

from haulage import Pipeline

TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d\d:\d\d")
URLS = (
    "http://a.test/transient/flaky",
    "http://a.test/transient/other",
    "http://a.test/conflict/taken",
    "http://a.test/unavailable/gone",
    "http://a.test/good/fine",
    "http://b.test/auth/members",
    "http://b.test/good/behind",
)


@pytest.fixture
def archive(scripted, monkeypatch):
    """A queue in which each state is, and everything has been tried once."""
    config = scripted.folder / "haulage.yaml"
    config.write_text(config.read_text().replace("{initial: 0.05}", "{attempts: 1}"))
    monkeypatch.chdir(scripted.folder)
    with Pipeline.from_config("haulage.yaml", modules=["scripted"]) as pipeline:
        list(pipeline.run(URLS))
    return scripted


@pytest.fixture
def listed(archive, haulage):
    """The URLs of what `list` finds."""
    return lambda *arguments: [each["url"] for each in json.loads(haulage("list", "--json", *arguments).stdout)]


def last_failure(archive, url):
    """When a job failed last, as the database has it."""
    asked = f"select max(ended_at) from attempts a join video_processing_jobs j on j.id = a.job where url = '{url}'"
    return archive.rows(asked)[0][0]


def test_failures_are_grouped_by_kind_and_source(archive, haulage):
    """What failed last comes first, each group with an example, the cure, and the command that tries it again."""
    result = haulage("failures")
    assert (result.returncode, result.stderr) == (0, "")
    assert (
        TIME.sub("TIME", result.stdout)
        == """\
1 waits after auth, of scripted; last TIME
  such as  http://b.test/auth/members: the site says auth
  cure     mend it
  again    haulage resume b.test
1 ended by unavailable, of scripted; last TIME
  such as  http://a.test/unavailable/gone: the site says unavailable
  cure     mend it
  again    haulage retry --kind unavailable --source scripted
1 ended by conflict, of scripted; last TIME
  such as  http://a.test/conflict/taken: the site says conflict
  cure     mend it
  again    haulage retry --kind conflict --source scripted
2 ended by transient, of scripted; last TIME
  such as  http://a.test/transient/other: the site says transient
  cure     mend it
  again    haulage retry --kind transient --source scripted
"""
    )


def test_failures_for_machines(archive, haulage):
    """The document says the same, with the time in UTC as the database has it."""
    told = json.loads(haulage("failures", "--json").stdout)
    assert [(each["kind"], each["source"], each["waits"], each["count"]) for each in told] == [
        ("auth", "scripted", True, 1),
        ("unavailable", "scripted", False, 1),
        ("conflict", "scripted", False, 1),
        ("transient", "scripted", False, 2),
    ]
    assert told[3].pop("last")[:23] == last_failure(archive, URLS[1])[:23]
    assert told[3].pop("example") | {"job": ""} == {
        "job": "",
        "url": URLS[1],
        "title": "",
        "stage": "fetch",
        "message": "the site says transient",
    }
    assert (told[3]["cure"], told[3]["command"]) == ("mend it", "haulage retry --kind transient --source scripted")


def test_failures_since_a_time(archive, haulage):
    """Only later ones are shown, and the command that tries them again means just these."""
    since = last_failure(archive, URLS[2])
    told = json.loads(haulage("failures", "--since", since, "--json").stdout)
    assert [each["kind"] for each in told] == ["auth", "unavailable", "conflict"]
    *_, flag, moment = shlex.split(told[-1]["command"])
    assert flag == "--since"
    assert datetime.fromisoformat(moment) == datetime.fromisoformat(since)
    assert haulage("failures", "--source", "elsewhere").stdout == "No failure; see also: haulage status\n"
    [one] = json.loads(haulage("failures", "--kind", "transient", "--json").stdout)
    assert one["count"] == 2


def test_the_command_of_a_group_tries_that_group_again(archive, haulage):
    """Each, as it is printed, and no other job."""
    (archive.folder / "mended").touch()
    commands = {each["kind"]: each["command"] for each in json.loads(haulage("failures", "--json").stdout)}
    program, *arguments = shlex.split(commands["transient"])
    assert program == "haulage"
    result = haulage(*arguments, "--json")
    assert result.returncode == 0
    assert {json.loads(line)["url"] for line in result.stdout.splitlines()} == set(URLS[:2])
    assert [each["kind"] for each in json.loads(haulage("failures", "--json").stdout)] == [
        "auth",
        "unavailable",
        "conflict",
    ]
    assert haulage(*shlex.split(commands["auth"])[1:]).returncode == 0
    assert haulage("work").returncode == 0
    assert [each["kind"] for each in json.loads(haulage("failures", "--json").stdout)] == ["unavailable", "conflict"]


def test_without_a_video_the_site_is_the_source(archive, haulage):
    """What nothing is known of but its URL can be named, and tried again, by its site."""
    again = archive.rows("select count(*) from videos")
    assert haulage("get", "http://c.test/nowhere/x/y").returncode == 1  # which the fetcher cannot even expand
    [told] = json.loads(haulage("failures", "--source", "c.test", "--json").stdout)
    assert (told["source"], told["count"]) == ("c.test", 1)
    assert archive.rows("select count(*) from videos") == again
    tried = haulage(*shlex.split(told["command"])[1:], "--json")
    assert [json.loads(line)["url"] for line in tried.stdout.splitlines()] == ["http://c.test/nowhere/x/y"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], URLS),
        (["--status", "failed"], URLS[:3]),
        (["--status", "unavailable", "--status", "downloaded"], URLS[3:5]),
        (["--kind", "transient"], URLS[:2]),
        (["--kind", "transient", "--kind", "auth"], [*URLS[:2], URLS[5]]),
        (["--channel", "channel"], URLS[:6]),
        (["--channel", "another"], []),
        (["--source", "scripted"], URLS[:6]),
        (["--source", "b.test"], URLS[6:]),
        (["--storage", "library"], URLS[4:5]),
        (["--storage", "elsewhere"], []),
        (["--since", "1h"], URLS),
        (["--until", "1h"], []),
        (["--since", "2020-01-01", "--until", "2021-01-01"], []),
        (["--newest", "2"], [URLS[6], URLS[5]]),
        (["--newest", "1", "--status", "failed"], [URLS[2]]),
    ],
)
def test_list_narrows(listed, arguments, expected):
    """Each filter narrows what is listed, and they narrow each other."""
    assert listed(*arguments) == list(expected)


def test_list_by_kind_leaves_out_what_was_overcome(archive, haulage, listed):
    """A failure that was followed by a success is none any more, unless its state is asked for."""
    (archive.folder / "mended").touch()
    assert haulage("retry", "flaky").returncode == 0
    assert listed("--kind", "transient") == [URLS[1]]
    assert listed("--kind", "transient", "--status", "downloaded") == [URLS[0]]


@pytest.mark.parametrize(
    ("arguments", "again"),
    [
        (["--source", "scripted"], URLS[:3]),
        (["--source", "elsewhere"], []),
        (["--kind", "unavailable", "--source", "scripted"], URLS[3:4]),
        (["--since", "1h", "--kind", "conflict"], URLS[2:3]),
        (["--since", "2999-01-01"], []),
    ],
)
def test_retry_narrows(archive, haulage, arguments, again):
    """By source and by the time of the last failure, too; what narrows a retry narrows it further."""
    (archive.folder / "mended").touch()
    result = haulage("retry", *arguments, "--json")
    assert result.returncode == 0
    assert {json.loads(line)["url"] for line in result.stdout.splitlines()} == set(again)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["list", "--status", "done"], "Error: no such status: 'done'; there are: pending, downloading, "),
        (["list", "--kind", "done"], "Error: no such kind of failure: 'done'; there are: transient, "),
        (["failures", "--kind", "done"], "Error: no such kind of failure: 'done'; there are: transient, "),
        (["list", "--since", "soon"], "Error: Invalid value for '--since': 'soon' is no time; give one such as 2h, "),
        (["retry", "--since", "soon"], "Error: Invalid value for '--since': 'soon' is no time; give one such as 2h, "),
        (["list", "--newest", "0"], "Error: Invalid value for '--newest': 0 is not in the range x>=1."),
    ],
)
def test_a_filter_that_means_nothing(haulage, arguments, said):
    """It is a mistake, with exit code 2 and what could be meant."""
    result = haulage(*arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1].startswith(said)
