"""`haulage config`: what it prints, what it writes, what it refuses, and that it opens nothing."""

import json
import os
import shutil

import jsonschema
import pytest

from haulage.cli.main import run


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder, which is the current one."""
    for name in [name for name in os.environ if name.startswith("HAULAGE")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def haulage(folder, capsys):
    """Run the program: its exit code, what it printed, and the last line of what it complained."""

    def call(*arguments):
        code = run(["config", *arguments])
        told = capsys.readouterr()
        assert not list(folder.rglob("*.db")), "no database is made"
        return code, told.out, "".join(told.err.splitlines(keepends=True)[-1:])

    return call


CONFIG = """\
storages:
  nas: ${NAS}/videos
  spare: {type: local, path: spare}
database: postgresql://haulage:${PASSWORD}@db/haulage
retry: {attempts: 5, initial: "${WAIT:-2s}"}
workers: 8
"""


@pytest.fixture
def config(folder, monkeypatch):
    """A config with short forms and variables."""
    monkeypatch.setenv("NAS", "/mnt/nas")
    monkeypatch.setenv("PASSWORD", "hunter2")
    path = folder / "haulage.yaml"
    path.write_text(CONFIG)
    return path


def test_check_what_is_good(haulage, config):
    """One line says what is good, and JSON says so too."""
    said = "storages nas, spare; database sqlalchemy; fetcher yt-dlp; retry exponential; executor threads\n"
    assert haulage("check") == (0, f"haulage.yaml is good: {said}", "")
    code, out, _ = haulage("check", "--json")
    assert (code, json.loads(out)) == (0, {"good": True, "problems": [], "warnings": []})
    news = "subscriptions: {news: {url: 'https://a.test/news', store_to: [spare]}}"
    config.write_text(f"{CONFIG}store_to: [nas]\n{news}\n")
    assert haulage("check") == (0, f"haulage.yaml is good: {said}", "")


def test_check_without_a_config(haulage):
    """Where there is none, the defaults are what is checked."""
    said = "storage library; database sqlalchemy; fetcher yt-dlp; retry exponential; executor threads\n"
    assert haulage("check") == (0, f"no config here; the defaults are good: {said}", "")


def test_check_what_is_wrong(haulage, config, capsys):
    """Every problem is told at once, with its place; in JSON too, and the exit code is 2."""
    config.write_text("storages:\n  nas: {pth: x}\nwokers: 3\nlease: ${LEASE}\n")
    problems = [
        "haulage.yaml:2:3: storages.nas: missing option 'type'",
        "haulage.yaml:3:1: wokers: unknown option 'wokers'; did you mean 'workers'?",
        "haulage.yaml:4:1: lease: environment variable LEASE is not set; set it or write ${LEASE:-default}",
    ]
    assert run(["config", "check"]) == 2
    told = capsys.readouterr()
    assert (told.out, told.err.splitlines()) == ("", [f"haulage: {problem}" for problem in problems])
    code, out, err = haulage("check", "--json")
    assert (code, json.loads(out), err) == (2, {"good": False, "problems": problems, "warnings": []}, "")


def test_check_a_budget_that_cannot_count_all(haulage, config):
    """What has no price is named, with how to set it; the config is good all the same."""
    config.write_text("storages: {nas: /mnt/nas, spare: /mnt/spare}\nbudget: {max_monthly_cost: 20 USD}\n")
    code, out, _ = haulage("check")
    _, *more = out.splitlines()
    said = (
        "warning: budget.max_monthly_cost does not count nas, spare: no price is known; set prices:"
        " {nas: {storage: ...}, spare: {storage: ...}} in the config, 0 USD for what costs nothing"
    )
    assert (code, " ".join(each.strip() for each in more)) == (0, said)
    assert max(map(len, more)) <= 80
    code, out, _ = haulage("check", "--json")
    assert (code, json.loads(out)) == (0, {"good": True, "problems": [], "warnings": [said.removeprefix("warning: ")]})
    config.write_text(config.read_text() + "prices: {nas: {storage: 0.01 USD}, spare: {storage: 0 USD}}\n")
    assert len(haulage("check")[1].splitlines()) == 1


def test_explain(haulage, config):
    """Each key is there once, with its value, its place, its variables and its help; passwords are not."""
    code, out, _ = haulage("explain")
    assert code == 0
    assert out.startswith(
        "storages.nas.type: local  # haulage.yaml:2\n"
        "    Plain files in a folder.\n"
        "storages.nas.path: /mnt/nas/videos  # haulage.yaml:2, variable NAS\n"
        "    The folder that holds the objects; made when it is missing.\n"
        "storages.spare.type: local  # haulage.yaml:3\n"
    )
    assert "store_to: [nas, spare]  # default\n" in out
    assert "database.url: postgresql://db/haulage  # haulage.yaml:4, variable PASSWORD\n" in out
    assert "retry.initial: 2s  # haulage.yaml:5\n" in out
    assert 'layout: "{channel_id}/{video_id}/video.{ext}"  # default\n    How objects are named.\n' in out
    assert "hunter2" not in out


@pytest.mark.parametrize("key", ["executor.workers", "workers"])
def test_explain_one_key(haulage, config, key):
    """One key is explained alone, by its short form too."""
    assert haulage("explain", key) == (
        0,
        "executor.workers: 8  # haulage.yaml:6\n    How many videos are worked on at once.\n",
        "",
    )


def test_explain_as_json(haulage, config):
    """A list of objects, of what is under the key."""
    code, out, _ = haulage("explain", "storages.nas", "--json")
    assert (code, json.loads(out)) == (
        0,
        [
            {
                "key": "storages.nas.type",
                "value": "local",
                "place": "haulage.yaml:2",
                "variables": [],
                "help": "Plain files in a folder.",
                "secret": False,
            },
            {
                "key": "storages.nas.path",
                "value": "/mnt/nas/videos",
                "place": "haulage.yaml:2",
                "variables": ["NAS"],
                "help": "The folder that holds the objects; made when it is missing.",
                "secret": False,
            },
        ],
    )


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["explain", "retry.atempts"], "Error: there is no key 'retry.atempts'; did you mean 'retry.attempts'?"),
        (["explain", "storages.na"], "Error: there is no key 'storages.na'; did you mean 'storages.nas'?"),
        (["explain", "0"], "Error: there is no key '0'; without KEY, all are shown"),
        (["explain", "-c", "no.yaml"], "haulage: cannot read the config no.yaml: No such file or directory"),
        (["check", "-c", "no.yaml"], "haulage: cannot read the config no.yaml: No such file or directory"),
        (["init"], "Error: haulage.yaml is there already; --force overwrites it"),
        (["init", "missing/haulage.yaml"], "Error: cannot write missing/.haulage: No such file or directory"),
        (["init", "."], "Error: Invalid value for '[FILE]': File '.' is a directory."),
        (["init", "--force", "file/haulage.yaml"], "Error: cannot write file/.haulage: Not a directory"),
        (
            ["schema", "-p", "no_such_module"],
            "haulage: plugin module no_such_module failed to load: "
            "ModuleNotFoundError: No module named 'no_such_module'",
        ),
        (["shema"], "Error: No such command 'shema'. Did you mean 'schema'?"),
    ],
)
def test_a_wrong_command_line(haulage, config, folder, arguments, line):
    """The last line says what is wrong, the exit code is 2, and nothing is written."""
    (folder / "file").write_text("")
    assert haulage(*arguments) == (2, "", line + "\n")
    assert config.read_text() == CONFIG
    assert sorted(path.name for path in folder.iterdir()) == ["file", "haulage.yaml"]


def test_schema(haulage):
    """The schema is a good one, has the installed fetcher, and asks for no config."""
    code, out, _ = haulage("schema", "-c", "not-yet.yaml")
    schema = json.loads(out)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert code == 0
    assert "fetcher.yt-dlp" in schema["$defs"]
    assert jsonschema.Draft202012Validator(schema).is_valid({})
    assert not jsonschema.Draft202012Validator(schema).is_valid({"wokers": 3})


def test_init(haulage, folder):
    """What it writes is checked by what it writes beside it, says nothing but the defaults, and is not overwritten."""
    before = haulage("explain")
    assert haulage("init") == (0, "wrote haulage.yaml, and .haulage/schema.json for editors\n", "")
    text = (folder / "haulage.yaml").read_text()
    assert text.splitlines()[0] == "# yaml-language-server: $schema=.haulage/schema.json"
    assert (folder / ".haulage" / "schema.json").read_text() == haulage("schema")[1]
    assert haulage("check")[0] == 0
    assert haulage("explain") == before
    assert haulage("init")[0] == 2


def test_init_elsewhere(haulage, folder, monkeypatch):
    """A file that is named, by any of the ways to name a config, is written; the schema lies beside it."""
    (folder / "far").mkdir()
    assert haulage("init", "far/a.yaml") == (0, "wrote far/a.yaml, and far/.haulage/schema.json for editors\n", "")
    assert haulage("init", "-c", "b.yaml") == (0, "wrote b.yaml, and .haulage/schema.json for editors\n", "")
    monkeypatch.setenv("HAULAGE_CONFIG", "c.yaml")
    assert haulage("init") == (0, "wrote c.yaml, and .haulage/schema.json for editors\n", "")
    assert (folder / "far" / "a.yaml").read_text() == (folder / "b.yaml").read_text() == (folder / "c.yaml").read_text()


def test_init_with_force(haulage, config, folder):
    """A config that is there is overwritten when it is asked for, and so is an older schema."""
    (folder / ".haulage").mkdir()
    (folder / ".haulage" / "schema.json").write_text("{}")
    assert haulage("init", "--force")[0] == 0
    assert config.read_text().startswith("# yaml-language-server")
    assert (folder / ".haulage" / "schema.json").read_text() != "{}"


def test_init_where_the_schema_cannot_lie(haulage, folder):
    """It is told, with the name of what cannot be written, and no config names a schema that is not there."""
    (folder / ".haulage").write_text("")
    assert haulage("init") == (2, "", "Error: cannot write .haulage: File exists\n")
    assert not (folder / "haulage.yaml").exists()
    (folder / ".haulage").unlink()
    (folder / ".haulage" / "schema.json").mkdir(parents=True)
    assert haulage("init") == (2, "", "Error: cannot write .haulage/schema.json: Is a directory\n")
    assert not (folder / "haulage.yaml").exists()
    shutil.rmtree(folder / ".haulage")
    assert haulage("init")[0] == 0
