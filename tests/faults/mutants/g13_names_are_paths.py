"""G13: a name becomes a part of a path as it is.

Fails: tests/faults/test_g13_no_way_in.py::test_no_name_leads_out
"""

from haulage import keys
from haulage.builtin import local

keys.field_text = local.check_key = lambda text: text
