"""Every mistake gets one clear line with the cure, and the right exit code; never a traceback."""

import functools
import os
import sqlite3
import subprocess

import pytest

CONFIGS = [
    (
        "storages: {nas: {type: local, pat: x}}",
        "haulage.yaml:1:31: storages.nas.pat: unknown option 'pat'; did you mean 'path'?",
    ),
    ("worker: 3", "haulage.yaml:1:1: worker: unknown option 'worker'; did you mean 'workers'?"),
    ("workers: many", "haulage.yaml:1:1: workers: expected a whole number, got 'many'"),
    (
        "storages: {s: {type: s4}}",
        "haulage.yaml:1:16: storages.s.type: there is no storage 's4'; there are: local, memory",
    ),
    (
        "layout: video.{ext}",
        "haulage.yaml:1:1: layout: 'video.{ext}': without {video_id} all videos would have one key",
    ),
    ("workers: 3\nworkers: 4", "haulage.yaml:2:1: duplicate key 'workers'; the first one is in line 1"),
    (
        'storages: {nas: "${NO_SUCH_VARIABLE}/videos"}',
        "haulage.yaml:1:12: storages.nas: environment variable NO_SUCH_VARIABLE is not set;"
        " set it or write ${NO_SUCH_VARIABLE:-default}",
    ),
    ("retry:\n\tattempts: 3", "haulage.yaml:2:1: a tab is used for indentation; use spaces"),
    ("private_hosts: [localhost", "haulage.yaml:1:16: this bracket is never closed"),
    (
        "storages: {a: x, b: y}\nstore_to: [a, c]",
        "haulage.yaml:2:15: store_to[1]: unknown storage 'c'; there are a, b",
    ),
    (
        "fetcher: {type: yt-dpl}",
        "haulage.yaml:1:11: fetcher.type: there is no fetcher 'yt-dpl'; did you mean 'yt-dlp'?",
    ),
    (
        "plugins: {disable: [haulage-ytdpl]}",
        "haulage.yaml:1:21: plugins.disable[0]: unknown plugin 'haulage-ytdpl'; did you mean 'haulage-ytdlp'?",
    ),
    ("retry: {attempts: 0}", "haulage.yaml:1:9: retry.attempts: 'attempts' must be >= 1: 0"),
]


@pytest.mark.parametrize(("text", "line"), CONFIGS)
def test_a_wrong_config(program, call, text, line):
    """The line says where, what and how to mend it; nothing is made."""
    (program.folder / "haulage.yaml").write_text(text + "\n")
    result = call("get", "http://127.0.0.1/clip.mp4")
    assert (result.returncode, result.stdout, result.stderr) == (2, "", f"haulage: {line}\n")
    assert [path.name for path in program.folder.iterdir()] == ["haulage.yaml"]


def test_an_empty_config(program):
    """It asks for the defaults, and nothing is wrong with that."""
    (program.folder / "haulage.yaml").write_text("")
    result = program.run("status")
    assert (result.returncode, result.stdout) == (0, "Nothing yet; haul something with: haulage get URL\n")


COMMAND_LINES = [
    (["get"], "Error: no URL; give one or more, -a FILE, or - for standard input"),
    (
        ["get", "clip.mp4"],
        "haulage: argument 1: 'clip.mp4' is not a URL that can be hauled; write it like https://example.com/video",
    ),
    (
        ["get", "file:///etc/passwd"],
        "haulage: argument 1: 'file:///etc/passwd' is not a URL that can be hauled;"
        " write it like https://example.com/video",
    ),
    (
        ["get", "http://me:secret@127.0.0.1/clip.mp4"],
        "haulage: argument 1: http://127.0.0.1/clip.mp4: a user name or password may not stand in a URL",
    ),
    (
        ["get", "http://me%3Ahunter2%40127.0.0.1/clip.mp4"],
        "haulage: argument 1: http://127.0.0.1/clip.mp4: a user name or password may not stand in a URL",
    ),
    (
        ["get", "ftp://me:hunter2@127.0.0.1/?token=hunter2"],
        "haulage: argument 1: 'ftp://127.0.0.1/' is not a URL that can be hauled; write it like https://example.com/video",
    ),
    (["get", "-a", "urls.txt"], "Error: cannot read the list urls.txt: No such file or directory"),
    (
        ["get", "-c", "other.yaml", "http://x.invalid/"],
        "haulage: cannot read the config other.yaml: No such file or directory",
    ),
    (
        ["get", "-p", "no_such_module", "http://x.invalid/"],
        "haulage: plugin module no_such_module failed to load: ModuleNotFoundError: No module named 'no_such_module'",
    ),
    (
        ["list", "-p", "failing"],
        "haulage: plugin module failing failed to load: RuntimeError: no licence was found",
    ),
    (["get", "-a", "."], "Error: cannot read the list .: Is a directory"),
    (["list", "-c", "."], "haulage: cannot read the config .: Is a directory"),
    (
        ["get", "http://x.invalid/\udcff"],
        "haulage: argument 1: 'http://x.invalid/\\udcff' is not a URL that can be hauled;"
        " write it like https://example.com/video",
    ),
    (["haul"], "Error: No such command 'haul'."),
]


