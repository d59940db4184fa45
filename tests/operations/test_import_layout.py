"""A layout of keys: what a template made is read back, and no key takes long."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haulage.errors import ConfigError
from haulage.operations.importing.layout import DEFAULT, MOST_READINGS, parse

FIELDS = {"title": "title", "video_id": "id", "channel": "uploader", "channel_id": "channel_id", "source": "extractor"}
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="/"), min_size=1, max_size=12)
LITERAL = st.sampled_from([" - ", " [", "]/", "-", "_", "/", "] ", "x"])
EXTENSIONS = st.sampled_from(["mp4", "webm", "info.json", "en.vtt", "zh-Hans.srt", "jpg"])


@st.composite
def templates(draw):
    """A template of haulage's as pairs of a literal and a field, with the id among them once."""
    names = draw(st.lists(st.sampled_from(sorted({*FIELDS} - {"video_id"})), max_size=4, unique=True))
    names.insert(draw(st.integers(0, len(names))), "video_id")
    return [
        (draw(LITERAL).strip("/") or "-" if number == 0 else draw(LITERAL), name) for number, name in enumerate(names)
    ]


@given(templates(), st.data(), EXTENSIONS)
def test_what_a_template_makes_is_read_back(template, data, extension):
    """Whatever the fields are, one of the readings is right; where there is one alone, it is."""
    values = {name: data.draw(TEXT) for _, name in template}
    ours = "".join(f"{literal}{{{name}}}" for literal, name in template) + ".{ext}"
    theirs = "".join(f"{literal}%({FIELDS[name]})s" for literal, name in template) + ".%(ext)s"
    key = ours.format(**values, ext=extension)
    if any(each in ("", ".", "..") for each in ours.split("/")):
        return
    for text in (ours, theirs):
        readings = list(parse(text).readings(key))
        told = [(each.get("source"), each.get("video_id")) for each in readings]
        if len(readings) < MOST_READINGS:
            assert (values.get("source", ""), values["video_id"]) in told
        assert len(told) == len(set(told))
        for each in readings:
            assert f"{each.stem}.{each.extension}" == key
            again = ours.format(**dict(each.fields), ext=each.extension)
            assert again == key


@pytest.mark.parametrize(
    ("layout", "key", "told"),
    [
        (DEFAULT, "A [b] c [dQw4w9WgXcQ].mp4", [("mp4", "A [b] c", "dQw4w9WgXcQ"), ("mp4", "A", "b] c [dQw4w9WgXcQ")]),
        (DEFAULT, "One [abc].en-GB.vtt", [("en-GB.vtt", "One", "abc")]),
        (DEFAULT, "One [abc].info.json", [("info.json", "One", "abc")]),
        (DEFAULT, "sub/One [abc].mp4", []),
        (DEFAULT, "One [abc].f137.mp4", []),
        (DEFAULT, "One.mp4", []),
        (
            "./%(uploader)s/%(upload_date>%Y)s/%(title).100B-%(id)s.%(ext)s",
            "U/2024/Title-abc.mkv",
            [("mkv", "", "abc")],
        ),
        ("{*}/{video_id}.{ext}", "any/abc.en.vtt", [("en.vtt", "", "abc")]),
        ("100%% %(id)s.%(ext)s", "100% abc.mp4", [("mp4", "", "abc")]),
    ],
)
def test_keys_are_read(layout, key, told):
    """Templates that people have in their scripts, and names that are none of theirs."""
    readings = parse(layout).readings(key)
    assert sorted((each.extension, each.get("title"), each.get("video_id")) for each in readings) == sorted(told)


@pytest.mark.parametrize(
    ("layout", "said"),
    [
        ("{title}.{ext}", "nothing tells which video a file is"),
        ("{video_id}", "it must end in .{ext}"),
        ("{video_id}.{ext}.{ext}", "the extension stands at its end"),
        ("{title}{video_id}.{ext}", "between two fields"),
        ("/videos/{video_id}.{ext}", "below the storage's own folder"),
        ("../{video_id}.{ext}", "below the storage's own folder"),
        ("{video_id:>3}.{ext}", "unknown field"),
        ("{id}.{ext}", "unknown field {id}"),
        ("{video_id.{ext}", "layout"),
        ("%(id)s %(title.%(ext)s", "is no field of yt-dlp's"),
    ],
)
def test_what_is_no_layout_is_refused(layout, said):
    """The message says what is wrong."""
    with pytest.raises(ConfigError, match=re.escape(said)):
        parse(layout)


@pytest.mark.parametrize("character", ["a", "-", " ", "]", "["])
def test_no_key_takes_long(character):
    """A key of a thousand characters that are like what stands between fields is read in much less than a second."""
    layout = parse("%(a)s-%(b)s-%(c)s-%(title)s [%(id)s]-%(extractor)s-%(d)s.%(ext)s")
    key = ("- [" + character * 40 + "]-") * 22
    began = time.process_time()
    assert len(list(layout.readings(f"{key[:1000]}.mp4"))) <= MOST_READINGS
    assert time.process_time() - began < 2
