"""A retry policy with a bug."""

from attrs import frozen

from haulage.plugin import RetryPolicyComponent, hookimpl


@frozen
class NoOptions:
    """None."""


class OddPolicy:
    def next_delay(self, history):
        raise ZeroDivisionError("a policy's own trouble")


@hookimpl
def haulage_retry_policies():
    yield RetryPolicyComponent("odd", "Raises.", NoOptions, lambda options, context: OddPolicy())
