"""Which videos go, and which stay: the rules as they are written, and what no set of rules may say."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from attrs import evolve, frozen, validators

from haulage.config.document import Problem, dotted
from haulage.config.options import option
from haulage.config.sizes import Dollars, Size
from haulage.config.wording import unknown

LIMITS = ("max_age", "max_total", "max_cost")
"""What makes videos go."""

KEEPERS = ("keep_last", "keep")
"""What makes them stay, whatever limits say."""


def _not_empty(_: object, __: object, text: str | None) -> None:
    if text is not None and not text.strip():
        raise ValueError("expected a name, got an empty text")


def _some_age(_: object, __: object, age: timedelta | None) -> None:
    if age is not None and age <= timedelta(0):
        raise ValueError("expected more than 0s, which every video is older than")


def _some_patterns(_: object, __: object, patterns: tuple[str, ...]) -> None:
    if not all(each.strip() for each in patterns):
        raise ValueError("expected patterns, got an empty text, which keeps nothing")


@frozen
class Rule:
    """What may go, and what stays, of a part of the archive: of a channel, a subscription, a storage, or all of it."""

    channel: str | None = option(
        None, help="Only of this channel, by its id.", example="UCxxxxxxxxxxxxxxxxxxxxxx", validator=_not_empty
    )
    subscription: str | None = option(
        None,
        help="Only what this subscription gave, by its name in the config.",
        example="news",
        validator=_not_empty,
    )
    storage: str | None = option(
        None, help="Only in this storage, by its name in the config.", example="archive", validator=_not_empty
    )
    max_age: timedelta | None = option(
        None, help="What was stored longer ago goes.", example="365d", validator=_some_age
    )
    max_total: Size | None = option(
        None,
        help="The oldest go until the rest takes up no more than this.",
        example="500GB",
        validator=validators.optional(validators.gt(0)),
    )
    max_cost: Dollars | None = option(
        None,
        help="The oldest that cost anything go until the rest costs no more than this a month.",
        example="20 USD",
        validator=validators.optional(validators.gt(0)),
    )
    keep_last: int | None = option(
        None,
        help="So many of each channel, the newest in each storage, stay whatever any rule says.",
        example="10",
        validator=validators.optional(validators.ge(1)),
    )
    keep: tuple[str, ...] = option(
        (),
        help="Videos whose id, source:id, channel id or title is like one of these stay; * is any text, ? a character.",
        example='["youtube:dQw4w9WgXcQ", "*interview*"]',
        validator=_some_patterns,
    )

    @property
    def scope(self) -> tuple[str | None, str | None, str | None]:
        """What it is about: a channel, a subscription and a storage, None for all."""
        return self.channel, self.subscription, self.storage


Place = tuple[str | int, ...]
"""Where in a config a rule stands: ("retention", 0)."""


def under(name: str, rules: Sequence[Rule]) -> dict[Place, Rule]:
    """The rules that stand under a subscription, which are about its videos alone."""
    return {
        ("subscriptions", name, "retention", index): evolve(rule, subscription=name) for index, rule in enumerate(rules)
    }


def problems(
    rules: Mapping[Place, tuple[Rule, Mapping[str, Any]]], storages: Collection[str], subscriptions: Collection[str]
) -> Iterator[Problem]:
    """Say what is wrong with rules that are right each by itself, or contradict each other.

    Args:
        rules: As they were read and as they were written, by their places.
        storages: The names of the storages that there are.
        subscriptions: The names of the subscriptions that there are.
    """
    said: dict[tuple[Any, ...], Place] = {}
    for place, (rule, own) in rules.items():
        for key in own:
            if getattr(rule, key) is None:
                yield Problem(
                    (*place, key), "expected a value, got nothing; leave the key out where it shall not count"
                )
        if own.get("keep") == []:
            yield Problem((*place, "keep"), "expected at least one pattern, got an empty list")
        limits = [key for key in LIMITS if getattr(rule, key) is not None]
        if rule.storage is not None and rule.storage not in storages:
            yield unknown("storage", own["storage"], storages).under(*place, "storage")
        if place[0] == "subscriptions" and "subscription" in own:
            yield Problem(
                (*place, "subscription"), "the rule is about the subscription that it stands under; leave it out"
            )
        elif rule.subscription is not None and rule.subscription not in subscriptions:
            yield unknown("subscription", own["subscription"], subscriptions).under(*place, "subscription")
        if not limits and rule.keep_last is None and not rule.keep and own.get("keep") != []:
            names = ", ".join((*LIMITS, *KEEPERS))
            yield Problem(place, f"a rule that says neither what goes nor what stays; give it one of {names}")
        if limits and any(not each.strip("*") for each in rule.keep):
            yield Problem((*place, "keep"), f"keeps all that the rule is about, so that its {limits[0]} says nothing")
        for key in (*limits, *(["keep_last"] if rule.keep_last is not None else [])):
            first = said.setdefault((*rule.scope, key), place)
            if first != place:
                yield Problem((*place, key), f"{dotted(first)} has a {key} for the same videos already; write one")
