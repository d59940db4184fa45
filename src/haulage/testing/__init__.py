"""Aids for testing against real parts: the conformance kit, a site that misbehaves, a proxy that does harm, media.

The kit needs pytest and hypothesis (`pip install 'haulage[testing]'`); it is imported when it is asked for.
"""

from typing import TYPE_CHECKING

from haulage.testing import faults
from haulage.testing.call import Call
from haulage.testing.fault_proxy import FaultProxy, Proxied
from haulage.testing.media import Recipe, ffmpeg, make
from haulage.testing.replies import Medium
from haulage.testing.requests import Served
from haulage.testing.site import LoopbackSite
from haulage.testing.streams import DASH, HLS

if TYPE_CHECKING:
    from haulage.testing.conformance.fetchers import FetcherTests
    from haulage.testing.conformance.metadata import MetadataStoreTests
    from haulage.testing.conformance.plugins import PluginTests
    from haulage.testing.conformance.policies import ExecutorTests, RetryPolicyTests
    from haulage.testing.conformance.storage import StorageTests

__all__ = [
    "DASH",
    "HLS",
    "Call",
    "ExecutorTests",
    "FaultProxy",
    "FetcherTests",
    "LoopbackSite",
    "Medium",
    "MetadataStoreTests",
    "PluginTests",
    "Proxied",
    "Recipe",
    "RetryPolicyTests",
    "Served",
    "StorageTests",
    "faults",
    "ffmpeg",
    "make",
]

_KIT = {
    "ExecutorTests": "haulage.testing.conformance.policies",
    "FetcherTests": "haulage.testing.conformance.fetchers",
    "MetadataStoreTests": "haulage.testing.conformance.metadata",
    "PluginTests": "haulage.testing.conformance.plugins",
    "RetryPolicyTests": "haulage.testing.conformance.policies",
    "StorageTests": "haulage.testing.conformance.storage",
}


def __getattr__(name: str) -> object:
    """Import a class of the kit; its asserts explain themselves, as those in tests do."""
    if name not in _KIT:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    import pytest

    pytest.register_assert_rewrite("haulage.testing.conformance")
    return getattr(importlib.import_module(_KIT[name]), name)
