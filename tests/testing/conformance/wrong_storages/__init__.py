"""Storages that are wrong in one thing each, with the law that they break; and three that are right."""

from right_storage import Modest, Options, RightCheckedUpload, RightStorage

from haulage.plugin import Capabilities, StorageComponent, hookimpl

from . import cancels, claims, content, keys, ownership, visibility  # noqa: F401 - each declares its own
from .declaring import CLAIMS, WRONG, Wrong

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
