"""What a fetch process may know: no secret, and nothing that lies about on the machine."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from slow_video import DRIP, under_way, video

from haulage.cancel import Cancelled
from haulage.plugin import Request
from haulage.testing import LoopbackSite
from haulage_ytdlp.fetcher import YtDlpFetcher


class TestKnowledge:
    def test_secrets(
        self,
        family: Any,
        site: LoopbackSite,
        work: Any,
        tmp_path: Path,
        pool: Any,
        new_fetcher: Callable[..., YtDlpFetcher],
    ) -> None:
        """Neither the server nor a fetch process is told the secrets of the environment."""
        secret = {"AWS_SECRET_ACCESS_KEY": "geheim", "HAULAGE_TOKEN": "geheim", "HTTP_PROXY": "http://u:geheim@p"}
        fetcher = new_fetcher(TZ="Asia/Tokyo", **secret)
        future = pool.submit(fetcher.fetch, video(site.url(DRIP)), tmp_path, work)
        under_way(site)
        assert len(family.pids()) == 2
        for pid in family.pids():
            told = Path(f"/proc/{pid}/environ").read_bytes()
            assert b"geheim" not in told
            assert b"TZ=Asia/Tokyo" in told
        work.cancel.cancel("enough")
        with pytest.raises(Cancelled):
            future.result(timeout=10)

    def test_proxy(
        self, site: LoopbackSite, work: Any, tmp_path: Path, new_fetcher: Callable[..., YtDlpFetcher]
    ) -> None:
        """A proxy of the environment is not used: the guard would watch the proxy's address only."""
        fetcher = new_fetcher(http_proxy="http://127.0.0.1:9")
        fetcher.fetch(video(site.url("/clip.mp4")), tmp_path, work)

    def test_modules_of_the_current_folder(
        self,
        new_fetcher: Callable[..., YtDlpFetcher],
        site: LoopbackSite,
        work: Any,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Modules that lie in the current folder are not imported."""
        for name in ("yt_dlp", "json", "haulage", "haulage_ytdlp", "curl_cffi", "sitecustomize"):
            mark = "import pathlib\npathlib.Path(__file__).with_suffix('.read').touch()\n"
            (tmp_path / f"{name}.py").write_text(mark)
        monkeypatch.chdir(tmp_path)
        assert len(list(new_fetcher().expand(Request(site.url("/clip.mp4")), work))) == 1
        assert list(tmp_path.glob("*.read")) == []

    def test_plugins_of_yt_dlp(
        self, new_fetcher: Callable[..., YtDlpFetcher], site: LoopbackSite, work: Any, tmp_path: Path
    ) -> None:
        """Plugins of yt-dlp that are installed are not loaded."""
        plugin = tmp_path / "yt_dlp_plugins" / "extractor"
        plugin.mkdir(parents=True)
        (plugin / "mine.py").write_text(f"import pathlib\npathlib.Path({str(tmp_path / 'read')!r}).touch()\n")
        fetcher = new_fetcher(PYTHONPATH=f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}".rstrip(":"))
        assert len(list(fetcher.expand(Request(site.url("/clip.mp4")), work))) == 1
        assert not (tmp_path / "read").exists()

    def test_standard_input(self, begin: Callable[..., Any], lasting_family: Any, work: Any) -> None:
        """A fetch process has no hand in the server's socket, nor has what it starts."""
        future = begin(DRIP, work)
        (worker,) = lasting_family.workers()
        assert os.readlink(f"/proc/{worker}/fd/0") == os.devnull  # noqa: PTH115 - as the kernel writes it
        work.cancel.cancel("enough")
        with pytest.raises(Cancelled):
            future.result(timeout=10)
