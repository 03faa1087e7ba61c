"""Money as Stripe writes it: the one place where an amount becomes a number on the wire, and back.

Source: https://docs.stripe.com/currencies (decimals, special cases, minimum amounts).
"""

from decimal import Decimal

from plugins.rules.money import AmountError, Money

# ISK and UGX have no minor unit, yet Stripe takes them with two decimals, always 00. MGA is the reverse.
_ZERO_DECIMAL_CODES = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF"
_TWO_DECIMAL_CODES = """
USD AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BWP BYN BZD CAD CDF
CHF CNY COP CRC CVE CZK DKK DOP DZD EGP ETB EUR FJD FKP GBP GEL GIP GMD GTQ GYD HKD HNL HTG HUF IDR
ILS INR ISK JMD KES KGS KHR KYD KZT LAK LBP LKR LRD LSL MAD MDL MKD MMK MNT MOP MUR MVR MWK MXN MYR
MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SEK SGD SHP SLE SOS
SRD STD SZL THB TJS TOP TRY TTD TWD TZS UAH UGX UYU UZS WST XCD YER ZAR ZMW
"""
_ZERO_DECIMAL = frozenset(_ZERO_DECIMAL_CODES.split())

CHARGEABLE = _ZERO_DECIMAL | frozenset(_TWO_DECIMAL_CODES.split())
"""What can be charged. BHD, JOD, KWD, OMR and TND are left out: how Stripe rounds their third decimal is not settled."""

_MINIMUM = {
    **dict.fromkeys(("USD", "EUR", "CAD", "AUD", "CHF", "NZD", "SGD", "BRL", "INR"), Decimal("0.50")),
    "GBP": Decimal("0.30"),
    "DKK": Decimal("2.50"),
    **dict.fromkeys(("NOK", "SEK"), Decimal("3.00")),
    "CZK": Decimal("15.00"),
    **dict.fromkeys(("PLN", "RON", "AED", "MYR"), Decimal("2.00")),
    "HKD": Decimal("4.00"),
    "HUF": Decimal("175.00"),
    **dict.fromkeys(("MXN", "THB"), Decimal("10.00")),
    **dict.fromkeys(("JPY", "KRW"), Decimal(50)),
}


def minimum(currency: str) -> Money | None:
    """The smallest charge; one smallest unit where Stripe documents none; None where nothing can be charged."""
    code = currency.upper()
    if code not in CHARGEABLE:
        return None
    if code in _MINIMUM:
        return Money.parse(_MINIMUM[code], code)
    return Money.parse(Decimal(1) if code in _ZERO_DECIMAL else Money(1, code).amount, code)


def to_wire(money: Money) -> tuple[int, str]:
    """Stripe's amount and currency. Raises `AmountError` rather than round, or for a currency it does not charge."""
    if money.currency not in CHARGEABLE:
        raise AmountError(f"{money.currency} cannot be charged")
    scaled = money.amount.scaleb(_digits(money.currency))
    if scaled != int(scaled):
        raise AmountError(f"{money} is not a whole number of the smallest unit that can be charged")
    return int(scaled), money.currency.lower()


def from_wire(amount: int, currency: str) -> Money:
    """Raises `AmountError` when Stripe's number is not whole minor units of the currency."""
    code = currency.upper()
    return Money.parse(Decimal(amount).scaleb(-_digits(code)), code)


def _digits(currency: str) -> int:
    return 0 if currency in _ZERO_DECIMAL else 2
