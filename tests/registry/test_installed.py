"""Plugins as they are installed: distributions on the path, with nothing of them replaced."""

import sys

import pytest

from haulage.errors import Kind, PluginError
from haulage.plugin import hookimpl
from haulage.registry.components import FetcherComponent, RetryPolicyComponent, StorageComponent
from haulage.registry.host import BUILT_IN, Broken, Host
from haulage.registry.loading import Loader

TAPE = """
@hookimpl
def haulage_storages():
    yield storage("tape")
"""
TAPE_FETCHER = """
@hookimpl
def haulage_fetchers():
    yield FetcherComponent("tape", "A fetcher.", Options, lambda options, context: None)
"""
CONFLICT = "storage 'tape' is offered by haulage-a 1.0 and by haulage-b 2.0; disable one with plugins: {disable: [...]}"


def failure_of(host, name, kind=StorageComponent):
    with pytest.raises(PluginError) as caught:
        host.find(kind, name)
    return caught.value.failure


def test_an_installed_plugin_is_found(install):
    """A distribution with an entry point of our group is a plugin, and messages name it by its version."""
    install("haulage-tape", "1.2", "tape", body=TAPE)
    install("haulage-lost", "0.1.0", "lost", body="import no_such_module")
    host = Host()
    assert host.find(StorageComponent, "tape").name == "tape"
    failure = failure_of(host, "lost")
    assert failure.kind is Kind.ENVIRONMENT
    assert str(failure) == (
        "storage 'lost': haulage-lost 0.1.0 offers it but failed to load: "
        "ModuleNotFoundError: No module named 'no_such_module'"
    )


def test_metadata_that_cannot_be_read_harms_nobody(install, tmp_path):
    """A distribution whose list of entry points is no such list, or that has no name, is passed over."""
    install("haulage-a", "1.0", lines="junk\n")
    install("haulage-b", "1.0", "disc", body=TAPE)
    (tmp_path / "haulage_b-1.0.dist-info" / "METADATA").unlink()
    install("haulage-tape", "1.2", "tape", body=TAPE)
    host = Host()
    assert host.find(StorageComponent, "tape").name == "tape"
    assert {"haulage-a", "haulage-b"}.isdisjoint(host.distributions)


def test_a_distribution_that_another_hides_is_no_conflict(install, tmp_path, monkeypatch):
    """Of two versions on the path the first is the one that is imported, and the only one that counts."""
    install("haulage-tape", "2.0", "tape", body=TAPE)
    below = tmp_path / "below" / "Haulage_Tape-1.0.dist-info"
    below.mkdir(parents=True)
    (below / "METADATA").write_text("Metadata-Version: 2.1\nName: Haulage_Tape\nVersion: 1.0\n")
    (below / "entry_points.txt").write_text("[haulage.v1]\ntape = haulage_tape\n")
    monkeypatch.setattr(sys, "path", [*sys.path, str(below.parent)])
    assert Host().find(StorageComponent, "tape").name == "tape"


def test_two_distributions_that_offer_one_name_are_a_conflict_for_who_needs_it(install):
    """It is found without importing either, told with both, and no matter to anybody else."""
    install("haulage-b", "2.0", "tape", body=TAPE)
    install("haulage-a", "1.0", "tape", body=TAPE)
    install("haulage-disc", "1.0", "disc", body=TAPE.replace("tape", "disc"))
    host = Host()
    failure = failure_of(host, "tape")
    assert (failure.kind, str(failure)) == (Kind.CONFIG, CONFLICT)
    assert {"haulage_a", "haulage_b"}.isdisjoint(sys.modules)
    assert host.find(StorageComponent, "disc").name == "disc"


