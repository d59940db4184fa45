"""Moments and durations on the command line."""

from datetime import UTC, datetime, timedelta

import click


class Moment(click.ParamType[datetime]):
    """A time as `2h` or `7d`, that long ago, or as RFC 3339 has it; without a zone it is that of this machine."""

    name = "time"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """See click.ParamType; aware, in UTC."""
        from haulage.config.primitives import PRIMITIVES, Misfit

        if isinstance(value, datetime):
            return value
        try:
            ago: timedelta = PRIMITIVES[timedelta](value)
        except Misfit:
            pass
        else:
            return max(datetime.now(UTC) - min(ago, _LONGEST), _FIRST)
        try:
            return max(datetime.fromisoformat(value.strip()).astimezone(UTC), _FIRST)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is no time; give one such as 2h, 7d, 2026-07-01, or 2026-07-01T12:00:00Z", param, ctx)


class Duration(click.ParamType[timedelta]):
    """A duration as `90s`, `1h` or `7d`."""

    name = "duration"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """See click.ParamType."""
        from haulage.config.primitives import PRIMITIVES, Misfit

        if isinstance(value, timedelta):
            return value
        try:
            read: timedelta = PRIMITIVES[timedelta](value)
        except Misfit:
            self.fail(f"{value!r} is no duration; give one such as 90s, 1h or 7d", param, ctx)
        return read


_FIRST = datetime(1, 1, 2, tzinfo=UTC)
_LONGEST = timedelta(days=365 * 1000)


def local(moment: datetime | None) -> str:
    """A moment for people: in the zone of this machine, which is said; "" for none."""
    return moment.astimezone().isoformat(" ", "seconds") if moment else ""
