"""Times on the command line."""

from datetime import UTC, datetime, timedelta

import click
import pytest

from haulage.cli.moments import Moment


def moment(text):
    """What is meant by a text."""
    return Moment().convert(text, None, None)


@pytest.mark.parametrize(
    ("text", "ago"),
    [("2h", timedelta(hours=2)), ("7d", timedelta(days=7)), ("1.5 m", timedelta(seconds=90)), ("0s", timedelta(0))],
)
def test_a_duration_is_that_long_ago(text, ago):
    """Durations are written as in the config."""
    before = datetime.now(UTC)
    assert before - ago <= moment(text) <= datetime.now(UTC) - ago


@pytest.mark.parametrize(
    "text", ["2026-07-01T12:00:00Z", "2026-07-01T14:00:00+02:00", " 2026-07-01 12:00:00.000+00:00"]
)
def test_a_date_with_a_zone_is_that_moment(text):
    """As RFC 3339 has it."""
    assert moment(text) == datetime(2026, 7, 1, 12, tzinfo=UTC)


def test_a_date_without_a_zone_is_of_this_machine():
    """A day begins at midnight here."""
    assert moment("2026-07-01") == datetime(2026, 7, 1).astimezone()
    assert moment("2026-07-01T08:30:00") == datetime(2026, 7, 1, 8, 30).astimezone()


@pytest.mark.parametrize("text", ["999999d", "99999999999999999999999d", "0001-01-01", "0001-01-01T00:00:00+23:00"])
def test_nothing_is_too_long_ago(text):
    """What lies before all calendars is a time, or a mistake of the caller, and no crash."""
    try:
        assert moment(text).year < 1900
    except click.BadParameter as error:
        assert "is no time" in str(error)  # noqa: PT017


@pytest.mark.parametrize("text", ["", "yesterday", "2", "-2h", "2w", "2026-13-01", "\udcff"])
def test_what_is_no_time_is_a_mistake(text):
    """It says what a time looks like."""
    with pytest.raises(click.BadParameter, match="is no time; give one such as 2h, 7d, 2026-07-01, or"):
        moment(text)
