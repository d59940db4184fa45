"""What is told of an archive is what its tables hold."""

import contextlib
import json
import logging
import re
import shutil
import sqlite3
import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import mean, median

import pytest
from archive import BEGAN, DAYS, write

from haulage.billing.rates import Rate
from haulage.cli.main import run
from haulage.contracts.totals import Holding
from haulage.operations.usage import usage
from haulage.values import JobId

NOW = BEGAN + timedelta(days=DAYS)
RATES = {"archive": Rate(0.02, 0.005, 2**30, ""), "nas": Rate(0.01, None, 10**9, "")}
GIVEN = {
    "storage": "o.storage",
    "channel": "v.channel_id",
    "month": "substr(o.stored_at, 1, 7)",
    "format": "v.download_format",
    "resolution": "v.download_resolution",
}
PRICED = ("-p", "priced_storage")
PLUGINS = Path(__file__).parents[1] / "pipeline" / "plugins"
CONFIG = """
fetcher: {type: plain}
storages: {archive: {type: local, path: a}, nas: {type: local, path: b}}
prices: {archive: {storage: 0.02 USD, write: 0.005}, nas: {storage: 0.01}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An archive of 400 jobs in two storages."""
    folder = tmp_path_factory.mktemp("archive")
    write("sqlite:///haulage.db", folder, 400, storages=("archive", "nas"))
    (folder / "haulage.yaml").write_text(CONFIG)
    return folder


@pytest.fixture
def ask(folder):
    """Ask the database itself."""
    with contextlib.closing(sqlite3.connect(folder / "haulage.db")) as connection:
        yield lambda statement, *values: connection.execute(statement, values).fetchall()


@pytest.fixture
def program(monkeypatch):
    """Run `haulage usage` in a folder; logging is as it was afterwards."""
    logger = logging.getLogger("haulage")
    for name in ("handlers", "propagate", "level"):
        monkeypatch.setattr(logger, name, getattr(logger, name))
    monkeypatch.syspath_prepend(PLUGINS)

    def program(folder, *arguments, options=()):
        monkeypatch.chdir(folder)
        return run(["--no-plugins", "-p", "plain_fetcher", *options, "usage", *arguments])

    return program


@pytest.fixture
def told(folder, program, capsys):
    """What `haulage usage` prints."""

    def told(*arguments):
        assert program(folder, *arguments) == 0
        return capsys.readouterr().out

    return told


@pytest.mark.parametrize("by", GIVEN)
def test_groups_add_up_to_what_the_tables_hold(told, ask, by):
    """Objects, bytes, average and median of what is there, however it is divided; and all of it together."""
    rows = ask(
        f"select {GIVEN[by]}, sum(o.size), count(*) from stored_objects o join videos v on v.number = o.video"
        " where o.state = 'stored' group by o.video, o.storage"
    )
    sizes, objects = defaultdict(list), defaultdict(int)
    for name, size, count in rows:
        sizes[name].append(size)
        objects[name] += count
    document = json.loads(told("--by", by, "--json"))
    found = {each[by]: each for each in document["groups"] if each["objects"]}
    assert {name: (each["objects"], each["bytes"]) for name, each in found.items()} == {
        name: (objects[name], sum(its)) for name, its in sizes.items()
    }
    for name, its in sizes.items():
        assert (found[name]["average"], found[name]["median"]) == (pytest.approx(mean(its)), median(its))
    assert [(document["total"]["objects"], document["total"]["bytes"])] == ask(
        "select count(*), sum(size) from stored_objects where state = 'stored'"
    )


def test_growth_tells_each_day_what_came_and_went(told, ask):
    """Day by day, by the times at which objects were stored and deleted; the last day's total is what is there."""
    changes = defaultdict(lambda: [0, 0])
    for index, column in enumerate(("stored_at", "deleted_at")):
        for day, size in ask(
            f"select substr({column}, 1, 10), sum(size) from stored_objects where {column} is not null group by 1"
        ):
            changes[day][index] = size
    document = json.loads(told("--json"))
    assert {each["day"]: [each["stored"], each["deleted"]] for each in document["growth"]} == dict(changes)
    assert document["growth"][-1]["total"] == document["total"]["bytes"]


def test_cost_is_bytes_times_price(told, ask):
    """Of each storage, by its own price and its own gigabyte, and nothing of it without --cost."""
    sizes = dict(ask("select storage, sum(size) from stored_objects where state = 'stored' group by storage"))
    document = json.loads(told("--cost", "--json"))
    costs = {each["storage"]: each["monthly_cost"] for each in document["groups"]}
    assert costs == {name: pytest.approx(sizes[name] / 10**9 * {"archive": 0.02, "nas": 0.01}[name]) for name in sizes}
    assert document["total"]["monthly_cost"] == pytest.approx(sum(costs.values()))
    assert document["prices"]["nas"]["origin"] == "prices of the config"
    assert "cost" not in told("--json")


