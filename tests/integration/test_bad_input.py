"""Every mistake gets one clear line with the cure, and the right exit code; never a traceback."""

import sqlite3

import pytest

CONFIGS = [
    (
        "storages: {nas: {type: local, pat: x}}",
        "haulage.yaml:1:31: storages.nas.pat: unknown option 'pat'; did you mean 'path'?",
    ),
    ("worker: 3", "haulage.yaml:1:1: worker: unknown option 'worker'; did you mean 'workers'?"),
    ("workers: many", "haulage.yaml:1:1: workers: expected a whole number, got 'many'"),
    ("storages: {s: {type: s4}}", "haulage.yaml:1:16: storages.s.type: there is no storage 's4'; there are: local"),
    (
        "layout: video.{ext}",
        "haulage.yaml:1:1: layout: 'video.{ext}': without {video_id} all videos would have one key",
    ),
    ("retry: {attempts: 0}", "haulage.yaml:1:9: retry.attempts: 'attempts' must be >= 1: 0"),
]


@pytest.mark.parametrize(("text", "line"), CONFIGS)
def test_a_wrong_config(program, text, line):
    """The line says where, what and how to mend it; nothing is made."""
    (program.folder / "haulage.yaml").write_text(text + "\n")
    result = program.run("get", "http://127.0.0.1/clip.mp4")
    assert (result.returncode, result.stdout, result.stderr) == (2, "", f"haulage: {line}\n")
    assert [path.name for path in program.folder.iterdir()] == ["haulage.yaml"]


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
    (["haul"], "Error: No such command 'haul'."),
]


@pytest.mark.parametrize(("arguments", "line"), COMMAND_LINES)
def test_a_wrong_command_line(program, arguments, line):
    """The last line says what is wrong, and the exit code is 2."""
    result = program.run(*arguments)
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


def test_a_database_that_cannot_be_used(program):
    """A database in a folder that is missing, and a file that is none, are told with the cure and exit code 3."""
    (program.folder / "haulage.yaml").write_text("database: sqlite:///missing/haulage.db\n")
    result = program.run("get", "https://x.invalid/clip.mp4")
    assert result.returncode == 3
    assert result.stderr == (
        f"haulage: database {program.folder}/missing/haulage.db: unable to open database file;"
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
