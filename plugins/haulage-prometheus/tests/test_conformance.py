"""The plugin keeps the laws of every plugin."""

from haulage.testing import PluginTests


class TestPlugin(PluginTests):
    """The metrics."""

    module = "haulage_prometheus.plugin"
    heavy = ("prometheus_client",)
