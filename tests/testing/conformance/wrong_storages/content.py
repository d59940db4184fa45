"""Storages that are wrong in what is stored."""

from contextlib import nullcontext

from attrs import evolve
from right_storage import RightCheckedUpload, RightStorage, RightUpload, refusal

from .declaring import breaks


@breaks("the_buffer_is_the_callers_again")
class KeepsTheCallersBuffer(RightUpload):
    def take(self, data):
        self.parts.append(data)


@breaks("the_buffer_is_the_callers_again")
class KeepsLargeBuffers(RightUpload):
    def take(self, data):
        self.parts.append(bytes(data) if len(data) < 100 else data)


@breaks("commit_with_another_size_publishes_nothing")
class IgnoresTheSize(RightUpload):
    def agrees(self, data, size, sha256):
        return super().agrees(data, len(data), sha256)


@breaks("commit_with_another_digest_publishes_nothing")
class IgnoresTheDigest(RightUpload):
    def agrees(self, data, size, sha256):
        return len(data) == size


@breaks("a_byte_flipped_on_the_way_is_refused")
class ClaimsToCheckContent(RightUpload):
    def agrees(self, data, size, sha256):
        return len(data) == size


@breaks("commit_with_another_digest_publishes_nothing")
class BelievesWhatBeginWasTold(RightUpload):
    def agrees(self, data, size, sha256):
        return len(data) == size and self.info.sha256 in (None, sha256)


@breaks("commit_with_another_digest_publishes_nothing")
class StoresWhatItRefuses(RightUpload):
    def commit(self, *, size, sha256):
        if not self.ended and not self.agrees(self.gathered(), size, sha256):
            self.storage.publish(self.key, self.gathered(), self.info, self.replaces)
        return super().commit(size=size, sha256=sha256)


@breaks("a_commit_makes_the_whole_object_visible")
class ReturnsAnErrorButStores(RightStorage):
    def publish(self, key, data, info, replaces):
        super().publish(key, data, info, replaces)
        raise refusal(f"{key}: the answer was lost")


@breaks("a_stream_shorter_than_declared_stores_nothing")
class TakesLessThanWasAnnounced(RightUpload):
    def agrees(self, data, size, sha256):
        return len(data) < size or super().agrees(data, size, sha256)


@breaks("commit_after_a_failed_write_raises")
class ForgetsThatAWriteFailed(RightCheckedUpload):
    def _check_open(self):
        self._failed = False
        super()._check_open()


@breaks("an_object_is_what_was_written")
class LosesTheLastByteOfSeveralParts(RightUpload):
    def gathered(self):
        data = super().gathered()
        return data[:-1] if len(data) > 3000 else data

    def agrees(self, data, size, sha256):
        return super().agrees(super().gathered(), size, sha256)


@breaks("an_object_is_what_was_written")
class StoresNoEmptyObject(RightStorage):
    def publish(self, key, data, info, replaces):
        return super().publish(key, data, info, replaces) if data else self.told(key, data, info)


@breaks("an_object_is_what_was_written")
class TellsTheAnnouncedSize(RightStorage):
    def stat(self, key):
        found = super().stat(key)
        return found and evolve(found, size=found.size // 512 * 512 or found.size)


@breaks("one_piece_of_several_parts_is_taken")
class CutsLargePieces(RightUpload):
    def take(self, data):
        super().take(data[:3000])


@breaks("objects_are_read_apart")
class SharesItsReaders(RightStorage):
    def read(self, key, ctx):
        readers = self.__dict__.setdefault("readers", {})
        if key not in readers or readers[key].closed:
            readers[key] = super().read(key, ctx)
        return readers[key]


@breaks("a_reader_may_leave_early")
class ReadsOn(RightStorage):
    def read(self, key, ctx):
        readers, opened = self.__dict__.setdefault("readers", {}), super().read(key, ctx)
        return nullcontext(readers.setdefault(self.stat(key), opened))


@breaks("progress_is_monotonic_and_sums_up")
class ForgetsWhatItTold(RightUpload):
    def take(self, data):
        super().take(data)
        self.ctx.progress(len(data), None)


@breaks("progress_is_monotonic_and_sums_up")
class TellsTooLittle(RightUpload):
    def take(self, data):
        self.ctx.progress(sum(map(len, self.parts)), None)
        self.parts.append(bytes(data))
