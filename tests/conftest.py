"""What tests of several parts share: the server of the example for authors of storages, which keeps files."""

import importlib.util
from pathlib import Path

_FILE = Path(__file__).parents[1] / "examples" / "custom-storage" / "tests" / "conftest.py"
_specification = importlib.util.spec_from_file_location("sftp_server", _FILE)
assert _specification is not None
assert _specification.loader is not None
_module = importlib.util.module_from_spec(_specification)
_specification.loader.exec_module(_module)

sftp_server = _module.sftp_server
