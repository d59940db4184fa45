"""Storages that are wrong in one thing each, with the law that they break; and two that are right."""

import fnmatch
import io
import re
from contextlib import nullcontext, suppress
from threading import get_ident

from attrs import evolve, frozen
from right_storage import Modest, Options, RightCheckedUpload, RightStorage, RightUpload, log, met_another, refusal

from haulage.plugin import Cancelled, Capabilities, StorageComponent, StorageError, StoredObject, Upload, hookimpl

CLAIMS = Capabilities(keeps_info=True, checks_content=True, exclusive_create=True, conditional_replace=True)
WRONG = []


@frozen
class Wrong:
    """A wrong storage.

    Attributes:
        part: The class that differs from the right one: of the storage, or of its uploads.
        law: The law that it breaks.
        claims: What its record claims.
    """

    part: type
    law: str
    claims: Capabilities

    @property
    def name(self):
        """What it is called in a config."""
        return re.sub(r"(?<!^)(?=[A-Z])", "-", self.part.__name__).lower()

    def build(self, options, context):
        """Build the storage."""
        if issubclass(self.part, Upload):
            return type(self.part.__name__, (RightStorage,), {"upload": self.part})(options)
        return self.part(options)


def breaks(law, claims=CLAIMS):
    def register(part):
        WRONG.append(Wrong(part, f"test_{law}", claims))
        return part

    return register


# What is visible, and when.


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


# What is stored.


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


# Whose is it.


@breaks("an_object_that_is_there_is_not_overwritten")
class Overwrites(RightStorage):
    def publish(self, key, data, info, replaces):
        return super().publish(key, data, info, replaces or self.stat(key))


@breaks("an_object_that_came_meanwhile_is_not_overwritten")
class LooksWhenItBegins(RightStorage):
    def begin(self, key, info, ctx, *, replaces=None, size=None):
        if not replaces and self.stat(key):
            raise met_another(key)
        return super().begin(key, info, ctx, replaces=replaces)

    def publish(self, key, data, info, replaces):
        return super().publish(key, data, info, replaces or self.stat(key))


@breaks("a_version_that_is_gone_is_not_replaced")
class ReplacesAnyVersion(RightStorage):
    def publish(self, key, data, info, replaces):
        return super().publish(key, data, info, replaces and self.stat(key))


@breaks("delete_of_an_older_version_keeps_the_newer")
class DeletesAnyVersion(RightStorage):
    def delete(self, key, *, only=None):
        super().delete(key)


@breaks("versions_of_one_size_are_told_apart")
class TakesTheSizeForTheVersion(RightStorage):
    def version(self, data):
        return str(len(data))


@breaks("of_writers_at_once_the_object_is_one_ones")
class NotThreadSafe(RightStorage):
    def publish(self, key, data, info, replaces):
        if (self.stat(key) and self.stat(key).version) != (replaces and replaces.version):
            raise met_another(key)
        self.shelf.objects[key] = self.told(key, data, info), data
        return self.shelf.objects[key][0]


@breaks("of_replacers_at_once_the_object_is_one_ones")
class ReplacesWithoutTheLock(RightStorage):
    def publish(self, key, data, info, replaces):
        if replaces is None:
            return super().publish(key, data, info, replaces)
        if self.stat(key) != replaces:
            raise met_another(key)
        return self.shelf.objects.update({key: (self.told(key, data, info), data)}) or self.stat(key)


@breaks("many_threads_work_on_objects_of_their_own")
class BelongsToOneThread(RightStorage):
    def stat(self, key):
        if self.__dict__.setdefault("owner", get_ident()) != get_ident():
            raise refusal("made in another thread")
        return super().stat(key)


@breaks("writers_of_other_keys_are_in_nobodys_way")
class RemembersOneKey(RightStorage):
    def publish(self, key, data, info, replaces):
        self.key = key
        return super().publish(self.key, data, info, replaces)


@breaks("uploads_that_are_open_at_once_stay_apart")
class HasOneStagingArea(RightUpload):
    parts = property(lambda self: self.storage.__dict__.setdefault("staged", []), lambda self, _: None)

    def end(self):
        self.parts.clear()
        super().end()


@breaks("delete_and_replace_at_once_do_not_both_succeed")
class DeletesWithoutTheLock(RightStorage):
    def delete(self, key, *, only=None):
        there = self.stat(key)
        if there and only and there.version != only.version:
            raise met_another(key)
        self.shelf.objects.pop(key, None)


# Keys and folders.


