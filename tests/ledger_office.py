"""A billing office at work on one ledger in memory: every action by name, through the functions that the CRM's calls reach."""

import importlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID

from plugins.actions import Action, Answer, Call
from plugins.ports import Outside
from plugins.rules.checks import WholeBooks
from plugins.rules.ledger import AccountTransaction, Kind, Ledger, Payment, UsageRecord, UsageStatus
from plugins.rules.setup import Frequency, PaymentType, Service, TaxRate
from tests.builders import (
    BILLER,
    ORGANISATION,
    Office,
    a_contract,
    a_ledger,
    a_profile,
    a_setting,
    an_account,
    an_invoice,
    named,
    usd,
)

GST = named("GST category")


@dataclass(frozen=True)
class Names:
    """The rows that commands name."""

    service: UUID
    tax_rate: UUID
    check: UUID
    profile: UUID


class Teller(Protocol):
    """What puts a command into words: the rows it names, and days."""

    names: Names

    def day(self, offset: int | None) -> datetime | None: ...


class LedgerOffice:
    """One account, one ledger, two invoices that the CRM billed, a taxed service, a card that works."""

    def __init__(self, *, tax_exempt: bool = False, payments_first: bool = False) -> None:
        self.office = Office()
        books = self.office.books
        card = a_profile()
        books.add(
            an_account(),
            card,
            a_contract(card),
            replace(
                a_setting(),
                default_tax_category=GST,
                payments_first=payments_first,
                usage_taxing=True,
                time_zone="UTC",
            ),
            a_ledger(tax_exempt=tax_exempt, balance=usd("140.00")),
            Service(id=named("Setup"), name="Setup", frequency=Frequency.ONCE, tax_category=GST),
            TaxRate(
                id=named("GST 13"),
                name="GST 13 %",
                code=None,
                category=GST,
                rate=Decimal(13),
                jurisdiction="Ontario",
                valid_from=None,
                valid_to=None,
            ),
            an_invoice("100.00", "INV-1"),
            an_invoice("40.00", "INV-2"),
        )
        books.privileges[BILLER] = frozenset({"prvCreatecfl_mayoverriderefund"})
        check = next(each for each in books.all(PaymentType) if each.name == "Check")
        self.names = Names(named("Setup"), named("GST 13"), check.id, named("Visa •••• 4242"))
        self._calls: dict[str, Call] = {}

    @property
    def ledger(self) -> Ledger:
        return self.office.ledger()

    def do(self, command: str, **given: Any) -> tuple[str, Answer]:
        """Carries out a command; the key it was asked under, and the answer."""
        target = given.pop("target", None)
        name, parameters, bound = COMMANDS[command](self, **given)
        action, perform = performer(name)
        key = f"step-{len(self._calls):06}"
        call = Call(
            action.name,
            target or (self.ledger.id if bound else None),
            BILLER,
            key,
            {each: value for each, value in parameters.items() if value is not None},
            self.office.clock.now(),
            ORGANISATION,
        )
        self._calls[key] = call
        return key, perform(call, self.office.outside)

    def again(self, key: str) -> Answer:
        """The very same call once more."""
        call = replace(self._calls[key], received=self.office.clock.now())
        return performer(call.action)[1](call, self.office.outside)

    def whole(self) -> WholeBooks:
        return WholeBooks.of(self.office.books.rows.values(), self.office.books.shown)

    def advance(self, days: int) -> None:
        self.office.clock.advance(days=days)

    def add_usage(self, debit: AccountTransaction) -> None:
        zero = debit.gross - debit.gross
        self.office.books.add(
            UsageRecord(
                id=named(f"usage of {debit.id} {len(self.office.books.rows)}"),
                ledger=debit.ledger,
                used_on=self.office.clock.now(),
                currency_id=debit.currency_id,
                net=zero,
                tax=zero,
                gross=zero,
                service=None,
                entry=debit.id,
                status=UsageStatus.BILLED,
                credit=None,
            )
        )

    def day(self, offset: int | None) -> datetime | None:
        return day_of(self.office.clock.now(), offset)


def day_of(now: datetime, offset: int | None) -> datetime | None:
    """Midnight UTC that many days from today, as a date is sent."""
    if offset is None:
        return None
    today = now.date() + timedelta(days=offset)
    return datetime(today.year, today.month, today.day, tzinfo=UTC)


def performer(name: str) -> tuple[Action, Callable[[Call, Outside], Answer]]:
    """The plug-in of that name: `cfl_AddDebit` is `add_debit` in `plugins/add_debit.py`."""
    snake = re.sub(r"(?<!^)(?=[A-Z])", "_", name.removeprefix("cfl_")).lower()
    module = importlib.import_module(f"plugins.{snake}")
    return module.ACTION, getattr(module, snake)


