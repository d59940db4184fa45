"""Ask again for what subscriptions list."""

import itertools
from collections.abc import Iterable, Mapping

from haulage.config.subscriptions import Subscription
from haulage.config.wording import suggest
from haulage.contracts.fetcher import Fetcher
from haulage.contracts.metadata import MetadataStore, NewJob, Query
from haulage.errors import ConfigError
from haulage.values import Request

_PAGE = 500
"""How many jobs are named at once."""


def chosen(subscriptions: Mapping[str, Subscription], names: Iterable[str]) -> dict[str, Request]:
    """What some subscriptions ask for, by name; all of them without a name.

    Raises:
        ConfigError: There is none, or none of such a name.
    """
    if not subscriptions:
        raise ConfigError(
            "the config has no subscriptions; name some, as in: subscriptions: {news: https://example.com/channel}"
        )
    wanted = list(dict.fromkeys(names)) or list(subscriptions)
    unknown = [name for name in wanted if name not in subscriptions]
    if unknown:
        raise ConfigError(*(f"no subscription {name!r}{suggest(name, subscriptions)}" for name in unknown))
    return {name: Request(subscriptions[name].url, subscriptions[name].variant) for name in wanted}


def ask(store: MetadataStore, fetcher: Fetcher, requests: Mapping[str, Request], batch: str) -> None:
    """Make the lists of subscriptions due, durably on return, and let what still waits of them belong to a batch.

    What of them failed for good stays as it is.

    Args:
        store: Remembers jobs.
        fetcher: Knows the sites of their URLs.
        requests: By name of the subscription.
        batch: What all that shall belong to.
    """
    for name in requests:
        waiting = store.find(Query(subscription=name, unfinished=True))
        while page := list(itertools.islice(waiting, _PAGE)):
            store.add([NewJob(each.request, each.site, each.video, name) for each in page], batch=batch)
    lists = [NewJob(each, fetcher.site(each.url), None, name) for name, each in requests.items()]
    store.add(lists, batch=batch, again=True)
