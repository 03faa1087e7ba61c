"""Reads `story.toml`, and makes the names and ids that the CRM's part and Stripe's part of it share."""

import functools
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

_SOURCE = Path(__file__).with_name("story.toml")

# Fixed for ever: tests and people name rows by them.
_DEMO = UUID("0a6b1c5e-2f4d-4c8a-9e10-c0de0fcf1000")
_LEDGER = UUID("2f5a1c60-7d0b-5f0e-9a53-c0de0fcf1a7e")

Table = Mapping[str, Any]


@functools.cache
def read() -> Table:
    """The whole story as it is written."""
    return tomllib.loads(_SOURCE.read_text())


def row_id(kind: str, name: str) -> UUID:
    """The id of a demo row: `row_id("account", "Fabrikam Fibre")`, `row_id("invoice", "INV-1001")`.

    Kinds and names: account (name), contact (full name), systemuser (login), invoice (number), transactioncurrency
    (code), product (number), businessunit (name), cfl_billingcontract (account), cfl_paymenttype (name),
    cfl_paymentprofile ("account/key"), cfl_billinggroup, cfl_taxrate and other set-up (name), ledger rows ("account#number").
    """
    return uuid5(_DEMO, f"{kind}:{name}")


def slug(account: str) -> str:
    """`fabrikam` of Fabrikam Fibre: what its objects at Stripe are called."""
    return re.sub(r"\W", "", account.split(maxsplit=1)[0]).lower()


def customer_ref(account: str) -> str:
    return f"cus_{slug(account)}"


def method_ref(account: str, key: str) -> str:
    return f"pm_{slug(account)}_{key}"


def ledger_key(account: str, currency: str) -> str:
    return f"{row_id('account', account)}_{currency}"


def ledger_id(account: str, currency: str) -> UUID:
    return uuid5(_LEDGER, f"ledger:{ledger_key(account, currency)}")


def month_after(day: date, months: int) -> tuple[int, int]:
    """(month, year) that many months after the one of `day`."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return month + 1, year


def expiry(profile: Table, now: datetime) -> tuple[int, int] | None:
    """(month, year) of a card's expiry; None for bank accounts and what is not saved yet."""
    if not profile.get("like", "").startswith("pm_card_"):
        return None
    return month_after(now.date(), profile.get("expires", 50))


@dataclass(frozen=True)
class PastCharge:
    """A charge that the story tells as having happened, with every id that follows from its request key."""

    account: str
    invoice: str
    currency: str
    precision: int
    amount: Decimal
    at: datetime
    profile_key: str
    profile_name: str
    key: str
    settled_balance: Decimal
    """The invoice's balance after it."""

    @property
    def request_id(self) -> UUID:
        return uuid5(_LEDGER, f"request:{self.key}")

    @property
    def transaction_id(self) -> UUID:
        return uuid5(_LEDGER, f"transaction:{self.request_id}")

    @property
    def payment_id(self) -> UUID:
        return uuid5(_LEDGER, f"payment:{self.transaction_id}")

    def disbursement_id(self, number: int) -> UUID:
        return uuid5(_LEDGER, f"disbursement:{self.payment_id}:{row_id('invoice', self.invoice)}:{number}")

    @property
    def intent(self) -> str:
        return f"pi_demo_{self.invoice.replace('-', '').lower()}_{self.at:%Y%m%d}"

    @property
    def minor(self) -> int:
        return int(self.amount.scaleb(self.precision))


def past_charges(now: datetime) -> Iterator[PastCharge]:
    """Oldest first: the order in which their ledgers were written."""
    story = read()
    accounts = {account["name"]: account for account in story["accounts"]}
    precisions = {currency["code"]: currency["precision"] for currency in story["currencies"]}
    charges = []
    for invoice in story["invoices"]:
        balance = Decimal(invoice["total"])
        for number, charge in enumerate(invoice.get("charged", ()), start=1):
            account = accounts[invoice["customer"]]
            profile = next(p for p in account["profiles"] if p["key"] == account["contract"])
            balance -= Decimal(charge["amount"])
            charges.append(
                PastCharge(
                    account=account["name"],
                    invoice=invoice["number"],
                    currency=account["currency"],
                    precision=precisions[account["currency"]],
                    amount=Decimal(charge["amount"]),
                    at=now - timedelta(days=charge["days_ago"]),
                    profile_key=profile["key"],
                    profile_name=profile["name"],
                    key=f"demo-{invoice['number'].lower()}-{number}",
                    settled_balance=balance,
                )
            )
    yield from sorted(charges, key=lambda charge: charge.at)


def owed(account: str, currency: str) -> Decimal:
    """What the customer owes in that currency: totals of what is not canceled, less what was charged."""
    owed = Decimal(0)
    for invoice in read()["invoices"]:
        charged = sum((Decimal(charge["amount"]) for charge in invoice.get("charged", ())), Decimal(0))
        if (
            invoice["customer"] == account
            and invoice.get("status") != "Canceled"
            and invoice_currency(invoice) == currency
        ):
            owed += Decimal(invoice["total"]) - charged
    return owed


def invoice_currency(invoice: Mapping[str, Any]) -> str:
    accounts = {account["name"]: account["currency"] for account in read()["accounts"]}
    return str(invoice.get("currency") or accounts[invoice["customer"]])
