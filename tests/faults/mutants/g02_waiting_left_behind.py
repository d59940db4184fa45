"""G02: a sync goes on with what still waits of its subscriptions.

Fails: tests/faults/test_g02_subscriptions.py::test_what_waits_far_down_in_a_list_goes_on
"""

from haulage.pipeline import subscriptions

subscriptions._PAGE = 0
