"""Where the rules of retention ask for prices that nobody knows."""

from collections.abc import Iterator, Mapping

from haulage.billing.rates import Rate
from haulage.config.document import Problem, parse
from haulage.config.retention import Place, Rule
from haulage.contracts.policies import Recipe


def check_prices(recipe: Recipe, rules: Mapping[Place, Rule], rates: Mapping[str, Rate]) -> None:
    """Make sure that every `max_cost` can be judged.

    Args:
        recipe: The config as it was written.
        rules: Its rules of retention, by their places.
        rates: What its storages cost, by name.

    Raises:
        ConfigError: The price of a storage that one is about is not known.
    """
    if found := list(_unpriced(rules, rates)):
        raise parse(recipe.document, recipe.name).error(found)


def _unpriced(rules: Mapping[Place, Rule], rates: Mapping[str, Rate]) -> Iterator[Problem]:
    for place, rule in rules.items():
        for name, rate in rates.items():
            if rule.max_cost is not None and rule.storage in (None, name) and rate.storage is None:
                yield Problem((*place, "max_cost"), rate.origin)
