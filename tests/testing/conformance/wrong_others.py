"""Retry policies, executors and fetchers that are wrong in one thing each, with the law that they break."""

import hashlib
import random
import subprocess
import time
import urllib.error
import urllib.request
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from urllib.parse import urlsplit

from attrs import evolve, frozen

from haulage.plugin import (
    Estimate,
    ExecutorComponent,
    Failure,
    Fetcher,
    FetcherComponent,
    FetchError,
    FetchResult,
    Kind,
    MediaFacts,
    MediaFile,
    Request,
    RetryPolicyComponent,
    Video,
    hookimpl,
    option,
)

RIGHT, WRONG = [], []


@frozen
class Options:
    """The options of all of them."""

    workers: int = option(2, help="How many tasks run at once.")


@frozen
class Wrong:
    """A component, the class of laws for its kind, and the law that it breaks."""

    part: type
    kit: str
    law: str

    @property
    def name(self):
        """What it is called in a config."""
        return self.part.__name__.lower()


def right(kit):
    def register(part):
        RIGHT.append(Wrong(part, kit, ""))
        return part

    return register


def breaks(law):
    def register(part):
        kit = next(each.kit for each in RIGHT if issubclass(part, each.part))
        WRONG.append(Wrong(part, kit, f"test_{law}"))
        return part

    return register


@right("RetryPolicyTests")
class RightPolicy:
    def __init__(self, options):
        self.asked = 0

    def next_delay(self, history):
        count = len(history.tries)
        return timedelta(seconds=min(2**count, 3600)) * (1 + history.draw) if count < self.most() else None

    def most(self):
        return 5


@breaks("the_same_history_gives_the_same_answer")
class CountsByItself(RightPolicy):
    def next_delay(self, history):
        self.asked += 1
        return timedelta(seconds=self.asked) if len(history.tries) < 5 else None


@breaks("the_same_history_gives_the_same_answer")
class ThrowsDice(RightPolicy):
    def next_delay(self, history):
        return super().next_delay(evolve(history, draw=random.random()))


@breaks("a_delay_is_never_negative")
class WaitsBackwards(RightPolicy):
    def next_delay(self, history):
        delay = super().next_delay(history)
        return delay and delay - timedelta(seconds=3)


@breaks("retries_end")
class NeverGivesUp(RightPolicy):
    def most(self):
        return 10**9


