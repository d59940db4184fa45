"""The storages of the core, and what the adapter for filesystems makes, keep the laws of the contract."""

import os
import sys
from pathlib import Path

import pytest

from haulage.testing import StorageTests

sys.path.append(str(Path(__file__).parent / "plugins"))


def walked(root):
    """A witness that knows nothing of storages: all files below a folder, as the operating system tells."""

    def look(folder):
        return {
            Path(parent, name).relative_to(root).as_posix(): Path(parent, name).read_bytes()
            for parent, _, names in os.walk(root / folder)
            for name in names
        }

    return look


class TestLocal(StorageTests):
    """Plain files."""

    required_claims = frozenset({"checks_content", "exclusive_create"})
    part = 1 << 20

    @pytest.fixture
    def config(self, tmp_path):
        return {"type": "local", "path": str(tmp_path)}

    @pytest.fixture
    def witness(self, tmp_path):
        return walked(tmp_path)


class TestMemory(StorageTests):
    """The memory of this process."""

    required_claims = frozenset({"keeps_info", "checks_content", "exclusive_create", "conditional_replace"})
    part = 1 << 16

    @pytest.fixture
    def config(self):
        return {"type": "memory"}


class TestFsspecLocal(StorageTests):
    """Files, through the adapter for filesystems."""

    plugins = ("fsspec_storages",)
    part = 1 << 20

    @pytest.fixture
    def config(self, tmp_path):
        return {"type": "fsspec-local", "root": str(tmp_path)}

    @pytest.fixture
    def witness(self, tmp_path):
        return walked(tmp_path)


class TestFsspecMemory(StorageTests):
    """A filesystem that knows neither owners nor inodes, through the adapter."""

    plugins = ("fsspec_storages",)
    part = 1 << 16

    @pytest.fixture
    def config(self):
        return {"type": "fsspec-memory", "root": "/library"}

    @pytest.fixture
    def witness(self):
        from fsspec.implementations.memory import MemoryFileSystem

        def look(folder):
            below = f"/library/{folder}/"
            store = MemoryFileSystem.store
            return {
                name.removeprefix("/library/"): file.getvalue()
                for name, file in store.items()
                if name.startswith(below)
            }

        return look
