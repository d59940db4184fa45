"""G13. No way in: nothing that comes from outside reaches internal addresses, files of this machine, or programs."""

import contextlib
import functools
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import pytest
from attrs import frozen
from harness.child import begin_with
from program import Program

from haulage import ConfigError, Pipeline, Status
from haulage.testing import ffmpeg
from haulage_ytdlp import process

PLUGINS = Path(__file__).parent / "plugins"

NAMES = (
    "../../../../escaped",
    "/escaped",
    "..",
    "a/../../../../b",
    "nul\0byte",
    "x" * 4096,
    "CON",
    "new\nline",
    "\N{RIGHT-TO-LEFT OVERRIDE}4pm.exe",
    ".haulage-lock",
    "dots...",
    "C:\\escaped",
    "\udcff\udcfe",
)


@frozen
class Folder:
    """A web site that is a folder.

    Attributes:
        path: The folder.
        url: What its files' names follow.
    """

    path: Path
    url: str

    def put(self, name: str, text: str) -> str:
        """Write a file, and return its URL."""
        (self.path / name).write_text(text)
        return f"{self.url}{name}"


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Folder]:
    """A site whose files the test writes."""
    folder = tmp_path / "pages"
    folder.mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield Folder(folder, f"http://127.0.0.1:{server.server_port}/")
        server.shutdown()
        thread.join()


@contextlib.contextmanager
def _pipeline(folder: Path, **config: object) -> Iterator[Pipeline]:
    whole = {
        "private_hosts": ["127.0.0.1"],
        "storages": {"s": str(folder / "library")},
        "database": f"sqlite:///{folder}/haulage.db",
        "workspace": {"path": str(folder / "work")},
        "retry": {"attempts": 1},
        **config,
    }
    with Pipeline.from_config(whole) as pipeline:
        yield pipeline


def _reached(listener: socket.socket) -> bool:
    try:
        listener.accept()[0].close()
    except BlockingIOError:
        return False
    return True


@pytest.fixture
def inside(site) -> Iterator[socket.socket]:
    """A service at an address that nobody opened, on the site's own port."""
    port = int(site.url("/").rpartition(":")[2].rstrip("/"))
    with socket.create_server(("127.0.0.2", port)) as listener:
        listener.setblocking(False)
        yield listener


def test_no_redirect_leads_inside(site, inside, tmp_path):
    """However the address is written, in a URL or in what a page redirects to, nobody connects to it."""
    port = inside.getsockname()[1]
    hosts = ("127.0.0.2", "127.2", "2130706434", "0x7f000002", "0177.0.0.2", "[::ffff:127.0.0.2]", "①②⑦.⓪.⓪.②")
    urls = [f"http://{host}:{port}/clip.mp4" for host in hosts]
    with _pipeline(tmp_path, workers=4) as pipeline:
        jobs = list(pipeline.run([*urls, *map(site.redirect, urls)]))
    assert not _reached(inside), "a fetch process has connected to an internal address"
    assert len(jobs) == 2 * len(hosts)
    assert {job.status for job in jobs} <= {Status.UNAVAILABLE, Status.FAILED}


def test_no_name_that_changes_its_answer_leads_inside(site, inside, tmp_path, monkeypatch):
    """A name whose first answer is let through, and whose next one is not, leads nowhere the second time."""
    monkeypatch.setattr(process, "subprocess", process.subprocess)
    begin_with(
        "import itertools, socket; real, count = socket.getaddrinfo, itertools.count(1)\n"
        "socket.getaddrinfo = lambda host, *more, **options: real("
        "f'127.0.0.{min(next(count), 2)}' if host == 'turning.example' else host, *more, **options)"
    )
    url = site.url("/clip.mp4").replace("127.0.0.1", "turning.example")
    with _pipeline(tmp_path) as pipeline:
        (job,) = pipeline.run([url])
    assert not _reached(inside), "a name that changed its answer has led to an internal address"
    assert job.tries[-1].failure.message == "127.0.0.2 is an internal address"
    assert len(site.log("/clip.mp4")) >= 1, "its first answer led nowhere, so that nothing was proven"


MANIFEST = """<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT1S" minBufferTime="PT1S"
profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period>
<AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1000" width="160" height="90"
codecs="avc1.42c01e"><BaseURL>file://{0}</BaseURL><SegmentBase indexRange="0-100"><Initialization range="0-100"/>
</SegmentBase></Representation></AdaptationSet></Period></MPD>
"""
SEGMENT = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXTINF:1.0,\nfile://{0}\n#EXT-X-ENDLIST\n"
FEED = '<?xml version="1.0"?><rss version="2.0"><channel><title>f</title>{}</channel></rss>'


