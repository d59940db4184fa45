"""Hold a storage of a config to the laws of its contract, where it really is."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import frozen

from haulage.config.model import Chosen
from haulage.errors import Failure, Kind, PluginError


@frozen
class Verdict:
    """What became of one law, in one of its cases.

    Attributes:
        law: Its name, in words.
        holds: Whether it holds.
        message: Why it does not, on one line.
    """

    law: str
    holds: bool
    message: str = ""


def hold_to_the_laws(chosen: Chosen, modules: tuple[str, ...], folder: Path, tell: Callable[[Verdict], None]) -> None:
    """Run every law of the conformance kit on a storage. All that is written lies below one folder, and is deleted.

    Args:
        chosen: The storage's type and options.
        modules: Plugin modules that are not installed.
        folder: Where relative paths in its options start.
        tell: Called with each verdict as it is there.

    Raises:
        PluginError: The kit is not installed.
    """
    try:
        import hypothesis  # noqa: F401
        import pytest
    except ImportError as error:
        said = f"the conformance kit needs {error.name}"
        raise PluginError(Failure(Kind.ENVIRONMENT, said, cure="pip install 'haulage[testing]'")) from None
    from haulage.testing.conformance.storage import StorageTests

    class TestStorage(StorageTests):
        plugins = modules

        @pytest.fixture
        def config(self) -> object:
            return chosen

        @pytest.fixture
        def config_folder(self) -> Path:
            return folder

    with tempfile.TemporaryDirectory() as empty, _nobody_elses_settings():
        file = Path(empty, "test_laws.py")
        file.touch()
        quiet = ("-p", "no:terminal", "-p", "no:cacheprovider")
        alone = ("-c", os.devnull, "--rootdir", empty, "--confcutdir", empty)  # no settings or tests of anybody else
        pytest.main([*quiet, *alone, str(file)], plugins=[_Session(TestStorage, tell)])


class _Session:
    """A pytest plugin that puts one class into the only module, and passes on what becomes of its tests."""

    def __init__(self, tests: type, tell: Callable[[Verdict], None]) -> None:
        self._tests, self._tell = tests, tell

    def pytest_pycollect_makemodule(self, module_path: Path, parent: Any) -> Any:
        """Have the module hold the class."""
        import pytest

        module = pytest.Module.from_parent(parent, path=module_path)
        vars(module.obj)[self._tests.__name__] = self._tests
        return module

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Pass on what became of a test."""
        if report.when != "call" and report.passed:
            return
        name = report.nodeid.rpartition("::")[2].partition("[")[0]
        crash = getattr(report.longrepr, "reprcrash", None)
        message = "" if report.passed else " ".join(str(crash.message if crash else report.longrepr).split())
        self._tell(Verdict(name.removeprefix("test_").replace("_", " "), report.passed, message))


@contextmanager
def _nobody_elses_settings() -> Iterator[None]:
    kept = dict(os.environ)
    os.environ.pop("PYTEST_ADDOPTS", None)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(kept)
