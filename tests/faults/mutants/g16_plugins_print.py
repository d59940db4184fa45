"""G16: what a plugin prints stands among the results.

Fails: tests/faults/test_g16_broken_neighbour.py::test_who_looks_at_all_of_them_is_told
"""

from contextlib import nullcontext

from haulage.registry import host

host.contextlib.redirect_stdout = nullcontext
