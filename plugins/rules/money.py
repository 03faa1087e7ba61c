"""Money: whole minor units of one currency. Decimal only at the edges, float never.

Source of the exponents: ISO 4217. What a gateway wants to be sent is its adapter's business.
"""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Self

EXPONENTS = {
    **dict.fromkeys(
        (
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ),
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}
"""Digits after the decimal point of the currencies that do not have two."""


MOST_DIGITS = 1000
"""Of a number that is still looked at; every balance is below."""


class AmountError(ValueError):
    """An amount that cannot be money: not a number, or with more decimals than its currency has."""


def exponent(currency: str) -> int:
    """Digits after the decimal point, `JPY` 0, `USD` 2, `KWD` 3."""
    return EXPONENTS.get(currency.upper(), 2)


@dataclass(frozen=True)
class Money:
    """`minor` whole minor units (cents) of `currency` (ISO 4217, upper case)."""

    minor: int
    currency: str

    @classmethod
    def zero(cls, currency: str) -> Self:
        return cls(0, currency)

    @classmethod
    def parse(cls, amount: Decimal | str | int, currency: str) -> Self:
        """From a decimal amount in major units (`"12.50"`). Raises `AmountError` rather than round."""
        try:
            value = Decimal(amount)
        except InvalidOperation:
            raise AmountError(f"{amount!r} is not an amount") from None
        if not value.is_finite():
            raise AmountError(f"{amount} is not an amount")
        if value.adjusted() > MOST_DIGITS:
            raise AmountError("The amount is too large")
        digits = exponent(currency)
        if value.adjusted() < -MOST_DIGITS and value:
            raise AmountError(f"{currency} has {digits} decimals; {amount} has more")
        # Whole numbers throughout: arithmetic of Decimal rounds to 28 figures without a word.
        numerator, denominator = value.as_integer_ratio()
        whole, rest = divmod(numerator * 10**digits, denominator)
        if rest:
            raise AmountError(f"{currency} has {digits} decimals; {amount} has more")
        return cls(whole, currency.upper())

    @property
    def amount(self) -> Decimal:
        """In major units, with the currency's digits: `Decimal("12.50")`."""
        sign, figures, _ = Decimal(self.minor).as_tuple()
        return Decimal((sign, figures, -exponent(self.currency)))

    def __str__(self) -> str:
        """For a sentence: `1,250.00 USD`."""
        return f"{self.amount:,.{exponent(self.currency)}f} {self.currency}"

    def __add__(self, other: "Money") -> "Money":
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.minor - self._same(other), self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.minor, self.currency)

    def __lt__(self, other: "Money") -> bool:
        return self.minor < self._same(other)

    def __le__(self, other: "Money") -> bool:
        return self.minor <= self._same(other)

    def __gt__(self, other: "Money") -> bool:
        return self.minor > self._same(other)

    def __ge__(self, other: "Money") -> bool:
        return self.minor >= self._same(other)

    def __bool__(self) -> bool:
        return self.minor != 0

    def _same(self, other: "Money") -> int:
        if other.currency != self.currency:
            raise ValueError(f"{self.currency} and {other.currency} cannot be mixed")
        return other.minor


def total(amounts: "list[Money] | tuple[Money, ...]", currency: str) -> Money:
    """The sum; zero of `currency` for none."""
    return sum(amounts, start=Money.zero(currency))


def least(one: Money, other: Money) -> Money:
    """The smaller of two amounts of one currency."""
    return min(one, other)


def split(amount: Money, weights: "list[int]") -> list[Money]:
    """`amount` in proportion to the weights, whole minor units, by the largest remainder; ties go to the largest weight.

    Raises `ValueError` when there is nothing to be in proportion to.
    """
    whole = sum(weights)
    if whole <= 0 or min(weights) < 0:
        raise ValueError("weights must not be negative, and not all zero")
    parts = [divmod(amount.minor * weight, whole) for weight in weights]
    left = amount.minor - sum(part for part, _ in parts)
    order = sorted(range(len(weights)), key=lambda place: (-parts[place][1], -weights[place], place))
    extra = set(order[:left])
    return [Money(part + (place in extra), amount.currency) for place, (part, _) in enumerate(parts)]
