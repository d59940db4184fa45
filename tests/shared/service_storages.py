"""Storages of one service that copies between them, in memory, and does what a test tells it."""

from collections import Counter

from attrs import frozen

from haulage.builtin.memory import MemoryStorage, shelf_of
from haulage.plugin import Capabilities, StorageComponent, hookimpl, option

READS = Counter()
"""How often each key of each storage was read."""

BEFORE, AFTER, READING = [], [], []
"""What is called before the service copies, with source and key; afterwards; and when an object is read."""


@frozen
class Options:
    """None that matter."""

    spoils: bool = option(False, help="Whether what the service copies is spoilt.")


class ServiceStorage(MemoryStorage):
    def __init__(self, name, shelf, spoils):
        super().__init__(name, shelf)
        self.name, self.spoils = name, spoils

    def read(self, key, ctx):
        READS[self.name, key] += 1
        for call in READING:
            call()
        return super().read(key, ctx)

    def copy_here(self, source, key, to, info, ctx, *, replaces=None):
        if not isinstance(source, ServiceStorage):
            return None
        for call in BEFORE:
            call(source, key)
        data = MemoryStorage.read(source, key, ctx).read()
        made = self.publish(to, data[:-1] + b"!" if self.spoils else data, info, replaces)
        for call in AFTER:
            call()
        return made


def build(options, context):
    return ServiceStorage(context.name, shelf_of(context.folder, context.name), options.spoils)


@hookimpl
def haulage_storages():
    claims = Capabilities(keeps_info=True, exclusive_create=True, conditional_replace=True)
    yield StorageComponent("careless", "Checks nothing.", Options, build, capabilities=claims)
    careful = Capabilities(keeps_info=True, checks_content=True, exclusive_create=True, conditional_replace=True)
    yield StorageComponent("careful", "Checks what it is sent.", Options, build, capabilities=careful)
