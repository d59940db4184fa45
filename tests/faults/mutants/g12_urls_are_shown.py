"""G12: URLs are shown and recorded with their signatures.

Fails: tests/faults/test_g12_secrets.py::test_a_haul_that_ends_well_leaves_no_secret
"""

from haulage.pipeline import attempt

attempt.public_url = lambda url: url
