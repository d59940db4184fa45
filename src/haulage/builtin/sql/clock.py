"""Time as the database tells it."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func

from haulage.builtin.sql.models import UtcTime

_LONGEST = timedelta(days=365 * 1000)
"""SQLite knows no year after 9999, and gives NULL instead of the time."""


def from_now(after: timedelta = timedelta(0)) -> ColumnElement[datetime]:
    """The database's time, or that time and a while, to the millisecond."""
    seconds = max(-_LONGEST, min(after, _LONGEST)).total_seconds()
    return func.strftime("%Y-%m-%dT%H:%M:%fZ", "now", f"{seconds:+.3f} seconds", type_=UtcTime)
