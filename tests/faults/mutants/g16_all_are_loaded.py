"""G16: whoever looks for a plugin loads all of them, and lets what they raise through.

Fails: tests/faults/test_g16_broken_neighbour.py::test_who_asks_for_none_of_them_does_not_notice_them
"""

from haulage.registry.host import Host

Host._load = lambda self, _: [self._take_in(point.load(), point.name) for point in self._points]
