"""Nobody overwrites or deletes what somebody else put there meanwhile."""

import pytest

from haulage.errors import AlreadyExists, Kind
from haulage.testing.call import Call
from haulage.testing.conformance.content import content
from haulage.testing.conformance.law import law, refused
from haulage.testing.conformance.place import Place

KEY = "UC1/v1/video.mp4"


class VersionLaws:
    """A version that is not the one that was meant stays."""

    @law
    @pytest.mark.parametrize("size", ["5", "part + 1"])
    def test_an_object_that_is_there_is_not_overwritten(self, place: Place, size: str) -> None:
        """Creating under a key that is taken raises AlreadyExists and leaves the object as it is."""
        first = place.put(KEY, b"first")
        data = content(5 if size == "5" else place.part + 1)
        with refused("an object was overwritten that nobody asked to replace", AlreadyExists, Kind.CONFLICT):
            place.put(KEY, data, ctx=Call("b" * 32))
        place.assert_only({KEY: b"first"}, "an object was overwritten that nobody asked to replace")
        assert place.current(KEY).version == first.version, "the refusal changed the version that is there"

    @law
    @pytest.mark.parametrize("size", ["5", "part + 1"])
    def test_an_object_that_came_meanwhile_is_not_overwritten(self, place: Place, size: str) -> None:
        """Whether something is there counts at the commit: what appeared after the upload began stays."""
        data = content(5 if size == "5" else place.part + 1)
        with place.begin(KEY, data) as upload:
            upload.write(data)
            place.put(KEY, b"another writer's", storage=place.other)
            with refused("an object was overwritten that came after the upload began", AlreadyExists, Kind.CONFLICT):
                place.commit(upload, KEY, data)
        place.assert_only({KEY: b"another writer's"}, "an object was overwritten that came after the upload began")

    @law
    def test_the_current_version_may_be_replaced(self, place: Place) -> None:
        """Whoever names the version that is there replaces it as a whole."""
        first = place.put(KEY, content(place.part + 1))
        second = place.put(KEY, b"second", replaces=first)
        place.assert_only({KEY: b"second"}, "the version that was to be replaced is still there")
        assert second.version != first.version, "another object has the version of the one before"
        found = place.current(KEY)
        place.put(KEY, content(place.part + 1, seed=1), replaces=found)
        place.assert_only({KEY: content(place.part + 1, seed=1)}, "what stat tells cannot be replaced")

    @law
    @pytest.mark.parametrize("when", ["before it began", "after it began"])
    @pytest.mark.parametrize("now", [b"of another writer", None], ids=["replaced", "deleted"])
    def test_a_version_that_is_gone_is_not_replaced(self, place: Place, now: bytes | None, when: str) -> None:
        """Whoever names a version that was replaced or deleted meanwhile changes nothing."""
        first = place.put(KEY, b"first")

        def change() -> None:
            place.other.delete(place.key(KEY))
            if now is not None:
                place.put(KEY, now, storage=place.other)

        def work() -> None:
            with place.begin(KEY, b"second", replaces=first) as upload:
                upload.write(b"second")
                if when == "after it began":
                    change()
                place.commit(upload, KEY, b"second")

        if when == "before it began":
            change()
        with refused("a version that is gone was replaced", AlreadyExists, Kind.CONFLICT):
            work()
        place.assert_only({} if now is None else {KEY: now}, "a version that is gone was replaced")

    @law
    def test_delete_of_an_older_version_keeps_the_newer(self, place: Place) -> None:
        """An object that was replaced meanwhile is not deleted in the place of the one before."""
        first = place.put(KEY, b"first")
        second = place.put(KEY, b"the second", replaces=first)
        with refused("a newer version was deleted than was meant", AlreadyExists, Kind.CONFLICT):
            place.storage.delete(place.key(KEY), only=first)
        place.assert_holds({KEY: b"the second"}, "a newer version was deleted than was meant")
        place.put(KEY, b"and the third", storage=place.other, replaces=second)
        with refused("a version was deleted that another instance had just written", AlreadyExists, Kind.CONFLICT):
            place.storage.delete(place.key(KEY), only=second)
        place.assert_holds({KEY: b"and the third"}, "a version was deleted that another instance had just written")
        third = place.current(KEY)
        place.storage.delete(place.key(KEY), only=third)
        place.assert_nothing("the version that was meant was not deleted")
        place.storage.delete(place.key(KEY), only=third)

    @law
    def test_a_key_can_be_used_again(self, place: Place) -> None:
        """After a delete the key is free, for a new object that is not the version before."""
        first = place.put(KEY, b"first")
        place.storage.delete(place.key(KEY))
        place.put(KEY, b"the second")
        with refused("a version was deleted that is not the one that was meant", AlreadyExists, Kind.CONFLICT):
            place.storage.delete(place.key(KEY), only=first)
        place.assert_only({KEY: b"the second"}, "a key cannot be used again after a delete")

    @law
    def test_versions_of_one_size_are_told_apart(self, place: Place) -> None:
        """Where `conditional_replace` is claimed, objects of one size within one moment have versions of their own."""
        if not place.claims.conditional_replace:
            return
        versions = []
        for number in range(4):
            there = place.stat(KEY)
            versions.append(place.put(KEY, b"take %d" % number, replaces=there).version)
        assert None not in versions, "conditional_replace is claimed, and there is no version to compare"
        assert len(set(versions)) == 4, f"other bytes of the same size have the same version: {versions}"
