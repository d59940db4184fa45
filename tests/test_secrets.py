import string
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from haulage import secrets
from haulage.secrets import (
    has_password,
    keep_secret,
    one_line,
    password_in,
    public_traceback,
    public_url,
    redact,
    unsigned_url,
)

TOKEN = "Zx9SECRETq7"  # not a word, and no part of any name


@pytest.mark.parametrize(
    ("url", "public"),
    [
        (
            "https://b.s3.amazonaws.com/k.mp4?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIA%2Feu&X-Amz-Date=20260101T0"
            "00000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Security-Token=t&X-Amz-Signature=5f&part=2",
            "https://b.s3.amazonaws.com/k.mp4?part=2",
        ),
        ("https://b.s3.amazonaws.com/k?AWSAccessKeyId=AK&Signature=s%2B&Expires=1", "https://b.s3.amazonaws.com/k"),
        (
            "https://storage.googleapis.com/b/k?X-Goog-Algorithm=A&X-Goog-Credential=c&x-goog-signature=s&generation=7",
            "https://storage.googleapis.com/b/k?generation=7",
        ),
        ("https://d1.cloudfront.net/k?Policy=p&Signature=s&Key-Pair-Id=K&q=1", "https://d1.cloudfront.net/k?q=1"),
        ("https://d1.cloudfront.net/k?Expires=1&Signature=s&Key-Pair-Id=K", "https://d1.cloudfront.net/k"),
        ("https://a.blob.core.windows.net/c/b?sv=2022&se=2026&sr=b&sp=r&sig=x%3D", "https://a.blob.core.windows.net/c/b"),
        ("https://cdn.example/p.m3u8?hdnts=exp=1~hmac=ab&hdntl=x&hdnea=y", "https://cdn.example/p.m3u8"),
        ("https://r1.googlevideo.com/videoplayback?expire=1&itag=22&sig=AB", "https://r1.googlevideo.com/videoplayback?itag=22"),
        ("https://user:pass@example.com:8443/v", "https://example.com:8443/v"),
        ("https://user@example.com/v", "https://example.com/v"),
        ("https://us@er:p@ss@example.com/v", "https://example.com/v"),
        ("https://example.com/v#access_token=abc", "https://example.com/v"),
        ("https://example.com/v?ACCESS_TOKEN=a&apikey=b&api_key=c&jwt=d&sessionid=e&password=f", "https://example.com/v"),
        ("https://example.com/v?%74oken=a&x=1", "https://example.com/v?x=1"),
        ("https://example.com/v?token", "https://example.com/v"),
        ("https://example.com/v?x=1&amp;token=a", "https://example.com/v?x=1"),
        ("https://example.com/v?x=1;token=a", "https://example.com/v"),
        ("https://a.example/go?to=https%3A%2F%2Fb.example%2Fv%3Ftoken%3Dt%26n%3D1", "https://a.example/go?to=https://b.example/v?n=1"),
        ("https://a.example/go?to=https%253A%252F%252Fu%253Ap%2540b.example%252F", "https://a.example/go?to=https://b.example/"),
        ("https://a.example/go?to=https://u:p@b.example/", "https://a.example/go?to=https://b.example/"),
        ("https://a.example/fetch/https%3A%2F%2Fb.example%2F%3Fsig%3Ds", "https://a.example/fetch/https://b.example/"),
        ("https://a.example/fetch/https://u:p@b.example/x", "https://a.example/fetch/https://b.example/x"),
        ("https://a.example/go?to=" + "%2525252525253A" * 2, "https://a.example/go?***"),
        ("https://vod.example/exp=1~acl=x~hmac=0a/v.m3u8", "https://vod.example//v.m3u8"),
        ("https://shop.example/v;jsessionid=0A1B?n=1", "https://shop.example/v?n=1"),
        ("vault:///data/x?token=a", "vault:///data/x"),
        ("wistia:abc", "wistia:abc"),
        ("http://[", "(unreadable URL)"),
        ("http://u:p@[::1/?token=a", "(unreadable URL)"),
        ("http://u:p@\N{ACCOUNT OF}/", "(unreadable URL)"),
    ],
)  # fmt: skip
def test_what_gives_access_is_left_out(url, public):
    """Neither a user name, nor a password, nor what signs a request remains in a URL that is shown."""
    assert public_url(url) == public


