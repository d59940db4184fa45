"""Writes into the pages of this folder what the code says of itself.

What stands between `<!-- generated: NAME -->` and `<!-- end -->` in a page is made by the function below that BLOCKS
names; everything else is written by hand. `nox -s docs` runs this, and a test holds every page to it.
"""

import inspect
import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, get_args, get_origin

import attrs
import click

from haulage.cli.main import program
from haulage.cli.settings import common
from haulage.config.load import COMPONENTS
from haulage.config.manual import PLACES, entries, example, written
from haulage.config.model import TopLevel
from haulage.config.options import describe
from haulage.plugin import BuildContext
from haulage.registry.components import KINDS, PROJECT, Component, Hooks, StorageComponent
from haulage.registry.host import BUILT_IN, Host, Offer
from haulage.registry.installed import GROUP

ROOT = Path(__file__).parents[1]
_BLOCK = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_FACTORY: Any = attrs.Factory  # a class, which its stub calls a function


def pages() -> dict[Path, str]:
    """Every page with generated blocks, and what it must say."""
    made = {}
    for path in sorted((ROOT / "docs").rglob("*.md")):
        text = path.read_text(encoding="utf-8")
        if _BLOCK.search(text):
            made[path] = _BLOCK.sub(lambda block: f"{block[1]}\n{BLOCKS[block[2]]()}\n\n{block[3]}", text)
    return made


def shipped() -> list[Offer]:
    """What the packages of this repository offer, by kind and name.

    Raises:
        RuntimeError: One of them cannot be loaded.
    """
    offers, broken = Host(points=[EntryPoint(name, module, GROUP) for name, module, _ in _plugins()]).survey()
    if broken:
        said = "; ".join(f"{each.origin}: {each.error}" for each in broken)
        raise RuntimeError(f"every package below plugins/ must be installed to describe it: {said}")
    order = list(KINDS)
    return sorted((each for each, _ in offers), key=lambda each: (order.index(each.kind), each.record.name))


def _plugins() -> Iterator[tuple[str, str, str]]:
    """The entry points of the packages: name, module and package."""
    for path in sorted(ROOT.glob("plugins/*/pyproject.toml")):
        project = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
        for name, module in project["entry-points"][GROUP].items():
            yield name, module, project["name"]


def keys() -> str:
    """The keys of a config, and those in their mappings."""
    return _table(("key", "default", "what it is", "for example"), _keys(TopLevel, ""))


def _keys(options: type, above: str) -> Iterator[Sequence[str]]:
    attrs.resolve_types(options)
    for each in attrs.fields(options):
        told, inner = describe(each), isinstance(each.type, type) and attrs.has(each.type)
        shown = "" if inner else _default(each)
        yield _code(above + each.name), _code(shown), _prose(told.help), _code(told.example)
        if inner:
            yield from _keys(each.type, f"{above}{each.name}.")
        elif get_origin(each.type) is tuple and attrs.has(item := get_args(each.type)[0]):
            yield from _keys(item, f"{above}{each.name}[].")
        elif get_origin(each.type) is Mapping and attrs.has(item := get_args(each.type)[1]):
            yield from _keys(item, f"{above}{each.name}.NAME.")


def _default(each: "attrs.Attribute[Any]") -> str:
    if each.default is attrs.NOTHING:
        return ""
    default = each.default.factory() if isinstance(each.default, _FACTORY) else each.default
    if not default and each.name in COMPONENTS:
        return written({"type": COMPONENTS[each.name][1]})
    return "" if default is None else written(default)


def components() -> str:
    """What every shipped component is, its options, and how it stands in a config."""
    packages = {module: package for _, module, package in _plugins()}
    return "\n\n".join(_component(each, packages) for each in shipped())


def _component(offer: Offer, packages: dict[str, str]) -> str:
    record = offer.record
    place = "built in" if offer.origin == BUILT_IN else f"from the package `{packages[offer.origin]}`"
    parts = [f"### `{record.name}` ({offer.what})", f"{_prose(record.summary)} {place[0].upper()}{place[1:]}."]
    if isinstance(record, StorageComponent):
        claims = [_code(name) for name, claimed in attrs.asdict(record.capabilities).items() if claimed]
        parts[-1] += f" It claims {', '.join(claims)}; see [capabilities](hooks.md#capabilities)." if claims else ""
    options = entries(record)
    rows = (
        (
            _code(each.name),
            each.type,
            "required" if each.default is None else _code(each.default),
            _prose(each.help) + (" Kept out of messages." if each.secret else ""),
        )
        for each in options
    )
    parts.append(_table(("option", "type", "default", "what it is"), rows) if options else "It has no options.")
    return "\n\n".join([*parts, f"```yaml\n{example(record)}\n```"])


def hooks() -> str:
    """Every hook spec, the record that it yields, and what the fields of that hold."""
    kinds = {hook: kind for kind, (hook, _) in KINDS.items()}
    named = [name for name, hook in vars(Hooks).items() if hasattr(hook, f"{PROJECT}_spec")]
    held = [_type(field) for name in named for field in attrs.fields(kinds[name])]
    values: dict[type, None] = dict.fromkeys([Component, *filter(attrs.has, held), BuildContext])
    return "\n\n".join([*(_hook(name, kinds[name]) for name in named), *(_value(each) for each in values)])


