"""The price tables that come with haulage say where each number is from."""

from datetime import date
from importlib import resources

import pytest

from haulage.billing.tables import table

SERVICES = sorted(each.name[:-5] for each in resources.files("haulage.billing").iterdir() if each.name[-5:] == ".yaml")


@pytest.mark.parametrize("service", SERVICES)
def test_each_number_names_its_source_and_its_day(service):
    """A page of the provider and a day; and the table's own date is that of its newest number."""
    told = table(service)
    listed = [each for classes in told.prices.values() for numbers in classes.values() for each in numbers.values()]
    assert listed
    for each in listed:
        assert 0 < each.price < 1
        assert each.page.startswith("https://")
        assert isinstance(each.day, date)
    assert told.date == max(each.day for each in listed)


def test_the_services_of_the_plugins_have_tables():
    """Both of them; and who has none is not met with an error."""
    assert SERVICES == ["gcs", "s3"]
    assert table("tape") is None
    assert table("../s3") is None
