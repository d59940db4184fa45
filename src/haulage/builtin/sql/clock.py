"""Time as the database tells it."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func

from haulage.builtin.sql.models import UtcTime


def from_now(after: timedelta = timedelta(0)) -> ColumnElement[datetime]:
    """The database's time, or that time and a while, to the millisecond."""
    return func.strftime("%Y-%m-%dT%H:%M:%fZ", "now", f"{after.total_seconds():+.3f} seconds", type_=UtcTime)
