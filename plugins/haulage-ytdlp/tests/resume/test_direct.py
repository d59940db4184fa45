"""Interrupted downloads of one file: what is gone on with, what is begun anew, and that nothing is ever spliced."""

import hashlib
from typing import Any

import pytest
from offers import TAG, Offer, Server

SIZE = 2_000_000
HELD = SIZE * 9 // 10
ONE_BUFFER = 256 * 1024

OLD, NEW = "Wed, 01 Jan 2025 10:00:00 GMT", "Wed, 01 Jan 2025 10:00:01 GMT"
OTHER_TAG = {"ETag": '"b"'}


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


class TestSame:
    @pytest.mark.parametrize("how", ["kill", "cancel"])
    def test_goes_on(self, rounds: Any, server: Server, media: dict[str, bytes], how: str) -> None:
        """An interrupted download goes on where it was: all that is served again is what one buffer held."""
        rounds.leave_part(Offer(media["old"], TAG | {"Last-Modified": OLD}), how)
        left = rounds.part.stat().st_size
        assert [each.sent for each in server.asked] == [0, HELD]
        (rest,) = rounds.fetch()
        assert (rest.span, rest.if_range, rest.status) == (f"bytes={left}-", '"a"', 206)
        assert rest.sent == SIZE - left
        assert HELD + rest.sent - SIZE <= ONE_BUFFER
        assert rounds.digest == _digest(media["old"])

    def test_twice(self, rounds: Any, media: dict[str, bytes]) -> None:
        """A download that was interrupted while it went on goes on once more."""
        offer = Offer(media["old"])
        rounds.leave_part(offer)
        first = rounds.part.stat().st_size
        offer.stop = 150_000
        rounds.interrupt("cancel", lambda: rounds.part.stat().st_size > first)
        second = rounds.part.stat().st_size
        offer.stop = None
        (rest,) = rounds.fetch()
        assert rest.span == f"bytes={second}-"
        assert rounds.digest == _digest(media["old"])

    @pytest.mark.parametrize("tag", [{}, {"ETag": 'W/"a"'}], ids=["no tag", "weak tag"])
    def test_date(self, rounds: Any, media: dict[str, bytes], tag: dict[str, str]) -> None:
        """Where there is no strong entity tag, the date of the last change names the content."""
        rounds.leave_part(Offer(media["old"], tag | {"Last-Modified": OLD}))
        (rest,) = rounds.fetch()
        assert (rest.if_range, rest.status) == (OLD, 206)
        assert rounds.digest == _digest(media["old"])

    def test_date_left_out(self, rounds: Any, media: dict[str, bytes]) -> None:
        """An answer that gives the strong entity tag again may leave out the date, as RFC 9110 recommends."""
        offer = Offer(media["old"], TAG | {"Last-Modified": OLD})
        rounds.leave_part(offer)
        del offer.headers["Last-Modified"]
        (rest,) = rounds.fetch()
        assert rest.status == 206
        assert rounds.digest == _digest(media["old"])

    def test_server_without_ranges(self, rounds: Any, media: dict[str, bytes]) -> None:
        """A server that answers with all instead of a part is taken at its word, and not asked again."""
        rounds.leave_part(Offer(media["old"], heeds=()))
        (whole,) = rounds.fetch()
        assert (whole.span is None, whole.status, whole.sent) == (False, 200, SIZE)
        assert rounds.digest == _digest(media["old"])

    def test_result_lost(self, rounds: Any, server: Server, media: dict[str, bytes]) -> None:
        """A file that is whole is not downloaded again when its result was lost."""
        server.offers["/clip.mp4"] = Offer(media["old"])
        assert len(rounds.fetch()) == 1
        assert rounds.fetch() == []
        assert rounds.digest == _digest(media["old"])

    def test_name_missing(self, rounds: Any, media: dict[str, bytes]) -> None:
        """A file of which only the name was missing is not downloaded again."""
        rounds.leave_part(Offer(media["old"]))
        rounds.part.write_bytes(media["old"])
        assert rounds.fetch() == []
        assert rounds.digest == _digest(media["old"])


