"""G14: a file is read into memory as a whole.

Fails: tests/faults/test_g14_bounded.py::test_memory_does_not_grow_with_the_file
"""

from haulage.pipeline import transfer

transfer._BLOCK = 1 << 30