@pytest.mark.parametrize("disabled", ["haulage-a", "Haulage_A"])
def test_a_conflict_ends_when_one_is_disabled(install, disabled):
    """Distributions are told apart by their names, however these are written; what is disabled is not imported."""
    install("haulage-a", "1.0", "tape", body=TAPE)
    install("haulage-b", "2.0", "tape", body=TAPE)
    host = Host()
    host.disable([disabled])
    assert host.find(StorageComponent, "tape").name == "tape"
    assert "haulage_b" in sys.modules
    assert "haulage_a" not in sys.modules
    failure_of(host, "zzz")  # nor when all are asked
    assert "haulage_a" not in sys.modules


def test_two_records_of_one_name_are_a_conflict(install):
    """Also where entry points of other names bring them."""
    install("haulage-a", "1.0", "x", body=TAPE)
    install("haulage-b", "2.0", "y", body=TAPE)
    host = Host()
    assert str(failure_of(host, "tape")) == CONFLICT
    assert host.find(StorageComponent, "local").name == "local"


def test_two_modules_that_offer_one_name_are_a_conflict(write):
    """A module may not take the place of what is built in either; who names modules can leave one out."""
    one, two = write("one", TAPE), write("two", TAPE)
    assert str(failure_of(Host([one, two], points=[]), "tape")) == (
        "storage 'tape' is offered by one and by two; leave out one of the modules"
    )
    local = write("my_local", TAPE.replace("tape", "local"))
    assert str(failure_of(Host([local], points=[]), "local")) == (
        "storage 'local' is offered by haulage and by my_local; leave out one of the modules"
    )


def test_a_module_comes_before_what_is_installed(install, write):
    """Who names a module means it, however many distributions offer the same."""
    install("haulage-a", "1.0", "tape", body=TAPE)
    install("haulage-b", "2.0", "tape", body=TAPE)
    host = Host([write("mine", TAPE)])
    assert host.find(StorageComponent, "tape").name == "tape"
    assert {"haulage_a", "haulage_b"}.isdisjoint(sys.modules)


def test_what_is_found_does_not_depend_on_what_was_looked_for_before(install):
    """An installed plugin that also offers the name of another's entry point, or of a built-in one, stands back."""
    body = TAPE + '    yield storage("local")\n    yield storage("own")\n'
    install("haulage-a", "1.0", "a", body=body)
    real = 'StorageComponent("tape", "The real one.", Options, lambda options, context: None)'
    install("haulage-tape", "2.0", "tape", body=TAPE.replace('storage("tape")', real))
    fresh, asked = Host(), Host()
    assert asked.find(StorageComponent, "own").name == "own"
    for host in (fresh, asked):
        summaries = [host.find(StorageComponent, name).summary for name in ("tape", "local")]
        assert summaries == ["The real one.", "Plain files in a folder."]
    obstacles = {(offer.record.name, offer.origin): said for offer, said in asked.survey()[0] if said}
    assert obstacles == {
        ("tape", "haulage-a 1.0"): "not used; that of haulage-tape 2.0 comes first",
        ("local", "haulage-a 1.0"): "not used; that of haulage comes first",
    }


def test_one_module_may_stand_under_several_names(install):
    """A distribution with two entry points to one module offers each component once."""
    install("haulage-a", "1.0", "tape", "disc", body=TAPE + '    yield storage("disc")\n')
    host = Host()
    assert [host.find(StorageComponent, name).name for name in ("disc", "tape")] == ["disc", "tape"]
    assert not any(said for _, said in host.survey()[0])


def test_a_plugin_that_is_disabled_is_told_to_who_needs_it(install):
    """The message says what to do instead of how to install what is there."""
    install("haulage-s3", "1.0", "s3", body=TAPE.replace("tape", "s3"))
    host = Host()
    host.disable(["haulage-s3"])
    failure = failure_of(host, "s3")
    assert failure.kind is Kind.CONFIG
    assert str(failure) == (
        "storage 's3': haulage-s3 1.0 offers it but is disabled; take it out of plugins: {disable: [...]}"
    )


