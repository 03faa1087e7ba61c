"""Taxes: calculated once, when an entry is made, and stored per rate; ever after taken as they were stored (A14)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from uuid import UUID

from plugins.rules.money import Money
from plugins.rules.setup import TaxRate


@dataclass(frozen=True)
class Tax:
    """One tax of an entry, before it is a row."""

    rate_id: UUID | None
    rate: Decimal
    base: Money
    amount: Money
    jurisdiction: str


def calculate(net: Money, rates: Iterable[TaxRate], category: UUID | None, day: date) -> list[Tax]:
    """Every rate of the service tax category that is in force on the day, each on the net amount, rounded half up (E26)."""
    return [
        Tax(each.id, each.rate, net, _percent(net, each.rate), each.jurisdiction)
        for each in in_force(rates, category, day)
    ]


def in_force(rates: Iterable[TaxRate], category: UUID | None, day: date) -> list[TaxRate]:
    """The rates of a service tax category on a day, by name; none of no category."""
    found = [
        each for each in rates if category is not None and each.category == category and _in_force(each, day)
    ]
    return sorted(found, key=lambda each: (each.name, str(each.id)))


def prorate(part: Money, before: Money, net: Money, taxes: list[Money]) -> tuple[Money, list[Money]]:
    """`part` of an entry of `net` and `taxes`, of which `before` was taken already, in proportion and to the last cent (A33).

    Whatever was taken before in however many parts: all parts together come to exactly `net` and each of the taxes, and
    none of them is ever negative.
    """
    weights = [net.minor, *(each.minor for each in taxes)]
    earlier, later = _apportioned(before.minor, weights), _apportioned(before.minor + part.minor, weights)
    own, *rest = [Money(there - here, net.currency) for here, there in zip(earlier, later, strict=True)]
    return own, rest


def _apportioned(amount: int, weights: list[int]) -> list[int]:
    """`amount` among the weights: no share falls when the amount grows, and at their sum each is its weight.

    The largest remainder does neither; this is Webster's method, from a start that is below it by what it can be off.
    """
    whole = sum(weights)
    if not 0 <= amount <= whole or min(weights) < 0:
        raise ValueError(f"{amount} is no part of {weights}")
    shares = [max(0, amount * weight // whole - len(weights)) if whole else 0 for weight in weights]
    for _ in range(amount - sum(shares)):
        next_one = max(
            range(len(weights)),
            key=lambda place: (Fraction(weights[place], 2 * shares[place] + 1), weights[place], -place),
        )
        shares[next_one] += 1
    return shares


def _percent(net: Money, rate: Decimal) -> Money:
    exact = Decimal(net.minor) * rate / 100
    return Money(int(exact.to_integral_value(ROUND_HALF_UP)), net.currency)


def _in_force(rate: TaxRate, day: date) -> bool:
    return (rate.valid_from is None or rate.valid_from <= day) and (
        rate.valid_to is None or day <= rate.valid_to
    )
