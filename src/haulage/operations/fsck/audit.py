"""Go through a whole archive, once in each direction."""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

from attrs import define, evolve

from haulage.contracts.metadata import Query
from haulage.contracts.storage import StoredObject
from haulage.operations.fsck.adopt import Adopter
from haulage.operations.fsck.archive import Archive
from haulage.operations.fsck.inventory import Inventory
from haulage.operations.fsck.judge import Fault, Remedy, lacking
from haulage.operations.fsck.look import Examined, Look
from haulage.operations.fsck.mend import BUSY, Mender
from haulage.operations.fsck.remains import Remains
from haulage.operations.fsck.strays import Strays
from haulage.operations.fsck.troubles import Sort, Trouble
from haulage.operations.holding import Holder, holder
from haulage.pipeline.assembly import Assembly
from haulage.secrets import public_url
from haulage.values import Job

_AT_ONCE = 8
"""How many jobs are examined at once: most of the time goes by waiting for a store's answers."""

_PAGE = 200


@define
class Progress:
    """How far an audit is. A subclass may show it.

    Attributes:
        objects: How many objects storages have listed.
        jobs: How many jobs were examined.
    """

    objects: int = 0
    jobs: int = 0

    def moved(self) -> None:
        """Called after each change, by the thread that iterates."""


def audit(
    assembly: Assembly,
    *,
    deep: bool = False,
    repair: bool = False,
    adopt: bool = False,
    storages: Iterable[str] = (),
    progress: Progress | None = None,
) -> Iterator[Trouble]:
    """Compare the database with the storages, and yield what disagrees as it is found.

    Storages are listed first, and jobs are read afterwards: a row is written before its object can become visible, so
    whatever was listed and is ours has a row by then. Workers may go on meanwhile. Nothing is changed without `repair`
    or `adopt`; with them a job is held while something of it is mended, and found to be wrong once more before.

    Args:
        assembly: The components of a config.
        deep: Read every object back, and compare digests.
        repair: Mend what can be mended.
        adopt: Take in videos that the database does not know.
        storages: Look at these alone, and believe them also where nothing of ours is there; by default at all that the
            config has.
        progress: Told how far it is.

    Raises:
        HaulageError: The database or a storage cannot be used; what was mended before is recorded.
    """
    progress = progress or Progress()
    archive = _archive(assembly, tuple(storages))
    if not (repair or adopt):
        yield from _troubles(archive, progress, deep=deep, repair=False, adopt=False)
        return
    with holder(assembly) as holding:
        archive = evolve(archive, holder=holding)
        yield from _troubles(archive, progress, deep=deep, repair=repair, adopt=adopt)


def _archive(assembly: Assembly, storages: tuple[str, ...]) -> Archive:
    config = assembly.config
    return Archive(
        Holder(assembly.store, config.lease),
        {name: assembly.place(name) for name in storages or config.storages},
        assembly.destinations,
        config.layout,
        lambda url: assembly.fetcher.site(url),
        frozenset(storages),
    )


def _troubles(
    archive: Archive,
    progress: Progress,
    *,
    deep: bool,
    repair: bool,
    adopt: bool,
) -> Iterator[Trouble]:
    with Inventory() as inventory:
        for name, place in archive.places.items():
            objects = place.storage.list("")
            while page := list(itertools.islice(objects, _PAGE)):
                progress.objects += inventory.put(name, page)
                progress.moved()
        look = Look(archive, deep, _without_ours(archive, inventory) - archive.believed)
        mender = Mender(look) if repair else None
        yield from _jobs(archive, look, mender, inventory, progress)
        adopter = Adopter(archive, deep=deep)
        yield from Strays(archive, inventory, mender, adopter, adopts=repair or adopt).troubles()
        yield from Remains(archive, inventory, repair).troubles()


def _without_ours(archive: Archive, inventory: Inventory) -> frozenset[str]:
    """The storages that list nothing that the database says is stored there."""
    left = set(archive.places)
    for job in archive.store.find(Query()):
        left -= {
            each.storage for each in job.copies if each.storage in left and inventory.listed(each.storage, each.key)
        }
        if not left:
            break
    return frozenset(left)


def _jobs(
    archive: Archive,
    look: Look,
    mender: Mender | None,
    inventory: Inventory,
    progress: Progress,
) -> Iterator[Trouble]:
    elsewhere: set[str] = set()
    jobs = archive.store.find(Query())
    pool = ThreadPoolExecutor(_AT_ONCE, "haulage-fsck")
    try:
        while page := list(itertools.islice(jobs, _PAGE)):
            waiting = archive.holder.waits(*(job.id for job in page))
            listed = [_claimed(archive, inventory, job) for job in page]
            waits = [job.id in waiting for job in page]
            examined = pool.map(lambda job, listed, waits: look.at(job, listed, waits=waits), page, listed, waits)
            for each in examined:
                yield from _told(archive, mender, each)
                for fault in each.faults:
                    if fault.copy is not None:
                        inventory.claim(fault.copy.storage, fault.copy.key)
                elsewhere |= {copy.storage for copy in each.job.copies} - set(archive.places)
                progress.jobs += 1
                progress.moved()
    except BaseException:
        archive.call.cancel.cancel("stopped")  # what is being read ends with its next block
        raise
    finally:
        pool.shutdown(cancel_futures=True)
    for name in sorted(elsewhere):
        yield Trouble(Sort.UNCHECKED, name, name, "the database has copies there, and it was not looked at")


def _claimed(archive: Archive, inventory: Inventory, job: Job) -> Mapping[tuple[str, str], StoredObject]:
    """What storages list under the keys of a job; those that its rows name are claimed with that."""
    inventory.know(job)
    found = {}
    for copy in job.copies:
        if copy.state != "deleted":
            inventory.claim(copy.storage, copy.key)
    for copy in (*job.copies, *lacking(job, archive.store_to(job), archive.layout)):
        there = inventory.listed(copy.storage, copy.key)
        if there is not None:
            found[copy.storage, copy.key] = there
    return found


def _told(archive: Archive, mender: Mender | None, examined: Examined) -> Iterator[Trouble]:
    """Tell what is wrong with a job, after mending what can be mended."""
    job, faults = examined.job, examined.faults
    if mender is None or all(fault.remedy is Remedy.NONE for fault in faults):
        yield from (_trouble(archive, job, fault) for fault in faults)
        return
    mended = mender.mend(job.id)
    if mended is None:
        yield from (evolve(_trouble(archive, job, fault), left=BUSY) for fault in faults)
        return
    for fault, left in mended:
        yield evolve(_trouble(archive, job, fault), repaired=not left, left=left)


def _trouble(archive: Archive, job: Job, fault: Fault) -> Trouble:
    copy, name, cure = fault.copy, public_url(job.request.url), ""
    if copy is not None and copy.storage in archive.places:
        name = archive.name(copy.storage, copy.key)
    if copy is not None and fault.remedy is Remedy.NONE and fault.sort is Sort.MISSING:
        cure = f"is it mounted, and the right one? If all of it is lost: haulage fsck --repair --storage {copy.storage}"
    elif fault.remedy is Remedy.NONE:
        cure = "look at it, move it away if it is not wanted, and repair again"
    return Trouble(
        fault.sort,
        copy.storage if copy else "",
        name,
        fault.detail,
        fault.remedy.value,
        cure,
        job.id,
    )