@pytest.mark.parametrize(
    "name",
    [
        *("auth_key", "client_secret", "accessToken", "X-Plex-Token", "q-signature", "lsig", "oauth_signature", "pass"),
        *("security-token", "access_key", "api-key", "wsSecret", "sessionToken", "authToken", "id-token", "ticket"),
        *("__token__", "OSSAccessKeyId", "Amz-Signature", "sessid", "PHPSESSID", "credential", "sslpassword"),
    ],
)
def test_what_is_called_a_secret_is_left_out(name):
    """Whoever made up the name of a parameter: what a word of it calls secret is shown nowhere."""
    assert public_url(f"https://h.example/v?id=1&{name}={TOKEN}&n=2") == "https://h.example/v?id=1&n=2"
    assert TOKEN not in redact(f"cannot get /v?n=2&{name}={TOKEN}&id=1")


@pytest.mark.parametrize(
    ("url", "public"),
    [
        ("https://h.example/v?md5=a&expires=1&id=3", "https://h.example/v?id=3"),
        ("https://h.example/clip.mp4?hash=a&key=b&id=3", "https://h.example/clip.mp4?id=3"),
        ("https://h.example/bcdn_token=a&expires=9/clip.mp4", "https://h.example//clip.mp4"),
        ("https://h.example/id=5&token=x/v;b=c", "https://h.example/id=5/v;b=c"),
        ("s3://AK:a/b@bucket/x", "s3://bucket/x"),
        ("sftp://AK:1?b#c@host/x", "sftp://host/x"),
        ("http://u:a/b@host/x", "http://host/x"),
        ("http://u%3Ap%40host/x", "http://host/x"),
    ],
)
def test_a_secret_in_an_odd_place_is_left_out(url, public):
    """Neither a digest that signs, nor a parameter in the path, nor a password that looks like a path remains."""
    assert public_url(url) == public


@pytest.mark.parametrize(
    "url",
    [
        "https://x.example/watch?v=a&key=b&hash=c&h=1&p=2&page=3&index=4&t=5&video_id=6&lang=en&q=r&list=7&sid=8",
        "https://x.example/watch?author=2&authuser=0&keyword=s&passage=2&assign=1&video_key=3&signal=4&keyFrame=1",
        "https://x.example:8080/@user/video/1?at=@b",
        "sftp://[::1]:22/a@b",
        "https://www.youtube.com/watch?v=abc&list=x",
        "https://www.youtube.com/watch?v=a%20b+c&t=1m&empty=&flag",
        "https://example.com/v?q=a;b&q=c",
        "https://example.com/@channel/videos",
        "https://example.com/token/password",
        "https://example.com/index.php?threads/the-secret-garden.123/",
        "https://example.com/watch/My-Secret=Love/sign=leo",
        "https://example.com/?monkey=1&tokens=2&design=3",
        "https://[::1]:8080/v",
        "https://example.com/go?to=https%3A%2F%2Fb.example%2Fv%3Fn%3D1&twice=https%253A%252F%252Fb.example",
        "https://example.com/100%25/%252F?share=50%25",
        "not a URL",
        "",
    ],
)
def test_what_gives_no_access_is_untouched(url):
    """A URL without secrets is shown to the letter."""
    assert public_url(url) == url


def test_only_the_signing_parameters_of_a_query_go():
    """What remains of a signed query is to the letter what it was."""
    assert public_url("https://e.com/v?a=%2F+%20&sig=x&b=c%3D&flag") == "https://e.com/v?a=%2F+%20&b=c%3D&flag"


@pytest.mark.parametrize(
    ("url", "answer"),
    [
        ("https://user:pass@example.com/", True),
        ("https://user@example.com/", True),
        ("https://example.com/@channel", False),
        ("http://user%3Apw%40example.com/", True),
        ("http://user%2540example.com/", True),
        ("https://example.com/%40channel", False),
        ("http://u:p@[", True),
        ("http://[", False),
    ],
)
def test_a_password_in_a_url_is_seen(url, answer):
    """URLs with a user name or a password are told from others, and one that cannot be read never raises."""
    assert has_password(url) is answer


