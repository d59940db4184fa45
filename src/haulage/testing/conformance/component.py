"""What the test classes of all kinds of components have in common."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from haulage.registry.components import Component
from haulage.testing.conformance.bench import Bench
from haulage.testing.conformance.law import Laws
from haulage.testing.conformance.report import Tally


class ComponentTests(Laws):
    """Laws of a component that a config names.

    Attributes:
        plugins: Names of plugin modules that are not installed.
        kind: The class of the component's record.
    """

    plugins: ClassVar[Sequence[str]] = ()
    kind: ClassVar[type[Component[Any]]]
    open_to_authors = Laws.open_to_authors | {"plugins", "config", "config_folder"}

    @pytest.fixture
    def config(self) -> object:
        """What stands in the config for the component: a mapping with its type and options."""
        raise NotImplementedError(f"{type(self).__name__} needs a fixture `config`: what stands in haulage.yaml")

    @pytest.fixture
    def config_folder(self) -> Path:
        """Where relative paths in the config start; by default where the tests were started."""
        return Path.cwd()

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def _tally(cls, request: pytest.FixtureRequest) -> None:
        Tally.of(request.config)

    @pytest.fixture(autouse=True)
    def _known_failure(self, request: pytest.FixtureRequest) -> None:
        law = getattr(request.node, "originalname", request.node.name)
        for name in (request.node.name, law):
            if name in self.known_failures:
                request.applymarker(pytest.mark.xfail(reason=self.known_failures[name], strict=True))
                return

    @pytest.fixture(scope="class")
    @classmethod
    def _benches(cls) -> Iterator["Benches"]:
        benches = Benches()
        yield benches
        benches.close()

    @pytest.fixture
    def bench(self, config: object, config_folder: Path, _benches: "Benches") -> Bench[Any]:
        """Builds the component."""
        return _benches.of(self.kind, config, self.plugins, config_folder)


class Benches:
    """Keeps the bench of the last config, so that tests with one config share what was built."""

    def __init__(self) -> None:
        self._made_of: object = None
        self._bench: Bench[Any] | None = None

    def of(self, kind: type[Component[Any]], config: object, modules: Sequence[str], folder: Path) -> Bench[Any]:
        """The bench for a config."""
        if self._bench is None or (config, folder) != self._made_of:
            self.close()
            self._made_of, self._bench = (config, folder), Bench(kind, config, modules, folder)
        return self._bench

    def close(self) -> None:
        """Close what was built."""
        if self._bench is not None:
            self._bench.close()
