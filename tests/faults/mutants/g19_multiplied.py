"""G19: something below the policy tries again too.

Fails: tests/faults/test_g19_bounded_time.py::test_a_silent_store_is_asked_as_often_as_the_policy_says
"""

from datetime import timedelta

from haulage.builtin.backoff import ExponentialBackoff

ExponentialBackoff.next_delay = lambda self, history: None if len(history.tries) > 3 else timedelta(0)
