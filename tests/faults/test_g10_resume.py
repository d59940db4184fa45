"""An interrupted direct download goes on where it stopped; what has changed meanwhile is never spliced.

A download in fragments goes on after a cancel; after a kill it begins afresh, since it may hold half a fragment.
"""

import hashlib
import os
import re
import signal
import time
from pathlib import Path

import pytest
from harness.warm import start_warm
from program import Program

from haulage.testing import LoopbackSite

BUFFER = 256 * 1024
"""Bytes that the fetch process may have read and not yet written when it is killed."""


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """The program in a folder of its own."""
    config = "private_hosts: [127.0.0.1]\nretry: {initial: 0.01}\nworkers: 1\n"
    (tmp_path / "haulage.yaml").write_text(config)
    return Program(tmp_path, ("-p", "quick"), Path(__file__).parent / "plugins")


def interrupt(program: Program, site: LoopbackSite, url: str, count: int, how: signal.Signals) -> int:
    """Haul until the site has served so many bytes below a URL's folder, and end it so; how many it served in all."""
    folder = re.sub(r"[^/]*$", "", url)

    def served() -> int:
        return sum(each.body_bytes for each in site.requests if site.url(each.path).startswith(folder))

    before = served()
    running = start_warm(program, "get", url)
    site.wait_for(lambda _: served() - before >= count, timeout=60)
    os.kill(running.pid, how)
    running.end()
    return served() - before


def stored(program: Program) -> list[Path]:
    """The videos in the library."""
    return list((program.folder / "library").rglob("video.*4"))


def partly(program: Program, least: int) -> int:
    """Wait until so much of a download lies in the workspace; how much it is."""
    deadline, size = time.monotonic() + 60, 0
    while size < least:
        assert time.monotonic() < deadline, f"no more than {size} bytes are kept"
        time.sleep(0.01)
        size = sum(each.stat().st_size for each in (program.folder / ".haulage" / "work").rglob("*.part"))
    return size


@pytest.fixture
def slow(site: LoopbackSite) -> str:
    """A part of a path that has the large video come within four seconds."""
    return f"drip/{site.file('large.mp4').stat().st_size // 4}"


def test_a_download_goes_on_where_it_stopped(site: LoopbackSite, program: Program, extent: str) -> None:
    """After a kill or a cancel at 90 %, all but one buffer of what came is not asked for again."""
    content = site.file("large.mp4").read_bytes()
    come = len(content) * 9 // 10
    ways = (signal.SIGKILL, signal.SIGTERM) if extent == "full" else (signal.SIGKILL,)
    for how in ways:
        # Silent at 90 %, so that nothing is under way; its beginning is looked at before a download.
        path = f"/stall-first/2/90/{program.folder.name}{how.name}/large.mp4"
        running = start_warm(program, "get", site.url(path))
        site.wait_for(lambda _, path=path: [each.body_bytes for each in site.log(path)][1:] == [come], timeout=60)
        kept = partly(program, come - BUFFER)
        os.kill(running.pid, how)
        running.end()
        ran = start_warm(program, "get", site.url(path)).end()
        assert ran.code == 0, f"it cannot be gone on with: {ran.said}"
        [*_, second] = site.log(path)
        again = come + second.body_bytes - len(content)
        assert again <= come - kept, f"{again} bytes were served again"
    assert [path.read_bytes() == content for path in stored(program)] == [True] * len(ways)


def test_what_changed_meanwhile_is_not_spliced(site: LoopbackSite, slow: str, program: Program) -> None:
    """A download whose content changed while it was interrupted begins anew, even where the site heeds no If-Range."""
    path = f"/stealthy/{slow}/large.mp4?{program.folder.name}"
    size, url = site.file("large.mp4").stat().st_size, site.url(path)
    interrupt(program, site, url, size // 2, signal.SIGKILL)
    site.change(path)
    ran = start_warm(program, "get", url).end()
    digests = [hashlib.sha256(each.read_bytes()).hexdigest() for each in stored(program)]
    changed = site.medium("large.mp4", changed=True).path.read_bytes()
    assert digests == [hashlib.sha256(changed).hexdigest()], f"not the content that is there now: {ran.said}"
    assert ran.code == 0


FIRST = "/hls/drip/200000/360p-000.ts"


@pytest.fixture
def in_fragments(site: LoopbackSite, program: Program) -> str:
    """The URL of a stream that comes within seconds."""
    config = program.folder / "haulage.yaml"
    config.write_text(f"{config.read_text()}fetcher: {{max_height: 360}}\n")
    return site.url("hls/drip/200000/master.m3u8")


@pytest.fixture
def undisturbed(site: LoopbackSite, program: Program, in_fragments: str) -> bytes:
    """The video that is made of the stream."""
    plain = Program(program.folder / "plain", program.options, program.plugins)
    plain.folder.mkdir()
    (plain.folder / "haulage.yaml").write_text((program.folder / "haulage.yaml").read_text())
    assert start_warm(plain, "get", site.url("hls/master.m3u8")).end().code == 0
    [path] = stored(plain)
    return path.read_bytes()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=["kill", "cancel"])
def test_a_download_in_fragments(
    site: LoopbackSite, program: Program, in_fragments: str, undisturbed: bytes, how: signal.Signals
) -> None:
    """Ended between two fragments, it has the first one fetched again after a kill alone; the video is the same."""
    first = site.medium("hls/360p-000.ts").path.stat().st_size
    interrupt(program, site, in_fragments, first + 20_000, how)
    before = sum(each.body_bytes for each in site.log(FIRST))
    ran = start_warm(program, "get", in_fragments).end()
    assert ran.code == 0, f"it cannot be done again: {ran.said}"
    again = sum(each.body_bytes for each in site.log(FIRST)) - before
    if how is signal.SIGKILL:
        assert again == first, "it was gone on with, though half a fragment may lie there"
    else:
        assert again == 1, f"{again} bytes of a whole fragment were served again"
    [path] = stored(program)
    assert path.read_bytes() == undisturbed, "it is not the video that it always is"
