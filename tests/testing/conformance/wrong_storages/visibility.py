"""Storages that are wrong in what is visible, and when."""

from contextlib import suppress

from attrs import evolve
from right_storage import RightStorage, RightUpload

from haulage.plugin import StorageError, StoredObject

from .declaring import breaks


@breaks("nothing_is_visible_before_commit")
class PublishesBeforeCommit(RightUpload):
    def take(self, data):
        super().take(data)
        told = self.storage.told(self.key, self.gathered(), self.info)
        self.shelf.objects[self.key] = told, self.gathered()


@breaks("nothing_is_visible_before_commit")
class ListsWhatIsUnfinished(RightStorage):
    def list(self, folder):
        return iter([*super().list(folder), *(StoredObject(each.key, 0) for each in self.pending(folder))])


@breaks("abort_leaves_nothing")
class PublishesOnAbort(RightUpload):
    def abort(self):
        if not self.ended:
            self.storage.publish(self.key, self.gathered(), self.info, self.replaces)
        self.end()


@breaks("abort_leaves_nothing")
class LeaksParts(RightUpload):
    def abort(self):
        self.ended = True


@breaks("aborted_uploads_give_back_what_they_took")
class KeepsPartsInMemory(RightUpload):
    def abort(self):
        self.storage.__dict__.setdefault("kept", []).append(self.parts)
        super().abort()


@breaks("leaving_the_block_on_an_exception_aborts")
class TruncatesOnException(RightUpload):
    def __exit__(self, kind, error, trace):
        if kind and not self.ended:
            self.storage.publish(self.key, self.gathered(), self.info, self.replaces)
        self.end()


@breaks("leaving_the_block_on_an_exception_aborts")
class SwallowsExceptions(RightUpload):
    def __exit__(self, kind, error, trace):
        self.abort()
        return True


@breaks("a_stream_that_dies_half_way_stores_nothing")
class KeepsHalfAStream(RightUpload):
    def __exit__(self, kind, error, trace):
        if kind is ConnectionResetError:
            self.storage.publish(self.key, self.gathered(), self.info, self.replaces)
        self.end()


@breaks("leaving_the_block_without_a_commit_aborts")
class CommitsWithTheBlock(RightUpload):
    def __exit__(self, kind, error, trace):
        if kind is None and not self.ended:
            self.storage.publish(self.key, self.gathered(), self.info, self.replaces)
        self.end()


@breaks("an_upload_that_fails_keeps_the_object_that_is_there")
class MakesRoomFirst(RightStorage):
    def begin(self, key, info, ctx, *, replaces=None, size=None):
        if replaces:
            self.delete(key, only=replaces)
        return super().begin(key, info, ctx)


@breaks("an_upload_that_fails_keeps_the_object_that_is_there")
class AbortDeletesTheKey(RightUpload):
    def abort(self):
        if not self.ended:
            self.shelf.objects.pop(self.key, None)
        self.end()


@breaks("an_upload_that_ended_cannot_be_used_again")
class AbortDeletesWhatWasCommitted(RightUpload):
    def __exit__(self, kind, error, trace):
        self.end()

    def abort(self):
        self.shelf.objects.pop(self.key, None)


@breaks("an_upload_that_ended_cannot_be_used_again")
class SwallowsErrors(RightUpload):
    def write(self, data):
        with suppress(StorageError):
            super().write(data)


@breaks("an_upload_that_ended_cannot_be_used_again")
class CommitsTwice(RightUpload):
    def commit(self, *, size, sha256):
        if self.ended and self.storage.stat(self.key):
            return self.storage.stat(self.key)
        return super().commit(size=size, sha256=sha256)


@breaks("a_fresh_instance_sees_what_was_committed")
class KeepsObjectsInItsInstance(RightStorage):
    def __init__(self, options):
        super().__init__(evolve(options, shelf=f"{options.shelf} {id(self)}"))


@breaks("what_another_writer_did_is_seen")
class StaleAfterAnotherWriter(RightStorage):
    def stat(self, key):
        seen = self.__dict__.setdefault("seen", {})
        seen[key] = seen.get(key) or super().stat(key)
        return seen[key]


@breaks("what_another_writer_did_is_seen")
class KeepsListings(RightStorage):
    def list(self, folder):
        kept = self.__dict__.setdefault("kept", {})
        kept.setdefault(folder, list(super().list(folder)))
        return iter(kept[folder])

    def publish(self, *args):
        self.__dict__["kept"] = {}
        return super().publish(*args)


@breaks("closing_one_instance_leaves_the_others")
class ClosesForAll(RightStorage):
    def close(self):
        self.shelf.objects.clear()
