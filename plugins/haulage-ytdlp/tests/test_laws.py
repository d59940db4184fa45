"""The fetcher keeps the laws of its contract, and so does its plugin."""

import pytest

from haulage.testing import FetcherTests, PluginTests


class TestYtDlp(FetcherTests):
    """yt-dlp at a site that misbehaves."""

    @pytest.fixture
    def config(self):
        return {"type": "yt-dlp"}


class TestPlugin(PluginTests):
    """What the package offers."""

    module = "haulage_ytdlp.plugin"
    heavy = ("yt_dlp", "av", "imageio_ffmpeg")
