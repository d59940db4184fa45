"""Whole or absent: what can be seen of an object, and when."""

from typing import Any

import pytest

from haulage.cancel import Cancelled
from haulage.errors import StorageError
from haulage.testing.conformance.content import content, sha256, shown
from haulage.testing.conformance.footprint import traced
from haulage.testing.conformance.law import law, refused
from haulage.testing.conformance.place import Place, pieces

KEY = "UC1/v1/video.mp4"

HOW_MUCH = {"nothing": (0, 0), "a byte": (0, 1), "two parts": (2, 1)}
"""How far an upload comes before it ends early: parts, and bytes more."""

_ABORTS, _LEAK = 8, 1 << 18

how_much = pytest.mark.parametrize("how_much", HOW_MUCH)


class VisibilityLaws:
    """Nobody ever sees a part of an object."""

    @law
    def test_nothing_is_visible_before_commit(self, place: Place) -> None:
        """However much was written, nobody finds the object before it is committed."""
        data = content(2 * place.part + 1)
        with place.begin(KEY, data) as upload:
            place.assert_absent(KEY, "an object became visible before anything was written")
            for piece in pieces(data, place.part):
                upload.write(piece)
                place.assert_absent(KEY, "an object became visible before its commit")
                place.assert_holds({}, "something became visible before the commit")
            place.commit(upload, KEY, data)

    @law
    def test_a_commit_makes_the_whole_object_visible(self, place: Place) -> None:
        """Once commit returned, everybody finds the object, and what commit told of it."""
        data = content(1000)
        stored = place.put(KEY, data)
        place.assert_only({KEY: data}, "commit returned, and the object is not there")
        for storage in (place.storage, place.other):
            found = storage.stat(place.key(KEY))
            assert found is not None, "commit returned, and stat finds nothing"
            assert (found.key, found.size) == (place.key(KEY), len(data)), "stat tells of another object"
            assert (stored.key, stored.size) == (found.key, found.size), "commit told of another object than stat"
            assert stored.version == found.version, "commit told another version than stat"
            assert found.modified is None or found.modified.tzinfo is not None, "a time without a time zone"
            assert place.read(KEY, storage) == shown(data), "other bytes are read than were written"

    @law
    def test_a_fresh_instance_sees_what_was_committed(self, place: Place) -> None:
        """An object is there for an instance that is built after its commit, as after a restart."""
        data = content(1000)
        place.put(KEY, data)
        fresh = place.bench.build()
        found = fresh.stat(place.key(KEY))
        assert found is not None, "an object was committed, and a fresh instance does not find it"
        assert found.size == len(data), "a fresh instance tells of another size"
        assert place.names(storage=fresh) == [KEY], "an object was committed, and a fresh instance does not list it"
        assert place.read(KEY, fresh) == shown(data), "a fresh instance reads other bytes than were written"

    @law
    def test_what_another_writer_did_is_seen(self, place: Place) -> None:
        """An instance answers from the store, never from what it saw before: others write there too."""
        assert place.stat(KEY) is None
        assert place.names(storage=place.storage) == []
        first = place.put(KEY, b"first", storage=place.other)
        seen = place.stat(KEY)
        assert seen is not None, "an object that another instance wrote is not seen"
        assert seen.version == first.version, "another version is told than the other instance wrote"
        assert place.names(storage=place.storage) == [KEY], "an object that another instance wrote is not listed"
        assert place.read(KEY, place.storage) == shown(b"first")
        second = place.put(KEY, b"the second", storage=place.other, replaces=first)
        assert place.current(KEY).version == second.version, "the version before is told after another one replaced it"
        assert place.current(KEY).size == 10, "the size before is told after another instance replaced the object"
        assert place.read(KEY, place.storage) == shown(b"the second"), "the bytes before are read after a replacement"
        place.other.delete(place.key(KEY))
        place.assert_absent(KEY, "an object that another instance deleted is still there")

    @law
    @how_much
    def test_abort_leaves_nothing(self, place: Place, how_much: str) -> None:
        """An upload that is given up leaves nothing, however far it came, and may be given up again."""
        data = _some(how_much, place.part)
        upload = place.begin(KEY, data)
        for piece in pieces(data, place.part):
            upload.write(piece)
        upload.abort()
        place.assert_absent(KEY, "an upload that was aborted was published")
        place.assert_nothing("an upload that was aborted was published")
        upload.abort()
        place.assert_nothing("an upload that was aborted twice was published")

    @law
    def test_aborted_uploads_give_back_what_they_took(self, place: Place) -> None:
        """Of uploads that were given up no memory stays, and in folders that the options name no files do."""
        data = [content(_LEAK, seed) for seed in range(_ABORTS)]

        def abort_all() -> None:
            for number, each in enumerate(data):
                with place.begin(f"{number}.mp4", each) as upload:
                    upload.write(memoryview(each))  # of what is bytes it may keep what is ours

        abort_all()  # what a storage keeps for good is there now
        files, memory = place.local_files(), traced(abort_all)
        assert memory < _ABORTS * _LEAK // 2, f"uploads that were aborted keep {memory} bytes of memory"
        left = len(place.local_files()) - len(files)
        assert left < _ABORTS, f"{_ABORTS} uploads that were aborted left {left} files"

    @law
    @pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, Cancelled])
    @how_much
    def test_leaving_the_block_on_an_exception_aborts(
        self, place: Place, how_much: str, error: type[BaseException]
    ) -> None:
        """Whatever ends the block, an upload that was not committed is gone, and the exception goes on its way."""
        data = _some(how_much, place.part)
        _fail_inside(place, data, error)
        place.assert_absent(KEY, "an object that its block never committed was published")
        place.assert_nothing("an object that its block never committed was published")

    @law
    def test_leaving_the_block_without_a_commit_aborts(self, place: Place) -> None:
        """A block that ends without a commit publishes nothing."""
        with place.begin(KEY, b"whole") as upload:
            upload.write(b"whole")
        place.assert_nothing("leaving the block published what was not committed")
        with refused("an upload that was left can be committed", StorageError):
            upload.commit(size=5, sha256=sha256(b"whole"))
        place.assert_nothing("an upload that was left was published")

    @law
    def test_a_stream_that_dies_half_way_stores_nothing(self, place: Place) -> None:
        """Where the source fails before its end, what came of it is not stored."""
        data = content(2 * place.part + 1)
        with refused("what ended the source was swallowed", ConnectionResetError):
            self._send(place, data)
        place.assert_nothing("half an object was stored")

    def _send(self, place: Place, data: bytes) -> None:
        with place.begin(KEY, data, size=len(data)) as upload:
            for piece in pieces(data[: place.part + 1], place.part):
                upload.write(piece)
            raise ConnectionResetError

    @law
    @pytest.mark.parametrize("end", ["abort", "refusal", "exception"])
    def test_an_upload_that_fails_keeps_the_object_that_is_there(self, place: Place, end: str) -> None:
        """Until the new version is committed the old one is there, and it stays if that never happens."""
        first = place.put(KEY, b"first")
        data = content(place.part + 1)
        with place.begin(KEY, data, replaces=first) as upload:
            for piece in pieces(data, place.part):
                upload.write(piece)
                place.assert_holds({KEY: b"first"}, "the version before went before the new one was committed")
            if end == "abort":
                upload.abort()
            elif end == "refusal":
                with refused("a digest of other bytes was accepted", StorageError):
                    upload.commit(size=len(data), sha256=sha256(b"other"))
        if end == "exception":
            _fail_inside(place, data, ValueError, replaces=first)
        place.assert_only({KEY: b"first"}, "an upload that failed took the object with it that was there")
        assert place.current(KEY).version == first.version, "an upload that failed changed the version that is there"

    @law
    @pytest.mark.parametrize("end", ["abort", "commit", "refusal"])
    def test_an_upload_that_ended_cannot_be_used_again(self, place: Place, end: str) -> None:
        """After its end an upload writes and publishes nothing; to abort it is quiet, and changes nothing."""
        upload = place.begin(KEY, b"whole")
        upload.write(b"whole")
        if end == "abort":
            upload.abort()
        elif end == "commit":
            place.commit(upload, KEY, b"whole")
        else:
            with refused("another size was accepted", StorageError):
                upload.commit(size=4, sha256=sha256(b"whol"))
        wanted = {KEY: b"whole"} if end == "commit" else {}
        with refused("an upload that ended can be written to", StorageError):
            upload.write(b"more")
        with refused("an upload that ended can be committed", StorageError):
            upload.commit(size=5, sha256=sha256(b"whole"))
        with refused("an upload that ended can be committed with what came too late", StorageError):
            upload.commit(size=9, sha256=sha256(b"wholemore"))
        place.assert_only(wanted, "an upload that ended changed what is stored")
        upload.abort()
        upload.abort()
        place.assert_only(wanted, "aborting an upload that had ended changed what is stored")


def _some(how_much: str, part: int) -> bytes:
    parts, more = HOW_MUCH[how_much]
    return content(parts * part + more)


def _fail_inside(place: Place, data: bytes, error: type[BaseException], **rest: Any) -> None:
    try:
        with place.begin(KEY, data, **rest) as upload:
            for piece in pieces(data, place.part):
                upload.write(piece)
            raise error
    except error:
        return
    raise AssertionError(f"the block swallowed {error.__name__}")
