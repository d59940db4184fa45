"""The plugin keeps the laws of every plugin."""

from haulage.testing import PluginTests


class TestPlugin(PluginTests):
    """The traces."""

    module = "haulage_otel.plugin"
    heavy = ("opentelemetry", "requests", "google")