@pytest.mark.parametrize(
    ("url", "password"),
    [
        ("postgresql://u:hunter2@h/d", "hunter2"),
        ("s3://AK:a/b?c@bucket", "a/b?c"),
        ("postgresql://u:a[b@h/d", "a[b"),
        ("https://h:80/@user:x", ""),
        ("http://[", ""),
    ],
)
def test_the_password_in_a_url_is_found(url, password):
    """It is known to be secret although most programs would take a part of it for a path."""
    assert password_in(url) == password


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("GET https://u:p@h/x?token=a failed", "GET https://h/x failed"),
        ("tried 'https://h/?sig=a', \"http://h/?sig=b\" and <ftp://u:p@h/>", "tried 'https://h/', \"http://h/\" and <ftp://h/>"),
        ("cannot open http://[", "cannot open (unreadable URL)"),
        ("cannot open http://[?token=a and https://h/?token=b", "cannot open (unreadable URL) and https://h/"),
        ("two\nlines\tand  spaces\r\n", "two lines and spaces"),
        ("postgresql+psycopg://u:p@db/x", "postgresql+psycopg://db/x"),
        ("from url=https%3A%2F%2Fh%2Fx%3Ftoken%3Da", "from url=https://h/x"),
        ("sent Authorization: Bearer abc.def", "sent Authorization: ***"),
        ("{'Cookie': 'a=b; c=d', 'Accept': '*/*'}", "{'Cookie': '***', 'Accept': '*/*'}"),
        ("used Bearer 0123456789abc to sign in", "used Bearer *** to sign in"),
        ("host=db password=p&w user=u, api_key=k", "host=db password=*** user=u, api_key=***"),
        ("http://h/page?a=b'c&Signature=s'd failed", "http://h/page?a=b'c failed"),
        ("https:\\/\\/h\\/v?n=1&sig=a", "https:\\/\\/h\\/v?n=1&sig=***"),
        ("src=//cdn/v?n=1&amp;sig=a", "src=//cdn/v?n=1&amp;sig=***"),
        ("X-Auth-Token: a and X-Api-Key: b", "X-Auth-Token: *** and X-Api-Key: ***"),
        ('{"password": "a \\" b", "n": 1}', '{"password": "***", "n": 1}'),
        ("password = a; x", "password = *** x"),
        ("aws_secret_access_key = a", "aws_secret_access_key = ***"),
        ("AccountKey=a==;EndpointSuffix=x", "AccountKey=***"),
        ("options: dsn=password=a", "options: dsn=password=***"),
        ("{'Authorization': b'Basic a', 'n': 1}", "{'Authorization': b'***', 'n': 1}"),
        ("{'Cookie': 'a=\"1\"; sid=b', 'n': 1}", "{'Cookie': '***', 'n': 1}"),
        ("Cookie: a='x'; sid=b", "Cookie: ***"),
        ("unknown option 'token': did you mean 'tokens'?", "unknown option 'token': did you mean 'tokens'?"),
        ("exit code=1, status code = 403", "exit code=1, status code = 403"),
        ("storages.s.token: unknown option 'token'", "storages.s.token: unknown option 'token'"),
        ("a@b.example and 10:20 // nothing", "a@b.example and 10:20 // nothing"),
        ("", ""),
    ],
)  # fmt: skip
def test_a_message_keeps_its_words_and_loses_its_secrets(message, shown):
    """Every URL in a message is made public, on one line, and nothing else is changed."""
    assert redact(message) == shown


def test_a_long_message_is_redacted_to_its_end():
    """Secrets are found however much stands before them."""
    message = "\n".join(f"line {i}: https://u:{TOKEN}@h/{i}?token={TOKEN}&n={i}#{TOKEN}" for i in range(2_000))
    shown = redact(message)
    assert TOKEN not in shown
    assert shown.endswith("line 1999: https://h/1999?n=1999")


SAFE = st.text(alphabet=string.ascii_letters + string.digits + "-._~%+/:=;,!*()[]@&?#", max_size=30)
NAMES = st.sampled_from(
    ["X-Amz-Signature", "x-goog-signature", "Signature", "sig", "token", "Access_Token", "Policy", "hdnts"]
)
PLACES = st.sampled_from(
    [
        "{scheme}://{token}@{host}/{path}",
        "{scheme}://user:{token}@{host}/{path}",
        "{scheme}://{host}/{path}?{name}={token}",
        "{scheme}://{host}/{path}?v=1&{name}=x{token}y&w={after}",
        "{scheme}://{host}/{path}#{token}",
    ]
)


@settings(derandomize=True, max_examples=400)
@given(
    place=PLACES,
    scheme=st.sampled_from(["http", "HTTPS", "s3", "postgresql+psycopg"]),
    host=st.sampled_from(["h", "example.com:80", "[::1]", "[", "h]", "\N{ACCOUNT OF}", "h:port"]),
    name=NAMES,
    path=st.text(alphabet=string.ascii_letters + "/.-[]@:%", max_size=20),
    after=SAFE,
    around=st.tuples(st.text(max_size=20), st.text(max_size=20)),
)
def test_a_planted_token_never_survives(place, scheme, host, name, path, after, around):
    """Wherever in a URL a secret stands, and whatever stands around the URL, it is not shown."""
    url = place.format(scheme=scheme, token=TOKEN, host=host, name=name, path=path, after=after)
    assert TOKEN not in public_url(url)
    assert TOKEN not in redact(f"{around[0]} {url} {around[1]}")
    assert TOKEN not in redact(f"({url})")


