"""What a `get` would do, and what it would come to: pure functions of the record and of what sources announce."""

import enum
from collections import Counter
from collections.abc import Mapping

from attrs import evolve, frozen

from haulage.billing.rates import Cost, Rate, monthly
from haulage.contracts.fetcher import Estimate
from haulage.contracts.totals import Throughput
from haulage.errors import Failure
from haulage.keys import object_key
from haulage.pipeline.steps import Delete, Nothing, let_go, next_step
from haulage.values import Job, Request, Video


class State(enum.StrEnum):
    """What is known of a video before it is hauled."""

    NEW = "new"
    STORED = "stored"
    PRUNED = "pruned"
    WAITS = "waits"
    FAILED = "failed"
    TWICE = "twice"


@frozen
class Verdict:
    """What would become of a video.

    Attributes:
        state: What is known of it.
        hauls: Whether it would be hauled.
        reason: Why, or why not, for people; "" where the state says it.
    """

    state: State
    hauls: bool
    reason: str = ""


@frozen
class Planned:
    """A video that was looked at.

    Attributes:
        request: What leads to it.
        verdict: What would become of it.
        estimate: What is announced of it, or known of what is stored; None where nobody was asked, or can tell.
        video: It, completed as far as that goes.
        key: What the main file would be called, or is called, in the primary storage; None where only the file tells.
        store_to: The storages that shall hold it; the first is the primary one.
    """

    request: Request
    verdict: Verdict
    estimate: Estimate | None
    video: Video
    key: str | None
    store_to: tuple[str, ...]


@frozen
class Unseen:
    """Something that could not be looked at, and that a haul would not get either, as things stand.

    Attributes:
        request: What was asked for, or stands in a list.
        named: Whether somebody named it.
        failure: Why.
    """

    request: Request
    named: bool
    failure: Failure


@frozen
class Total:
    """What a plan comes to.

    Attributes:
        states: How many videos there are of each state.
        videos: How many would be hauled.
        unknown: How many of these have a size that nobody tells.
        size: What the others are expected to have together, in bytes: of their main files, once.
        exact: Whether the sources tell each of these sizes, and none comes of a rate and a length.
        costs: What storing them costs a month, for each storage that they go to, as far as sizes are known.
        cost: All of that.
        rate: How many bytes a second came lately; None where nothing did, or nobody remembers.
    """

    states: Mapping[State, int]
    videos: int
    unknown: int
    size: int
    exact: bool
    costs: Mapping[str, Cost]
    cost: Cost
    rate: float | None

    @property
    def seconds(self) -> float | None:
        """How long it takes at that rate, as far as sizes are known; None where the rate is not."""
        return self.size / self.rate if self.rate else None


class Sum:
    """Adds up what is planned, one by one: a long list needs no more room than a short one."""

    def __init__(self) -> None:
        self._states: Counter[State] = Counter()
        self._sizes: Counter[str] = Counter()
        self._videos = self._unknown = self._size = 0
        self._exact = True

    def add(self, planned: Planned) -> None:
        """Count a video."""
        self._states[planned.verdict.state] += 1
        if not planned.verdict.hauls:
            return
        self._videos += 1
        estimate = planned.estimate
        if estimate is None or estimate.size is None:
            self._unknown += 1
            return
        self._size += estimate.size
        self._sizes.update(dict.fromkeys(planned.store_to, estimate.size))
        self._exact = self._exact and estimate.exact

    def total(self, store_to: tuple[str, ...], rates: Mapping[str, Rate], throughput: Throughput | None) -> Total:
        """What it comes to.

        Args:
            store_to: The storages to tell of in any case.
            rates: What storages cost, by name.
            throughput: How fast videos were stored lately.
        """
        sizes = {**dict.fromkeys(store_to, 0), **self._sizes}
        return Total(
            states=dict(self._states),
            videos=self._videos,
            unknown=self._unknown,
            size=self._size,
            exact=self._exact,
            costs={name: monthly({name: size}, rates) for name, size in sizes.items()},
            cost=monthly(sizes, rates),
            rate=throughput.rate if throughput else None,
        )


def judge(job: Job | None, store_to: tuple[str, ...], *, waits: bool, again: bool) -> Verdict:
    """Decide what would become of a video, by the very step that a worker would choose.

    Args:
        job: The job that has it; None where there is none.
        store_to: The storages that shall hold it; the first is the primary one.
        waits: Whether that job is due some time, or held.
        again: Whether a haul would ask for that job once more: its own URL is named, and not only in a list.
    """
    if job is None:
        return Verdict(State.NEW, hauls=True)
    there = ("stored", "deleting") if again else ("stored",)  # what is asked for in time is not deleted
    mains = [copy for copy in job.copies if copy.role == "video"]
    held = {copy.storage for copy in mains if copy.state in there}
    gone = let_go(job, store_to) | {copy.storage for copy in mains if copy.state == "deleting"} - held
    primary = store_to[0]
    if primary in held or (held and primary in gone):  # it lies where it was moved to
        owed = [name for name in store_to if name not in held | gone]
        return Verdict(State.STORED, hauls=False, reason=f"{', '.join(owed)} still lacks it" if owed else "")
    asked = evolve(job, asked_after=len(job.attempts)) if again else job
    step = next_step(asked, store_to, files_here=bool(job.home))
    hauls = (waits or again) and not isinstance(step, Nothing | Delete)
    failed = f"{job.tries[-1].failure.kind.value}: {job.tries[-1].failure.message}" if job.tries else ""
    if primary in gone:
        why = "hauled anew, since its own URL is asked for" if hauls else "it was let go; its own URL brings it back"
        return Verdict(State.PRUNED, hauls, why)
    if waits:
        return Verdict(State.WAITS, hauls, f"in the queue after {failed}" if failed else "in the queue")
    if failed:
        then = "tried again" if hauls else "a list does not try it again; haulage retry does"
        return Verdict(State.FAILED, hauls, f"{failed}; {then}")
    return Verdict(State.NEW, hauls)


def known(job: Job | None) -> Estimate | None:
    """What is known of a video whose file was fetched; None where none was."""
    if job is None or job.video is None or not job.files:
        return None
    main, facts = job.files[0], job.facts
    width, height = (facts.width, facts.height) if facts else (None, None)
    return Estimate(job.video, facts.container if facts else "", main.extension, width, height, main.size, exact=True)


def key(job: Job | None, primary: str, layout: str, estimate: Estimate | None) -> str | None:
    """What the main file of a video is called in the primary storage, or would be; None where nobody can tell yet."""
    for copy in job.copies if job else ():
        if (copy.storage, copy.role) == (primary, "video") and copy.state in ("stored", "deleting"):
            return copy.key
    if estimate is None or estimate.extension is None:
        return None
    return object_key(layout, estimate.video, estimate.extension)
