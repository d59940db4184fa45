"""Any history of calls leaves what a model in memory would hold."""

import itertools
from datetime import timedelta
from typing import Any, Literal

from attrs import define, evolve, field
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from haulage.contracts.metadata import Again, Beat, Done, Gate, Hold, Keep, NewJob, Query
from haulage.errors import AttemptLost, Duplicate
from haulage.testing.conformance.histories import try_histories
from haulage.testing.conformance.law import law, refused
from haulage.testing.conformance.metadata_stores import (
    HERE,
    LONG,
    THERE,
    ZERO,
    Stores,
    a_copy,
    a_video,
    assert_recorded,
)
from haulage.values import Job, JobId, Request, Status

_STEPS = 25
_NUMBERS = st.integers(0, 3)
_SITES = st.integers(0, 1)
_GATES = st.sampled_from([Gate(ZERO, "503"), Gate(LONG, "429"), Gate(None, "sign in")])
_THENS = st.sampled_from([Keep(), Again(), Again(LONG), Done()])
_PICK = st.integers(0, 10)
_WORKERS = ("host:1", "host:2")

Due = Literal["now", "later", "never"]


@define
class _Row:
    """What the model holds of a job."""

    job: Job
    batch: str
    due: Due = "now"
    held_by: str = ""
    holder: str = ""


@define
class _Place:
    """What the model holds of a site."""

    strikes: int = 0
    opens: Due = "now"
    reason: str = ""


@define
class _Ticket:
    """A hold that was given once, and the last save with it."""

    hold: Hold
    saved: tuple[Job, Any, Any] | None = None
    ended: bool = False


@define
class Model:
    """A metadata store as simple as can be: nothing lapses in it by itself, since all leases are long."""

    rows: dict[JobId, _Row] = field(factory=dict)
    places: dict[str, _Place] = field(factory=dict)

    def owner(self, job: Job) -> JobId | None:
        """Which job has the video of a job."""
        video = job.video
        if video is None:
            return None
        identity = (video.source, video.id, video.variant)
        return next(
            (
                row.job.id
                for row in self.rows.values()
                if row.job.video and (row.job.video.source, row.job.video.id, row.job.video.variant) == identity
            ),
            None,
        )

    def claimable(self, home: str) -> set[JobId]:
        """What may be claimed from a home, where nothing is ever handed over."""
        return {
            name
            for name, row in self.rows.items()
            if row.due == "now"
            and row.job.home in (None, home)
            and (place := self.places[row.job.site]).opens == "now"
            and not (place.strikes and self._busy(row.job.site))
        }

    def _busy(self, site: str) -> bool:
        return any(row.held_by and row.due == "later" and row.job.site == site for row in self.rows.values())

    def close(self, site: str, gate: Gate) -> None:
        """Close a site, if it is not closed more strictly; that is a strike if it was open."""
        place = self.places[site]
        place.strikes += place.opens == "now"
        strictness: list[Due] = ["now", "later", "never"]
        closed: Due = "never" if gate.closed_for is None else "later" if gate.closed_for else "now"
        place.opens = max(place.opens, closed, key=strictness.index)
        place.reason = gate.reason

    def open(self, site: str) -> None:
        """Open a site."""
        self.places[site] = _Place()


