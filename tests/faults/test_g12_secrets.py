"""G12. Secrets stay secret: whatever fails, and whoever tells of it, none of them is shown, logged or kept.

Each test plants some, runs the program, and looks for them in all that it said and left behind. What the tests planted
themselves is left out: the config, the file of cookies, and, until the job has ended, the job's own URL.
"""

import os
import pickle
import sqlite3
from pathlib import Path
from urllib.parse import quote

import pytest
from harness.warm import run_warm
from program import Program
from witnesses import S3

from haulage import Pipeline

PLUGINS = Path(__file__).parent / "plugins"

KEY, TOLD, TOKEN, SIGNED, COOKIE, PROXY = (
    f"PLANTED{name}q7Zx9" for name in ("key", "told", "token", "signed", "cookie", "proxy")
)
"""Values that nobody would write by chance."""

JSON = ("--log-format", "json", "--log-level", "debug")
TEXT = ("--log-level", "debug")


def test_a_haul_that_ends_well_leaves_no_secret(site, seaweed, tmp_path):
    """A signed URL is in no output, event, row, object or metadata of one, and neither are credentials and cookies."""
    bucket = S3(seaweed, f"b-{os.urandom(6).hex()}")
    (tmp_path / "cookies.txt").write_text(
        f"# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t2147483647\tsession\t{COOKIE}\n"
    )
    program = _program(
        tmp_path,
        f"storages: {{s: {bucket.line}}}\nfetcher: {{cookies: cookies.txt, info: true}}\n"
        'observers: {o: {type: spiteful, password: "${SPITE}"}}\n',
        **bucket.environ,
    )
    url = _signed(site.url("/clip.mp4"))
    said = _said(program, *JSON, "get", url, "--json")
    assert '"status": "downloaded"' in said, said
    for command in (["list", "--json"], ["show", url], ["show", url, "--json"], ["doctor"], ["config", "explain"]):
        said += _said(program, *TEXT, *command)
    _look(said, "the program showed a secret", bucket.environ["AWS_SECRET_ACCESS_KEY"])
    assert "Settled" in (tmp_path / "events").read_text()
    assert not _left(tmp_path), f"a secret was left in an event, a row or a file: {_left(tmp_path)}"
    for key, found in bucket.objects().items():
        _look(f"{key} {found.metadata}", "a secret is in the metadata of an object")
        _look(bucket.read(key).decode("latin-1"), "a secret is in an object")
    assert len(bucket.objects()) == 3


@pytest.mark.parametrize(("how", "log"), [("raise", JSON), ("raise", TEXT), ("fail", JSON)])
def test_a_plugin_that_tells_secrets_is_not_believed(site, tmp_path, how, log):
    """What a storage or an observer says in its errors is recorded and shown without the secrets in it."""
    program = _program(
        tmp_path,
        f'store_to: [s]\nstorages: {{s: {{type: spiteful, how: {how}, password: "${{SPITE}}"}}}}\n'
        'observers: {o: {type: spiteful, password: "${SPITE}"}}\n',
    )
    url = _signed(site.url("/clip.mp4"))
    said = _said(program, *log, "get", url) + _said(program, "show", url, "--json") + _said(program, "doctor")
    assert said.count("cannot sign in with") >= 2, said
    _look(said, "the program showed a secret that a plugin told it")
    assert not _left(tmp_path), f"a secret that a plugin told was kept: {_left(tmp_path)}"


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ("", "HTTP 404"),
        (f"fetcher: {{proxy: 'http://me:{PROXY}@127.0.0.1:9'}}\n", "127.0.0.1"),
        (f"database: postgresql://me:{KEY}@127.0.0.1:9/archive\n", "127.0.0.1"),
        (f"storages: {{s: {{type: s3, bucket: b, endpoint_url: 'http://127.0.0.1:9', access_key_id: {KEY}, "
         f"secret_access_key: {TOLD}}}}}\n", "127.0.0.1"),
        (f"storages: {{s: {{type: s3, bucket: [b], secret_access_key: [{TOLD}]}}}}\n", "expected"),
        ('database: {type: spiteful, password: "${SPITE}"}\n', "Traceback"),
    ],
    ids=["site", "proxy", "database", "bucket", "config", "bug"],
)  # fmt: skip
def test_a_failure_shows_no_secret(site, tmp_path, config, told):
    """Neither a page that is not there, nor a proxy, a database, a bucket or a config that is wrong, shows one."""
    program = _program(tmp_path, config)
    with program.start(*TEXT, "get", _signed(site.url("/404/clip.mp4"))) as process:
        said = "".join(process.communicate(timeout=60))
    said += _said(program, *JSON, "list", "--json") if told == "HTTP 404" else ""
    said += _said(program, "config", "explain") + _said(program, "get", f"http://me:{KEY}@127.0.0.1/?token={TOKEN}")
    assert told in said, said
    _look(said, "a failure showed a secret")
    assert told != "HTTP 404" or not _left(tmp_path), f"a failure left a secret behind: {_left(tmp_path)}"


