"""Taxes: every rate in force on the net amount, rounded half up; parts that come to the whole, to the last cent."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.rules.money import Money, total
from plugins.rules.setup import TaxRate
from plugins.rules.taxing import calculate, prorate
from tests.builders import named, usd
from tests.rules.drafts import TODAY

CATEGORY = named("Taxed")


def a_rate(rate: str, name: str = "GST", **fields: Any) -> TaxRate:
    given: dict[str, Any] = {
        "code": named("GST"),
        "category": CATEGORY,
        "jurisdiction": "Ontario",
        "valid_from": None,
        "valid_to": None,
    } | fields
    return TaxRate(id=named(f"{name} {rate}"), name=name, rate=Decimal(rate), **given)


@pytest.mark.parametrize(
    ("net", "rate", "tax"),
    [
        ("100.00", "13", "13.00"),
        ("0.50", "13", "0.07"),  # 0.065: half up
        ("0.34", "13", "0.04"),  # 0.0442
        ("99.99", "9.975", "9.97"),  # 9.974...
        ("100.00", "0", "0.00"),  # a zero rate is a tax of nothing, and recorded
    ],
)
def test_a_rate_is_on_the_net_amount_rounded_half_up(net: str, rate: str, tax: str) -> None:  # E26
    [found] = calculate(usd(net), [a_rate(rate)], CATEGORY, TODAY)
    assert (found.base, found.amount, found.rate) == (usd(net), usd(tax), Decimal(rate))
    assert found.jurisdiction == "Ontario"


def test_a_currency_without_cents_is_rounded_to_what_it_has() -> None:  # A34
    [found] = calculate(Money.parse("105", "JPY"), [a_rate("10")], CATEGORY, TODAY)
    assert found.amount == Money.parse("11", "JPY")


def test_every_rate_of_the_category_is_a_tax_of_its_own() -> None:  # E26 E92
    rates = [a_rate("9.975", "QST"), a_rate("5", "GST"), a_rate("8", "PST", category=named("Other"))]
    found = calculate(usd("100.00"), rates, CATEGORY, TODAY)
    assert [(each.rate, each.amount) for each in found] == [
        (Decimal(5), usd("5.00")),
        (Decimal("9.975"), usd("9.98")),
    ]


def test_without_a_category_there_is_no_tax() -> None:
    assert calculate(usd("100.00"), [a_rate("13")], None, TODAY) == []


@pytest.mark.parametrize(
    ("day", "is_on"),
    [("2026-10-31", False), ("2026-11-01", True), ("2026-11-30", True), ("2026-12-01", False)],
)
def test_a_rate_is_in_force_from_its_first_to_its_last_day(day: str, is_on: bool) -> None:
    rate = a_rate("13", valid_from=date(2026, 11, 1), valid_to=date(2026, 11, 30))
    assert bool(calculate(usd("100.00"), [rate], CATEGORY, date.fromisoformat(day))) is is_on


def test_a_part_is_none_of_more_than_the_whole() -> None:
    with pytest.raises(ValueError, match="no part of"):
        prorate(usd("60.00"), usd("60.00"), usd("100.00"), [usd("13.00")])


def test_a_part_is_split_in_proportion() -> None:  # A33
    assert prorate(usd("60.00"), usd("0.00"), usd("100.00"), [usd("13.00")]) == (
        usd("53.10"),
        [usd("6.90")],
    )


@settings(deadline=None)
@given(
    net=st.integers(0, 20_000),
    taxes=st.lists(st.integers(0, 3_000), max_size=3),
    cuts=st.lists(st.integers(1, 9_000), max_size=6),
)
def test_all_parts_together_come_to_the_whole(net: int, taxes: list[int], cuts: list[int]) -> None:
    """A33 I37: whatever the parts, none is negative and nothing is left over."""
    gross = net + sum(taxes)
    if not gross:
        return
    whole = [Money(each, "USD") for each in taxes]
    taken, nets, taxed = 0, [], [Money.zero("USD") for _ in taxes]
    for cut in [*cuts, gross]:
        part = min(cut, gross - taken)
        if not part:
            break
        own, rest = prorate(Money(part, "USD"), Money(taken, "USD"), Money(net, "USD"), whole)
        assert own + total(rest, "USD") == Money(part, "USD")
        assert min([own.minor, *(each.minor for each in rest)]) >= 0
        nets.append(own)
        taxed = [one + other for one, other in zip(taxed, rest, strict=True)]
        taken += part
    assert total(nets, "USD") == Money(net, "USD")
    assert taxed == whole
