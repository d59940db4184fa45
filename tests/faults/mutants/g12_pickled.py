"""G12: a task has the values of the environment's variables.

Fails: tests/faults/test_g12_secrets.py::test_what_crosses_a_border_has_no_secret
"""

import os

from haulage.pipeline import run

run.Recipe = lambda text, *more, real=run.Recipe: real(os.path.expandvars(text), *more)