@settings(derandomize=True, max_examples=400)
@given(st.text() | st.text(alphabet="htp:/[]@?&=#%;.\N{ACCOUNT OF}\ud800\0 "))
@example("http://[")
@example("http://]")
@example("http://[::1")
@example("http://a@[b]c/")
@example("http://\N{ACCOUNT OF}/")
def test_no_text_makes_it_raise(text):
    """A message that cannot be redacted would hide the failure that it tells of."""
    redact(text)
    redact(f"http://{text}")
    public_url(text)
    public_url(f"http://{text}")
    has_password(f"http://{text}")


@pytest.mark.parametrize(
    ("url", "same"),
    [
        ("https://b.example/k.mp4?X-Amz-Signature=5f&X-Amz-Date=1&part=2", "https://b.example/k.mp4?part=2"),
        ("https://a.blob.core.windows.net/c/b?sv=2022&se=2026&sr=b&sp=r&sig=x", "https://a.blob.core.windows.net/c/b"),
        ("https://cdn.example/clip.mp4?token=a&quality=high", "https://cdn.example/clip.mp4?quality=high"),
        ("https://cdn.example/watch?token=a&expires=9&id=1", "https://cdn.example/watch?id=1"),
    ],
)
def test_signatures_of_one_file_are_one(url, same):
    """What only signs a request tells no videos apart."""
    assert unsigned_url(url) == same


@pytest.mark.parametrize(
    "url",
    [
        "https://show.example/watch?se=1&sp=2",
        "https://share.example/v?token=abc",
        "https://share.example/v?code=abc&session=4",
        "https://mega.example/#!id!key",
        "https://clips.example/clip.mp4?code=1",
    ],
)
def test_what_may_name_a_video_tells_it_apart(url):
    """A parameter that is secret in one place may be a video's name in another: it stays."""
    assert unsigned_url(url) == url


def test_what_is_known_to_be_secret_is_masked():
    """A value that was named once is shown in no message and no traceback, written or quoted; a short one is."""
    keep_secret(f"{TOKEN}/+", "ab")
    assert redact(f"cannot use {TOKEN}/+ and {TOKEN}%2F%2B, of ab") == "cannot use *** and ***, of ab"
    keep_secret(f"hunter2, {TOKEN}2")
    assert redact(f"FATAL: password=hunter2, {TOKEN}2") == "FATAL: password=***"
    try:
        raise ValueError(f"no {TOKEN}/+")
    except ValueError as error:
        told = public_traceback(error)
    assert "ValueError: no ***" in told
    assert "\n  File " in told


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;owned\x07 and \x1b[2Jgone", "]0;owned and [2Jgone"),
        ("one\nstored  another\r\x85three\u2028four", "one stored another three four"),
        ("\u202e4pm.exe \u2066x", "4pm.exe x"),
        ("\x9b31m", "31m"),
        ("\N{WOMAN}\u200d\N{ROCKET} \u05d0 \u00e9", "\N{WOMAN}\u200d\N{ROCKET} \u05d0 \u00e9"),
    ],
)  # fmt: skip
def test_nothing_that_a_terminal_would_obey_is_shown(text, shown):
    """Text from outside is on one line, in the order it was written, and moves no cursor."""
    assert one_line(text) == shown
    assert redact(text) == shown


@pytest.mark.parametrize(
    "one", ["http://a:", "http://a/", "http%3A%2F%2Fa%2F", "http://a/?u=http%253A%252F%252F", "a://"]
)
def test_urls_within_one_another_come_to_an_end(one):
    """A page that piles them up makes nothing fail, and hides no secret in them."""
    shown = redact(f"cannot read {one * 5000}http://u:SEKRIT@h/?sig=SEKRIT")
    assert shown.startswith("cannot read ")
    assert "SEKRIT" not in shown


@pytest.mark.timeout(20)
@pytest.mark.parametrize("one", ["hdnea", "~hmac", ";=", ";jsessionid", "a=&;", "token=", "a", "'b':"])
def test_no_text_takes_for_ever(one):
    """A hundred thousand characters that nearly are a secret, again and again, are looked through at once."""
    redact(f"https://h.example/{one * (100_000 // len(one))}")


def test_threads_that_tell_secrets_at_once_lose_none(monkeypatch):
    """Whatever several pipelines are told while they are built side by side is masked."""
    monkeypatch.setattr(secrets, "_kept", ())
    told = [f"PLANTED-{number}-by-{thread}" for thread in range(4) for number in range(50)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(keep_secret, told))
    finally:
        sys.setswitchinterval(before)
    assert [each for each in told if each in redact(each)] == []
