"""Money is whole minor units of a currency: what is not exactly that is refused, never rounded."""

import ast
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins import rules
from plugins.rules.money import EXPONENTS, AmountError, Money, exponent, total

CURRENCIES = st.sampled_from(sorted({*EXPONENTS, "USD", "EUR", "GBP", "CHF"}))
MINOR = st.integers(-(10**18), 10**18)


@given(minor=MINOR, currency=CURRENCIES)
def test_an_amount_in_major_units_reads_back_as_the_same_money(minor: int, currency: str) -> None:
    money = Money(minor, currency)
    assert Money.parse(money.amount, currency) == money
    assert Money.parse(str(money.amount), currency) == money
    assert -money.amount.as_tuple().exponent == exponent(currency)  # type: ignore[operator]  # it is finite


@given(minor=st.integers(-(10**40), 10**40), currency=CURRENCIES)
def test_even_an_absurd_amount_is_never_rounded(minor: int, currency: str) -> None:
    assert Money.parse(Money(minor, currency).amount, currency).minor == minor


@given(minor=MINOR, currency=CURRENCIES, places=st.integers(1, 60), figure=st.integers(1, 9))
def test_dust_below_the_smallest_unit_is_refused(minor: int, currency: str, places: int, figure: int) -> None:
    sign = "-" if minor < 0 else ""
    digits = exponent(currency)
    whole, cents = divmod(abs(minor), 10**digits)
    shown = f"{cents:0{digits}}" if digits else ""
    with pytest.raises(AmountError, match="has more"):
        Money.parse(f"{sign}{whole}.{shown}{'0' * (places - 1)}{figure}", currency)


@pytest.mark.parametrize("zeros", ["12.5", "12.50", "12.500000000000000000000000000000000000", "1250e-2"])
def test_zeros_at_the_end_are_no_dust(zeros: str) -> None:
    assert Money.parse(zeros, "USD") == Money(1250, "USD")


@pytest.mark.parametrize("text", ["", "a lot", "1,250.00", "NaN", "sNaN", "Infinity", "-Infinity", "1.2.3"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(AmountError, match="is not an amount"):
        Money.parse(text, "USD")


@pytest.mark.parametrize("text", ["1e1001", "1e999999", "-1e999999"])
def test_what_no_balance_comes_near_is_refused_without_being_written_out(text: str) -> None:
    with pytest.raises(AmountError, match="too large"):
        Money.parse(Decimal(text), "USD")


@pytest.mark.parametrize("text", ["1e-1001", "1e-999999"])
def test_what_is_nearly_nothing_is_refused_and_is_not_nothing(text: str) -> None:
    with pytest.raises(AmountError, match="has more"):
        Money.parse(Decimal(text), "USD")


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [("12500", "JPY", 12500), ("1", "KWD", 1000), ("0.001", "KWD", 1), ("-0.01", "usd", -1), ("0e-5000", "USD", 0)],
)  # fmt: skip
def test_each_currency_has_its_own_decimals(text: str, currency: str, minor: int) -> None:
    assert Money.parse(text, currency) == Money(minor, currency.upper())


@pytest.mark.parametrize(
    ("money", "shown"),
    [
        (Money(125000, "USD"), "1,250.00 USD"),
        (Money(12500, "JPY"), "12,500 JPY"),
        (Money(1, "KWD"), "0.001 KWD"),
        (Money(-50, "EUR"), "-0.50 EUR"),
        (Money(0, "USD"), "0.00 USD"),
    ],
)
def test_money_in_a_sentence(money: Money, shown: str) -> None:
    assert str(money) == shown


@given(amounts=st.lists(MINOR), currency=CURRENCIES)
def test_a_total_is_the_sum_of_the_minor_units(amounts: list[int], currency: str) -> None:
    assert total([Money(each, currency) for each in amounts], currency) == Money(sum(amounts), currency)


def test_currencies_do_not_mix() -> None:
    dollars, euros = Money(100, "USD"), Money(100, "EUR")
    for mix in (lambda: dollars + euros, lambda: dollars - euros, lambda: dollars < euros):
        with pytest.raises(ValueError, match="cannot be mixed"):
            mix()
    assert dollars != euros


def test_no_rule_knows_a_float() -> None:
    (folder,) = rules.__path__
    for module in Path(folder).glob("*.py"):
        for node in ast.walk(ast.parse(module.read_text())):
            is_float = isinstance(node, ast.Constant) and isinstance(node.value, float)
            is_float |= isinstance(node, ast.Name) and node.id == "float"
            assert not is_float, f"{module.name}:{getattr(node, 'lineno', 0)}"
