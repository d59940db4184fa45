"""G02. Nothing is lost of a subscription: wherever its reading was broken off, the next one finds what is new."""

import signal

import pytest
from attrs import evolve
from harness.chains import Point, make_chain

PAGE = 3
"""Entries in a page of the lists of these tests."""


class Listed:
    """A subscription to a list that grows at its beginning.

    Attributes:
        chain: The program.
        count: How many entries the list has.
    """

    def __init__(self, chain):
        program = evolve(chain.program, options=(*chain.program.options, "-p", "listed"))
        self.chain, self.count = evolve(chain, program=program), 0
        config = program.folder / "haulage.yaml"
        config.write_text(f"{config.read_text()}subscriptions: {{news: http://a.test/news.list}}\n")

    def grow(self, entries):
        """Put further entries before the others."""
        self.count += entries
        lines = [f"v{number}" for number in range(self.count, 0, -1)]
        (self.chain.program.folder / "news.list").write_text("\n".join(lines))

    def sync(self, **environ):
        """Haul what is new; the exit code, and how many entries were taken of the list."""
        taken = self.chain.program.folder / "taken"
        taken.write_text("")
        ran = self.chain.start("sync", **environ).end()
        return ran.code, len(taken.read_text().split())

    def lost(self):
        """The entries that are not stored, as the database's own client says."""
        query = "select v.video_id from videos v join stored_objects o on o.video = v.number"
        rows = self.chain.database.rows(f"{query} where o.role = 'video' and o.state = 'stored'")
        return sorted({f"v{number}" for number in range(1, self.count + 1)} ^ {each["video_id"] for each in rows})


@pytest.fixture
def listed(request, tmp_path):
    """One that was read to its end once."""
    made = Listed(make_chain("local + sqlite", tmp_path, request, "listed"))
    made.grow(PAGE)
    assert made.sync() == (0, PAGE)
    return made


@pytest.mark.timeout(600)
def test_a_kill_between_pages_loses_no_older_entry(listed, extent, chance, tmp_path):
    """A reading that broke off knows the newest entries; the next one goes to the end, and those after it stop."""
    listed.grow(3 * PAGE)
    assert listed.sync(CRASH_LIST=str(tmp_path / "points"))[0] == 0
    met = (tmp_path / "points").read_text().splitlines()
    met = [line.partition("\t")[0] for line in met[: met.index("fetcher.fetch before\theld")]]
    seams = ("store.add", "store.save", "store.claim", "fetcher.expand", "attempt.progress")
    points = [Point(name, met[:index].count(name) + 1) for index, name in enumerate(met) if name.startswith(seams)]
    between = [each for each in points if each.name == "store.add after"][1:-1]
    assert len(between) >= 3, "nothing was killed between two pages"
    chosen = points if extent == "full" else [between[0], *chance.sample(points, 3)]
    for point in chosen:
        listed.grow(3 * PAGE)
        assert listed.sync(CRASH_AT=str(point))[0] == -signal.SIGKILL, f"it was not killed at {point}"
        assert listed.sync()[0] == 0
        assert listed.lost() == [], f"killed at {point}, these were lost, or are there twice"
    assert listed.sync() == (0, PAGE), "a list is read on though nothing of it is new"


def test_what_waits_far_down_in_a_list_goes_on(listed):
    """Where a run was killed while it hauled, the next one takes up what it left, though it reads one page."""
    listed.grow(4 * PAGE)
    assert listed.sync(CRASH_AT="fetcher.fetch before 2")[0] == -signal.SIGKILL
    code, taken = listed.sync()
    assert (code, listed.lost()) == (0, []), "what waited was left behind"
    assert taken == PAGE, "a list is read on though nothing of it is new"