@pytest.mark.parametrize(("arguments", "line"), COMMAND_LINES)
def test_a_wrong_command_line(program, call, arguments, line):
    """The last line says what is wrong, and the exit code is 2."""
    result = call(*arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1] == line
    assert [path.name for path in program.folder.iterdir()] == ["haulage.yaml"]


def test_a_wrong_line_in_a_list(program):
    """All wrong lines are told, with their numbers, and nothing of the list is taken."""
    (program.folder / "urls.txt").write_text("https://x.invalid/clip.mp4\nclip\n# no\nftp://x.invalid/clip\n")
    result = program.run("get", "-a", "urls.txt")
    assert result.returncode == 2
    assert [line.split(" is not")[0] for line in result.stderr.splitlines()] == [
        "haulage: urls.txt:2: 'clip'",
        "haulage: urls.txt:4: 'ftp://x.invalid/clip'",
    ]
    assert not (program.folder / "haulage.db").exists()


def test_a_list_that_is_no_text(program):
    """It is refused as a whole."""
    (program.folder / "urls.txt").write_bytes(b"https://x.invalid/\xff\n")
    result = program.run("get", "-a", "urls.txt")
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1] == "Error: cannot read the list urls.txt: it is not UTF-8 text"


@pytest.mark.parametrize("line", ["clip", "https://x.invalid/\udcff"])
@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_a_wrong_line_on_standard_input(program, line, locale):
    """It is told with its number, whatever the locale, and nothing that was read with it is taken."""
    with program.start("get", "-", stdin=subprocess.PIPE, environ={"LC_ALL": locale}) as process:
        text = f"# videos\nhttps://x.invalid/clip.mp4\n{line}\n"
        process.stdin.buffer.write(text.encode("utf-8", "surrogateescape"))
        _, err = process.communicate(timeout=30)
    problem = f"haulage: standard input:3: {line!r} is not a URL that can be hauled;"
    assert (process.returncode, err) == (2, f"{problem} write it like https://example.com/video\n")
    assert not (program.folder / "haulage.db").exists() or program.rows("select * from video_processing_jobs") == []


def test_standard_input_that_is_closed(program):
    """There is nothing to read, and nothing to haul."""
    with program.start("get", "-", preexec_fn=functools.partial(os.close, 0)) as process:
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "", "")


def test_names_that_are_no_text(program, call):
    """A video or a site of such a name is not there."""
    for arguments, said in ((["show"], "no video "), (["retry"], "no video "), (["resume"], "no job is of the site ")):
        result = call(*arguments, "\udcff")
        assert (result.returncode, result.stdout) == (2, "")
        assert result.stderr.splitlines()[-1].startswith(f"Error: {said}'\\udcff'; ")


def test_a_storage_that_cannot_be_written(site, program):
    """It is told before anything is fetched, with exit code 3."""
    (program.folder / "file").write_text("")
    (program.folder / "haulage.yaml").write_text('storages: {nas: file/videos}\nprivate_hosts: ["127.0.0.1"]\n')
    result = program.run("get", site.url("clip.mp4?unwritable"))
    assert result.returncode == 3
    assert result.stderr == (
        f"haulage: cannot use {program.folder}/file/videos: Not a directory;"
        " let haulage write there, or choose another path\n"
    )
    assert site.log("/clip.mp4?unwritable") == ()


def test_a_workspace_that_cannot_be_written(program):
    """It is told with the key that names another one, and with exit code 3."""
    (program.folder / "haulage.yaml").write_text("workspace: {path: haulage.yaml/work}\n")
    result = program.run("get", "https://x.invalid/clip.mp4")
    assert (result.returncode, result.stdout) == (3, "")
    assert result.stderr == (
        f"haulage: cannot use the workspace {program.folder}/haulage.yaml/work: Not a directory;"
        " set workspace.path to a folder that haulage can write to\n"
    )


