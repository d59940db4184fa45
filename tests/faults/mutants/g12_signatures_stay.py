"""G12: what gives access to a URL outlives its job.

Fails: tests/faults/test_g12_secrets.py::test_the_signature_of_a_url_is_kept_until_its_job_has_ended
"""

from haulage.pipeline import attempt

attempt._public = lambda job: job
