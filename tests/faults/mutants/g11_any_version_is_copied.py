"""G11: a service copies whatever is there, and is believed.

Fails: tests/faults/test_g11_copy.py::test_what_is_not_what_was_stored_is_not_let_go[inside the service]
"""

from haulage.pipeline.transfer import Transfer

Transfer._is_unchanged = lambda *_: True
