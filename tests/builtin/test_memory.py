"""The storage in memory, where it differs from others; the laws of the contract are held in test_conformance.py."""

import gc
import hashlib
from pathlib import Path

import pytest

from haulage.builtin.memory import MemoryStorage, shelf_of
from haulage.contracts.storage import ObjectInfo
from haulage.testing import Call


def put(storage, data):
    call = Call()
    with storage.begin("v.mp4", ObjectInfo("video/mp4", call.attempt, "youtube v", None), call) as upload:
        upload.write(data)
        upload.commit(size=len(data), sha256=hashlib.sha256(data).hexdigest())


@pytest.mark.parametrize(("folder", "name"), [("/a", "spare"), ("/b", "shelf")])
def test_storages_of_another_config_or_name_share_nothing(folder, name):
    """Two configs may call their storages the same, and one config has storages of several names."""
    storage = MemoryStorage("shelf", shelf_of(Path("/a"), "shelf"))
    put(storage, b"whole")
    assert list(MemoryStorage(name, shelf_of(Path(folder), name)).list("")) == []
    assert [each.key for each in MemoryStorage("shelf", shelf_of(Path("/a"), "shelf")).list("")] == ["v.mp4"]


def test_objects_are_gone_with_the_last_storage():
    """A process that opens and closes storages does not keep all that was ever in them."""
    put(MemoryStorage("shelf", shelf_of(Path("/a"), "shelf")), b"whole")
    gc.collect()
    assert list(MemoryStorage("shelf", shelf_of(Path("/a"), "shelf")).list("")) == []
