"""The calls that another process makes at a metadata store."""

import functools
import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from attrs import evolve

from haulage.contracts.metadata import Again, Beat, Done, Hold, Keep, MetadataStore, NewJob
from haulage.registry.components import MetadataStoreComponent
from haulage.testing.conformance.bench import Bench
from haulage.values import Request, Status, Video

LONG = timedelta(minutes=5)


@functools.cache
def calls(config: str, plugins: tuple[str, ...], folder: str) -> Mapping[str, Callable[..., Any]]:
    """The calls by name; each takes and gives what JSON can hold, as the config is given. One job is held at a time."""
    bench = Bench(MetadataStoreComponent, json.loads(config), plugins, Path(folder))
    store: MetadataStore = bench.build()
    store.prepare()
    return _Calls(store).by_name()


class _Calls:
    def __init__(self, store: MetadataStore) -> None:
        self._store = store
        self._hold: Hold | None = None

    def by_name(self) -> Mapping[str, Callable[..., Any]]:
        return {name: getattr(self, name) for name in ("add", "claim", "beat", "save", "next_due")}

    def add(self, url: str, site: str) -> int:
        return self._store.add([NewJob(Request(url), site)])

    def claim(self, batch: str = "") -> str | None:
        self._hold = self._store.claim("host:2", LONG, home="here", handover=LONG, batch=batch)
        return None if self._hold is None else self._hold.job.id

    def beat(self) -> list[str]:
        assert self._hold is not None
        return list(self._store.beat([Beat(self._hold.attempt, "fetch", 5, 10)], LONG))

    def save(self, then: str, status: str, home: str | None, video: str | None) -> None:
        assert self._hold is not None
        job = evolve(self._hold.job, status=Status(status), home=home)
        if video is not None:
            job = evolve(job, video=Video("youtube", video, "", job.request.url))
        what: dict[str, Keep | Again | Done] = {"keep": Keep(), "again": Again(), "later": Again(LONG), "done": Done()}
        self._hold = self._store.save(self._hold, job, what[then])

    def next_due(self, batch: str = "") -> float | None:
        due = self._store.next_due(home="here", handover=LONG, batch=batch)
        return None if due is None else due.total_seconds()