def test_no_file_of_this_machine_is_hauled(site, pages, tmp_path):
    """Not as an entry of a list, not as a segment, and not from a list that calls itself a video."""
    private = tmp_path / "private.ts"
    subprocess.run([ffmpeg(), "-loglevel", "error", "-i", str(site.file("clip.mp4")), "-c", "copy", str(private)])
    film = tmp_path / "private.mp4"
    film.write_bytes(site.file("clip.mp4").read_bytes())
    entries = (f"file://{film}", f"file:{film}", f"http://me:secret@127.0.0.1/{film}", "data:video/mp4;base64,AAAA")
    items = "".join(f"<item><title>{n}</title><link>{url}</link></item>" for n, url in enumerate(entries))
    urls = [
        pages.put("clip.mp4", MANIFEST.format(film)),
        pages.put("list.m3u8", SEGMENT.format(private)),
        pages.put("feed.xml", FEED.format(items)),
    ]
    with _pipeline(tmp_path, fetcher={"container": "mkv"}) as pipeline:
        jobs = list(pipeline.run(urls))
        known = [job.request.url for job in pipeline.find()]
    stored = [path.name for path in (tmp_path / "library").rglob("*.mkv")]
    assert not stored, "a file of this machine was hauled into the archive"
    assert not any(job.status is Status.DOWNLOADED for job in jobs)
    assert known == urls, f"an entry that may not be hauled is in the queue: {known}"


def test_no_name_leads_out(tmp_path):
    """What a video, its channel, its extension or its language is called names no file outside the library."""
    folder = tmp_path / "a" / "b" / "c" / "d" / "e"
    folder.mkdir(parents=True)
    (folder / "haulage.yaml").write_text("fetcher: {type: hostile}\nretry: {attempts: 1}\n")
    program = Program(folder, ("-p", "hostile"), PLUGINS)
    urls = [f"http://h.example/{quote(name.encode('utf-8', 'surrogateescape'), safe='')}" for name in NAMES]
    with program.start("get", *urls, errors="replace") as ran:
        said = "".join(ran.communicate(timeout=60))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    library = folder / "library"
    ours = ("haulage.yaml", "haulage.db", "haulage.db-wal", "haulage.db-shm")
    work = folder / ".haulage"
    strays = [
        path
        for path in files
        if path.name not in ours and not path.is_relative_to(library) and not path.is_relative_to(work)
    ]
    assert not strays, f"a name has led out of the library, to {[str(path)[:200] for path in strays]}"
    contents = {path.read_bytes() for path in library.rglob("*.vtt")}
    assert contents == {name.encode("utf-8", "surrogateescape") for name in NAMES}, said
    assert "\x1b" not in said
    assert len(said.splitlines()) == len(NAMES) + 2, f"a title has written lines of its own: {said!r}"


def test_nothing_of_the_operators_own_yt_dlp_is_used(site, tmp_path):
    """Its config files, plugins and passwords are not read, and options that would run programs are refused by name."""
    home, marker = tmp_path / "home", tmp_path / "marker"
    (home / ".config" / "yt-dlp").mkdir(parents=True)
    for config in (home / ".config" / "yt-dlp" / "config", home / ".config" / "yt-dlp.conf", home / "yt-dlp.conf"):
        config.write_text(f"--exec 'touch {marker}'\n--netrc-cmd 'touch {marker}'\n")
    extractor = tmp_path / "path" / "yt_dlp_plugins" / "extractor"
    extractor.mkdir(parents=True)
    (extractor / "evil.py").write_text(f"open({str(marker)!r}, 'w').close()\n")
    (tmp_path / "haulage.yaml").write_text("private_hosts: [127.0.0.1]\n")
    path = os.pathsep.join(filter(None, [str(PLUGINS), str(tmp_path / "path"), os.environ.get("PYTHONPATH")]))
    environ = {"HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config"), "PYTHONPATH": path}
    program = Program(tmp_path, ("-p", "hostile"), PLUGINS)
    with program.start("get", site.url("/clip.mp4?own"), environ=environ) as ran:
        said = "".join(ran.communicate(timeout=60))
    assert not marker.exists(), "a plugin or a config of yt-dlp's own was used"
    assert ran.returncode == 0, said
    for option in ("exec", "external_downloader", "outtmpl", "config_locations", "cookiesfrombrowser", "plugin_dirs"):
        (tmp_path / "haulage.yaml").write_text(f"fetcher: {{{option}: x}}\n")
        pipeline = Pipeline.from_config(tmp_path / "haulage.yaml")
        with pytest.raises(ConfigError, match=f"unknown option '{option}'"), pipeline:
            pass
