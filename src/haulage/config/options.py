"""Options: attrs fields that explain themselves."""

from collections.abc import Callable
from typing import Any

from attrs import NOTHING, Attribute, field, frozen

from haulage.secrets import redact

_KEY = "haulage.option"

Validator = Callable[[Any, Any, Any], object]


@frozen
class Option:
    """What people are told of an option.

    Attributes:
        help: What it is for, in one line.
        example: A value, as it is written in a config.
        secret: Whether its value is kept out of messages and of `repr`.
    """

    help: str = ""
    example: str = ""
    secret: bool = False


def option(
    default: Any = NOTHING,
    *,
    help: str,  # noqa: A002 - what every reader of click and argparse calls it
    example: str = "",
    secret: bool = False,
    validator: Validator | list[Any] | None = None,
) -> Any:
    """Describe one option, as a field of an attrs class; without a default it must be given.

    Args:
        default: Its value where the config says nothing; an attrs Factory makes it anew.
        help: What it is for, in one line.
        example: A value, as it is written in a config.
        secret: Keep its value out of messages and of `repr`.
        validator: As attrs calls it, with (instance, attribute, value); what its ValueError says is shown.
    """
    return field(
        default=default,
        validator=validator,
        repr=False if secret else lambda value: redact(repr(value)),
        kw_only=True,  # so that the order of options may be the order of their weight
        metadata={_KEY: Option(help, example, secret)},
    )


def describe(attribute: "Attribute[Any]") -> Option:
    """What people are told of a field of an options class; nothing where it was not made by `option`."""
    found = attribute.metadata.get(_KEY)
    return found if isinstance(found, Option) else Option()