def _hook(name: str, kind: type[Component[Any]]) -> str:
    summary, _ = _docstring(vars(Hooks)[name])
    about, _ = _docstring(kind)
    (made,) = get_args(vars(kind)["__orig_bases__"][0])
    key, *inner = PLACES[kind]
    parts = [
        f"## `{name}`",
        summary,
        f"- It yields records of the class `{kind.__name__}`: {about[0].lower()}{about[1:]}\n"
        f"- What `build` makes is {_made(made)}.\n"
        f"- The config names it under `{'.'.join([key, *('NAME' for _ in inner)])}`.",
    ]
    own = [each for each in attrs.fields(kind) if each.name not in attrs.fields_dict(Component)]
    beside = "Beside the [fields of every record](#component) it has:"
    return "\n\n".join([*parts, *([beside, _fields(kind, own)] if own else [])])


def _made(kind: Any) -> str:
    if not isinstance(kind, type):  # an alias of a Callable
        return f"a function that is given an {' and a '.join(_code(each.__name__) for each in get_args(kind)[0])}"
    module = "haulage.plugin" if kind.__module__.startswith(PROJECT) else kind.__module__.partition("._")[0]
    return f"{'an' if kind.__name__[0] in 'AEIOU' else 'a'} `{kind.__name__}` of `{module}`"


def _value(kind: type) -> str:
    return f"## `{kind.__name__}`\n\n{_docstring(kind)[0]}\n\n{_fields(kind, attrs.fields(kind))}"


def _fields(kind: type, fields: "Iterable[attrs.Attribute[Any]]") -> str:
    told = _docstring(kind)[1]
    rows = []
    for each in fields:
        default = "required" if each.default is attrs.NOTHING else _code(repr(each.default))
        if isinstance(each.default, _FACTORY):
            default = _code(f"{each.default.factory.__name__}()")
        rows.append((_code(each.name), _code(_spelled(each.type)), default, _prose(told[each.name])))
    return _table(("field", "type", "default", "what it is"), rows)


def _type(field: "attrs.Attribute[Any]") -> type:
    return get_origin(field.type) or field.type or object


def _spelled(kind: Any) -> str:
    """A type as its author would write it, without modules and type variables."""
    text = kind.__name__ if isinstance(kind, type) and not get_args(kind) else str(kind)
    return re.sub(r"\[[~+-]\w+\]|\b[a-z_]+\.", "", text)


def _docstring(what: object) -> tuple[str, dict[str, str]]:
    """A docstring of Google's style: its prose, and its attributes."""
    prose, _, listed = inspect.cleandoc(what.__doc__ or "").partition("\n\nAttributes:\n")
    found = re.findall(r"^    (\w+): (.*(?:\n     .*)*)", listed, re.MULTILINE)
    return _prose(prose), {name: " ".join(text.split()) for name, text in found}


def commands() -> str:
    """Every command as click knows it, the program first."""
    return "\n\n".join(_commands(program, click.Context(program, info_name=PROJECT, **program.context_settings)))


def _commands(command: click.Command, ctx: click.Context) -> Iterator[str]:
    usage = " ".join([ctx.command_path, *command.collect_usage_pieces(ctx)])
    asking = command.get_help_option(ctx)
    shared = {*_SHARED, asking and asking.name} if ctx.parent else set()
    own = [each for each in command.get_params(ctx) if each.name not in shared and not getattr(each, "hidden", False)]
    rows = [(_code(name), _prose(told)) for name, told in (_parameter(each, ctx) for each in own)]
    heading = "#" * (2 if ctx.parent is None else 1 + len(ctx.command_path.split()))
    parts = [f"{heading} `{ctx.command_path}`", f"```text\n{usage}\n```", _help(command.help or "")]
    yield "\n\n".join([*parts, *([_table(("argument or option", "what it is"), rows)] if rows else [])])
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            inner = command.get_command(ctx, name)
            if inner and not inner.hidden:
                yield from _commands(inner, click.Context(inner, info_name=name, parent=ctx))


_SHARED = {each.name for each in click.command()(common(lambda: None)).params}
"""What every command takes; it is told of once."""


def _parameter(parameter: click.Parameter, ctx: click.Context) -> tuple[str, str]:
    if isinstance(parameter, click.Option):
        record = parameter.get_help_record(ctx)
        assert record is not None
        return record[0], " ".join(record[1].split()) + (" May be given several times." if parameter.multiple else "")
    told = getattr(parameter, "help", None)  # click 8.5 and newer
    if not told:
        told = "Any number." if parameter.nargs == -1 else "Required." if parameter.required else "May be left out."
    return parameter.make_metavar(ctx), told


def _help(text: str) -> str:
    paragraphs = inspect.cleandoc(text.partition("\f")[0]).split("\n\n")
    # Where click keeps the lines as they are, so do we.
    kept = (re.sub(r"\n *", "\\\\\n", each[2:]) if each.startswith("\b") else each for each in paragraphs)
    return "\n\n".join(map(_prose, kept))


def _prose(text: str) -> str:
    """Text of the code in Markdown, where only backticks and line breaks at a backslash keep what they mean."""
    apart = re.split(r"(`[^`]*`)", text)
    return "".join(each if each.startswith("`") else re.sub(r"([*<])|(?<!\w)(_)", r"\\\1\2", each) for each in apart)


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [titles, ["---"] * len(titles), *(map(_cell, row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |".replace("|  |", "| |") for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


BLOCKS: dict[str, Callable[[], str]] = {
    "commands": commands,
    "components": components,
    "hooks": hooks,
    "keys": keys,
}
"""What a block of each name says."""


def main() -> int:
    """Write the pages that say something else than the code; whether there were any."""
    stale = {path: text for path, text in pages().items() if path.read_text(encoding="utf-8") != text}
    for path, text in stale.items():
        path.write_text(text, encoding="utf-8")
        print(f"{path.relative_to(ROOT)} was not what the code says; it is written anew, for you to commit")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
