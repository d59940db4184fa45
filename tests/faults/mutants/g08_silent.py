"""G08: nobody is told that a site is closed.

Fails: tests/faults/test_g08_politeness.py::test_who_comes_during_a_cool_down_is_told_when_it_ends
"""

from haulage.cli.display import Display

Display.left_alone = lambda self, sites: None
