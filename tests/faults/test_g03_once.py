"""G03. Once: a video has one object and one row in a storage, however many processes share the queue and die."""

import pytest
from harness.chains import make_chain
from harness.crew import work_while_dying
from harness.oracle import judge

ROUNDS = {"short": (15, 3), "full": (50, 12)}
"""Videos for each process, and kills, of a queue with a cheap fetcher."""

REAL = {"short": (16, 2), "full": (400, 30)}
"""Videos, and kills, of the queue with the real fetcher."""


@pytest.fixture
def haul(site, digest, chance, ledger):
    """Let processes that die work off a queue, and look at what came of it."""

    def haul(chain, processes, videos, kills):
        urls = [site.url(f"/clip.mp4?{number}") for number in range(videos)]
        before = len(site.requests)
        chain.queue(urls)
        ended = work_while_dying(chain, processes, kills, chance, ledger)
        ledger.found(chain.name, judge(chain, dict.fromkeys(urls, digest("clip.mp4"))))
        size = site.file("clip.mp4").stat().st_size
        whole = [one for one in site.requests[before:] if one.complete and one.body_bytes == size]
        assert len(whole) <= videos + kills, f"{videos} videos and {kills} kills, but {len(whole)} whole downloads"
        wrong = [each.said for each in ended if each.code != 0]
        assert not wrong, f"{chain.name}: a process of the queue ended with an error: {wrong}"

    return haul


@pytest.mark.timeout(600)
@pytest.mark.parametrize("processes", [1, 4])
def test_a_queue_whose_workers_die_stores_each_video_once(cheap_chain, processes, extent, haul):
    """One worker after the other is killed while it holds a job; in the end each video is there, and there once."""
    videos, kills = ROUNDS[extent]
    haul(cheap_chain, processes, videos * processes, kills)


@pytest.mark.timeout(900)
def test_four_processes_on_one_queue_download_each_video_once(tmp_path, request, extent, haul):
    """With the real fetcher too: beyond one complete download for each video there is at most one for each kill."""
    haul(make_chain("seaweedfs + postgres", tmp_path, request), 4, *REAL[extent])