def _number(amount: str | None) -> Decimal | None:
    return None if amount is None else Decimal(amount)


Said = tuple[str, Mapping[str, Any], bool]
"""The action's name, its parameters, and whether the ledger is its target unless another row is."""


def _entry(desk: Teller, amount: str, exempt: bool | None, posted: int | None = None) -> dict[str, Any]:
    return {
        "Amount": _number(amount),
        "TaxExempt": exempt,
        "ServiceId": desk.names.service,
        "PostingDate": desk.day(posted),
    }


def _add_debit(desk: Teller, amount: str, exempt: bool | None = None, posted: int | None = None) -> Said:
    return "cfl_AddDebit", _entry(desk, amount, exempt, posted), True


def _add_credit(
    desk: Teller,
    amount: str,
    exempt: bool | None = None,
    automatic: bool | None = None,
    invoices: list[UUID] | None = None,
) -> Said:
    more = {"Automatic": automatic, "InvoiceIds": [str(each) for each in invoices or ()] or None}
    return "cfl_AddCredit", _entry(desk, amount, exempt) | more, True


def _add_payment(
    desk: Teller, amount: str, automatic: bool | None = None, deposit: bool | None = None
) -> Said:
    given = {
        "Amount": _number(amount),
        "PaymentTypeId": desk.names.check,
        "Automatic": automatic,
        "Deposit": deposit,
    }
    return "cfl_AddPayment", given, True


def _make_payment(
    desk: Teller, amount: str, automatic: bool | None = None, deposit: bool | None = None
) -> Said:
    given = {
        "Amount": _number(amount),
        "PaymentProfileId": desk.names.profile,
        "Automatic": automatic,
        "Deposit": deposit,
    }
    return "cfl_MakePayment", given, True


def _adjust_tax(desk: Teller, amount: str, debit: bool) -> Said:
    kind = list(Kind).index(Kind.DEBIT if debit else Kind.CREDIT)
    return "cfl_AdjustTax", {"Kind": kind, "TaxRateId": desk.names.tax_rate, "Amount": _number(amount)}, True


def _bare(name: str) -> Callable[..., Said]:
    return lambda _: (name, {}, True)


def _refund(desk: Teller, amount: str | None = None) -> Said:
    return "cfl_RefundPayment", {"Amount": _number(amount)}, True


def _reverse_payments(desk: Teller, payments: list[UUID]) -> Said:
    return "cfl_ReversePayments", {"PaymentIds": [str(each) for each in payments]}, False


def _create_refund(desk: Teller, entries: list[UUID], amount: str | None = None) -> Said:
    given = {
        "TransactionIds": [str(each) for each in entries],
        "PaymentTypeId": desk.names.check,
        "Amount": _number(amount),
    }
    return "cfl_CreateRefund", given, True


def _disburse(desk: Teller, source: Any, invoices: list[UUID]) -> Said:
    given = {
        "PaymentId": source.id if isinstance(source, Payment) else None,
        "CreditId": source.id if isinstance(source, AccountTransaction) else None,
        "InvoiceIds": [str(each) for each in invoices],
    }
    return "cfl_Disburse", given, False


def _save_payment(desk: Teller, deposit: bool | None = None, automatic: bool | None = None) -> Said:
    return "cfl_SavePayment", {"Deposit": deposit, "Automatic": automatic}, True


def _save_credit(desk: Teller, automatic: bool | None = None) -> Said:
    return "cfl_SaveCredit", {"Automatic": automatic}, True


def _charge(desk: Teller, amount: str) -> Said:
    return "cfl_ChargeInvoice", {"Amount": _number(amount)}, True


COMMANDS: Mapping[str, Callable[..., Said]] = {
    "add_debit": _add_debit,
    "add_credit": _add_credit,
    "add_payment": _add_payment,
    "make_payment": _make_payment,
    "adjust_tax": _adjust_tax,
    "reverse_transaction": _bare("cfl_ReverseTransaction"),
    "refund_payment": _refund,
    "reverse_payments": _reverse_payments,
    "create_refund": _create_refund,
    "disburse": _disburse,
    "delete_disbursement": _bare("cfl_DeleteDisbursement"),
    "save_payment": _save_payment,
    "save_credit": _save_credit,
    "open_invoice": _bare("cfl_OpenInvoice"),
    "close_invoice": _bare("cfl_CloseInvoice"),
    "void_invoice": _bare("cfl_VoidInvoice"),
    "charge_invoice": _charge,
}
