"""Fetchers that are wrong about what they did not fetch, with the law that they break."""

import secrets

from wrong_others import RightFetcher, breaks, right

from haulage.plugin import Failure, FetchError, Kind, MediaFacts, Video


@right("FetcherTests")
class RightNoter(RightFetcher):
    """Names videos by their pages, and takes for one what is no page."""

    def identify(self, source, video_id, url, variant):
        return Video("plain", self.id_of(url), variant, url) if url else None

    def is_id(self, source, video_id):
        return True

    def measure(self, path, announced, ctx):
        ctx.cancel.raise_if_cancelled()
        if path.read_bytes()[:1] in (b"", b"<"):
            raise FetchError(Failure(Kind.INVALID, "it is no medium"))
        return MediaFacts("mp4")


@breaks("what_others_noted_is_named_as_it_is_found")
class TakesIdsAsTheyAreNoted(RightNoter):
    def id_of(self, url):
        return secrets.token_hex(8)


@breaks("what_others_noted_is_named_as_it_is_found")
class MakesPagesUp(RightNoter):
    def identify(self, source, video_id, url, variant):
        return super().identify(source, video_id, url or f"http://{source}/{video_id}", variant)


@breaks("a_whole_file_is_measured_as_what_it_is")
class BelievesTheName(RightNoter):
    def measure(self, path, announced, ctx):
        super().measure(path, announced, ctx)
        return MediaFacts(path.stem)


@breaks("what_is_no_medium_is_invalid")
class TakesAnything(RightNoter):
    def measure(self, path, announced, ctx):
        ctx.cancel.raise_if_cancelled()
        return MediaFacts("mp4")


@breaks("a_measurement_that_was_cancelled_before_never_begins")
class MeasuresAllTheSame(RightNoter):
    def measure(self, path, announced, ctx):
        return MediaFacts("mp4") if ctx.cancel.reason else super().measure(path, announced, ctx)
