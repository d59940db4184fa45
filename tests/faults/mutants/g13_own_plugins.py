"""G13: fetch processes are given the environment as it is.

Fails: tests/faults/test_g13_no_way_in.py::test_nothing_of_the_operators_own_yt_dlp_is_used
"""

from haulage_ytdlp import process

process._environment = dict
