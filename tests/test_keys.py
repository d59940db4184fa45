import hashlib
import re

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from haulage.errors import ConfigError, Kind, StorageError
from haulage.keys import DEFAULT_LAYOUT, check_key, check_layout, field_text, object_key
from haulage.values import Video

NASTY = [
    "",
    ".",
    "..",
    "...",
    "../../etc/passwd",
    "/etc/passwd",
    "a\0b",
    "x" * 4096,
    "\N{GRINNING FACE}",
    "a b",
    "\ud800",
]
TEXTS = st.one_of(st.sampled_from(NASTY), st.text(max_size=300), st.text(alphabet="aA./_-~", max_size=120))
ALL_FIELDS = "{source}/{channel_id}/{variant}/{video_id}/video.{ext}"


def digest(text):
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def video(channel="c", name="v", source="youtube", variant=""):
    return Video(source, name, variant, "https://example.com/v", title="title", channel_id=channel)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("dQw4w9WgXcQ", "dQw4w9WgXcQ"),
        ("UC_x5XG1-V2P6uZZ5FSM9Ttw", "UC_x5XG1-V2P6uZZ5FSM9Ttw"),
        ("-starts-with-dash", "-starts-with-dash"),
        ("a..b", "a..b"),
        ("x" * 80, "x" * 80),
        ("", "-e3b0c442"),
        (".", "-cdb4ee2a"),
        ("..", "-5ec1f7e7"),
        ("../../etc/passwd", "_.._etc_passwd-3754d6cb"),
        ("a\0b", "a_b-59b271ae"),
        ("x" * 4096, "x" * 80 + "-a2e659da"),
        ("x" * 81, "x" * 80 + "-" + digest("x" * 81)),
        ("\N{GRINNING FACE}", "_-f0443a34"),
    ],
)
def test_a_field_becomes_this_text_and_no_other(text, kept):
    """Names of stored objects never change: what a text becomes is written down here."""
    assert field_text(text) == kept


def test_case_is_kept():
    """Ids that differ in case alone are two ids, as they are at YouTube."""
    assert field_text("abc") == "abc"
    assert field_text("ABC") == "ABC"


@settings(derandomize=True, max_examples=300)
@given(channel=TEXTS, name=TEXTS, source=TEXTS, variant=TEXTS, extension=TEXTS)
@example(channel="", name="", source="", variant="", extension="")
@example(channel="c", name="v", source="s", variant="", extension="." * 4096)
@example(channel="c", name="v", source="s", variant="", extension="mp4.x" * 1000)
@pytest.mark.parametrize("layout", [DEFAULT_LAYOUT, ALL_FIELDS, "{video_id}.{ext}"])
def test_every_text_makes_a_good_key(layout, channel, name, source, variant, extension):
    """Whatever a site calls its things, the key is in the alphabet, short, and stays below its folder."""
    key = object_key(layout, video(channel, name, source, variant), extension)
    assert re.fullmatch(r"[A-Za-z0-9._/-]+", key)
    assert len(key.encode()) < 1024
    parts = key.split("/")
    assert not [part for part in parts if part.startswith(".") or not part]
    assert len(parts) == layout.count("/") + 1
    assert check_key(key) == key


@settings(derandomize=True, max_examples=500)
@given(one=TEXTS, other=TEXTS)
@example(one="a/b", other="a_b")
@example(one="a/b", other="a\\b")
@example(one="x" * 80, other="x" * 81)
@example(one=".a", other="a")
@example(one="..a", other=".a")
@example(one="", other="_")
def test_videos_that_differ_have_keys_that_differ(one, other):
    """Two videos, channels, or extensions never meet under one key."""
    assume(one != other)
    assert field_text(one) != field_text(other)
    assert object_key(DEFAULT_LAYOUT, video(name=one), "mp4") != object_key(DEFAULT_LAYOUT, video(name=other), "mp4")
    assert object_key(DEFAULT_LAYOUT, video(), one) != object_key(DEFAULT_LAYOUT, video(), other)


@pytest.mark.parametrize(
    ("layout", "variant", "extension", "key"),
    [
        (DEFAULT_LAYOUT, "", "mp4", "UC1/v1/video.mp4"),
        (DEFAULT_LAYOUT, "720p", "mp4", "UC1/v1/video.720p.mp4"),
        (DEFAULT_LAYOUT, "720p", "en.vtt", "UC1/v1/video.720p.en.vtt"),
        (DEFAULT_LAYOUT, "", "en-GB.live.vtt", "UC1/v1/video.en-GB.live.vtt"),
        (DEFAULT_LAYOUT, "", "e/n.vtt", "UC1/v1/video.e_n-" + digest("e/n") + ".vtt"),
        (DEFAULT_LAYOUT, "", "", "UC1/v1/video.-e3b0c442"),
        ("{source}/{variant}/{video_id}.{ext}", "", "mp4", "youtube/default/v1.mp4"),
        ("{source}/{variant}/{video_id}.{ext}", "audio", "m4a", "youtube/audio/v1.m4a"),
        ("all/{video_id}.{ext}", "audio", "m4a", "all/v1.audio.m4a"),
    ],
)
def test_the_files_of_a_video_lie_side_by_side(layout, variant, extension, key):
    """A variant and a sidecar stand before the extension, unless the layout says where."""
    assert object_key(layout, video("UC1", "v1", variant=variant), extension) == key


