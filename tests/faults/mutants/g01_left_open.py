"""G01: what a killed upload left open at the service is never ended.

Fails: tests/faults/test_g01_whole_or_absent.py::test_a_kill_in_a_request_shows_nothing[seaweedfs + postgres]
"""

from haulage.pipeline.transfer import Transfer

Transfer._sweep = lambda self, copy, attempt: True
