"""Billing accounts with a history: 500 invoices of which three still owe something, and as many transactions as asked."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from plugins.rules.ids import AccountId, LedgerId, ledger_id, ledger_key
from sandbox.demo.story import row_id

INVOICES = 500
OPEN = 3
DAY = "2026-01-15"
_FIRST_CHOICE = 728310000

Row = dict[str, Any]


@dataclass(frozen=True)
class LongLedger:
    """Half of its transactions are debits, half the payments that paid them; each payment has one disbursement."""

    transactions: int

    @property
    def name(self) -> str:
        return f"Long {self.transactions:05}"

    @property
    def account(self) -> AccountId:
        return AccountId(row_id("account", self.name))

    @property
    def ledger(self) -> LedgerId:
        return LedgerId(ledger_id(ledger_key(self.account, "USD")))

    def invoice(self, number: int) -> UUID:
        return row_id("invoice", f"{self.name} {number}")

    def rows(self) -> dict[str, list[Row]]:
        """In the shape that `POST /sandbox/import` takes."""
        made: dict[str, list[Row]] = {}
        for table, row in self._rows():
            made.setdefault(table, []).append(row)
        return made

    def _rows(self) -> Iterator[tuple[str, Row]]:
        yield "accounts", {"accountid": str(self.account), "name": self.name} | _money()
        yield (
            "cfl_billingaccounts",
            {
                "cfl_billingaccountid": str(self.ledger),
                "cfl_name": f"{self.name} (USD)",
                "cfl_accountid@odata.bind": f"/accounts({self.account})",
                "cfl_ledgerkey": ledger_key(self.account, "USD"),
                "cfl_status": _FIRST_CHOICE,
                "cfl_balance": OPEN * 100,
                "cfl_depositbalance": 0,
                "cfl_undisbursed": 0,
                "cfl_version": 1,
                "cfl_lastnumber": 10 * self.transactions,
            }
            | _money(),
        )
        for number in range(INVOICES):
            yield "invoices", self._invoice(number)
        pairs = self.transactions // 2
        for number in range(pairs):
            yield from self._paid_debit(number, OPEN + number % (INVOICES - OPEN))

    def _invoice(self, number: int) -> Row:
        owes = 100 if number < OPEN else 0
        return {
            "invoiceid": str(self.invoice(number)),
            "invoicenumber": f"{self.name}-{number:03}",
            "name": "Benchmark",
            "customerid_account@odata.bind": f"/accounts({self.account})",
            "totalamount": owes,
            "statecode": 0 if owes else 2,
            "statuscode": 4 if owes else 100001,
            "cfl_billingaccountid@odata.bind": f"/cfl_billingaccounts({self.ledger})",
            "cfl_ledgerstate": _FIRST_CHOICE + 1,
            "cfl_balance": owes,
        } | _money()

    def _paid_debit(self, number: int, invoice: int) -> Iterator[tuple[str, Row]]:
        debit, payment = (row_id(kind, f"{self.name} {number}") for kind in ("debit", "payment"))
        on = f"/invoices({self.invoice(invoice)})"
        of = {"cfl_billingaccountid@odata.bind": f"/cfl_billingaccounts({self.ledger})"} | _money()
        amount = 12
        yield (
            "cfl_accounttransactions",
            {
                "cfl_accounttransactionid": str(debit),
                "cfl_number": 3 * number + 1,
                "cfl_kind": _FIRST_CHOICE,
                "cfl_origin": _FIRST_CHOICE,
                "cfl_net": amount,
                "cfl_tax": 0,
                "cfl_gross": amount,
                "cfl_date": DAY,
                "cfl_postingdate": DAY,
                "cfl_invoiceid@odata.bind": on,
                "cfl_undisbursed": 0,
                "cfl_reversalkey": f"own:{debit}",
            }
            | of,
        )
        yield (
            "cfl_payments",
            {
                "cfl_paymentid": str(payment),
                "cfl_number": 3 * number + 2,
                "cfl_amount": amount,
                "cfl_date": DAY,
                "cfl_postingdate": DAY,
                "cfl_displayinvoiceid@odata.bind": on,
                "cfl_disbursed": amount,
                "cfl_undisbursed": 0,
                "cfl_refunded": 0,
                "cfl_isdisbursed": True,
            }
            | of,
        )
        yield (
            "cfl_disbursements",
            {
                "cfl_disbursementid": str(row_id("disbursement", f"{self.name} {number}")),
                "cfl_number": 3 * number + 3,
                "cfl_invoiceid@odata.bind": on,
                "cfl_paymentid@odata.bind": f"/cfl_payments({payment})",
                "cfl_amount": amount,
                "cfl_mode": _FIRST_CHOICE,
            }
            | of,
        )


def _money() -> Row:
    return {
        "transactioncurrencyid@odata.bind": f"/transactioncurrencies({row_id('transactioncurrency', 'USD')})",
        "ownerid@odata.bind": f"/systemusers({row_id('systemuser', 'biller')})",
    }


LONG = tuple(LongLedger(transactions) for transactions in (100, 1_000, 10_000))