@breaks("list_is_by_folder_not_by_substring")
class ListsBySubstring(RightStorage):
    def below(self, folder, keys):
        return [key for key in keys if folder in key]


@breaks("list_is_by_folder_not_by_substring")
class ListsByPrefix(RightStorage):
    def below(self, folder, keys):
        return [key for key in keys if key.startswith(folder)]


@breaks("list_is_by_folder_not_by_substring")
class ListsOneLevel(RightStorage):
    def below(self, folder, keys):
        return [key for key in super().below(folder, keys) if "/" not in key[len(folder) + 1 :]]


@breaks("a_long_list_is_complete")
class ListsOnePage(RightStorage):
    def list(self, folder):
        return iter(list(super().list(folder))[:40])


@breaks("a_list_goes_on_while_objects_come_and_go")
class ListsLazily(RightStorage):
    def list(self, folder):
        below = f"{self.check(folder)}/" if folder else ""
        return (told for key, (told, _) in self.shelf.objects.items() if key.startswith(below))


@breaks("list_and_stat_agree")
class ListsWithoutVersions(RightStorage):
    def list(self, folder):
        return (evolve(each, version=None) for each in super().list(folder))


@breaks("the_empty_folder_is_everything")
class ListsNothingOfNothing(RightStorage):
    def below(self, folder, keys):
        return super().below(folder, keys) if folder else []


@breaks("delete_removes_that_key_alone")
class DeletesByGlob(RightStorage):
    def delete(self, key, *, only=None):
        for each in fnmatch.filter(list(self.shelf.objects), f"{self.check(key)}*"):
            super().delete(each, only=only if each == key else None)


@breaks("no_other_key_is_accepted")
class TakesPatterns(RightStorage):
    def delete(self, key, *, only=None):
        for each in fnmatch.filter(list(self.shelf.objects), key):
            super().delete(each, only=only)


@breaks("delete_removes_that_key_alone")
class TakesADotForAnyLetter(RightStorage):
    def delete(self, key, *, only=None):
        for each in [each for each in self.shelf.objects if re.fullmatch(self.check(key), each)]:
            super().delete(each, only=only if each == key else None)


@breaks("delete_removes_no_folder")
class DeletesFolders(RightStorage):
    def delete(self, key, *, only=None):
        super().delete(key, only=only)
        for each in self.below(key, list(self.shelf.objects)):
            super().delete(each)


@breaks("delete_of_a_missing_key_is_quiet")
class MissesWhatIsGone(RightStorage):
    def delete(self, key, *, only=None):
        if not self.stat(key):
            raise refusal(f"{key} is not there")
        super().delete(key, only=only)


@breaks("no_other_key_is_accepted")
class CutsKeysAtAQuestionMark(RightStorage):
    def check(self, key):
        return super().check(key.partition("?")[0])


@breaks("no_other_key_is_accepted")
class TakesAnyKey(RightStorage):
    def check(self, key):
        return key


@breaks("no_other_key_is_accepted")
class OverlooksANewline(RightStorage):
    def check(self, key):
        return super().check(key.removesuffix("\n"))


@breaks("keys_that_differ_in_case_are_two")
class IgnoresCase(RightStorage):
    def check(self, key):
        return super().check(key).lower()


@breaks("the_longest_names_are_kept")
class CutsLongNames(RightStorage):
    def check(self, key):
        return "/".join(part[:100] for part in super().check(key).split("/"))


@breaks("every_key_that_a_layout_makes_is_kept")
class TrimsDots(RightStorage):
    def check(self, key):
        return "/".join(part.rstrip(".") for part in super().check(key).replace("..", ".").split("/"))


@breaks("what_is_missing_is_told")
class RaisesErrorsOfItsOwn(RightStorage):
    def read(self, key, ctx):
        return io.BytesIO(self.shelf.objects[self.check(key)][1])


@breaks("what_is_missing_is_told")
class ReadsNothingWhereNothingIs(RightStorage):
    def read(self, key, ctx):
        return super().read(key, ctx) if self.stat(key) else io.BytesIO()


# Cancels.


@breaks("a_commit_after_a_cancel_is_no_success")
class SaysSuccessAfterACancel(RightUpload):
    def commit(self, *, size, sha256):
        try:
            return super().commit(size=size, sha256=sha256)
        except Cancelled:
            return self.storage.told(self.key, b"x" * size, self.info)


@breaks("a_commit_after_a_cancel_is_no_success")
class CommitsWhatWasCancelled(RightUpload):
    def check(self):
        if self.ended or self.failed or self.token not in self.shelf.open:
            raise refusal(f"{self.key}: the upload failed or ended before")

    def write(self, data):
        self.ctx.cancel.raise_if_cancelled()
        super().write(data)


