"""Secrets stay secret, and listing plugins costs nothing."""

import json
import logging
import os
import subprocess
import sys
import traceback
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from haulage.cancel import Cancelled
from haulage.config.options import describe
from haulage.contracts.storage import ObjectInfo
from haulage.testing.call import Call
from haulage.testing.conformance.content import sha256
from haulage.testing.conformance.law import law
from haulage.testing.conformance.place import ATTEMPT, Place
from haulage.values import AttemptId

KEY = "UC1/v1/video.mp4"
PLANTED = "planted-hunter2-s3cr3t"

_LOAD = """
import importlib.util, json, sys
import haulage.plugin
from haulage.registry.components import StorageComponent
from haulage.registry.host import Host
if {test}:
    from haulage.testing import StorageTests  # what a module of tests needs is no backend
before = set(sys.modules)
for name, file in {files!r}.items():
    if importlib.util.find_spec(name) is None:  # as pytest imports tests, from no place that is on the path
        spec = importlib.util.spec_from_file_location(name, file)
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
record = Host({modules!r}).find(StorageComponent, {name!r})
own = {{each.__module__.partition(".")[0] for each in (record.build, record.options)}} | {{
    name.partition(".")[0] for name in {modules!r}}}
tops = {{name.partition(".")[0] for name in set(sys.modules) - before}}
known = {{name.partition(".")[0] for name in before}}
print(json.dumps(sorted(tops - own - known - sys.stdlib_module_names)))
"""


class SecretLaws:
    """What the operator keeps secret is shown nowhere."""

    @law
    def test_secrets_are_in_no_repr_log_or_error(self, place: Place, caplog: pytest.LogCaptureFixture) -> None:
        """No value of an option that is marked secret is in what is shown, logged, told or raised."""
        options = place.bench.options
        hidden = {
            text
            for field in attrs.fields(type(options))
            if describe(field).secret
            for text in _texts(getattr(options, field.name))
        }
        with caplog.at_level(logging.DEBUG):
            shown = [repr(options), str(options), *_operate(place, place.bench.build())]
        shown += [caplog.text, *(repr(record.__dict__) for record in caplog.records)]
        for secret in hidden:
            assert not any(secret in text for text in shown), "the value of a secret option is shown"

    @law
    def test_a_wrong_secret_is_not_shown(self, place: Place, caplog: pytest.LogCaptureFixture) -> None:
        """What refuses a secret that is wrong does not repeat it."""
        options = place.bench.options
        for field in attrs.fields(type(options)):
            if not describe(field).secret or not isinstance(getattr(options, field.name), str):
                continue
            wrong = attrs.evolve(options, **{field.alias or field.name: PLANTED})
            shown = [repr(wrong), str(wrong)]
            with caplog.at_level(logging.DEBUG):
                shown += _said(lambda wrong=wrong: place.bench.build(wrong).stat(place.key(KEY)))  # type: ignore[misc]
            shown += [caplog.text, *(repr(record.__dict__) for record in caplog.records)]
            assert not any(PLANTED in text for text in shown), f"a wrong value of {field.name} is shown"

    @law
    def test_loading_the_plugin_imports_no_backend(self, place: Place) -> None:
        """To list what is installed costs nothing: what a storage needs is imported when it is built."""
        record, modules = place.bench.record, place.bench.modules
        files = {name: getattr(sys.modules.get(name), "__file__", None) for name in modules}
        made = [name for name, file in files.items() if file is None]
        assert not made, f"no other process can load {', '.join(made)}: put the plugin into a file that can be imported"
        is_test = any("pytest" in vars(sys.modules[name]) for name in modules if name in sys.modules)
        code = _LOAD.format(modules=modules, files=files, name=record.name, test=is_test)
        told = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(each for each in sys.path if each)},
            timeout=60,
        )
        assert told.returncode == 0, f"the plugin cannot be loaded in a process of its own: {told.stderr[-500:]}"
        imported = json.loads(told.stdout.splitlines()[-1])
        assert imported == [], f"loading the plugin imports {', '.join(imported)}; import them inside build"


def _texts(value: Any) -> set[str]:
    match value:
        case str() | bytes() if len(value) > 2:
            return {value if isinstance(value, str) else value.decode("utf-8", "replace")}
        case dict():
            return {text for each in value.values() for text in _texts(each)}
        case list() | tuple():
            return {text for each in value for text in _texts(each)}
    return set()


def _said(work: Callable[[], object]) -> list[str]:
    """What a call's error says, its causes too."""
    try:
        work()
    except (Exception, Cancelled) as error:
        chain: list[str] = ["".join(traceback.format_exception(error))]
        current: BaseException | None = error
        while current is not None:
            chain += [repr(current), str(current), repr(getattr(current, "failure", ""))]
            current = current.__cause__ or current.__context__
        return chain
    return []


def _operate(place: Place, storage: Any) -> list[str]:
    """Use a storage, well and badly, and tell all that it shows."""
    key, call = place.key(KEY), Call(ATTEMPT)
    shown = [repr(storage), str(storage), storage.url(key)]
    with place.begin(KEY, b"whole", storage=storage, ctx=call) as upload:
        upload.write(b"whole")
        shown += [repr(upload), str(upload), str(upload.token)]
        shown.append(repr(upload.commit(size=5, sha256=sha256(b"whole"))))
    shown += [repr(storage.stat(key)), *map(repr, storage.list(place.folder))]
    other = place.begin("UC1/refused.mp4", b"whole", storage=storage)
    info = ObjectInfo("video/mp4", AttemptId(ATTEMPT), "youtube v1", None)
    for work in (
        lambda: place.put(KEY, b"another", storage=storage),
        lambda: other.commit(size=1, sha256=sha256(b"x")),
        lambda: other.write(b"late"),
        lambda: place.read("missing.mp4", storage),
        lambda: storage.begin("no key?", info, call),
        lambda: storage.stat("no key?"),
        lambda: storage.delete("no key?"),
        lambda: storage.delete(key),
        storage.close,
        lambda: storage.stat(key),
    ):
        shown += _said(work)
    other.abort()
    return [*shown, *map(repr, call.told)]
