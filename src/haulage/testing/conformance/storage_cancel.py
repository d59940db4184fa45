"""A cancel is heard, and what was cancelled is not there."""

import pytest

from haulage.cancel import Cancelled
from haulage.testing.call import Call
from haulage.testing.conformance.content import content, sha256
from haulage.testing.conformance.law import law, refused
from haulage.testing.conformance.place import Place, pieces

KEY = "UC1/v1/video.mp4"


class CancelLaws:
    """Whoever cancels can rely on it that nothing is published afterwards."""

    @law
    @pytest.mark.parametrize("after", range(4))
    def test_a_cancel_between_parts_leaves_nothing(self, place: Place, after: int) -> None:
        """After a cancel the next write raises Cancelled, and nothing of the object is there."""
        data, call = content(3 * place.part), Call("a" * 32)
        parts = list(pieces(data, place.part))

        def work() -> None:
            with place.begin(KEY, data, ctx=call, size=len(data) + 1) as upload:
                for part in parts[:after]:
                    upload.write(part)
                call.cancel.cancel("stopped by a law")
                for part in parts[after:] or parts[:1]:
                    upload.write(part)

        with refused("a cancel was not heard while parts were written", Cancelled):
            work()
        place.assert_absent(KEY, "an upload that was cancelled was published")
        place.assert_nothing("an upload that was cancelled was published")

    @law
    @pytest.mark.parametrize("size", ["0", "5", "part + 1"])
    def test_a_commit_after_a_cancel_is_no_success(self, place: Place, size: str) -> None:
        """Where the cancel comes after the last write, commit raises Cancelled and publishes nothing."""
        data, call = content({"0": 0, "5": 5, "part + 1": place.part + 1}[size]), Call("a" * 32)

        def work() -> None:
            with place.begin(KEY, data, ctx=call) as upload:
                for piece in pieces(data, place.part):
                    upload.write(piece)
                call.cancel.cancel("stopped by a law")
                upload.commit(size=len(data), sha256=sha256(data))

        with refused("commit said success after a cancel", Cancelled):
            work()
        place.assert_absent(KEY, "an upload that was cancelled was published")
        place.assert_nothing("an upload that was cancelled was published")

    @law
    def test_a_cancel_keeps_the_version_that_is_there(self, place: Place) -> None:
        """A replacement that is cancelled leaves the object that it was to replace."""
        first, call = place.put(KEY, b"first"), Call("b" * 32)

        def work() -> None:
            with place.begin(KEY, b"second", ctx=call, replaces=first) as upload:
                upload.write(b"second")
                call.cancel.cancel("stopped by a law")
                upload.commit(size=6, sha256=sha256(b"second"))

        with refused("commit said success after a cancel", Cancelled):
            work()
        place.assert_only({KEY: b"first"}, "a replacement that was cancelled changed what is stored")

    @law
    def test_a_cancel_is_of_its_own_call_alone(self, place: Place) -> None:
        """What one attempt cancels does not touch the uploads of another."""
        call = Call("b" * 32)
        with place.begin("UC1/other.mp4", b"other", ctx=call) as other, place.begin(KEY, b"whole") as upload:
            other.write(b"oth")
            upload.write(b"whole")
            call.cancel.cancel("stopped by a law")
            place.commit(upload, KEY, b"whole")
        place.assert_only({KEY: b"whole"}, "a cancel of one attempt touched another one's object")

    @law
    def test_a_key_is_free_after_a_cancel(self, place: Place) -> None:
        """What was cancelled is in nobody's way."""
        call = Call("b" * 32)

        def work() -> None:
            with place.begin(KEY, b"whole", ctx=call) as upload:
                upload.write(b"who")
                call.cancel.cancel("stopped by a law")
                upload.write(b"le")

        with refused("a cancel was not heard", Cancelled):
            work()
        place.put(KEY, b"whole")
        place.assert_only({KEY: b"whole"}, "a key cannot be written after an upload to it was cancelled")
