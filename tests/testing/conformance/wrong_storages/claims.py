"""Storages that are wrong in what they claim, in secrets, and in what is optional."""

from attrs import evolve
from right_storage import RightStorage, RightUpload, log, refusal

from haulage.plugin import Capabilities, StorageError

from .declaring import breaks


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