class TestChanged:
    @pytest.mark.parametrize("heeds", [("range", "if-range"), ("range",)], ids=["heeds If-Range", "ignores it"])
    @pytest.mark.parametrize(
        ("before", "after", "now"),
        [
            (TAG, OTHER_TAG, "new"),
            ({"Last-Modified": OLD}, {"Last-Modified": NEW}, "new"),
            (TAG | {"Last-Modified": OLD}, TAG | {"Last-Modified": NEW}, "new"),
            (TAG, {}, "new"),
            (TAG, {"ETag": 'W/"a"'}, "new"),
            ({"ETag": 'W/"a"', "Last-Modified": OLD}, {"ETag": 'W/"b"', "Last-Modified": OLD}, "new"),
            (TAG | {"Last-Modified": OLD}, TAG | {"Last-Modified": OLD}, "longer"),
        ],
        ids=["tag", "date", "date beside a tag", "no tag any more", "tag became weak", "weak tag", "length"],
    )
    def test_never_spliced(
        self,
        rounds: Any,
        server: Server,
        media: dict[str, bytes],
        before: dict[str, str],
        after: dict[str, str],
        now: str,
        heeds: tuple[str, ...],
    ) -> None:
        """When anything that is said of the content has changed, all of the new content is fetched."""
        rounds.leave_part(Offer(media["old"], before))
        server.offers["/clip.mp4"] = Offer(media[now], after, heeds=heeds)
        asked = rounds.fetch()
        assert rounds.digest == _digest(media[now])
        assert (asked[-1].status, asked[-1].sent) == (200, len(media[now]))

    def test_shorter(self, rounds: Any, server: Server, media: dict[str, bytes]) -> None:
        """A content that has become shorter than the part is fetched whole, though the server refuses the rest."""
        rounds.leave_part(Offer(media["old"]))
        server.offers["/clip.mp4"] = Offer(media["shorter"], heeds=("range",))
        refused, whole = rounds.fetch()
        assert (refused.status, whole.status, whole.span) == (416, 200, None)
        assert rounds.digest == _digest(media["shorter"])

    def test_other_part(self, rounds: Any, server: Server, media: dict[str, bytes]) -> None:
        """A part that is not the one that was asked for is not appended."""
        rounds.leave_part(Offer(media["old"]))
        server.offers["/clip.mp4"] = Offer(media["old"], shifted=True)
        _, whole = rounds.fetch()
        assert (whole.status, whole.span) == (200, None)
        assert rounds.digest == _digest(media["old"])

    @pytest.mark.parametrize("how", ["kill", "cancel"])
    def test_before_its_first_byte(self, rounds: Any, server: Server, media: dict[str, bytes], how: str) -> None:
        """A fetch that ends when a new content was announced and no byte of it was there leaves no trap behind."""
        rounds.leave_part(Offer(media["old"]))
        server.offers["/clip.mp4"] = Offer(media["new"], OTHER_TAG, stop=0)
        rounds.interrupt(how, lambda: rounds.note.exists() and b"b" in rounds.note.read_bytes())
        server.offers["/clip.mp4"].stop = None
        (whole,) = rounds.fetch()
        assert (whole.status, whole.span) == (200, None)
        assert rounds.digest == _digest(media["new"])


class TestUnknown:
    @pytest.mark.parametrize("now", ["old", "new"])
    def test_no_validators(self, rounds: Any, server: Server, media: dict[str, bytes], now: str) -> None:
        """What a server does not name cannot be known again, so that it is fetched from its beginning."""
        rounds.leave_part(Offer(media["old"], {}))
        server.offers["/clip.mp4"] = Offer(media[now], {})
        (whole,) = rounds.fetch()
        assert (whole.span, whole.if_range, whole.status) == (None, None, 200)
        assert rounds.digest == _digest(media[now])

    def test_changed_just_now(self, rounds: Any, server: Server, media: dict[str, bytes]) -> None:
        """A date within whose second the content may have changed again does not name it."""
        rounds.leave_part(Offer(media["old"], {"Last-Modified": "Fri, 01 Jan 2100 10:00:00 GMT"}))
        server.offers["/clip.mp4"].body = media["new"]
        (whole,) = rounds.fetch()
        assert (whole.span, whole.status) == (None, 200)
        assert rounds.digest == _digest(media["new"])

    def test_compressed(self, rounds: Any, server: Server, media: dict[str, bytes]) -> None:
        """Of a content that comes compressed nothing is gone on with: its offsets are not those of the file."""
        server.offers["/clip.mp4"] = Offer(media["old"], coded=True, stop=HELD)
        rounds.interrupt("kill", lambda: len(server.asked) == 2 and server.asked[1].sent == HELD)
        server.offers["/clip.mp4"].stop = None
        (whole,) = rounds.fetch()
        assert (whole.span, whole.status) == (None, 200)
        assert rounds.digest == _digest(media["old"])

    def test_rest_compressed(self, rounds: Any, server: Server, media: dict[str, bytes]) -> None:
        """A rest that comes compressed where the beginning did not is not appended."""
        rounds.leave_part(Offer(media["old"]))
        server.offers["/clip.mp4"].coded = True
        _, whole = rounds.fetch()
        assert (whole.span, whole.status) == (None, 200)
        assert rounds.digest == _digest(media["old"])

    @pytest.mark.parametrize(
        "note",
        [None, b"", b"{", b"[]", b"\xff", b'{"size": 1}', b'{"size": "much", "etag": "\\"a\\"", "modified": null}'],
        ids=["none", "empty", "cut", "list", "no text", "fields missing", "wrong type"],
    )
    def test_note(self, rounds: Any, server: Server, media: dict[str, bytes], note: bytes | None) -> None:
        """A part whose note is missing or garbage is not gone on with."""
        server.offers["/clip.mp4"] = Offer(media["old"])
        rounds.part.write_bytes(media["new"][:HELD])
        if note is not None:
            rounds.note.write_bytes(note)
        (whole,) = rounds.fetch()
        assert (whole.span, whole.status) == (None, 200)
        assert rounds.digest == _digest(media["old"])
