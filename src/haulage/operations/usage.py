"""What an archive takes up, how it grows, and what it costs: pure functions of what each video takes up."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from statistics import median

from attrs import define, field, frozen

from haulage.billing.rates import Cost, Rate, monthly, writes
from haulage.contracts.totals import Holding

BY = ("storage", "channel", "month", "format", "resolution")
"""What an archive can be divided by."""

GROWTH = timedelta(days=30)
"""The time whose growth is told."""

LOOKS_BACK = timedelta(days=90)
"""A forecast goes on as these days went, or as all days did where the archive is younger."""

FORECAST_DAYS = (30, 365)

_UNKNOWN = "unknown"


@frozen
class Group:
    """A part of the archive.

    Attributes:
        name: The storage, channel, month ("2026-11"), format or resolution.
        objects: How many objects there are.
        size: In bytes.
        average: The size of a video on average, all its files in one storage together.
        median: Half of the videos are larger than this.
        growth: Bytes that were stored within the last 30 days and those that were deleted less.
        cost: Of the bytes a month.
        requests: What storing the objects of the last 30 days cost at least: one request that writes for each.
    """

    name: str
    objects: int
    size: int
    average: float
    median: float
    growth: int
    cost: Cost
    requests: Cost


@frozen
class Day:
    """A day, in UTC, on which the archive changed.

    Attributes:
        day: The day.
        stored: Bytes that were stored.
        deleted: Bytes that were deleted.
        total: Bytes that were there at its end.
    """

    day: date
    stored: int
    deleted: int
    total: int


@frozen
class Forecast:
    """What the archive will take up if it grows on as it did.

    Attributes:
        days: From now.
        size: In bytes.
        cost: A month, by then.
    """

    days: int
    size: int
    cost: Cost


@frozen
class Usage:
    """All that is told of an archive.

    Attributes:
        groups: The parts, the largest first; months in order.
        total: All of it.
        days: How it grew: each day on which it changed.
        forecasts: How it will grow.
    """

    groups: tuple[Group, ...]
    total: Group
    days: tuple[Day, ...]
    forecasts: tuple[Forecast, ...]


@define
class _Sum:
    objects: int = 0
    sizes: list[int] = field(factory=list)
    stored: dict[str, int] = field(factory=dict)
    growth: int = 0
    written: dict[str, int] = field(factory=dict)


def usage(holdings: Iterable[Holding], by: str, rates: Mapping[str, Rate], now: datetime) -> Usage:
    """Add up an archive.

    Args:
        holdings: What each video takes up, or took up, in each storage.
        by: One of BY.
        rates: What storages cost, by name.
        now: Where the last 30 days end, and forecasts begin.
    """
    sums: dict[str, _Sum] = {}
    days: dict[date, list[int]] = {}
    recent = now - GROWTH
    past = now - LOOKS_BACK
    before: dict[str, int] = {}
    for each in holdings:
        name = _name(each, by)
        part = sums.get(name)
        if part is None:
            part = sums[name] = _Sum()
        size, storage, stored_at, deleted_at = each.size, each.storage, each.stored_at, each.deleted_at
        if deleted_at is None:
            part.objects += each.objects
            part.sizes.append(size)
            part.stored[storage] = part.stored.get(storage, 0) + size
        if stored_at is not None:
            _on(days, stored_at)[0] += size
            if stored_at > recent:
                part.growth += size
                part.written[storage] = part.written.get(storage, 0) + each.objects
            if stored_at <= past and (deleted_at is None or deleted_at > past):
                before[storage] = before.get(storage, 0) + size
        if deleted_at is not None:
            _on(days, deleted_at)[1] += size
            if deleted_at > recent:
                part.growth -= size
    groups = [_group(name, part, rates) for name, part in sums.items() if part.objects or part.growth]
    groups.sort(key=lambda group: group.name if by == "month" else (-group.size, group.name))
    total = _Sum()
    for part in sums.values():
        total.objects += part.objects
        total.sizes += part.sizes
        total.growth += part.growth
        for ours, its in ((total.stored, part.stored), (total.written, part.written)):
            for storage, count in its.items():
                ours[storage] = ours.get(storage, 0) + count
    grown = _timeline(days)
    forecasts = _forecasts(total.stored, before, grown, rates, now)
    return Usage(tuple(groups), _group("", total, rates), grown, forecasts)


def _name(holding: Holding, by: str) -> str:
    if by == "storage":
        return holding.storage
    if by == "channel":
        return holding.channel_id or _UNKNOWN
    if by == "month":
        stored = holding.stored_at
        return f"{stored.year}-{stored.month:02}" if stored else _UNKNOWN
    return (holding.container if by == "format" else holding.resolution) or _UNKNOWN


def _on(days: dict[date, list[int]], moment: datetime) -> list[int]:
    return days.setdefault(moment.date(), [0, 0])


def _group(name: str, part: _Sum, rates: Mapping[str, Rate]) -> Group:
    size = sum(part.sizes)
    average = size / len(part.sizes) if part.sizes else 0.0
    middle = float(median(part.sizes)) if part.sizes else 0.0
    cost, requests = monthly(part.stored, rates), writes(part.written, rates)
    return Group(name, part.objects, size, average, middle, part.growth, cost, requests)


def _timeline(days: Mapping[date, Sequence[int]]) -> tuple[Day, ...]:
    total, found = 0, []
    for day, (stored, deleted) in sorted(days.items()):
        total += stored - deleted
        found.append(Day(day, stored, deleted, total))
    return tuple(found)


def _forecasts(
    stored: Mapping[str, int], before: Mapping[str, int], days: Sequence[Day], rates: Mapping[str, Rate], now: datetime
) -> tuple[Forecast, ...]:
    """Go on in a straight line, storage by storage; none has less than nothing."""
    if not days:
        return ()
    age = max(1, min(LOOKS_BACK.days, (now.date() - days[0].day).days))
    found = []
    for ahead in FORECAST_DAYS:
        sizes = {
            name: max(0, round(now_has + (now_has - before.get(name, 0)) * ahead / age))
            for name in {*stored, *before}
            for now_has in [stored.get(name, 0)]
        }
        found.append(Forecast(ahead, sum(sizes.values()), monthly(sizes, rates)))
    return tuple(found)
