"""Tells at the end of a session how many laws were held, by which class."""

import inspect
from collections import Counter
from typing import Any

import pytest

_NAME = "haulage-conformance"


class Tally:
    """A pytest plugin that counts the tests that are laws. It is there once a class of laws began."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[str]] = {}

    @classmethod
    def of(cls, config: pytest.Config) -> "Tally":
        """The one of a session."""
        found = config.pluginmanager.get_plugin(_NAME)
        if not isinstance(found, cls):
            found = cls()
            config.pluginmanager.register(found, _NAME)
        return found

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Any:
        """Note what became of a law."""
        report = yield
        owner = getattr(item, "cls", None)
        if owner is not None and _is_law(owner, item) and (report.when == "call" or report.outcome != "passed"):
            outcome = "expected to fail" if hasattr(report, "wasxfail") else report.outcome
            self._counts.setdefault(owner.__name__, Counter())[outcome] += 1
        return report

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print the numbers."""
        terminalreporter.section("laws of haulage")
        for name, counts in self._counts.items():
            numbers = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()))
            terminalreporter.write_line(f"{name}: {counts.total()} run: {numbers}")


def _is_law(owner: type, item: pytest.Item) -> bool:
    name = getattr(item, "originalname", item.name)
    return bool(getattr(inspect.getattr_static(owner, name, None), "is_law", False))