def test_each_cost_says_where_its_prices_are_from(folder, tmp_path, program, capsys):
    """Of one storage the config tells the price, of the other a table: each line that shows money names its own."""
    shutil.copy(folder / "haulage.db", tmp_path)
    with contextlib.closing(sqlite3.connect(tmp_path / "haulage.db")) as connection, connection:
        connection.execute("update stored_objects set stored_at = ?", (datetime.now(UTC).isoformat(),))
    config = (folder / "haulage.yaml").read_text().replace("{type: local, path: a}", "{type: priced}")
    config = config.replace("archive: {storage: 0.02 USD, write: 0.005}, ", "")
    (tmp_path / "haulage.yaml").write_text(config)
    assert program(tmp_path, "--cost", "--json", options=PRICED) == 0
    document = json.loads(capsys.readouterr().out)
    own, table = "prices of the config", "s3 table of 2026-07-28"
    tables = {each["storage"]: each["tables"] for each in document["groups"]}
    assert tables == {"archive": [table], "nas": [own]}
    assert document["total"]["tables"] == [own, table]
    assert document["total"]["requests_tables"] == [table]
    assert [each["tables"] for each in document["forecast"]] == [[own, table]] * 2
    assert program(tmp_path, "--cost", options=PRICED) == 0
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= 80
    marks = dict(re.findall(r"^(\w): (.*)$", said, re.MULTILINE))
    rows = dict(re.findall(r"^(archive|nas|All) .* (\w)$", said, re.MULTILINE))
    assert {name: marks[mark] for name, mark in rows.items()} == {
        "archive": table, "nas": own, "All": f"{own}, {table}"
    }  # fmt: skip
    flat = said.replace("\n  ", " ")
    assert flat.count(f" USD a month ({own}, {table})\n") == 2
    assert f" USD or more, without those to nas ({table})\n" in flat


@pytest.mark.parametrize("by", GIVEN)
def test_the_table_fits_eighty_columns(told, by):
    """Whatever it is divided by, and each line of costs too; the price says where it is from."""
    shown = told("--by", by, "--cost")
    assert max(map(len, shown.splitlines())) <= 80
    assert "nas: 0.01 USD for a GB and month (prices of the config)" in shown


def test_the_picture_shows_the_numbers_of_json(told, tmp_path):
    """Each channel's bar has its cost beside it, and the growth ends where the total is."""
    document = json.loads(told("--by", "channel", "--cost", "--json", "--plot", str(tmp_path / "a.svg")))
    texts = [each.text for each in ElementTree.parse(tmp_path / "a.svg").iter() if each.text]
    for each in document["groups"][:12]:
        assert each["channel"] in texts
        assert f"{each['monthly_cost']:,.2f}" in texts
    assert f"In the archive: {document['total']['bytes'] / 10**9:.3g} GB" in texts
    assert told("--plot", str(tmp_path / "a.png"))
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_a_picture_of_another_kind_is_refused(folder, program, capsys):
    """Before anything is read."""
    assert program(folder, "--plot", "a.gif") == 2
    assert "name a file that ends with .svg or .png" in capsys.readouterr().err


def test_an_empty_archive_says_what_to_do(tmp_path, program, capsys):
    """There is nothing to divide."""
    (tmp_path / "haulage.yaml").write_text("fetcher: {type: plain}\n")
    assert program(tmp_path, "--cost") == 0
    assert "haulage get URL" in capsys.readouterr().out


def held(stored, size=100, deleted=None, **rest):
    """What a video takes up."""
    whole = Holding(JobId("1"), "youtube", "v", "", "", "UC1", "mp4", "1080p", "archive", 2, size, stored, deleted)
    return whole._replace(**rest)


def test_a_forecast_goes_on_as_the_last_ninety_days_went():
    """In a straight line; what was there before them does not count, and what went since counts against."""
    old = held(NOW - timedelta(days=400), 1000)
    gone = held(NOW - timedelta(days=200), 90, NOW - timedelta(days=10))
    new = [held(NOW - timedelta(days=days), 90) for days in (1, 40, 89)]
    told = usage([old, gone, *new], "storage", RATES, NOW)
    assert [(each.days, each.size) for each in told.forecasts] == [(30, 1270 + 60), (365, 1270 + 730)]
    assert told.total.growth == 0
    pruned = held(NOW - timedelta(days=200), 1000, NOW - timedelta(days=1))
    shrinking = usage([pruned, held(NOW, 1)], "storage", {}, NOW)
    assert [each.size for each in shrinking.forecasts] == [0, 0]


def test_a_young_archive_is_forecast_by_its_own_age():
    """Ten days of it are not taken for ninety."""
    told = usage([held(NOW - timedelta(days=10), 500), held(NOW, 500)], "storage", RATES, NOW)
    assert [each.size for each in told.forecasts] == [1000 + 3000, 1000 + 36_500]


def test_what_nobody_knows_is_called_unknown():
    """A video without channel, format or picture is in a group too, and so is one whose time is not known."""
    bare = held(None, channel_id="", container=None, resolution=None)
    for by in ("channel", "format", "resolution", "month"):
        [group] = usage([bare], by, RATES, NOW).groups
        assert (group.name, group.size) == ("unknown", 100)


def test_days_are_those_of_utc():
    """Whatever the time zone of the machine is."""
    moment = datetime(2026, 3, 1, 23, 59, tzinfo=UTC)
    [day] = usage([held(moment)], "storage", RATES, NOW).days
    assert day.day == date(2026, 3, 1)
