"""Metadata stores that are wrong in one thing each, with the law that they break; and one that is right."""

from right_store import RightStore, StoreOptions

from haulage.plugin import MetadataStoreComponent, hookimpl

from . import adding_up, finding, handing_out, laws, taking_in  # noqa: F401 - each declares its own
from .declaring import WRONG, Wrong

RIGHT = [Wrong(RightStore, "")]


@hookimpl
def haulage_metadata_stores():
    """Offer them all."""
    for each in [*RIGHT, *WRONG]:
        yield MetadataStoreComponent(
            each.name, "For tests.", StoreOptions, lambda options, context, part=each.part: part(options)
        )
