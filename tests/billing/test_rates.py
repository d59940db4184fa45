"""Which price counts for a storage, and what is said where nobody knows one."""

import pytest

from haulage.billing.rates import Cost, Rate, dollars, monthly, rate, writes
from haulage.config.model import Price
from haulage.config.sizes import Dollars
from haulage.contracts.storage import Billing

IA = Billing("s3", "us-east-1", "STANDARD_IA")


def test_a_table_tells_the_price_and_its_day():
    """By service, region and storage class, for the gigabyte of that service."""
    told = rate("archive", IA, None)
    assert (told.storage, told.gigabyte, told.table) == (0.0125, 2**30, "s3 table of 2026-07-28")
    assert told.monthly(40 * 2**30) == pytest.approx(0.5)
    assert "table s3 of 2026-07-28" in told.origin
    assert "https://" in told.origin


def test_the_config_counts_before_a_table_number_by_number():
    """What it does not say is still that of the table."""
    billing = Billing("s3", "us-east-1", "STANDARD")
    told = rate("archive", billing, Price(write=Dollars(0.5)))
    assert (told.storage, told.write) == (0.023, 0.5)
    told = rate("archive", billing, Price(storage=Dollars(0.5)))
    assert (told.storage, told.write, told.origin) == (0.5, 0.005, "prices of the config")
    assert (told.table, told.write_table) == ("prices of the config", "s3 table of 2026-07-28")


@pytest.mark.parametrize(
    ("billing", "what"),
    [
        (Billing("s3", "eu-west-9", "STANDARD_IA"), "s3 STANDARD_IA in eu-west-9"),
        (Billing("s3", "us-east-1", "FROZEN"), "s3 FROZEN in us-east-1"),
        (Billing("gcs", "", "STANDARD"), "gcs STANDARD in a region that the config does not name"),
        (Billing("tape", "cellar", "LTO"), "tape LTO in cellar"),
        (None, "storage archive"),
    ],
)
def test_where_nobody_knows_a_price_it_is_said(billing, what):
    """With what it would be the price of, and how to set it: nothing is invented."""
    told = rate("archive", billing, None)
    assert told.storage is told.write is told.monthly(10**12) is None
    assert told.origin == f"no price known for {what}: set prices: {{archive: {{storage: ...}}}} in the config"


def test_a_sum_names_what_is_not_in_it():
    """What has no price is named instead of counted as nothing; what is empty needs none."""
    rates = {"a": Rate(0.5, 5.0, 10**9, ""), "b": Rate(None, None, 10**9, "")}
    assert monthly({"a": 4 * 10**9}, rates) == Cost(2.0)
    assert monthly({"a": 4 * 10**9, "b": 1, "gone": 1}, rates) == Cost(2.0, ("b", "gone"))
    assert monthly({"b": 1}, rates) == Cost(None, ("b",))
    assert monthly({"b": 0}, rates) == Cost(0.0)
    assert writes({"a": 200, "b": 1}, rates) == Cost(1.0, ("b",))


def test_a_sum_names_its_tables():
    """Each once, and only those of what is in it."""
    rates = {name: Rate(1.0, 1.0, 10**9, "", table, "own") for name, table in (("a", "x"), ("b", "own"), ("c", "x"))}
    rates["d"] = Rate(None, None, 10**9, "")
    sizes = {"a": 1, "b": 1, "c": 1, "d": 1, "gone": 1}
    assert monthly(sizes, rates).tables == ("own", "x")
    assert monthly({"a": 1, "b": 0}, rates).tables == ("x",)
    assert writes({"a": 1, "d": 1}, rates).tables == ("own",)


@pytest.mark.parametrize(
    ("amount", "said"),
    [(0.0, "0 USD"), (0.00421, "0.0042 USD"), (0.25, "0.25 USD"), (20.0, "20.00 USD"), (1204.4, "1,204 USD")],
)
def test_an_amount_has_the_digits_that_matter(amount, said):
    """Cents, and more where there are only those."""
    assert dollars(amount) == said