@breaks("a_cancel_between_parts_leaves_nothing")
class WritesOnAfterACancel(RightUpload):
    def write(self, data):
        with suppress(Cancelled):
            super().write(data)


@breaks("a_cancel_between_parts_leaves_nothing")
class KeepsWhatWasCancelled(RightUpload):
    def __exit__(self, kind, error, trace):
        if kind is Cancelled and self.parts:
            self.storage.publish(self.key, self.gathered(), self.info, self.replaces)
        self.end()


# Claims, secrets, and what is optional.


@breaks("attempt_and_digest_are_kept_where_claimed")
class LosesMetadata(RightStorage):
    def told(self, key, data, info):
        return super().told(key, data, evolve(info, attempt=None, sha256=None))


@breaks("attempt_and_digest_are_kept_where_claimed")
class KeepsTheMetadataOfTheFirst(RightStorage):
    def told(self, key, data, info):
        there = self.shelf.objects.get(key)
        return super().told(key, data, there[0] if there else info)


@breaks("claims_are_complete", Capabilities())
class ClaimsTooLittle(RightStorage):
    pass


@breaks("required_claims_are_made", Capabilities(keeps_info=True))
class ClaimsNotWhatItMust(RightStorage):
    pass


@breaks("identities_of_any_alphabet_are_taken")
class KnowsOnlyAscii(RightStorage):
    def publish(self, key, data, info, replaces):
        info.video.encode("ascii")
        return super().publish(key, data, info, replaces)


@breaks("secrets_are_in_no_repr_log_or_error")
class ShowsItsPassword(RightStorage):
    def __repr__(self):
        return f"RightStorage({self.password!r})"


@breaks("secrets_are_in_no_repr_log_or_error")
class LogsItsPassword(RightStorage):
    def stat(self, key):
        log.debug("looking at %s with %s", key, self.password)
        return super().stat(key)


@breaks("secrets_are_in_no_repr_log_or_error")
class RaisesItsPassword(RightStorage):
    def read(self, key, ctx):
        try:
            return super().read(key, ctx)
        except StorageError:
            raise refusal("it is not there") from OSError(f"GET https://u:{self.password}@shelf/{key}")


@breaks("a_wrong_secret_is_not_shown")
class RepeatsAWrongPassword(RightStorage):
    def __init__(self, options):
        super().__init__(options)
        if options.password != "open-sesame":
            raise refusal(f"{options.password} does not open the shelf")


@breaks("open_uploads_can_be_found_and_ended")
class ListsNoUploads(RightStorage):
    def pending(self, folder):
        return iter(())


@breaks("open_uploads_can_be_found_and_ended")
class EndsEveryUpload(RightStorage):
    def abort_pending(self, upload):
        self.shelf.open.clear()


@breaks("partial_files_can_be_found_and_removed")
class RemovesNoPartialFile(RightStorage):
    def remove_partial_file(self, file):
        self.shelf.writers.pop(file.path, None)


@breaks("the_service_copies_whole_objects")
class CopiesOverAnything(RightStorage):
    def copy_here(self, source, key, to, info, ctx, *, replaces=None):
        return super().copy_here(source, key, to, info, ctx, replaces=replaces or self.stat(to))


@breaks("any_history_leaves_what_the_model_holds")
class EndsWhatOthersWriteThere(RightUpload):
    def end(self):
        super().end()
        for token in [token for token, each in list(self.shelf.open.items()) if each.key == self.key]:
            self.shelf.open.pop(token, None)


@breaks("people_are_told_which_object")
class CallsAllObjectsTheSame(RightStorage):
    def url(self, key):
        return "an object"


@breaks("a_signed_url_serves_the_object")
class SignsAnyObject(RightStorage):
    def signed_url(self, key, lifetime):
        return super().signed_url(max(self.shelf.objects), lifetime)


@breaks("the_storage_is_what_the_contract_says")
class HasNumbersForTokens(RightUpload):
    token = property(lambda self: id(self), lambda self, _: None)


RIGHT = [
    Wrong(RightStorage, "", CLAIMS),
    Wrong(RightCheckedUpload, "", CLAIMS),
    Wrong(Modest, "", Capabilities()),
]


@hookimpl
def haulage_storages():
    """Offer them all."""
    for each in [*RIGHT, *WRONG]:
        yield StorageComponent(each.name, each.law or "Right.", Options, each.build, capabilities=each.claims)
