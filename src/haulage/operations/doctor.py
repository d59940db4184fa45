"""Look at everything that a haul needs, before it is needed."""

import functools
import logging
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256

from haulage.config.model import Budget
from haulage.contracts.findings import Finding, SupportsExamination
from haulage.contracts.storage import ObjectInfo, Storage
from haulage.errors import Failure, HaulageError, Kind, StorageError
from haulage.pipeline.assembly import Assembly
from haulage.pipeline.budget import uncounted
from haulage.pipeline.call import Call
from haulage.secrets import public_traceback, redact

_log = logging.getLogger(__name__)


def examine(assembly: Assembly) -> Iterator[Finding]:
    """Look at the parts of a config, one after the other.

    Nothing that is stored is touched: each storage is given a small object of its own, which is read back and deleted.
    """
    yield from _plugins(assembly)
    looks: list[tuple[str, Callable[[], Iterable[Finding]]]] = [
        ("workspace", functools.partial(_workspace, assembly)),
        ("database", functools.partial(_database, assembly)),
        ("fetcher", functools.partial(_fetcher, assembly)),
        ("budget", functools.partial(_budget, assembly)),
    ]
    for name in assembly.config.storages:
        looks.append((f"storage {name}", functools.partial(_storage, assembly, name)))
    for about, look in looks:
        try:
            yield from look()
        except HaulageError as error:
            yield Finding(about, "bad", error.failure.message, error.failure.cure)
        except Exception as error:  # of a component that keeps no contract
            _log.debug("while looking at %s", about, extra={"traceback": public_traceback(error)})
            yield Finding(about, "bad", redact(f"{type(error).__name__}: {error}"), "report it to its authors")


def _plugins(assembly: Assembly) -> Iterator[Finding]:
    offers, broken = assembly.host.survey()
    for plugin in broken:
        # What the config needs is there: it would not have been read otherwise.
        yield Finding(f"plugin {plugin.name}", "warning", f"{plugin.origin} failed to load: {plugin.error}")
    origins = {offer.origin for offer, obstacle in offers if not obstacle}
    yield Finding("plugins", "good", f"from {', '.join(sorted(origins))}")


def _workspace(assembly: Assembly) -> Iterator[Finding]:
    workspace = assembly.workspace
    workspace.roster().close()
    free = shutil.disk_usage(workspace.root).free
    short = assembly.space.shortage()
    if short:
        yield Finding("workspace", "warning", f"nothing would be downloaded: {short.message}", short.cure)
    else:
        yield Finding("workspace", "good", f"{workspace.root}, {free / 2**30:,.1f} GiB free")


def _database(assembly: Assembly) -> Iterator[Finding]:
    assembly.store.release("haulage doctor")  # a write that changes nothing, since no worker is called that
    yield Finding("database", "good", f"{assembly.config.database.type}, it can be read and written")


def _fetcher(assembly: Assembly) -> Iterator[Finding]:
    fetcher = assembly.fetcher
    if isinstance(fetcher, SupportsExamination):
        yield from fetcher.examine()
    else:
        yield Finding("fetcher", "good", assembly.config.fetcher.type)


def _budget(assembly: Assembly) -> Iterator[Finding]:
    budget = assembly.config.budget
    if short := uncounted(budget, assembly.rates):
        yield Finding("budget", "warning", short.message, short.cure)
    elif budget != Budget():
        yield Finding("budget", "good", "all storages count")


def _storage(assembly: Assembly, name: str) -> Iterator[Finding]:
    storage = assembly.place(name).storage
    if isinstance(storage, SupportsExamination):
        findings = list(storage.examine())
        yield from findings
        if any(each.level == "bad" for each in findings):
            return  # the probe would only say so again
    key = f"haulage-doctor-{secrets.token_hex(8)}.txt"
    _probe(storage, key)
    used = "" if name in assembly.destinations.storages else "; no store_to names it"
    yield Finding(
        f"storage {name}", "good", f"{storage.url(key).removesuffix(key)}: written, read back and deleted{used}"
    )


def _probe(storage: Storage, key: str) -> None:
    """Write an object, read it back, and delete it.

    Raises:
        StorageError: The storage refuses one of these, or does not hold what was written.
    """
    content = b"haulage doctor writes this, reads it back and deletes it.\n"
    digest = sha256(content).hexdigest()
    call = Call("doctor")
    info = ObjectInfo("text/plain", call.attempt, "haulage doctor", digest)
    with storage.begin(key, info, call, size=len(content)) as upload:
        upload.write(content)
        upload.commit(size=len(content), sha256=digest)
    try:
        found = storage.stat(key)
        if found is None or found.size != len(content):
            raise StorageError(Failure(Kind.STORAGE, f"{storage.url(key)} is not there, or not whole, once written"))
        with storage.read(key, call) as source:
            if source.read() != content:
                raise StorageError(Failure(Kind.STORAGE, f"{storage.url(key)} holds something else than was written"))
    finally:
        storage.delete(key)
    if storage.stat(key) is not None:
        raise StorageError(Failure(Kind.STORAGE, f"{storage.url(key)} is still there after it was deleted"))