class StoreMachine(RuleBasedStateMachine):
    """Does what workers and operators may do, and compares what is told with a model.

    Args:
        stores: Where to work; jobs, sites and the batch are of its own.
        name: Tells them apart.
    """

    def __init__(self, stores: Stores, name: str) -> None:
        super().__init__()
        self.stores, self.name = stores, name
        self.model = Model()
        self.tickets: list[_Ticket] = []
        self.turn = itertools.count()

    @property
    def store(self) -> Any:
        """Now this instance, now that one."""
        return self.stores.first if next(self.turn) % 2 else self.stores.second

    def site(self, number: int) -> str:
        """The name of a site of its own."""
        return f"{self.name}-{number}.example"

    @rule(numbers=st.lists(_NUMBERS, min_size=1, max_size=3), site=_SITES, again=st.booleans(), video=st.booleans())
    def add(self, numbers: list[int], site: int, again: bool, video: bool) -> None:
        """Add jobs, some of which are there."""
        name, count, jobs = self.site(site), 0, []
        for number in numbers:
            url = f"https://{name}/{number}"
            jobs.append(NewJob(Request(url), name, a_video(f"{self.name}-{number}", url) if video else None))
        for job in {each.request.id: each for each in jobs}.values():
            self.model.places.setdefault(name, _Place())
            row = self.model.rows.get(job.request.id)
            record = Job(job.request.id, job.request, job.site, video=job.video)
            if row is not None and again and row.due == "never":
                row.due, row.job = (
                    "now",
                    evolve(row.job, asked_after=len(row.job.attempts), stage="", done=0, total=None),
                )
            elif row is None and self.model.owner(record) is None:
                self.model.rows[record.id] = _Row(record, self.name)
                count += 1
        told = self.store.add(jobs, batch=self.name, again=again)
        assert told == count, "add counts other jobs as new than the model"

    @rule(home=st.sampled_from([HERE, THERE]), worker=st.sampled_from(_WORKERS))
    def claim(self, home: str, worker: str) -> None:
        """Take what is due."""
        wanted = self.model.claimable(home)
        hold = self.store.claim(f"{self.name}/{worker}", LONG, home=home, handover=LONG, batch=self.name)
        if hold is None:
            assert not wanted, "nothing was claimed although something is due"
            return
        assert hold.job.id in wanted, "a job was claimed that may not be"
        row = self.model.rows[hold.job.id]
        assert hold.previous == (row.held_by or None), "a hold names another one before it"
        assert hold.strikes == self.model.places[row.job.site].strikes, "a hold tells other strikes of its site"
        row.job = evolve(row.job, attempts=(*row.job.attempts, hold.attempt))
        assert_recorded(hold.job, row.job, "a claim gives another job than the model holds")
        assert hold.job.attempts == row.job.attempts, "a claim gives other attempts than the model holds"
        row.job = evolve(row.job, stage="", done=0, total=None)
        row.due, row.held_by, row.holder = "later", hold.attempt, worker
        self.tickets.append(_Ticket(hold))

    @rule(
        pick=_PICK,
        then=_THENS,
        site=st.one_of(st.none(), st.just("open"), _GATES),
        status=st.sampled_from(list(Status)),
        home=st.sampled_from([None, HERE, THERE]),
        video=st.one_of(st.none(), _NUMBERS),
        copies=st.lists(st.sampled_from(["archive", "nas"]), unique=True),
    )
    def save(
        self, pick: int, then: Any, site: Any, status: Status, home: str | None, video: int | None, copies: list[str]
    ) -> None:
        """Save, as the holder or as one who was."""
        if not self.tickets:
            return
        ticket = self.tickets[pick % len(self.tickets)]
        row = self.model.rows[ticket.hold.job.id]
        job = evolve(row.job, status=status, home=home)
        if video is not None:
            job = evolve(job, video=a_video(f"{self.name}-{video}", job.request.url))
        if job.video:
            job = evolve(job, copies=tuple(a_copy(ticket.hold, each) for each in copies))
        if row.held_by != ticket.hold.attempt or row.due != "later":
            if ticket.saved is None or ticket.saved != (job, then, site):
                with refused("a save went through without a hold", AttemptLost):
                    self.store.save(ticket.hold, job, then, site=site)
            return
        if self.model.owner(job) not in (None, job.id):
            with refused("two jobs have one video", Duplicate):
                self.store.save(ticket.hold, job, then, site=site)
            return
        self.store.save(ticket.hold, job, then, site=site)
        row.job = job
        if not isinstance(then, Keep):
            row.held_by = ""
            row.due = "never" if isinstance(then, Done) else "later" if then.after else "now"
            ticket.saved = (job, then, site)
        place = self.model.places[job.site]
        if isinstance(site, Gate):
            self.model.close(job.site, site)
        elif site == "open" and place.opens == "now" and place.strikes == ticket.hold.strikes:
            self.model.open(job.site)

    @rule(pick=_PICK)
    def save_again(self, pick: int) -> None:
        """Make a save again that ended a hold."""
        ticket = self.tickets[pick % len(self.tickets)] if self.tickets else None
        if ticket is not None and ticket.saved is not None:
            job, then, site = ticket.saved
            self.store.save(ticket.hold, job, then, site=site)

    @rule(pick=_PICK, done=st.integers(0, 9))
    def beat(self, pick: int, done: int) -> None:
        """Tell how far two attempts are."""
        tickets = {each.hold.attempt: each for each in self.tickets[pick % 3 :: 2][:2]}
        beats = [Beat(attempt, "fetch", done, 9) for attempt in tickets]
        lost = {}
        for attempt, ticket in tickets.items():
            row = self.model.rows[ticket.hold.job.id]
            if row.held_by == attempt and row.due == "later":
                row.job = evolve(row.job, stage="fetch", done=done, total=9)
            else:
                lost[attempt] = "lost"
        assert self.store.beat(beats, LONG) == lost, "a beat names other attempts as lost than the model"

    @rule(worker=st.sampled_from(_WORKERS))
    def release(self, worker: str) -> None:
        """Take a worker for dead."""
        count = 0
        for row in self.model.rows.values():
            if row.held_by and row.holder == worker and row.due == "later":
                row.due, count = "now", count + 1
        told = self.store.release(f"{self.name}/{worker}")
        assert told == count, "a release made due other jobs than the model says"

    @rule(site=_SITES, gate=st.one_of(st.just("open"), _GATES))
    def gate(self, site: int, gate: Any) -> None:
        """Close or open a site by hand."""
        name = self.site(site)
        known = name in self.model.places
        assert self.store.gate(name, gate) is known, "a site is known that the model does not know, or the reverse"
        if known and isinstance(gate, Gate):
            self.model.close(name, gate)
        elif known:
            self.model.open(name)
            for row in self.model.rows.values():
                if row.job.site == name and not row.held_by and row.due == "later":
                    row.due = "now"

    @invariant()
    def what_is_told_is_what_the_model_holds(self) -> None:
        """Jobs, what is unfinished, closed sites and the time to come again agree after every step."""
        store = self.store
        found = list(store.find(Query(batch=self.name)))
        rows = list(self.model.rows.values())
        assert [job.id for job in found] == [row.job.id for row in rows], "other jobs are there than the model holds"
        for job, row in zip(found, rows, strict=True):
            assert_recorded(job, row.job, "a job is not what the model holds")
            assert (job.attempts, job.stage, job.done, job.total) == (
                row.job.attempts,
                row.job.stage,
                row.job.done,
                row.job.total,
            ), "the attempts or the progress of a job are not what the model holds"
        open_ones = [job.id for job in store.find(Query(batch=self.name, unfinished=True))]
        assert open_ones == [row.job.id for row in rows if row.due != "never"], "other jobs are unfinished"
        told = {
            site.name: (site.strikes, site.opens is None, site.reason)
            for site in store.sites()
            if site.name.startswith(f"{self.name}-")
        }
        assert told == {
            name: (place.strikes, place.opens == "never", place.reason)
            for name, place in self.model.places.items()
            if place.strikes
        }, "other sites have refused than the model holds"
        waits = [row for row in rows if row.due != "never" and self.model.places[row.job.site].opens != "never"]
        due = store.next_due(home=HERE, handover=LONG, batch=self.name)
        assert (due is None) == (not waits), "something is waited for that is not there, or the reverse"
        now = [
            row
            for row in waits
            if row.due == "now" and row.job.home in (None, HERE) and self.model.places[row.job.site].opens == "now"
        ]
        assert due is None or (due == timedelta(0)) == bool(now), "what is due now is told wrongly"


class ModelLaws:
    """All laws at once, in orders that nobody thought of."""

    @law
    def test_any_history_leaves_what_the_model_holds(self, stores: Stores) -> None:
        """Whatever is added, claimed, saved, released and closed in whatever order, the store tells what is so."""
        try_histories(lambda name: StoreMachine(stores, name), self.examples, _STEPS)  # type: ignore[attr-defined]
