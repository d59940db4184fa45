"""Plugins as modules and as installed distributions, for the length of a test."""

import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

HEAD = """
from attrs import frozen
from haulage.plugin import FetcherComponent, RetryPolicyComponent, StorageComponent, hookimpl

@frozen
class Options:
    pass

def storage(name):
    return StorageComponent(name, "A storage.", Options, lambda options, context: None)
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """Write a plugin module that can be imported."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)

    def write(name: str, body: str, head: str = HEAD) -> str:
        (tmp_path / f"{name}.py").write_text(head + textwrap.dedent(body), encoding="utf-8")
        return name

    yield write
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def install(tmp_path: Path, write: Callable[..., str]) -> Callable[..., None]:
    """Install a distribution whose entry points lead to one module."""

    def install(name: str, version: str, *points: str, body: str = "", lines: str = "") -> None:
        module = name.replace("-", "_")
        if body:
            write(module, body)
        info = tmp_path / f"{module}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        lines = lines or "".join(f"{point} = {module}\n" for point in points)
        (info / "entry_points.txt").write_text(f"[haulage.v1]\n{lines}")

    return install