def test_a_video_of_no_channel_lies_below_its_source():
    """Where a source names no channel, the source stands in its place."""
    assert object_key(DEFAULT_LAYOUT, video("", "v1", "generic"), "mp4") == "generic/v1/video.mp4"


@pytest.mark.parametrize(
    "layout",
    [DEFAULT_LAYOUT, ALL_FIELDS, "{video_id}.{ext}", "a-b_c/{video_id}/x.y.{ext}", "{source}-{video_id}.{ext}"],
)
def test_good_layouts_are_returned(layout):
    """A layout that makes good keys passes as it is."""
    assert check_layout(layout) == layout


@pytest.mark.parametrize(
    ("layout", "message"),
    [
        ("{video_id", "layout '{video_id': expected '}' before end of string"),
        ("{video_id}.{ext}}", "layout '{video_id}.{ext}}': Single '}' encountered in format string"),
        (
            "my videos/{video_id}.{ext}",
            "layout 'my videos/{video_id}.{ext}': 'my videos/' has characters outside A-Z a-z 0-9 . _ - /",
        ),
        (
            "{title}/{video_id}.{ext}",
            "layout '{title}/{video_id}.{ext}': unknown field {title}; "
            "there are source, channel_id, video_id, variant, ext",
        ),
        (
            "{}/{video_id}.{ext}",
            "layout '{}/{video_id}.{ext}': unknown field {}; there are source, channel_id, video_id, variant, ext",
        ),
        (
            "{video_id:>9}.{ext}",
            "layout '{video_id:>9}.{ext}': unknown field {video_id}; "
            "there are source, channel_id, video_id, variant, ext",
        ),
        (
            "{video_id.__class__}.{ext}",
            "layout '{video_id.__class__}.{ext}': unknown field {video_id.__class__}; "
            "there are source, channel_id, video_id, variant, ext",
        ),
        (
            "{channel_id}/video.{ext}",
            "layout '{channel_id}/video.{ext}': without {video_id} all videos would have one key",
        ),
        ("", "layout '': without {video_id} all videos would have one key"),
        (
            "{video_id}/video",
            "layout '{video_id}/video': it must end in .{ext}, so that the files of one video lie together",
        ),
        ("/{video_id}.{ext}", "layout '/{video_id}.{ext}': a part of the path is empty or begins with a dot"),
        ("a//{video_id}.{ext}", "layout 'a//{video_id}.{ext}': a part of the path is empty or begins with a dot"),
        ("../{video_id}.{ext}", "layout '../{video_id}.{ext}': a part of the path is empty or begins with a dot"),
        ("{video_id}/.{ext}", "layout '{video_id}/.{ext}': a part of the path is empty or begins with a dot"),
    ],
)
def test_bad_layouts_are_refused_with_a_reason(layout, message):
    """A layout whose keys would be bad or the same for all is refused before the first video."""
    with pytest.raises(ConfigError) as caught:
        check_layout(layout)
    assert str(caught.value) == message


def test_a_layout_whose_keys_could_be_too_long_is_refused():
    """A key that no store would take is refused with the config, not with the first long title."""
    assert check_layout("x" * 600 + "/{video_id}.{ext}")
    with pytest.raises(ConfigError, match=r": its keys could have more than 1024 bytes$"):
        check_layout("x" * 1000 + "/{video_id}.{ext}")


@pytest.mark.parametrize(
    "key",
    ["", "/a", "a/", "a//b", "..", "../a", "a/../b", "a/..", ".", "./a", ".hidden", "a/.hidden", "a?b", "a b", "a\0b",
     "a\n", "a\\b", "é", "a:b", "a%2e", "x" * 1025],
)  # fmt: skip
def test_keys_that_haulage_does_not_make_are_refused(key):
    """Nothing outside the alphabet reaches a store, so no key leads out of its folder."""
    with pytest.raises(StorageError) as caught:
        check_key(key)
    assert caught.value.failure.kind is Kind.CONFIG
    assert str(caught.value) == f"{key[:100]!r} is no key that haulage makes"


@pytest.mark.parametrize("key", ["a", "a/b.c", "-/_", "a..b/c...d", "x" * 1024])
def test_keys_that_haulage_makes_are_returned(key):
    """A good key passes as it is."""
    assert check_key(key) == key
