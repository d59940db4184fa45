"""Which videos go by the rules of retention: a pure function of what is stored, the rules, prices and the time.

What goes or stays is a video in a storage, with all its files there. A keeper protects what it is about from every
rule. Of the rest goes what is too old; and what is the oldest under a limit, until what is left under it is within the
limit. Of all ways to reach every limit like that, it is the one which keeps the youngest.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from itertools import takewhile
from math import lcm
from operator import attrgetter
from typing import Literal, NamedTuple

from attrs import define, frozen

from haulage.billing.rates import Rate
from haulage.config.retention import Rule
from haulage.contracts.totals import Holding
from haulage.operations.prune.patterns import keeps


class _Part(NamedTuple):
    """What holdings have in common that rules are about: of the videos of a part a rule is about all or none."""

    channel_id: str
    subscription: str
    storage: str
    source: str
    variant: str


# Quicker than functions of our own. No two holdings have all the names in common.
_NAMES = ("source", "video_id", "variant", "storage", "job")
_names, _age_and_names, _part = attrgetter(*_NAMES), attrgetter("stored_at", *_NAMES), attrgetter(*_Part._fields)

_LAST = datetime.max.replace(tzinfo=UTC)


@frozen
class Going:
    """A video that shall go from a storage.

    Attributes:
        holding: What it takes up there.
        rule: What wants it gone, as the config has it: "retention[0].max_age".
        cost: In USD a month; None where nobody knows.
    """

    holding: Holding
    rule: str
    cost: float | None


@frozen
class Kept:
    """A video that a limit wants gone, and that stays.

    Attributes:
        holding: What it takes up in a storage.
        keeper: What keeps it: "retention[1].keep", or "import" where it was there before haulage.
        rule: What wants it gone.
    """

    holding: Holding
    keeper: str
    rule: str


@frozen
class Short:
    """A limit that is still exceeded after all that may go has gone.

    Attributes:
        rule: Which one.
        over: By how much.
        unit: Of what.
    """

    rule: str
    over: float
    unit: Literal["bytes", "USD a month"]


@frozen
class Plan:
    """What goes, and what does not.

    Attributes:
        going: The oldest first.
        kept: Likewise.
        short: In the order of the rules.
        begun: What was to go before; it counts as gone.
        outside: How many videos there are in storages that the config does not name any more, by name: no rule is
            about them.
    """

    going: tuple[Going, ...]
    kept: tuple[Kept, ...]
    short: tuple[Short, ...]
    begun: tuple[Holding, ...]
    outside: Mapping[str, int]


@define(eq=False)
class _Limit:
    """A limit, in whole units: bytes, or such parts of a dollar that every price is a whole number of them.

    Attributes:
        name: As the config has it.
        rule: What it is about.
        weights: Units for a byte, by storage.
        most: How many units may be there.
        scale: Units in what people read.
        unit: What that is.
        total: How many there are.
        cut: Behind the youngest that it takes.
        shut: Whether nothing that is older may stay on account of it.
    """

    name: str
    rule: Rule
    weights: Mapping[str, int]
    most: int
    scale: int
    unit: Literal["bytes", "USD a month"]
    total: int = 0
    cut: int = 0
    shut: bool = False


_Weights = Sequence[tuple[_Limit, int]]


def plan(holdings: Iterable[Holding], rules: Mapping[str, Rule], rates: Mapping[str, Rate], now: datetime) -> Plan:
    """Decide what goes.

    Args:
        holdings: What each video takes up, or took up, in each storage.
        rules: Of the config, by their names there.
        rates: What the storages of the config cost, by name; known for all that a `max_cost` is about.
        now: What ages are measured from.
    """
    begun, outside, there = list[Holding](), Counter[str](), list[Holding]()
    for each in holdings:
        if each.deleted_at is not None:
            continue
        if each.storage not in rates:
            outside[each.storage] += 1
        else:
            (begun if each.deleting else there).append(each)
    there, parts = _in_order(there)
    kept, old, limits = _Kept(there, parts, rules), _too_old(there, rules, now), list(_limits(rules, rates))
    by = {number: name for number, name in enumerate(old) if name and not kept.by(number)}
    under = _Under(limits)
    for part, numbers in parts.items():
        under.add(part, sum(there[number].size for number in numbers if number not in by))
    by |= _taken(there, old, kept, under)
    for limit in under.exceeded():
        limit.cut = len(there)
    last = max((limit.cut for limit in limits), default=0)
    wanted = [
        (number, rule)
        for number, each in enumerate(there)
        if number not in by and (rule := old[number] or (number < last and under.taking(number, each)))
    ]
    short = (Short(each.name, (each.total - each.most) / each.scale, each.unit) for each in under.exceeded())
    return Plan(
        tuple(
            Going(there[each], by[each], rates[there[each].storage].monthly(there[each].size)) for each in sorted(by)
        ),
        tuple(Kept(there[number], keeper, rule) for number, rule in wanted if (keeper := kept.by(number))),
        tuple(short),
        tuple(_in_order(begun)[0]),
        dict(sorted(outside.items())),
    )


def _in_order(found: Sequence[Holding]) -> tuple[list[Holding], dict[_Part, list[int]]]:
    """Holdings, the oldest first, and the numbers of each part's; what nobody knows the age of is the youngest."""
    parts = defaultdict[tuple[str, ...], list[int]](list)
    # All that is needed of each is read in the order in which they lie in memory: that takes half as long.
    ages = [_age_and_names(each) if each.stored_at else (_LAST, *_names(each)) for each in found]
    numbers = [parts[part] for part in map(_part, found)]
    order = sorted(range(len(found)), key=ages.__getitem__)
    for number, index in enumerate(order):
        numbers[index].append(number)
    return [found[index] for index in order], {_Part(*part): numbers for part, numbers in parts.items()}


