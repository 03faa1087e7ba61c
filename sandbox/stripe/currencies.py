"""Which currencies can be charged, how many decimals they have, and the smallest and largest charge."""

from sandbox.stripe.errors import invalid_request

_WITHOUT_DECIMALS = "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf"

# Three-decimal currencies (bhd jod kwd omr tnd) are left out: the add-on does not charge in them either.
_WITH_TWO_DECIMALS = (
    "usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd cad cdf chf cny cop"
    " crc cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl htg huf idr ils inr isk jmd kes kgs"
    " khr kyd kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd pab pen"
    " pgk php pkr pln qar ron rsd rub sar sbd scr sek sgd shp sle sos srd std szl thb tjs top try ttd twd tzs uah ugx"
    " uyu uzs wst xcd yer zar zmw"
)

ZERO_DECIMAL = frozenset(_WITHOUT_DECIMALS.split())
TWO_DECIMAL = frozenset(_WITH_TWO_DECIMALS.split())

# No decimals in everyday life, two on the wire: https://docs.stripe.com/currencies#special-cases
_WHOLE = frozenset({"isk", "ugx"})

# https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
_SMALLEST = {
    "aed": 200, "ars": 50, "aud": 50, "brl": 50, "cad": 50, "chf": 50, "cop": 50, "czk": 1500, "dkk": 250, "eur": 50,
    "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "krw": 50, "mxn": 1000, "myr": 200, "nok": 300,
    "nzd": 50, "pln": 200, "ron": 200, "rub": 50, "sek": 300, "sgd": 50, "thb": 1000, "usd": 50, "zar": 50,
}  # fmt: skip

# https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts: twelve digits for cards, eight for the rest.
LARGEST_BY_CARD = 999_999_999_999
LARGEST_OTHERWISE = 99_999_999


def currency(name: str, value: object) -> str:
    """A currency code in lower case, as Stripe shows it."""
    code = str(value).lower()
    if code not in ZERO_DECIMAL | TWO_DECIMAL:
        raise invalid_request(
            f"Invalid currency: {code}. Stripe currently supports these currencies:"
            f" {', '.join(sorted(ZERO_DECIMAL | TWO_DECIMAL))}",
            param=name,
        )
    return code


def check_amount(amount: int, code: str, largest: int = LARGEST_BY_CARD) -> None:
    """Refuses what is too small to be worth a charge, or too large for Stripe to take."""
    if code in _WHOLE and amount % 100:
        raise invalid_request(
            f"Amounts in {code} take no decimals: they must be divisible by 100.",
            code="invalid_currency_subunit",
            param="amount",
        )
    smallest = _SMALLEST.get(code, 1)
    if amount < smallest:
        raise invalid_request(
            f"Amount must be at least {shown(smallest, code)}", code="amount_too_small", param="amount"
        )
    if amount > largest:
        raise invalid_request(
            f"Amount must be no more than {shown(largest, code)}", code="amount_too_large", param="amount"
        )


def shown(amount: int, code: str) -> str:
    """An amount for people: `10.50 usd`, `500 jpy`."""
    if code in ZERO_DECIMAL:
        return f"{amount:,} {code}"
    return f"{amount // 100:,}.{amount % 100:02d} {code}"
