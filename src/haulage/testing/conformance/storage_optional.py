"""What a storage may offer besides: sweeps of what nobody finished, copies inside the service, signed URLs."""

import urllib.request
from datetime import timedelta

from haulage.builtin.memory import MemoryStorage
from haulage.contracts.storage import (
    ObjectInfo,
    PendingUpload,
    SupportsPartialFiles,
    SupportsPendingUploads,
    SupportsServerCopy,
    SupportsSignedUrl,
)
from haulage.errors import AlreadyExists, Kind, StorageError
from haulage.testing.call import Call
from haulage.testing.conformance.content import content, sha256, shown
from haulage.testing.conformance.law import law, refused
from haulage.testing.conformance.place import ATTEMPT, Place, pieces
from haulage.values import AttemptId

KEY = "UC1/v1/video.mp4"


class OptionalLaws:
    """Laws of the optional protocols; one that is not offered is not asked for."""

    @law
    def test_open_uploads_can_be_found_and_ended(self, place: Place) -> None:
        """What a crash left is listed by folder with its token, and ends for good, alone and more than once."""
        sweeper = place.other
        if not isinstance(sweeper, SupportsPendingUploads):
            return
        data = content(2 * place.part + 1)
        names = [KEY, "UC10/v1/video.mp4", "UC1/v2/video.mp4"]
        uploads = {name: place.begin(name, data) for name in names}
        for upload in uploads.values():
            for piece in pieces(data, place.part):
                upload.write(piece)
        found = {each.key: each for each in sweeper.pending(place.folder)}
        named = {place.key(name) for name, upload in uploads.items() if upload.token is not None}
        assert named <= found.keys(), "an open upload that has a token is not listed as pending"
        assert found.keys() <= {place.key(name) for name in names}, "an upload is listed that nobody began"
        for name, upload in uploads.items():
            if place.key(name) in found:
                assert found[place.key(name)].token == upload.token, "an open upload is listed under another token"
                assert found[place.key(name)].began.tzinfo is not None, "a time without a time zone"
        below = {each.key for each in sweeper.pending(place.key("UC1"))}
        assert below <= {place.key(KEY), place.key("UC1/v2/video.mp4")}, "pending uploads are listed by substring"
        if place.key(KEY) in found:
            self._end_one(place, sweeper, found[place.key(KEY)])
            with refused("an upload that was ended from outside was published", StorageError):
                uploads[KEY].commit(size=len(data), sha256=sha256(data))
            place.assert_absent(KEY, "an upload that was ended from outside was published")
        place.commit(uploads[names[1]], names[1], data)
        uploads[names[2]].abort()
        place.assert_only({names[1]: data}, "ending one upload touched another")

    def _end_one(self, place: Place, sweeper: SupportsPendingUploads, pending: PendingUpload) -> None:
        others = {each.token for each in sweeper.pending(place.folder)} - {pending.token}
        for _ in range(2):
            sweeper.abort_pending(pending)
        left = {each.token for each in sweeper.pending(place.folder)}
        assert left == others, "ending one upload left it open, or ended another"

    @law
    def test_partial_files_can_be_found_and_removed(self, place: Place) -> None:
        """What a crash left beside the objects is listed with who wrote it, and once removed is never published."""
        sweeper = place.other
        if not isinstance(sweeper, SupportsPartialFiles):
            return
        data = content(1000)
        place.put("whole.mp4", data)
        before = {each.path for each in sweeper.partial_files()}
        upload = place.begin(KEY, data)
        upload.write(data)
        mine = [each for each in sweeper.partial_files() if each.path not in before]
        assert [each.attempt for each in mine] == [ATTEMPT], "a partial file is not listed once, with who writes it"
        for _ in range(2):
            sweeper.remove_partial_file(mine[0])
        assert {each.path for each in sweeper.partial_files()} == before, (
            "removing a partial file did not, or more than that"
        )
        with refused("an upload whose partial file was removed was published", StorageError):
            upload.commit(size=len(data), sha256=sha256(data))
        place.assert_only({"whole.mp4": data}, "removing a partial file touched an object")

    @law
    def test_the_service_copies_whole_objects(self, place: Place) -> None:
        """A copy inside the service is whole, carries its own info, and overwrites nothing that it was not told to."""
        storage = place.storage
        if not isinstance(storage, SupportsServerCopy):
            return
        data, to, call = content(place.part + 1), place.key("copy.mp4"), Call("c" * 32)
        info = ObjectInfo("video/mp4", AttemptId("c" * 32), "youtube v1", sha256(data))
        place.put(KEY, data)
        copied = storage.copy_here(storage, place.key(KEY), to, info, call)
        if copied is None:
            place.assert_only({KEY: data}, "a copy that was not tried left something")
            return
        place.assert_only({KEY: data, "copy.mp4": data}, "a copy inside the service is not what was copied")
        assert (copied.key, copied.size) == (to, len(data)), "the copy is told to be another object"
        if place.claims.keeps_info:
            assert place.current("copy.mp4").attempt == "c" * 32, "a copy carries the info of what was copied"
        other = place.put("other.mp4", b"other")
        with refused("a copy overwrote an object that nobody asked to replace", AlreadyExists, Kind.CONFLICT):
            storage.copy_here(storage, place.key(KEY), other.key, info, call)
        place.assert_holds(
            {KEY: data, "copy.mp4": data, "other.mp4": b"other"}, "a copy that was refused changed what is there"
        )
        storage.copy_here(storage, place.key(KEY), other.key, info, call, replaces=other)
        place.assert_holds(
            {KEY: data, "copy.mp4": data, "other.mp4": data}, "a copy did not replace what it was told to"
        )
        with refused("what is not there was copied", StorageError):
            storage.copy_here(storage, place.key("missing.mp4"), place.key("never.mp4"), info, call)
        foreign = MemoryStorage("foreign")
        assert storage.copy_here(foreign, place.key(KEY), place.key("foreign.mp4"), info, call) is None, (
            "a copy was made from a storage that the service knows nothing of"
        )
        place.assert_absent("foreign.mp4", "a copy that was not tried left something")

    @law
    def test_a_signed_url_serves_the_object(self, place: Place) -> None:
        """Whoever has the URL reads that object, with nothing else than the URL."""
        storage = place.storage
        if not isinstance(storage, SupportsSignedUrl):
            return
        data = content(1000)
        for name, there in {KEY: data, "another.mp4": b"another"}.items():
            place.put(name, there)
        try:
            url = storage.signed_url(place.key(KEY), timedelta(minutes=5))
        except StorageError:
            return  # these credentials cannot sign
        with urllib.request.urlopen(url, timeout=30) as response:  # noqa: S310 - it is what the storage made
            assert shown(response.read()) == shown(data), "a signed URL serves something else"