def test_no_plugins_means_none_that_is_installed(install, write):
    """What is built in and the modules that are named remain, and nothing else is imported."""
    install("haulage-disc", "1.0", "disc", body=TAPE.replace("tape", "disc"))
    host = Host([write("mine", TAPE)], no_plugins=True)
    assert [host.find(StorageComponent, name).name for name in ("local", "tape")] == ["local", "tape"]
    assert str(failure_of(host, "disc")) == (
        "storage 'disc': haulage-disc 1.0 offers it but is disabled; leave out --no-plugins"
    )
    assert "haulage_disc" not in sys.modules
    assert "haulage-disc" in host.distributions


@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [
        (StorageComponent, "s3", "storage 's3' is not installed; install it with: pip install haulage-s3"),
        (StorageComponent, "gcs", "storage 'gcs' is not installed; install it with: pip install haulage-gcs"),
        (StorageComponent, "gcss", "there is no storage 'gcss'; did you mean 'gcs'?"),
        (StorageComponent, "yt-dlp", "there is no storage 'yt-dlp'; there are: local, memory"),
        (FetcherComponent, "ytdlp", "there is no fetcher 'ytdlp'; did you mean 'yt-dlp'?"),
        (FetcherComponent, "s3", "there is no fetcher 's3'"),
        (RetryPolicyComponent, "s3", "there is no retry policy 's3'; there are: exponential"),
    ],
)
def test_what_could_be_installed_is_told_for_its_kind(kind, name, said):
    """The catalogue is for the kind that is asked for; it also knows how names are spelt."""
    assert str(failure_of(Host(points=[]), name, kind)) == said


def test_a_survey_shows_all_that_is_there(install, write):
    """Each component with where it comes from and what stands in its way, and the broken plugins with their reasons."""
    install("haulage-a", "1.0", "tape", body=TAPE)
    install("haulage-b", "2.0", "tape", body=TAPE + TAPE_FETCHER)
    install("haulage-lost", "0.1.0", "lost", body="raise SystemExit('gone')")
    host = Host([write("mine", TAPE.replace("tape", "mine"))])
    offers, broken = host.survey()
    ours = [
        (offer.what, offer.record.name, offer.origin, said) for offer, said in offers if "ytdlp" not in offer.origin
    ]
    assert [each for each in ours if each[2] != BUILT_IN] == [
        ("storage", "mine", "mine", ""),
        ("storage", "tape", "haulage-a 1.0", CONFLICT),
        ("fetcher", "tape", "haulage-b 2.0", CONFLICT.replace("storage", "fetcher")),
        ("storage", "tape", "haulage-b 2.0", CONFLICT),
    ]
    assert ("storage", "local", BUILT_IN, "") in ours
    assert broken == (Broken("lost", "haulage-lost 0.1.0", "SystemExit: gone"),)


@pytest.mark.parametrize("name", ["tape", "s3", "zzz"])
def test_what_is_missing_is_told_whatever_its_kind(install, name):
    """Who asks for a name alone gets the same answers."""
    install("haulage-tape", "1.0", "tape", body="raise RuntimeError('no drive')")
    host = Host()
    host.survey()
    assert str(host.missing(name)).startswith(
        {
            "tape": "component 'tape': haulage-tape 1.0 offers it but failed to load: RuntimeError: no drive",
            "s3": "component 's3' is not installed; install it with: pip install haulage-s3",
            "zzz": "there is no component 'zzz'; there are: exponential, ",
        }[name]
    )


def test_an_interrupt_is_not_a_broken_plugin(write):
    """Ctrl-C while plugins are imported ends the program."""
    with pytest.raises(KeyboardInterrupt):
        Host([write("slow", "raise KeyboardInterrupt")], points=[])


def test_a_plugin_may_be_any_object():
    """What an entry point names need not be a module."""

    class Plugin:
        @hookimpl
        def haulage_storages(self):
            return ()

    assert Loader().ask(Plugin()) == []