def test_the_signature_of_a_url_is_kept_until_its_job_has_ended(site, tmp_path):
    """Until then the job cannot do without it; and then no row, and no byte of the database's file, has it."""
    program = _program(tmp_path, "")
    url = _signed(site.url("/drip/20001/clip.mp4"))
    with program.start("get", url) as process:
        site.wait_for(lambda all_: any(one.path.startswith("/drip/20001/") and one.body_bytes for one in all_), 60)
        assert SIGNED in _rows(tmp_path)
        process.terminate()
        process.communicate(timeout=30)
    _look(_said(program, "list", "--json") + _said(program, "show", url), "what waits was shown with its signature")
    assert "1 stored" in _said(program, "work")
    assert not _left(tmp_path), f"a signature outlived its job: {_left(tmp_path)}"


def test_what_crosses_a_border_has_no_secret(tmp_path, monkeypatch):
    """The task that an executor pickles has the config as it was written, without the values of the environment."""
    monkeypatch.setenv("SPITE", KEY)
    (tmp_path / "haulage.yaml").write_text('database: {url: "postgresql://me@127.0.0.1/x", password: "${SPITE}"}\n')
    with Pipeline.from_config(tmp_path / "haulage.yaml") as pipeline:
        _look(pickle.dumps(pipeline.recipe).decode("latin-1"), "a pickled task has a secret")
        _look(repr(pipeline.assembly.config), "the config shows a secret")
        _look(repr(pipeline.assembly.config.database.options), "options show a secret")


def _program(folder: Path, config: str, **environ: str) -> Program:
    (folder / "haulage.yaml").write_text(f"private_hosts: [127.0.0.1]\nretry: {{initial: 0.01}}\n{config}")
    known = {"SPITE": KEY, "TOLD": TOLD, "HOLDS_A_TOKEN": TOLD}
    return Program(folder, ("-p", "spiteful"), PLUGINS, known | environ)


def _said(program: Program, *arguments: str) -> str:
    return run_warm(program, *arguments, environ={}).said


def _signed(url: str) -> str:
    inner = quote(f"https://i.example/v?token={TOKEN}", safe="")
    return f"{url}?v=1&token={TOKEN}&X-Amz-Signature={SIGNED}&Expires=9&next={inner}&twice={quote(inner, safe='')}"


def _rows(folder: Path) -> str:
    if not (folder / "haulage.db").exists():
        return ""
    connection = sqlite3.connect(f"file:{folder / 'haulage.db'}?mode=ro", uri=True)
    try:
        return "\n".join(connection.iterdump())
    finally:
        connection.close()


def _secrets(text: str, *more: str) -> list[str]:
    """Those that stand in a text, with some words around them."""
    found = [text.find(each) for each in (KEY, TOLD, TOKEN, SIGNED, COOKIE, PROXY, *more)]
    return [" ".join(text[max(at - 60, 0) : at + 30].split()) for at in found if at >= 0]


def _look(text: str, harm: str, *more: str) -> None:
    assert not _secrets(text, *more), f"{harm}: {_secrets(text, *more)}"


def _left(folder: Path) -> list[str]:
    """Those that stand in a row of the database, and in any file but those that the tests have written."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name not in ("haulage.yaml", "cookies.txt")]
    return [f"{path.name}: {each}" for path in files for each in _secrets(path.read_bytes().decode("latin-1"))]
