"""What comes with haulage keeps the laws of its contracts."""

import pytest

from haulage.testing import ExecutorTests, PluginTests, RetryPolicyTests


class TestExponential(RetryPolicyTests):
    """The default retry policy."""

    @pytest.fixture
    def config(self):
        return {"attempts": 5, "initial": "2s", "jitter": 0.5}


class TestThreads(ExecutorTests):
    """Threads of this process."""

    @pytest.fixture
    def config(self):
        return {"workers": 3}


class TestBuiltIn(PluginTests):
    """The plugin that is always there."""

    module = "haulage.registry.builtin"
    heavy = ("sqlalchemy", "fsspec", "psycopg")
    packaged = False
