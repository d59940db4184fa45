"""`haulage doctor`: what it says of each part, the exit code, and that it leaves nothing behind."""

import re
import sqlite3

import pytest

GOOD = [
    "ok       config: haulage.yaml",
    "ok       plugins: from built in, haulage-ytdlp 0.1.0, scripted",
    "ok       workspace: {folder}/.haulage/work, SIZE GiB free",
    "ok       database: sqlalchemy, it can be read and written",
    "ok       fetcher: scripted",
    "ok       storage library: {folder}/library/: written, read back and deleted",
]
"""What it says where all is good, in this order."""


def lines(program, said):
    """The lines, without how much is free just now."""
    return [re.sub(r"[\d,]+\.\d(?= GiB free)", "SIZE", line) for line in said.splitlines()]


def expected(program, *others, without=()):
    """The lines of what is good, but for those parts that others are about."""
    parts = {other.split(": ")[0].split(maxsplit=1)[1] for other in others} | set(without)
    good = [line for line in GOOD if line.split(": ")[0].split(maxsplit=1)[1] not in parts]
    return sorted(line.format(folder=program.folder) for line in [*good, *others])


def test_all_is_good(program, watch):
    """Each part has a line, on a terminal as in a pipe, and nothing but empty rooms is left."""
    result = program.run("doctor")
    assert (result.returncode, result.stderr) == (0, "")
    told = lines(program, result.stdout)
    good = [line.format(folder=program.folder).replace(", scripted", "") for line in GOOD]
    assert [*told[:4], told[-1]] == [*good[:4], good[-1]]
    age, ffmpeg, script = told[4:-1]
    assert re.fullmatch(r"(ok       yt-dlp: [\d.]+, \d+ days old|warning  yt-dlp: [\d.]+ is \d+ days old, .*)", age)
    assert re.fullmatch(r"ok       FFmpeg: ffmpeg version \S+ \(/.*\)", ffmpeg)
    assert re.fullmatch(r"ok       JavaScript: deno \d.*\(/.*/deno\)", script)
    shown = watch("doctor", terminal=True)
    assert shown.end() == 0
    assert lines(program, shown.said) == told
    findings = program.json("doctor", "--json")
    assert [(each["about"], each["level"]) for each in findings] == [
        (line.split(": ")[0].split(maxsplit=1)[1], {"ok": "good"}.get(line.split()[0], line.split()[0]))
        for line in told
    ]
    assert {tuple(each) for each in findings} == {("about", "level", "message", "cure")}
    assert list((program.folder / "library").iterdir()) == []
    assert [path.name for path in (program.folder / ".haulage" / "work").iterdir()] == ["home"]
    assert program.rows("select count(*) from video_processing_jobs") == [(0,)]


@pytest.mark.parametrize(
    ("prices", "line"),
    [
        (
            "",
            "warning  budget: budget.max_monthly_cost does not count library: no price is known;"
            " set prices: {library: {storage: ...}} in the config, 0 USD for what costs nothing",
        ),
        ("prices: {library: {storage: 0.01}}", "ok       budget: all storages count"),
    ],
)
def test_a_budget_that_cannot_count_all(scripted, haulage, prices, line):
    """A storage without a price is a warning, and the exit code is 0; whoever hauls is warned once."""
    config = scripted.folder / "haulage.yaml"
    config.write_text(f"{config.read_text()}budget: {{max_monthly_cost: 20 USD}}\n{prices}\n")
    told = haulage("doctor")
    assert told.returncode == 0
    assert [each for each in told.stdout.splitlines() if " budget: " in each] == [line]
    said = " ".join(each.strip() for each in haulage("get", "http://a.test/good/one").stderr.splitlines())
    assert said.count("budget.max_monthly_cost does not count library") == (0 if prices else 1)


@pytest.mark.parametrize(
    ("config", "bad"),
    [
        (
            "storages: {library: file/videos}",
            "bad      storage library: cannot use {folder}/file/videos: Not a directory;"
            " let haulage write there, or choose another path",
        ),
        (
            "database: sqlite:///file",
            "bad      database: database {folder}/file: file is not a database;"
            " name another file; this one is no SQLite database",
        ),
        (
            "database: sqlite:///missing/haulage.db",
            "bad      database: database {folder}/missing/haulage.db: unable to open database file;"
            " make its folder first, or choose another path",
        ),
        (
            "workspace: {path: file/work}",
            "bad      workspace: cannot use the workspace {folder}/file/work: Not a directory;"
            " set workspace.path to a folder that haulage can write to",
        ),
    ],
)
def test_something_cannot_be_used(scripted, config, bad):
    """The line says why and what to do, the exit code is 3, and all else is looked at too."""
    (scripted.folder / "file").write_text("This is no database, nor a folder.\n" * 100)
    (scripted.folder / "haulage.yaml").write_text(f"fetcher: {{type: scripted}}\n{config}\n")
    result = scripted.run("doctor")
    assert (result.returncode, result.stderr) == (3, "")
    assert sorted(lines(scripted, result.stdout)) == expected(scripted, bad.format(folder=scripted.folder))
    assert (scripted.folder / "file").read_text() == "This is no database, nor a folder.\n" * 100


