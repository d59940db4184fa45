"""What is hauled again and again: channels, playlists and feeds, as they are written, and what none of them may say."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from attrs import frozen

from haulage.config import destinations
from haulage.config.document import Problem
from haulage.config.options import option
from haulage.config.retention import Place, Rule, under
from haulage.config.shorthand import named
from haulage.config.structure import fill
from haulage.config.wording import show, unknown
from haulage.errors import ConfigError
from haulage.urls import check_url
from haulage.values import JobId, Request


def _url(_: object, __: object, url: str) -> None:
    try:
        check_url(url)
    except ConfigError as error:
        raise ValueError(error.problems[0]) from None


@frozen
class Subscription:
    """One channel, playlist or feed that `haulage sync` asks for again."""

    url: str = option(
        help="The channel, playlist or feed.", example="https://www.youtube.com/@example/videos", validator=_url
    )
    variant: str = option("", help="Which variant of its videos is hauled, by its name.", example="audio")
    store_to: tuple[str, ...] = option(
        (),
        help="Where its videos go, instead of the storages that all others go to; the first must have a video.",
        example="[archive]",
    )
    retention: tuple[Rule, ...] = option(
        (), help="Rules of retention for its videos alone.", example="[{max_age: 90d}, {keep_last: 10}]"
    )
    whole: bool = option(
        False,
        help="Read the list to its end each time; for one whose new videos are not at its beginning.",
        example="true",
    )


def problems(written: Mapping[str, Any], variants: Collection[str], storages: Collection[str]) -> Iterator[Problem]:
    """Say what is wrong with subscriptions beside the options of which one is wrong by itself.

    Args:
        written: By name, as they were written, with short forms written out.
        variants: The names of the variants that there are.
        storages: The names of the storages that there are.
    """
    said: dict[JobId, str] = {}
    for name, own in written.items():
        yield from (problem.under(name) for problem in named("subscription", name))
        values = fill(own, Subscription)[0] if isinstance(own, dict) else {}
        url, variant = values.get("url"), values.get("variant", "")
        if variant and variant not in variants:
            yield unknown("variant", own["variant"], variants).under(name, "variant")
        if "store_to" in values:
            wrong = destinations.problems(own["store_to"], storages)
            yield from (problem.under(name, "store_to") for problem in wrong)
        first = said.setdefault(Request(url, variant).id, name) if url else name
        if first != name:
            variant = f" in the variant {show(variant)}" if variant else ""
            yield Problem((name, "url"), f"subscription {show(first)} has the same URL{variant} already; write one")


def rules(written: Mapping[str, Any]) -> Iterator[tuple[Place, tuple[Rule, Mapping[str, Any]]]]:
    """The rules under subscriptions that are right each by itself, as they were read and as they were written."""
    for name, own in written.items():
        read = fill(own, Subscription)[0].get("retention", ()) if isinstance(own, dict) else ()
        for place, rule in under(name, read).items():
            yield place, (rule, own["retention"][place[-1]])
