"""Money on Stripe's wire."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.stripe import amounts
from plugins.rules.money import AmountError, Money


@pytest.mark.parametrize(
    ("amount", "currency", "wire"),
    [
        ("12.50", "USD", 1250),
        ("12500", "JPY", 12500),
        ("5", "ISK", 500),
        ("5", "UGX", 500),
        ("12", "MGA", 12),
        ("175.00", "HUF", 17500),
    ],
)
def test_amounts_there_and_back(amount: str, currency: str, wire: int) -> None:
    money = Money.parse(amount, currency)
    assert amounts.to_wire(money) == (wire, currency.lower())
    assert amounts.from_wire(wire, currency.lower()) == money


@pytest.mark.parametrize("currency", ["KWD", "BHD", "JOD", "OMR", "TND", "XXX"])
def test_currencies_with_three_decimals_or_unknown_are_refused(currency: str) -> None:
    assert amounts.minimum(currency) is None
    with pytest.raises(AmountError, match="cannot be charged"):
        amounts.to_wire(Money(1000, currency))


def test_nothing_is_ever_rounded() -> None:
    with pytest.raises(AmountError, match="not a whole number"):
        amounts.to_wire(Money.parse("12.50", "MGA"))
    with pytest.raises(AmountError):
        amounts.from_wire(550, "isk")


@pytest.mark.parametrize(
    ("currency", "least"),
    [("USD", "0.50"), ("GBP", "0.30"), ("JPY", "50"), ("CZK", "15.00"), ("HUF", "175.00"), ("ISK", "1"), ("MGA", "1"), ("ZMW", "0.01")],
)  # fmt: skip
def test_the_smallest_charge(currency: str, least: str) -> None:
    assert amounts.minimum(currency) == Money.parse(Decimal(least), currency)
    assert amounts.minimum(currency.lower()) == amounts.minimum(currency)


@given(st.sampled_from(sorted(amounts.CHARGEABLE)), st.integers(min_value=1, max_value=99_999_999))
def test_what_stripe_is_told_is_what_is_read_back(currency: str, whole: int) -> None:
    money = Money.parse(whole, currency)
    wire, code = amounts.to_wire(money)
    assert amounts.from_wire(wire, code) == money
