"""Storages that are wrong when they are cancelled."""

from contextlib import suppress

from right_storage import RightUpload, refusal

from haulage.plugin import Cancelled

from .declaring import breaks


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
