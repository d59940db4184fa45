"""What is stored is what was written, or nothing."""

from contextlib import ExitStack

import pytest

from haulage.adapters.checked_upload import CheckedUpload
from haulage.contracts.storage import Upload
from haulage.errors import Failure, HaulageError, Kind, StorageError
from haulage.registry.components import StorageComponent
from haulage.testing.call import Call
from haulage.testing.conformance.bench import Bench
from haulage.testing.conformance.content import content, sha256, shown
from haulage.testing.conformance.law import law, refused
from haulage.testing.conformance.place import ATTEMPT, Place, pieces

KEY = "UC1/v1/video.mp4"

SIZES = {"0": (0, 0), "1": (0, 1), "part - 1": (1, -1), "part": (1, 0), "part + 1": (1, 1), "3 parts + 7": (3, 7)}
"""Sizes around those at which storages do something else: parts, and bytes more."""


class IntegrityLaws:
    """No byte is lost, added or changed without being noticed."""

    @law
    @pytest.mark.parametrize("announced", [True, False], ids=["size known", "size unknown"])
    @pytest.mark.parametrize("size", SIZES)
    def test_an_object_is_what_was_written(self, place: Place, size: str, announced: bool) -> None:
        """Objects of every size come back byte by byte, whether their size was known before or not."""
        data = content(_bytes(size, place.part))
        with place.begin(KEY, data, size=len(data) if announced else None) as upload:
            for piece in pieces(data, max(1, place.part // 4)):
                upload.write(piece)
            stored = place.commit(upload, KEY, data)
        assert stored.size == len(data), "commit tells another size than was written"
        assert place.current(KEY).size == len(data), "stat tells another size than was written"
        place.assert_only({KEY: data}, "other bytes are stored than were written")

    @law
    def test_pieces_of_any_size_add_up(self, place: Place) -> None:
        """It makes no difference in which pieces, and as which kind of bytes, an object is written."""
        part, data = place.part, content(2 * place.part + 5)
        sizes = [0, 1, 3, 0, *[1] * 40, part - 1, 0, part]
        with place.begin(KEY, data) as upload:
            start = 0
            for number, size in enumerate(sizes):
                piece = data[start : start + size]
                upload.write(memoryview(piece) if number % 2 else piece)
                start += size
            upload.write(memoryview(data)[start:])
            place.commit(upload, KEY, data)
        place.assert_only({KEY: data}, "other bytes are stored than were written in pieces")

    @law
    def test_one_piece_of_several_parts_is_taken(self, place: Place) -> None:
        """A piece may be larger than what the storage sends at once."""
        data = content(3 * place.part + 7)
        with place.begin(KEY, data) as upload:
            upload.write(data)
            place.commit(upload, KEY, data)
        place.assert_only({KEY: data}, "other bytes are stored than were written at once")

    @law
    @pytest.mark.parametrize("size", ["3", "part / 2", "part"])
    def test_the_buffer_is_the_callers_again(self, place: Place, size: str) -> None:
        """What the caller does to a buffer after write returned changes nothing that was written."""
        length = {"3": 3, "part / 2": place.part // 2, "part": place.part}[size]
        blocks = [content(length, seed) for seed in range(3)]
        data = b"".join(blocks)
        with place.begin(KEY, data) as upload:
            buffer = bytearray(length)
            for block in blocks:
                buffer[:] = block
                with memoryview(buffer) as view:
                    upload.write(view)
                buffer[:] = bytes(length)
            try:
                buffer.clear()
            except BufferError:
                raise AssertionError("write returned, and the storage holds the caller's buffer still") from None
            place.commit(upload, KEY, data)
        place.assert_only({KEY: data}, "what the caller did to its buffer after the write came to be stored")

    @law
    @pytest.mark.parametrize("announced", ["less", "more"])
    def test_commit_with_another_size_publishes_nothing(self, place: Place, announced: str) -> None:
        """A commit that announces another size than was written is refused, whatever the digest says."""
        data = content(place.part + 1)
        size = len(data) - 1 if announced == "less" else len(data) + 1
        for digest in (sha256(data), sha256(data[:-1]), sha256(data + b"\0")):
            with place.begin(KEY, data) as upload:
                _write(upload, data, place.part)
                with refused(f"{len(data)} bytes were published as {size}", StorageError):
                    upload.commit(size=size, sha256=digest)
                place.assert_absent(KEY, "a commit that was refused published the object all the same")
            place.assert_nothing("a commit that was refused stored something all the same")

    @law
    @pytest.mark.parametrize("size", ["5", "part + 1"])
    def test_commit_with_another_digest_publishes_nothing(self, place: Place, size: str) -> None:
        """A commit that announces the digest of other bytes of that size is refused."""
        length = 5 if size == "5" else place.part + 1
        data, other = content(length), content(length, seed=1)
        for announced in (data, other):  # `begin` may have been told the one or the other
            with place.begin(KEY, announced) as upload:
                _write(upload, data, place.part)
                with refused("bytes were published under the digest of others", StorageError):
                    upload.commit(size=length, sha256=sha256(other))
                place.assert_absent(KEY, "a commit that was refused published the object all the same")
            place.assert_nothing("a commit that was refused stored something all the same")

    @law
    def test_a_stream_shorter_than_declared_stores_nothing(self, place: Place) -> None:
        """Where fewer bytes came than were announced at the beginning and at the end, nothing is published."""
        data = content(2 * place.part + 1)
        for short in (b"", data[:1], data[: place.part], data[:-1]):
            with place.begin(KEY, data, size=len(data)) as upload:
                _write(upload, short, place.part)
                with refused("a part of what was announced was published", StorageError):
                    upload.commit(size=len(data), sha256=sha256(data))
            place.assert_nothing("a part of what was announced was stored")

    @law
    def test_commit_after_a_failed_write_raises(self, place: Place) -> None:
        """Where a write failed nobody knows what arrived: the upload cannot be committed any more."""
        data = content(place.part + 1)
        for announced in (data, data + b"lost", data + b"lo"):
            with place.begin(KEY, announced) as upload:
                upload.write(data)
                taken = _fail_a_write(upload)
                try:
                    upload.commit(size=len(announced), sha256=sha256(announced))
                except HaulageError:
                    place.assert_nothing("a commit that was refused stored something all the same")
                    continue
            assert not taken, "an upload was published one of whose writes failed"
            # What is no buffer may be refused before anything is taken of it: then what is announced is what is there.
            place.assert_only({KEY: data}, "an upload was published one of whose writes failed")
            place.storage.delete(place.key(KEY))

    @law
    def test_objects_are_read_apart(self, place: Place) -> None:
        """Who reads an object begins with its first byte, whoever else is reading it or another one."""
        one, two = content(10_000), content(10_000, seed=1)
        place.put(KEY, one)
        place.put("UC1/v2/video.mp4", two)
        with ExitStack() as stack:
            opened = [
                stack.enter_context(place.storage.read(place.key(name), Call(ATTEMPT)))
                for name in (KEY, "UC1/v2/video.mp4", KEY)
            ]
            told = [b""] * 3
            while blocks := [source.read(997) for source in opened]:
                if not any(blocks):
                    break
                assert all(len(block) <= 997 for block in blocks), "more bytes were read than asked for"
                told = [before + block for before, block in zip(told, blocks, strict=True)]
        assert [shown(each) for each in told] == [shown(one), shown(two), shown(one)], "readers disturb each other"

    @law
    def test_a_reader_may_leave_early(self, place: Place) -> None:
        """A reader that has seen enough closes the object, and the next one reads it from the beginning."""
        data = content(place.part + 1)
        place.put(KEY, data)
        for _ in range(2):
            with place.storage.read(place.key(KEY), Call(ATTEMPT)) as source:
                begun = source.read(10)
            assert data.startswith(begun), "other bytes are read than were written"
            assert begun, "nothing is read of an object that has bytes"
        assert place.read(KEY, place.storage) == shown(data)

    @law
    def test_progress_is_monotonic_and_sums_up(self, place: Place) -> None:
        """What an upload tells of its progress never goes back, exceeds nothing, and ends with all bytes."""
        data, call = content(3 * place.part + 7), Call(ATTEMPT)
        with place.begin(KEY, data, ctx=call, size=len(data)) as upload:
            for piece in pieces(data, max(1, place.part // 2)):
                upload.write(piece)
            place.commit(upload, KEY, data)
        done = [each for each, _ in call.told]
        assert done == sorted(done), "progress went back"
        assert all(0 <= each <= len(data) for each in done), "more progress was told than there are bytes"
        assert {total for _, total in call.told} <= {None, len(data)}, "progress was told of another total"
        assert done[-1:] in ([], [len(data)]), "progress ended before all bytes were told of"

    @law
    @pytest.mark.parametrize("size", ["1", "part + 1", "3 parts + 7"])
    def test_a_byte_flipped_on_the_way_is_refused(self, place: Place, tampering: object, size: str) -> None:
        """Where `checks_content` is claimed, an object that arrives changed is not published."""
        if not place.claims.checks_content:
            return
        data = content(_bytes(size, place.part))
        if tampering is None:
            self._change_what_was_announced(place, data)
            return
        bench = Bench(StorageComponent, tampering, place.bench.modules, place.bench.folder)
        try:
            with refused("an object that was changed on the way was published", StorageError):
                place.put(KEY, data, storage=bench.build())
        finally:
            bench.close()
        place.assert_nothing("an object that was changed on the way was stored")

    def _change_what_was_announced(self, place: Place, data: bytes) -> None:
        # Without a way to change what arrives, this changes what was sent, which is to be noticed all the more.
        for position in {0, len(data) // 2, len(data) - 1}:
            flipped = bytearray(data)
            flipped[position] ^= 1
            with place.begin(KEY, data, size=len(data)) as upload:
                _write(upload, bytes(flipped), place.part)
                with refused("an object with a flipped bit was published", StorageError):
                    upload.commit(size=len(data), sha256=sha256(data))
            place.assert_nothing("an object with a flipped bit was stored")


def _bytes(size: str, part: int) -> int:
    parts, more = SIZES[size]
    return parts * part + more


def _write(upload: Upload, data: bytes, part: int) -> None:
    for piece in pieces(data, part):
        upload.write(piece)


def _fail_a_write(upload: Upload) -> bool:
    """Have a write fail; whether some of it was taken."""
    if not isinstance(upload, CheckedUpload):
        gone = memoryview(b"lost")
        gone.release()
        with refused("a buffer that is gone was written", Exception):
            upload.write(gone)
        return False
    append = upload._append

    def half(data: bytes | memoryview) -> None:
        append(data[: len(data) // 2])
        raise StorageError(Failure(Kind.STORAGE, "the connection was lost"))

    upload._append = half  # type: ignore[method-assign]
    with refused("a write that failed was passed over", StorageError):
        upload.write(b"lost")
    upload._append = append  # type: ignore[method-assign]
    return True