@breaks("retries_end")
class ChangesItsMind(RightPolicy):
    def next_delay(self, history):
        return super().next_delay(evolve(history, tries=history.tries[len(history.tries) // 10 * 10 :]))


@breaks("a_policy_computes_and_does_not_wait")
class Sleeps(RightPolicy):
    def next_delay(self, history):
        if history.tries[-1].failure.retry_after == timedelta(seconds=5):
            time.sleep(0.01)
        return super().next_delay(history)


@breaks("the_draw_changes_how_long_and_not_whether")
class DrawsTheEnd(RightPolicy):
    def next_delay(self, history):
        return super().next_delay(history) if history.draw < 0.5 else None


@right("ExecutorTests")
class RightExecutor(ThreadPoolExecutor):
    def __init__(self, options):
        super().__init__(options.workers)


@breaks("each_submission_runs_once")
class RunsWhatIsAlikeOnce(RightExecutor):
    def submit(self, function, *args):
        known = self.__dict__.setdefault("known", {})
        if (function, args) not in known:
            known[function, args] = super().submit(function, *args)
        return known[function, args]


@breaks("what_a_task_raises_comes_out")
class SwallowsErrors(RightExecutor):
    def submit(self, function, *args):
        def quiet():
            try:
                return function(*args)
            except ValueError:
                return None

        return super().submit(quiet)


@breaks("as_many_tasks_run_at_once_as_it_says")
class RunsOneAtATime(RightExecutor):
    def __init__(self, options):
        super().__init__(evolve(options, workers=1))


@breaks("what_was_cancelled_in_the_queue_never_runs")
class RunsWhatWasCancelled(RightExecutor):
    def submit(self, function, *args):
        future = Future()
        super().submit(lambda: (lambda told: future.cancelled() or future.set_result(told))(function(*args)))
        return future


@breaks("a_shutdown_waits_for_what_runs")
class LeavesTasksBehind(RightExecutor):
    def shutdown(self, wait=True, *, cancel_futures=False):
        super().shutdown(wait=False, cancel_futures=True)


@right("FetcherTests")
class RightFetcher(Fetcher):
    """Fetches files as they are, and feeds by their links."""

    def __init__(self, options):
        pass

    def site(self, url):
        return urlsplit(url).hostname

    def expand(self, request, ctx):
        if not request.url.partition("?")[0].endswith(".xml"):
            yield Video("plain", self.id_of(request.url), request.variant, request.url)
            return
        with urllib.request.urlopen(request.url) as reply:
            for part in reply.read().decode().split('<enclosure url="')[1:]:
                yield Request(part.partition('"')[0])

    def id_of(self, url):
        return hashlib.sha256(url.encode()).hexdigest()

    def fetch(self, video, folder, ctx):
        ctx.cancel.raise_if_cancelled()
        path = folder / "video.mp4"
        with self.opened(video.url) as reply, self.to(path) as file:
            size = int(reply.headers["Content-Length"])
            self.check(reply)
            while piece := self.piece(reply, ctx):
                file.write(piece)
                ctx.progress(file.tell(), size)
        if path.stat().st_size != size:
            raise FetchError(Failure(Kind.TRANSIENT, "it is cut"))
        return self.result(video, path)

    def to(self, path):
        return path.open("wb")

    def check(self, reply):
        if not reply.headers["Content-Type"].startswith("video/"):
            raise FetchError(Failure(Kind.INVALID, "this is no video"))

    def opened(self, url):
        try:
            # For connecting too, on a machine that stalls; and a cancel is heard in time after a read as long.
            return urllib.request.urlopen(url, timeout=3)
        except urllib.error.HTTPError as error:
            error.close()
            kind = {404: Kind.UNAVAILABLE, 429: Kind.RATE_LIMITED}.get(error.code, Kind.TRANSIENT)
            raise FetchError(self.said(kind, url)) from None

    def said(self, kind, url):
        return Failure(kind, "the site refuses")

    def piece(self, reply, ctx):
        while True:
            ctx.cancel.raise_if_cancelled()
            try:
                return reply.read1(1 << 16)
            except TimeoutError:
                # A read that timed out ends the reply.
                ctx.cancel.raise_if_cancelled()
                raise FetchError(Failure(Kind.TRANSIENT, "it stalls")) from None

    def estimate(self, video, ctx):
        ctx.cancel.raise_if_cancelled()
        with self.opened(video.url) as reply:
            size = self.announced(reply)
        return Estimate(video, "file", "mp4", size=size, exact=True)

    def announced(self, reply):
        return int(reply.headers["Content-Length"])

    def result(self, video, path):
        data = path.read_bytes()
        file = MediaFile(path, "video", "mp4", "video/mp4", len(data), hashlib.sha256(data).hexdigest())
        return FetchResult(video, (file,), MediaFacts("mp4"))


@breaks("a_site_is_named_from_the_url_alone")
class AsksWhoseSiteItIs(RightFetcher):
    def site(self, url):
        if url.startswith("http://127.0.0.1"):
            urllib.request.urlopen(url).close()
        return super().site(url)


@breaks("a_video_is_expanded_to_itself")
class GivesANewIdentityEachTime(RightFetcher):
    def id_of(self, url):
        return str(time.time_ns())


@breaks("a_list_is_expanded_lazily")
class ReadsTheWholeList(RightFetcher):
    def expand(self, request, ctx):
        return list(super().expand(request, ctx))


@breaks("a_fetch_returns_whole_checked_files")
class TellsAWrongDigest(RightFetcher):
    def result(self, video, path):
        told = super().result(video, path)
        return evolve(told, files=(evolve(told.files[0], sha256="0" * 64),))


@breaks("what_cannot_be_fetched_is_told_by_its_kind")
class TakesWhateverComes(RightFetcher):
    def check(self, reply):
        pass


@breaks("what_cannot_be_fetched_is_told_by_its_kind")
class ShowsWhatSigns(RightFetcher):
    def said(self, kind, url):
        return Failure(kind, f"the site refuses {url}")


@breaks("a_cancel_ends_a_fetch_and_its_processes")
class LeavesAProcess(RightFetcher):
    def fetch(self, video, folder, ctx):
        subprocess.Popen(["sleep", "60"])
        return super().fetch(video, folder, ctx)


@breaks("a_fetch_that_was_cancelled_before_never_begins")
class HearsNoCancel(RightFetcher):
    def fetch(self, video, folder, ctx):
        from haulage.testing import Call

        return super().fetch(video, folder, Call())


@breaks("a_resume_never_splices")
class Splices(RightFetcher):
    def to(self, path):
        path.touch()
        file = path.open("r+b")
        self.skip = file.seek(0, 2)
        return file

    def piece(self, reply, ctx):
        reply.read(self.__dict__.pop("skip", 0))
        return super().piece(reply, ctx)


@breaks("an_estimate_is_no_download")
class DownloadsForAnEstimate(RightFetcher):
    def announced(self, reply):
        return len(reply.read())


@breaks("an_estimate_is_no_download")
class EstimatesAnotherVideo(RightFetcher):
    def estimate(self, video, ctx):
        told = super().estimate(video, ctx)
        return evolve(told, video=evolve(video, id="another"))


@breaks("an_estimate_comes_true")
class GuessesSizes(RightFetcher):
    def announced(self, reply):
        return 10**6


@breaks("an_estimate_comes_true")
class CallsUnknownNothing(RightFetcher):
    def estimate(self, video, ctx):
        return evolve(super().estimate(video, ctx), size=0, exact=False)


@breaks("an_estimate_fails_by_the_kinds_of_a_fetch")
class EstimatesFailAlike(RightFetcher):
    def estimate(self, video, ctx):
        try:
            return super().estimate(video, ctx)
        except FetchError:
            raise FetchError(Failure(Kind.GEO, "it did not work")) from None


@breaks("an_estimate_that_was_cancelled_before_never_begins")
class EstimatesAllTheSame(RightFetcher):
    def estimate(self, video, ctx):
        from haulage.testing import Call

        return super().estimate(video, Call())


@hookimpl
def haulage_retry_policies():
    yield from _records("RetryPolicyTests", RetryPolicyComponent)


@hookimpl
def haulage_executors():
    yield from _records("ExecutorTests", ExecutorComponent)


@hookimpl
def haulage_fetchers():
    yield from _records("FetcherTests", FetcherComponent)


def _records(kit, kind):
    for each in [*RIGHT, *WRONG]:
        if each.kit == kit:
            yield kind(each.name, "For tests.", Options, lambda options, context, part=each.part: part(options))


import wrong_imports  # noqa: E402, F401 - declares more of them, made of these