def test_the_database_is_newer(scripted):
    """It is told, and left as it is."""
    assert scripted.run("status").returncode == 0
    database = sqlite3.connect(scripted.folder / "haulage.db")
    database.execute("update schema_version set version = 99")
    database.commit()
    database.close()
    result = scripted.run("doctor")
    bad = f"bad      database: database {scripted.folder}/haulage.db has schema 99, this haulage reads 1;"
    bad += " upgrade haulage, or name another database"
    assert (result.returncode, sorted(lines(scripted, result.stdout))) == (3, expected(scripted, bad))
    assert scripted.rows("select version from schema_version") == [(99,)]


@pytest.mark.parametrize(
    ("fault", "said", "left"),
    [
        ("loses", "KEY is not there, or not whole, once written", 0),
        ("changes", "KEY holds something else than was written", 0),
        ("keeps", "KEY is still there after it was deleted", 1),
        ("raises", "ZeroDivisionError: one of nine; report it to its authors", 1),
        ("none", "", 0),
    ],
)
def test_a_storage_that_is_not_to_be_trusted(scripted, fault, said, left):
    """What is not as it was written is told, and is deleted all the same; the other storage is looked at too."""
    config = f"storages: {{library: library, odd: {{type: unreliable, fault: {fault}}}}}\nfetcher: {{type: scripted}}\n"
    (scripted.folder / "haulage.yaml").write_text(config)
    result = scripted.run("-p", "unreliable", "doctor")
    told = re.sub(rf"{scripted.folder}/disk/haulage-doctor-[0-9a-f]{{16}}.txt", "KEY", result.stdout)
    told = told.replace(", scripted\n", ", scripted, unreliable\n")
    good = f"{scripted.folder}/disk/: written, read back and deleted"
    odd = f"bad      storage odd: {said}" if said else f"ok       storage odd: {good}"
    told = told.replace("scripted, unreliable", "scripted").replace(", unreliable", "")
    assert sorted(lines(scripted, told)) == expected(scripted, odd)
    assert result.returncode == (3 if said else 0)
    assert len(list((scripted.folder / "disk").iterdir())) == left
    assert list((scripted.folder / "library").iterdir()) == []


def test_the_config_is_wrong(program):
    """Each problem is a line with its place, the exit code is 2, and nothing is made."""
    (program.folder / "haulage.yaml").write_text("wrokers: 3\nretry: {attempts: none}\n")
    problems = [
        "haulage.yaml:1:1: wrokers: unknown option 'wrokers'; did you mean 'workers'?",
        "haulage.yaml:2:9: retry.attempts: expected a whole number, got 'none'",
    ]
    result = program.run("doctor")
    assert (result.returncode, result.stderr) == (2, "")
    assert result.stdout.splitlines() == [f"bad      config: {problem}" for problem in problems]
    result = program.run("doctor", "--json")
    assert (result.returncode, [path.name for path in program.folder.iterdir()]) == (2, ["haulage.yaml"])
    assert [problem in result.stdout for problem in problems] == [True, True]


def test_a_plugin_beside_is_broken(scripted, tmp_path_factory, monkeypatch):
    """What the config does not need is a warning, and no reason to fail."""
    folder = tmp_path_factory.mktemp("site")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    (folder / "rusty.py").write_text("import no_such_module\n")
    (folder / "rusty-1.0.dist-info").mkdir()
    (folder / "rusty-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: rusty\nVersion: 1.0\n")
    (folder / "rusty-1.0.dist-info" / "entry_points.txt").write_text("[haulage.v1]\nrust = rusty\n")
    result = scripted.run("doctor")
    assert (result.returncode, result.stderr) == (0, "")
    warning = "warning  plugin rust: rusty 1.0 failed to load: ModuleNotFoundError: No module named 'no_such_module'"
    assert sorted(lines(scripted, result.stdout)) == expected(scripted, warning)
    [found] = [each for each in scripted.json("doctor", "--json") if each["level"] != "good"]
    assert found == {
        "about": "plugin rust",
        "level": "warning",
        "message": "rusty 1.0 failed to load: ModuleNotFoundError: No module named 'no_such_module'",
        "cure": "",
    }
