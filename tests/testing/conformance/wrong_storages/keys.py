"""Storages that are wrong in keys and folders."""

import copy
import fnmatch
import io
import re

from attrs import evolve
from right_storage import RightStorage, refusal

from haulage.plugin import check_found

from .declaring import breaks


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


@breaks("names_of_others_mean_themselves")
class ReadsVersions(RightStorage):
    def for_any_key(self):
        same = copy.copy(self)
        same.check = lambda key: key.partition("?")[0]
        return same


@breaks("names_of_others_mean_themselves")
class WritesWhatItReads(RightStorage):
    def for_any_key(self):
        same = copy.copy(self)
        same.check = check_found
        return same
