"""G14: a list may have any number of entries.

Fails: tests/faults/test_g14_bounded.py::test_a_list_without_end_is_cut
"""

from haulage.pipeline import listing

listing.MOST_ENTRIES = 10**9
