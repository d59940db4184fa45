"""Storages that are wrong in whose an object is."""

from threading import get_ident

from right_storage import RightStorage, RightUpload, met_another, refusal

from .declaring import breaks


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
