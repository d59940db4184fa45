# ruff: noqa: E501 - the tables hold messages as they are
import sys
from importlib.metadata import EntryPoint

import pytest

from haulage.errors import Kind, PluginError
from haulage.registry.components import (
    ExecutorComponent,
    FetcherComponent,
    MetadataStoreComponent,
    ObserverComponent,
    RetryPolicyComponent,
    StorageComponent,
)
from haulage.registry.host import Host
from haulage.registry.installed import GROUP

TAPE = """
@hookimpl
def haulage_storages():
    yield storage("tape")
"""


def point(name, module):
    return EntryPoint(name, module, GROUP)


def failure_of(call):
    with pytest.raises(PluginError) as caught:
        call()
    return caught.value.failure


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (StorageComponent, "local"),
        (MetadataStoreComponent, "sqlalchemy"),
        (RetryPolicyComponent, "exponential"),
        (ExecutorComponent, "threads"),
        (ObserverComponent, "jsonl"),
    ],
)
def test_what_comes_with_haulage_is_found(kind, name):
    """The built-in components need no plugin."""
    record = Host(points=[]).find(kind, name)
    assert type(record) is kind
    assert record.name == name
    assert record.summary


def test_a_built_in_component_loads_no_plugin(write):
    """Who uses what comes with haulage is not touched by what is installed beside it."""
    write("shadow", TAPE)
    assert Host(points=[point("local", "shadow")]).find(StorageComponent, "local").name == "local"
    assert "shadow" not in sys.modules


def test_a_module_that_is_named_is_found(write):
    """`-p module` makes a component known that nobody installed."""
    assert Host([write("my_tape", TAPE)], points=[]).find(StorageComponent, "tape").name == "tape"


def test_a_module_may_be_named_twice(write):
    """One module is one offer."""
    module = write("my_tape", TAPE)
    host = Host([module, module], points=[point("tape", module)])
    assert host.find(StorageComponent, "tape").name == "tape"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("raise RuntimeError('no\\n such  thing')", "RuntimeError: no such thing"),
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("", "it has no hook; mark its functions with @hookimpl"),
    ],
)
def test_a_module_that_is_named_and_broken_is_an_error_at_once(write, body, error):
    """Who names a module needs it."""
    write("my_tape", body)
    failure = failure_of(lambda: Host(["my_tape"], points=[]))
    assert failure.kind is Kind.CONFIG
    assert str(failure) == f"plugin module my_tape failed to load: {error}"


def test_only_the_plugin_that_is_needed_is_loaded(write):
    """The entry point of the component's name is loaded, and no other."""
    points = [point("tape", write("tape_plugin", TAPE)), point("disc", write("disc_plugin", TAPE))]
    Host(points=points).find(StorageComponent, "tape")
    assert "tape_plugin" in sys.modules
    assert "disc_plugin" not in sys.modules


def test_a_component_whose_entry_point_has_another_name_is_found(write):
    """Where no entry point has the name, all plugins are asked."""
    host = Host(
        points=[point("archive", write("tape_plugin", TAPE)), point("x", write("broken", "raise RuntimeError"))]
    )
    assert host.find(StorageComponent, "tape").name == "tape"


def test_a_known_plugin_that_is_missing_is_told_with_its_package():
    """What could be installed is told with the command."""
    failure = failure_of(lambda: Host(points=[]).find(FetcherComponent, "yt-dlp"))
    assert failure.kind is Kind.ENVIRONMENT
    assert str(failure) == "fetcher 'yt-dlp' is not installed; install it with: pip install haulage-ytdlp"


def test_a_name_that_is_nearly_right_is_told(write):
    """A slip of the pen is told with what was meant, that of plugins included."""
    host = Host([write("my_tape", TAPE)], points=[])
    failure = failure_of(lambda: host.find(StorageComponent, "locl"))
    assert failure.kind is Kind.CONFIG
    assert str(failure) == "there is no storage 'locl'; did you mean 'local'?"
    assert str(failure_of(lambda: host.find(StorageComponent, "tpe"))) == (
        "there is no storage 'tpe'; did you mean 'tape'?"
    )