def _about(rule: Rule, what: Holding | _Part) -> bool:
    return (
        rule.channel in (None, what.channel_id)
        and rule.storage in (None, what.storage)
        and rule.subscription in (None, what.subscription)
    )


class _Kept:
    """What keeps each. Patterns are compared only where that matters: most of an archive no rule wants gone."""

    def __init__(
        self, there: Sequence[Holding], parts: Mapping[_Part, Sequence[int]], rules: Mapping[str, Rule]
    ) -> None:
        self._there = there
        self._patterns = [(rule, keeps(rule.keep), f"{place}.keep") for place, rule in rules.items() if rule.keep]
        self._known: dict[int, str] = {}
        for place, rule in rules.items():
            if rule.keep_last is not None:
                # Where no channel is known, those of a source are one; another variant of a video is no other one.
                together = defaultdict[_Part, list[int]](list)
                for part, numbers in parts.items():
                    if _about(rule, part):
                        together[part._replace(subscription="")] += numbers
                for numbers in together.values():
                    for number in sorted(numbers)[-rule.keep_last :]:
                        self._known.setdefault(number, f"{place}.keep_last")

    def by(self, number: int) -> str:
        """What keeps one; empty where nothing does."""
        found = "import" if self._there[number].imported else self._known.get(number)
        if found is None:
            each = self._there[number]
            names = (name for rule, is_kept, name in self._patterns if _about(rule, each) and is_kept(each))
            found = self._known[number] = next(names, "")
        return found


def _too_old(there: Sequence[Holding], rules: Mapping[str, Rule], now: datetime) -> list[str]:
    """By which rule each is too old; empty where it is not."""
    found = [""] * len(there)
    for place, rule in rules.items():
        if (oldest := rule.max_age) is None:
            continue
        ages = (now - each.stored_at for each in there if each.stored_at is not None)
        for number, _ in enumerate(takewhile(oldest.__lt__, ages)):
            if not found[number] and _about(rule, there[number]):
                found[number] = f"{place}.max_age"
    return found


def _limits(rules: Mapping[str, Rule], rates: Mapping[str, Rate]) -> Iterator[_Limit]:
    for place, rule in rules.items():
        if rule.max_total is not None:
            weights = dict.fromkeys(rates, 1)
            yield _Limit(f"{place}.max_total", rule, weights, rule.max_total, 1, "bytes")
        if rule.max_cost is not None:
            prices = {
                name: Fraction(str(rate.storage)) / rate.gigabyte
                for name, rate in rates.items()
                if rule.storage in (None, name) and rate.storage is not None
            }
            scale = lcm(*(price.denominator for price in prices.values()))
            weights = {name: int(price * scale) for name, price in prices.items()}
            most = Fraction(str(rule.max_cost)) * scale
            yield _Limit(f"{place}.max_cost", rule, weights, int(most), scale, "USD a month")


class _Under:
    """Which limits a video counts against, and how much."""

    def __init__(self, limits: Sequence[_Limit]) -> None:
        self._limits = limits
        self._known: dict[tuple[str, str, str], _Weights] = {}

    def weights(self, holding: Holding) -> _Weights:
        """The limits, and units for a byte; what costs nothing does not count where a limit is about costs."""
        return self._weights(holding) if holding.size else ()

    def _weights(self, what: Holding | _Part) -> _Weights:
        place = what.channel_id, what.subscription, what.storage
        found = self._known.get(place)
        if found is None:
            weighed = ((each, each.weights.get(what.storage, 0)) for each in self._limits if _about(each.rule, what))
            found = self._known[place] = [(limit, weight) for limit, weight in weighed if weight]
        return found

    def exceeded(self) -> list[_Limit]:
        """The limits that are."""
        return [each for each in self._limits if each.total > each.most]

    def add(self, what: Holding | _Part, size: int) -> None:
        """Count so many bytes more of a part, or fewer."""
        for limit, weight in self._weights(what):
            limit.total += weight * size

    def taking(self, number: int, holding: Holding) -> str:
        """The limit that takes it if nothing keeps it; empty where none does."""
        return next((limit.name for limit, _ in self.weights(holding) if number < limit.cut), "")


def _taken(there: Sequence[Holding], old: Sequence[str], kept: _Kept, under: _Under) -> dict[int, str]:
    """What limits take of what is not too old, by number, and which one does."""
    going = []
    exceeded = under.exceeded()
    for number, each in enumerate(there):
        if not exceeded:
            break
        if old[number]:
            continue
        for limit, _ in under.weights(each):
            if limit.total > limit.most:
                if not kept.by(number):
                    going.append(number)
                    under.add(each, -each.size)
                    exceeded = [limit for limit in exceeded if limit.total > limit.most]
                break
    by = {}
    # A limit on a part may have made so much room for a wider one that what this one took first can stay.
    for number in reversed(going):
        each = there[number]
        weights = under.weights(each)
        full = [limit for limit, weight in weights if limit.total + weight * each.size > limit.most]
        because = full or [limit for limit, _ in weights if limit.shut]
        if not because:
            under.add(each, each.size)
            continue
        by[number] = because[0].name
        for limit in full:
            limit.shut, limit.cut = True, max(limit.cut, number + 1)
    return by
