"""The laws of a plugin: the module that an entry point names."""

import importlib
import os
import subprocess
import sys
from typing import Any, ClassVar

import attrs
import pytest

from haulage.config.options import describe
from haulage.registry.components import Component
from haulage.registry.host import Host
from haulage.registry.installed import GROUP, installed
from haulage.registry.loading import Loader, Rejected
from haulage.testing.conformance.law import Laws, law
from haulage.testing.conformance.report import Tally

_LOADING = """
import builtins, importlib, io, os, socket, subprocess, sys

def forbidden(what):
    def call(*args, **kwargs):
        raise SystemExit(f"it does I/O when its hooks are called: {what}")
    return call

module = importlib.import_module(sys.argv[1])
import haulage.registry.host
socket.socket.connect = forbidden("a connection")
subprocess.Popen.__init__ = forbidden("a process")
real = builtins.open
builtins.open = io.open = forbidden("a file")
os.listdir = os.scandir = forbidden("a folder")
from haulage.registry.loading import Loader
for _, record in Loader().ask(module):
    print(record.name)
builtins.open = real
heavy = [name for name in sys.argv[2].split(",") if name and name in sys.modules]
if heavy:
    raise SystemExit(f"it imports {', '.join(heavy)} before anything is built")
"""


class PluginTests(Laws):
    """The laws of a plugin module, whatever it offers.

    A class of one's own names it, and that is all::

        class TestPlugin(PluginTests):
            module = "haulage_mine.plugin"
            heavy = ("boto3", "botocore")

    Attributes:
        module: The module, as the entry point has it.
        heavy: Packages that are only imported when something is built.
        packaged: Whether the module is offered by an installed distribution, and not only named with `-p`.
    """

    module: ClassVar[str]
    heavy: ClassVar[tuple[str, ...]] = ()
    packaged: ClassVar[bool] = True
    open_to_authors = Laws.open_to_authors | {"module", "heavy", "packaged"}

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def _tally(cls, request: pytest.FixtureRequest) -> None:
        Tally.of(request.config)

    @pytest.fixture
    def records(self) -> list[tuple[type[Component[Any]], Component[Any]]]:
        """All that the module offers, with the kind of each."""
        return Loader().ask(importlib.import_module(self.module))

    @law
    def test_its_hooks_are_known_and_take_no_arguments(self) -> None:
        """Every function that is marked is a hook of haulage, and can be called as it is."""
        try:
            found = Loader().ask(importlib.import_module(self.module))
        except Rejected as error:
            raise AssertionError(f"{self.module} does not keep to the hooks: {error}") from error
        assert found, f"{self.module} offers nothing"

    @law
    def test_it_yields_frozen_records(self, records: list[Any]) -> None:
        """What a hook yields can be kept and compared, and is the same each time."""
        again = Loader().ask(importlib.import_module(self.module))
        for kind, record in records:
            assert isinstance(record, kind), f"{record!r} is no {kind.__name__}"
            try:
                record.name = "changed"
            except attrs.exceptions.FrozenInstanceError:
                continue
            raise AssertionError(f"the record of '{record.name}' can be changed")
        assert [(each.name, each.options) for _, each in again] == [(each.name, each.options) for _, each in records], (
            "hooks yield other records when they are called again"
        )

    @law
    def test_its_components_are_named_and_described(self, records: list[Any]) -> None:
        """Names are lower case and of one kind each; a summary is one sentence on one line."""
        names = [(kind, record.name) for kind, record in records]
        assert len(set(names)) == len(names), "two components of one kind have one name"
        for _, record in records:
            name, summary = record.name, record.summary
            assert name and name == name.lower() and not set(name) - _LETTERS, f"no name for a component: {name!r}"  # noqa: PT018
            assert summary.strip(), f"'{name}' has no summary"
            assert "\n" not in summary, f"the summary of '{name}' has more than one line"
            assert summary.endswith("."), f"the summary of '{name}' is no sentence: {summary!r}"

    @law
    def test_every_option_explains_itself(self, records: list[Any]) -> None:
        """The options are those of an attrs class, and each was made with `option` and says what it is for."""
        for _, record in records:
            assert attrs.has(record.options), f"the options of '{record.name}' are no attrs class"
            for field in attrs.fields(record.options):
                assert not field.init or describe(field).help.strip(), f"'{record.name}': {field.name} has no help"

    @law
    def test_its_hooks_do_no_work_and_load_nothing_heavy(self) -> None:
        """Asked what it offers, in a process of its own, it opens no file, no connection and no process."""
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        run = subprocess.run(
            [sys.executable, "-c", _LOADING, self.module, ",".join(self.heavy)],
            capture_output=True,
            text=True,
            env=environ,
            timeout=60,
            check=False,
        )
        said = (run.stderr.strip().splitlines() or [""])[-1]
        assert run.returncode == 0, f"{self.module}: {said}"

    @law
    def test_entry_points_are_named_like_its_components(self, records: list[Any]) -> None:
        """Each component has an entry point of its name, so that it is found without loading any other plugin."""
        if not self.packaged:
            return
        points = {point.name for point in installed() if point.value.partition(":")[0] == self.module}
        names = {record.name for _, record in records}
        assert names <= points, f"without an entry point in {GROUP}: {', '.join(sorted(names - points))}"
        assert points <= names, f"entry points that offer no such component: {', '.join(sorted(points - names))}"

    @law
    def test_it_is_found_beside_broken_plugins(self, records: list[Any]) -> None:
        """A neighbour that cannot be loaded, or names hooks that do not exist, takes nothing away from it."""
        from importlib.metadata import EntryPoint

        broken = [EntryPoint(f"a-{each}", f"haulage_no_such_{each}", GROUP) for each in ("one", "two")]
        host = Host((self.module,), points=broken)
        for kind, record in records:
            found = host.find(kind, record.name)
            assert found.options is record.options, f"'{record.name}' is not found beside a broken plugin"
        offers, bad = Host((self.module,), points=broken).survey()
        assert len(bad) == len(broken), "a broken plugin is not told"
        seen = {(offer.kind, offer.record.name) for offer, _ in offers}
        assert seen >= {(kind, record.name) for kind, record in records}, "a broken plugin takes others with it"


_LETTERS = set("abcdefghijklmnopqrstuvwxyz0123456789-_")
