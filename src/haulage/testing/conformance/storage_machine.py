"""Any history of calls leaves what a dictionary would hold."""

import itertools
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from haulage.contracts.storage import StoredObject, Upload
from haulage.errors import AlreadyExists, StorageError
from haulage.testing.conformance.content import content, sha256
from haulage.testing.conformance.histories import try_histories
from haulage.testing.conformance.law import law, refused
from haulage.testing.conformance.place import Place

_STEPS = 20
_NAMES = st.sampled_from(["a.mp4", "a.mp", "b/a.mp4", "b/aXmp4", "b/c/a.mp4", "bb/a.mp4"])


class _Open:
    """An upload that is open, and what was written to it."""

    def __init__(self, name: str, upload: Upload, replaces: StoredObject | None) -> None:
        self.name, self.upload, self.replaces, self.data = name, upload, replaces, b""


class StorageMachine(RuleBasedStateMachine):
    """Does what many writers may do, and compares what is there with a model.

    Args:
        place: Where to work; emptied at the end.
    """

    uploads = Bundle("uploads")

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.model: dict[str, tuple[StoredObject, bytes]] = {}
        self.old: dict[str, StoredObject] = {}
        self.seeds = itertools.count()

    @rule(target=uploads, name=_NAMES, replacing=st.booleans())
    def begin(self, name: str, replacing: bool) -> Any:
        """Begin to create, or to replace what is there."""
        return self._begin(name, self.model[name][0] if replacing and name in self.model else None)

    @rule(target=uploads, name=_NAMES)
    def begin_with_an_old_version(self, name: str) -> Any:
        """Begin to replace a version that may be gone."""
        return self._begin(name, self.old.get(name))

    def _begin(self, name: str, replaces: StoredObject | None) -> Any:
        try:
            return _Open(name, self.place.begin(name, replaces=replaces), replaces)
        except AlreadyExists:  # as early as that, where it is so
            assert not self._holds(name, replaces), "an upload was refused whose precondition holds"
            return multiple()

    def _holds(self, name: str, replaces: StoredObject | None) -> bool:
        there = self.model.get(name)
        return (there and there[0].version) == (replaces and replaces.version)

    @rule(open_one=uploads, size=st.sampled_from(["1", "100", "part", "part + 1"]))
    def write(self, open_one: _Open, size: str) -> None:
        """Write some bytes."""
        part = self.place.part
        # Of different sizes, so that services that tell versions by size and second tell these too.
        data = content({"1": 1, "100": 100, "part": part, "part + 1": part + 1}[size] + next(self.seeds))
        open_one.upload.write(data)
        open_one.data += data

    @rule(open_one=consumes(uploads), whole=st.booleans())
    def commit(self, open_one: _Open, whole: bool) -> None:
        """Commit what was written, or something else."""
        name, data = open_one.name, open_one.data
        there = self.model.get(name)
        if not whole:
            with refused("a commit of something else than was written went through", StorageError):
                open_one.upload.commit(size=len(data) + 1, sha256=sha256(data))
        elif not self._holds(name, open_one.replaces):
            with refused("a commit went through whose precondition does not hold", AlreadyExists):
                self.place.commit(open_one.upload, name, data)
        else:
            stored = self.place.commit(open_one.upload, name, data)
            self.old[name] = there[0] if there else stored
            self.model[name] = stored, data
        open_one.upload.abort()

    @rule(open_one=consumes(uploads))
    def abort(self, open_one: _Open) -> None:
        """Give up."""
        open_one.upload.abort()

    @rule(name=_NAMES)
    def delete(self, name: str) -> None:
        """Delete whatever is there."""
        self.place.storage.delete(self.place.key(name))
        if name in self.model:
            self.old[name] = self.model.pop(name)[0]

    @rule(name=_NAMES, current=st.booleans())
    def delete_a_version(self, name: str, current: bool) -> None:
        """Delete the version that is there, or one that may be gone."""
        there = self.model.get(name)
        only = there[0] if current and there else self.old.get(name)
        if only is None:
            return
        key = self.place.key(name)
        if there is None or there[0].version == only.version:
            self.place.storage.delete(key, only=only)
            self.model.pop(name, None)
        else:
            with refused("a version was deleted that is not the one that was meant", AlreadyExists):
                self.place.storage.delete(key, only=only)

    @invariant()
    def what_is_there_is_what_the_model_holds(self) -> None:
        """Names, sizes and versions agree after every step."""
        listed = {each.key: (each.size, each.version) for each in self.place.other.list(self.place.folder)}
        wanted = {self.place.key(name): (stored.size, stored.version) for name, (stored, _) in self.model.items()}
        assert listed == wanted, "after a history of calls other objects are there than the model holds"

    def teardown(self) -> None:
        """Compare the bytes too, and leave an empty place."""
        try:
            self.place.assert_holds(
                {name: data for name, (_, data) in self.model.items()},
                "after a history of calls other bytes are there than the model holds",
            )
        finally:
            self.place.clear()


class ModelLaws:
    """All laws at once, in orders that nobody thought of."""

    @law
    def test_any_history_leaves_what_the_model_holds(self, place: Place) -> None:
        """Whatever is begun, written, committed, aborted and deleted in whatever order, only what shall be there is."""
        examples = self.examples  # type: ignore[attr-defined]
        try_histories(lambda name: StorageMachine(place.inside(name)), examples, _STEPS)
