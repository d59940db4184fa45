"""A config to start from: every key at its default, behind a comment sign."""

from collections.abc import Iterable
from itertools import groupby

import attrs

from haulage.config.effective import Setting
from haulage.config.model import TopLevel
from haulage.config.options import describe
from haulage.config.written import line

_HEAD = """\
# yaml-language-server: $schema={schema}
# The config of haulage. Every key below is at its default: to change one, remove the "#" before it
# and before the keys that it stands under. The line above lets an editor complete, explain and check
# the keys; after a plugin was installed: haulage config schema > {schema}
"""


def starter(defaults: Iterable[Setting], schema: str) -> str:
    """Write a config in which everything is a comment, and which without its comment signs says the same.

    Args:
        defaults: What an empty config comes to.
        schema: Where the JSON Schema is, as seen from the file.
    """
    lines = [_HEAD.format(schema=schema)]
    for key, settings in groupby(defaults, lambda each: each.path[0]):
        told = describe(attrs.fields_dict(TopLevel)[key])
        lines.append(f"# {told.help}")
        if told.example:
            lines.append(f"# For example: {told.example}")
        lines += _block(list(settings))
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _block(settings: list[Setting]) -> Iterable[str]:
    above: tuple[str, ...] = ()
    for each in settings:
        common = next((n for n, (a, b) in enumerate(zip(above, each.path, strict=False)) if a != b), len(above))
        for depth in range(common, len(each.path) - 1):
            yield f"#{'  ' * depth}{each.path[depth]}:"
        above = each.path[:-1]
        indent = "  " * len(above)
        if above and each.path[-1] != "type":
            yield f"#{indent}# {each.help}"
        yield f"#{indent}{each.path[-1]}: {line(each.value).replace('$', '$$')}"
