"""A storage whose price stands in a table; it is never built."""

from attrs import frozen

from haulage.plugin import Billing, StorageComponent, hookimpl


@frozen
class NoOptions:
    """None."""


def build(options, context):
    raise AssertionError("who only asks for a price builds nothing")


@hookimpl
def haulage_storages():
    billing = Billing("s3", "us-east-1", "STANDARD")
    yield StorageComponent("priced", "As dear as S3.", NoOptions, build, billing=lambda options, context: billing)