def test_a_name_that_nobody_knows_is_told_with_those_there_are(write):
    """Otherwise the components of that kind are named, in order."""
    host = Host([write("my_tape", TAPE)], points=[])
    failure = failure_of(lambda: host.find(StorageComponent, "zzz"))
    assert str(failure) == "there is no storage 'zzz'; there are: local, memory, tape"
    assert str(failure_of(lambda: host.find(RetryPolicyComponent, "local"))) == (
        "there is no retry policy 'local'; there are: exponential"
    )


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("raise RuntimeError('not today')", "RuntimeError: not today"),
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("def :", "SyntaxError: invalid syntax"),
        ("@hookimpl\ndef haulage_storages():\n    raise ValueError('no\\n driver')", "ValueError: no driver"),
        (TAPE + "    raise ValueError('late')", "ValueError: late"),
        ("@hookimpl\ndef haulage_storages():\n    return None", "TypeError: 'NoneType' object is not iterable"),
        (
            "@hookimpl\ndef haulage_storages():\n    yield 'tape'",
            "hook 'haulage_storages' yields str instead of StorageComponent",
        ),
        (
            "@hookimpl\ndef haulage_fetchers():\n    yield storage('tape')",
            "hook 'haulage_fetchers' yields StorageComponent instead of FetcherComponent",
        ),
        (
            TAPE + "@hookimpl\ndef haulage_retry_policies():\n    yield storage('tape')",
            "hook 'haulage_retry_policies' yields StorageComponent instead of RetryPolicyComponent",
        ),
        ("@hookimpl\ndef haulage_storage():\n    yield storage('tape')", "unknown hook 'haulage_storage'; did you mean 'haulage_storages'?"),
        ("@hookimpl\ndef haulage_storages(config):\n    yield storage('tape')", "hook 'haulage_storages' takes no arguments, and here it has 'config'"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("raise BaseException", "BaseException"),
        ("@hookimpl\ndef haulage_storages():\n    raise SystemExit", "SystemExit"),
        ("@hookimpl\ndef frobnicate():\n    yield storage('tape')", "unknown hook 'frobnicate'"),
        ("def haulage_storages():\n    yield storage('tape')", "it has no hook; mark its functions with @hookimpl"),
        (TAPE + TAPE[TAPE.index("    yield"):], "hook 'haulage_storages' yields 'tape' twice"),
        ("@hookimpl\ndef haulage_storages():\n    yield storage(3)",
         "hook 'haulage_storages' yields a record whose name or summary is no text"),
        ("@hookimpl\ndef haulage_storages():\n    yield StorageComponent('tape', 'A storage.', dict, None)",
         "the options of storage 'tape' are no attrs class"),
        ("@frozen\nclass Lost:\n    where: 'Nowhere'\n"
         "@hookimpl\ndef haulage_storages():\n    yield StorageComponent('tape', 'A storage.', Lost, None)",
         "NameError: name 'Nowhere' is not defined"),
    ],
)  # fmt: skip
def test_a_broken_plugin_is_an_error_only_for_who_needs_it(write, body, error):
    """Whatever is wrong with it, a plugin offers nothing, is told to who asks for it, and harms nobody else."""
    write("tape_plugin", body)
    host = Host(
        points=[point("tape", "tape_plugin"), point("disc", write("disc_plugin", TAPE.replace("tape", "disc")))]
    )
    for _ in range(2):
        failure = failure_of(lambda: host.find(StorageComponent, "tape"))
        assert failure.kind is Kind.ENVIRONMENT
        assert str(failure).startswith(f"storage 'tape': tape_plugin offers it but failed to load: {error}")
        assert "\n" not in str(failure)
    assert host.find(StorageComponent, "disc").name == "disc"
    assert host.find(StorageComponent, "local").name == "local"
    assert "did you mean 'tape'" not in str(failure_of(lambda: host.find(StorageComponent, "tapes")))


@pytest.mark.parametrize(
    "body",
    [
        "@hookimpl\ndef haulage_storages(config):\n    yield storage('tape')",
        TAPE + "    raise ValueError('late')",
    ],
)
def test_a_broken_module_is_broken_under_every_name(write, body):
    """A plugin that does not keep to the hooks is not taken for a good one the second time it is met."""
    write("tape_plugin", body)
    host = Host(points=[point("disc", "tape_plugin"), point("tape", "tape_plugin")])
    for name in ("disc", "tape"):
        failure = failure_of(lambda name=name: host.find(StorageComponent, name))
        assert str(failure).startswith(f"storage '{name}': tape_plugin offers it but failed to load: ")


def test_nobody_stands_in_for_a_broken_plugin(write):
    """Where the plugin of that very name is broken, another that happens to offer the name is not even asked."""
    points = [point("tape", write("broken", "raise RuntimeError")), point("archive", write("other", TAPE))]
    failure = failure_of(lambda: Host(points=points).find(StorageComponent, "tape"))
    assert str(failure) == "storage 'tape': broken offers it but failed to load: RuntimeError"
    assert "other" not in sys.modules


def test_components_of_two_kinds_may_share_a_name(write):
    """A fetcher and a storage of one name are no conflict."""
    body = (
        TAPE
        + """
@hookimpl
def haulage_fetchers():
    yield FetcherComponent("tape", "A fetcher.", Options, lambda options, context: None)
"""
    )
    host = Host([write("my_tape", body)], points=[])
    assert type(host.find(StorageComponent, "tape")) is StorageComponent
    assert type(host.find(FetcherComponent, "tape")) is FetcherComponent


def test_hosts_do_not_share_plugins(write):
    """What one pipeline names is unknown to the next."""
    Host([write("my_tape", TAPE)], points=[]).find(StorageComponent, "tape")
    failure_of(lambda: Host(points=[]).find(StorageComponent, "tape"))


def test_all_components_of_a_kind_are_listed(write):
    """They come by name, from every plugin; what is broken, or offered by two, is left out."""
    write("tape_module", TAPE)
    write("other_module", TAPE + '    yield storage("drum")')
    write("broken_module", "import no_such_module")
    tape, other, broken = point("a", "tape_module"), point("b", "other_module"), point("c", "broken_module")
    assert [each.name for each in Host(points=[tape, broken]).components(StorageComponent)] == [
        "local",
        "memory",
        "tape",
    ]
    assert [each.name for each in Host(points=[tape, other]).components(StorageComponent)] == [
        "drum",
        "local",
        "memory",
    ]
    assert [each.name for each in Host(points=[tape]).components(RetryPolicyComponent)] == ["exponential"]
