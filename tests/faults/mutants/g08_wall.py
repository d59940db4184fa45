"""G08: a site that wants a person opens by itself.

Fails: tests/faults/test_g08_politeness.py::test_a_wall_closes_its_site_until_a_person_opens_it
"""

from datetime import timedelta

from haulage.pipeline import steps

steps.Gate = lambda seconds, reason, gate=steps.Gate: gate(seconds or timedelta(0), reason)