def test_a_database_that_cannot_be_used(program):
    """A database in a folder that is missing, and a file that is none, are told with the cure and exit code 3."""
    (program.folder / "haulage.yaml").write_text("database: sqlite:///missing/haulage.db\n")
    result = program.run("get", "https://x.invalid/clip.mp4")
    assert result.returncode == 3
    assert result.stderr == (
        f"haulage: database {program.folder}/missing/haulage.db: unable to open database file;"
        " make its folder first, or choose another path\n"
    )
    (program.folder / "haulage.yaml").write_text("database: sqlite:///haulage.yaml/haulage.db\n")
    result = program.run("get", "https://x.invalid/clip.mp4")
    assert result.returncode == 3
    assert result.stderr == (
        f"haulage: database {program.folder}/haulage.yaml/haulage.db: unable to open database file;"
        " make its folder first, or choose another path\n"
    )
    (program.folder / "haulage.yaml").write_text("database: sqlite:///haulage.yaml\n")
    result = program.run("list")
    assert result.returncode == 3
    assert result.stderr.endswith("file is not a database; name another file; this one is no SQLite database\n")


def test_a_database_that_is_newer(site, program):
    """A database of a later schema is refused, and left as it is."""
    assert program.run("get", site.url("clip.mp4")).returncode == 0
    connection = sqlite3.connect(program.folder / "haulage.db")
    connection.execute("update schema_version set version = 99")
    connection.commit()
    connection.close()
    result = program.run("get", site.url("clip.mp4"))
    assert result.returncode == 3
    assert result.stderr == (
        f"haulage: database {program.folder}/haulage.db has schema 99, this haulage reads 1;"
        " upgrade haulage, or name another database\n"
    )


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("/404/world.mp4", "unavailable  {url}: HTTP 404 Not Found"),
        (
            "/html/clip.mp4",
            "unavailable  {url}: Unsupported URL: {url}; it is not a page that yt-dlp finds a video on",
        ),
    ],
)
def test_a_world_that_does_not_cooperate(site, program, path, line):
    """What was named and could not be hauled is told on one line, with exit code 1."""
    result = program.run("get", site.url(path))
    assert (result.returncode, result.stdout) == (1, line.format(url=site.url(path)) + "\n")


def test_a_host_that_is_not_there(program):
    """It is named, and so is what to look at."""
    (program.folder / "haulage.yaml").write_text("retry: {attempts: 1}\n")
    result = program.run("get", "http://no-such-host.invalid/clip.mp4")
    assert (result.returncode, result.stderr) == (1, "1 failed\n")
    assert result.stdout == (
        "failed       http://no-such-host.invalid/clip.mp4: cannot resolve the host no-such-host.invalid;"
        " look at the host's name, and whether this machine is online\n"
    )


def test_an_internal_address_is_not_reached(site, program):
    """Without `private_hosts` no connection is made, and the line says how to allow it."""
    (program.folder / "haulage.yaml").write_text("workers: 1\n")
    path = "/clip.mp4?internal"
    result = program.run("get", site.url(path))
    assert result.returncode == 1
    assert result.stdout == (
        f"unavailable  {site.url(path)}: 127.0.0.1 is an internal address; if it is meant, name it in private_hosts\n"
    )
    assert site.log(path) == ()


def test_a_reader_that_goes_away_is_no_error(site, program):
    """`haulage list | head` ends quietly."""
    assert program.run("get", site.url("clip.mp4")).returncode == 0
    with program.start("list", "--json") as process:
        process.stdout.close()
        err = process.stderr.read()
    assert err == ""


def test_what_is_stored_is_not_touched(scripted):
    """Whatever people get wrong afterwards, the files and what is known of them stay as they are."""
    assert scripted.run("get", "http://a.test/good/treasure").returncode == 0
    config, good = scripted.folder / "haulage.yaml", (scripted.folder / "haulage.yaml").read_text()

    def state():
        known = [scripted.rows(f"select * from {table}") for table in ("videos", "stored_objects", "attempts")]
        return known, [(path, path.read_bytes()) for path in scripted.stored()]

    before = state()
    assert "treasure" in str(before)
    for text, arguments, code in [
        ("wrokers: 3\n", ["get", "http://a.test/good/other"], 2),
        (f"{good}storages: {{library: haulage.yaml/videos}}\n", ["get", "http://a.test/good/other"], 3),
        (f"{good}workspace: {{path: haulage.yaml/work}}\n", ["get", "http://a.test/good/other"], 3),
        (good, ["get", "http://a.test/good/other", "clip"], 2),
        (good, ["retry", "treasure"], 0),
        (good, ["resume", "b.test"], 2),
    ]:
        config.write_text(text)
        assert scripted.run(*arguments).returncode == code, arguments
        assert state() == before, arguments
