"""From the text of a config to a Config, or to all its problems at once."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from attrs import evolve

from haulage.config import destinations, retention, shorthand, subscriptions
from haulage.config.document import Problem, parse
from haulage.config.interpolate import interpolate
from haulage.config.model import Chosen, Config, Offered, TopLevel
from haulage.config.primitives import Misfit
from haulage.config.structure import fill, structure
from haulage.config.wording import expected, scrub, unknown
from haulage.config.written import data
from haulage.errors import PluginError
from haulage.registry.components import (
    Component,
    ExecutorComponent,
    FetcherComponent,
    MetadataStoreComponent,
    ObserverComponent,
    RetryPolicyComponent,
    StorageComponent,
)
from haulage.registry.installed import normal


def load(
    text: str,
    name: str,
    folder: Path,
    environ: Mapping[str, str],
    offered: Offered,
    overrides: Mapping[str, Any] = MappingProxyType({}),
) -> Config:
    """Read a config.

    Args:
        text: The document; an empty one asks for the defaults.
        name: What messages call it.
        folder: Where its relative paths start.
        environ: The environment variables.
        offered: The components that there are.
        overrides: Keys, and what counts instead of what is written there.

    Raises:
        ConfigError: All that is wrong with it, in the order of the document.
    """
    document = parse(text, name)
    interpolated = interpolate(document.data, environ)
    written: dict[str, Any] = {**interpolated.data, **data(overrides)}
    if "workers" in overrides:
        written.pop("executor", None)
    if "subscriptions" in written:
        written["subscriptions"] = shorthand.subscriptions(written["subscriptions"])
    values, problems = fill(written, TopLevel)
    top = TopLevel(**values)
    problems += _disable(offered, values, written)
    # Components are read from what was written: there, what the environment gave still names its variables.
    parts = {**{key: getattr(top, key) for key in COMPONENTS}, **written}
    chosen: dict[str, Chosen] = {}
    for key, (kind, default) in COMPONENTS.items():
        if key == "executor" and "workers" in written:
            continue
        with _collect(problems, key):
            full = shorthand.database(parts[key]) if key == "database" else parts[key]
            chosen[key] = choose(offered, kind, full, default)
    if "workers" in written:
        with _collect(problems):
            chosen["executor"] = _workers(offered, written)
    storages = _storages(offered, written["storages"] if "storages" in values else top.storages, problems)
    variants = _variants(offered, parts["fetcher"], values.get("variants") and written["variants"], problems)
    observers: dict[str, Chosen] = {}
    for key, each in (written["observers"] if "observers" in values else {}).items():
        with _collect(problems, "observers", key):
            observers[key] = choose(offered, ObserverComponent, shorthand.observer(each))
    if "store_to" in values:
        problems += [each.under("store_to") for each in destinations.problems(written["store_to"], storages)]
    problems += [
        unknown("storage", name, storages).under("prices", name)
        for name in values.get("prices", {})
        if name not in storages
    ]
    named = written["subscriptions"] if isinstance(written.get("subscriptions"), dict) else {}
    problems += [each.under("subscriptions") for each in subscriptions.problems(named, top.variants, storages)]
    rules: dict[retention.Place, tuple[retention.Rule, Mapping[str, Any]]] = {}
    if "retention" in values:
        both = zip(top.retention, written["retention"], strict=True)
        rules |= {("retention", index): each for index, each in enumerate(both)}
    rules |= subscriptions.rules(named)
    problems += retention.problems(rules, storages, named)
    if found := [*interpolated.problems, *_without(problems, interpolated.problems)]:
        raise document.error(found)
    return Config(
        storages={key: each for key, each in storages.items() if each},
        store_to=top.store_to or tuple(storages),
        **chosen,
        variants=variants,
        subscriptions={
            name: evolve(each, store_to=()) if "store_to" in overrides else each
            for name, each in top.subscriptions.items()
        },
        observers=observers,
        workspace=top.workspace,
        prices=top.prices,
        budget=top.budget,
        retention=top.retention,
        layout=top.layout,
        private_hosts=top.private_hosts,
        lease=top.lease,
        folder=folder,
    )


def disable(text: str, name: str, environ: Mapping[str, str], offered: Offered) -> None:
    """Do what `plugins` in a config says, whatever else may be wrong with it.

    Raises:
        ConfigError: It cannot be read, or that key of it is wrong.
    """
    document = parse(text, name)
    interpolated = interpolate({key: document.data[key] for key in document.data.keys() & {"plugins"}}, environ)
    values, problems = fill(interpolated.data, TopLevel)
    problems += _disable(offered, values, interpolated.data)
    if found := [*interpolated.problems, *_without(problems, interpolated.problems)]:
        raise document.error(found)


COMPONENTS: dict[str, tuple[type[Component[Any]], str]] = {
    "database": (MetadataStoreComponent, "sqlalchemy"),
    "fetcher": (FetcherComponent, "yt-dlp"),
    "retry": (RetryPolicyComponent, "exponential"),
    "executor": (ExecutorComponent, "threads"),
}
"""For each key that chooses one component its kind, and its type where none is written."""


def choose(offered: Offered, kind: type[Component[Any]], written: Any, default: str = "") -> Chosen:
    """Find the component that a mapping names, and make its options.

    Args:
        offered: The components that there are.
        kind: Of these.
        written: The mapping: `type`, and the options.
        default: The type where none is written; without it, one must be.

    Raises:
        Misfit: There is none, or the options do not fit.
    """
    if not isinstance(written, dict):
        raise Misfit([expected("a mapping", written)])
    if "type" not in written and not default:
        raise Misfit([Problem((), "missing option 'type'")])
    try:
        name = structure(written.get("type", default), str)
    except Misfit as misfit:
        raise Misfit(problem.under("type") for problem in misfit.problems) from None
    try:
        component = offered.find(kind, name)
    except PluginError as error:
        path = ("type",) if "type" in written else ()
        raise Misfit([Problem(path, scrub(str(error), written.get("type")))]) from None
    options = {key: value for key, value in written.items() if key != "type"}
    return Chosen(name, structure(options, component.options))


def _workers(offered: Offered, written: Mapping[str, Any]) -> Chosen:
    if "executor" in written:
        said = "short for executor: {type: threads, workers: ...}; write only one of the two"
        raise Misfit([Problem(("workers",), said)])
    return choose(offered, ExecutorComponent, shorthand.executor(written["workers"]))


def _disable(offered: Offered, values: Mapping[str, Any], written: Mapping[str, Any]) -> list[Problem]:
    if "plugins" not in values or not (names := values["plugins"].disable):
        return []
    offered.disable(names)
    known = {normal(name): name for name in offered.distributions}
    return [
        unknown("plugin", name, known.values()).under("plugins", "disable", index)
        for index, name in enumerate(written["plugins"]["disable"])
        if normal(name) not in known
    ]


def _variants(
    offered: Offered, fetcher: Any, raw: Mapping[str, Any] | None, problems: list[Problem]
) -> dict[str, Chosen]:
    """Choose the fetcher once more for each variant, with what differs."""
    variants: dict[str, Chosen] = {}
    if any(problem.path[:1] == ("fetcher",) for problem in problems):
        return variants  # they would all have that problem
    default = COMPONENTS["fetcher"][1]
    for name, differs in (raw or {}).items():
        with _collect(problems, "variants", name):
            shorthand.check_name("variant", name)
            if not isinstance(differs, Mapping):
                raise Misfit([expected("a mapping of options of the fetcher", differs)])
            if "type" in differs:
                raise Misfit([Problem(("type",), "a variant has the type of the fetcher")])
            variants[name] = choose(offered, FetcherComponent, {**fetcher, **differs}, default)
    return variants


def _storages(offered: Offered, raw: Mapping[str, Any], problems: list[Problem]) -> dict[str, Chosen | None]:
    """Choose the storages; one with a problem is None, so that `store_to` still knows its name."""
    storages: dict[str, Chosen | None] = dict.fromkeys(raw)
    if not raw:
        problems.append(Problem(("storages",), "expected at least one storage"))
    for name, written in raw.items():
        with _collect(problems, "storages", name):
            shorthand.check_name("storage", name)
        with _collect(problems, "storages", name):
            storages[name] = choose(offered, StorageComponent, shorthand.storage(written))
    return storages


@contextmanager
def _collect(problems: list[Problem], *path: str) -> Iterator[None]:
    """Note what does not fit, and go on: all problems are told at once."""
    try:
        yield
    except Misfit as misfit:
        problems += [problem.under(*path) for problem in misfit.problems]


def _without(problems: Iterable[Problem], missing: Iterable[Problem]) -> Iterator[Problem]:
    """Leave out what follows from a variable that is missing."""
    paths = {problem.path for problem in missing}
    for problem in problems:
        if not any(problem.path[:length] in paths for length in range(1, len(problem.path) + 1)):
            yield problem
