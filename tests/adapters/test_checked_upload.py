"""What an upload says that was built on the part that is the same for every store."""

import hashlib

import pytest

from haulage.errors import Kind, StorageError
from haulage.plugin import CheckedUpload
from haulage.testing import Call


class Nowhere(CheckedUpload):
    """Publishes nothing."""

    def _append(self, data):
        pass

    def _publish(self):
        raise AssertionError("it was published")

    def _discard(self):
        pass


@pytest.mark.parametrize(
    ("size", "announced", "said"),
    [
        (4, b"whole", "5 bytes were written, not the 4 announced"),
        (6, b"whole", "5 bytes were written, not the 6 announced"),
        (5, b"other", "other bytes were written than were announced"),
    ],
)
def test_what_was_announced_wrongly_is_told(size, announced, said):
    """The refusal names the object and the difference."""
    with Nowhere("nowhere/video.mp4", Call()) as upload:
        upload.write(b"whole")
        with pytest.raises(StorageError) as caught:
            upload.commit(size=size, sha256=hashlib.sha256(announced).hexdigest())
    assert str(caught.value) == f"nowhere/video.mp4: {said}"
    assert caught.value.failure.kind is Kind.STORAGE


def test_an_upload_that_ended_says_so():
    """Whoever goes on with it is told that it is over."""
    upload = Nowhere("nowhere/video.mp4", Call())
    upload.abort()
    for call in (lambda: upload.write(b""), lambda: upload.commit(size=0, sha256="")):
        with pytest.raises(StorageError, match=r"nowhere/video\.mp4: the upload failed or ended before"):
            call()
