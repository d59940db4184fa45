"""Jobs, and attempts at them."""

from haulage.values import AttemptId, Job, JobId, Request

JOB, OTHER = JobId("1" * 32), JobId("2" * 32)
ONE, TWO, THREE = AttemptId("a" * 32), AttemptId("b" * 32), AttemptId("c" * 32)


def job(*attempts, of=JOB, **fields):
    """A job with attempts at it."""
    return Job(of, Request("https://example.com/1"), "example.com", attempts=attempts, **fields)
