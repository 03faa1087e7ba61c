"""What was entered into ledgers before the demo begins: debits, payments, credits, deposits, and what came of them.

Told event by event as `[[ledgers]]` of the story does, with the numbers, taxes, disbursements and totals that follow.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sandbox.crm.pipeline import Reference
from sandbox.crm.seeding import Seeder
from sandbox.demo import crmrows, story
from sandbox.demo.story import row_id

_CENT = Decimal("0.01")
_ZERO = Decimal(0)


def add(seeder: Seeder) -> None:
    accounts = {account["name"]: account for account in story.read()["accounts"]}
    for ledger in story.read()["ledgers"]:
        _Telling(seeder, accounts[ledger["account"]], ledger).tell()


@dataclass
class _Invoice:
    number: str
    name: str
    opened: datetime
    closed: datetime | None = None
    debits: Decimal = _ZERO
    paid: Decimal = _ZERO
    credited: Decimal = _ZERO
    previous: Decimal = _ZERO
    due: Decimal | None = None
    paid_on: date | None = None

    @property
    def id(self) -> UUID:
        return row_id("invoice", self.number)

    @property
    def room(self) -> Decimal:
        return self.debits - self.paid - self.credited


@dataclass
class _Source:
    """A payment or a credit: money that goes to invoices."""

    table: str
    id: UUID
    number: int
    amount: Decimal
    automatic: bool
    deposit: bool
    invoice: _Invoice | None
    """The one that it is displayed on."""
    row: dict[str, Any]
    disbursed: Decimal = _ZERO

    @property
    def left(self) -> Decimal:
        return self.amount - self.disbursed


@dataclass
class _Telling:
    """One ledger, from its first event to its last."""

    seeder: Seeder
    account: Mapping[str, Any]
    spec: Mapping[str, Any]
    last_number: int = 0
    invoices: list[_Invoice] = field(default_factory=list)
    sources: list[_Source] = field(default_factory=list)

    def tell(self) -> None:
        self._add_services()
        for place, event in enumerate(self.spec.get("events", ())):
            day = (self.seeder.now + timedelta(days=event["day"])).date()
            self._event(event, datetime.combine(day, time(9, place), self.seeder.now.tzinfo))
            self._disburse(day)
        for source in self.sources:
            self._add_source(source)
        for invoice in self.invoices:
            self._add_invoice(invoice)
        self._add_ledger()

    # what happens

    def _event(self, event: Mapping[str, Any], at: datetime) -> None:
        if "open" in event:
            self._open(event, at)
        elif "debit" in event:
            self._debit(event, at, Decimal(event["debit"]))
        elif "credit" in event:
            self._credit(event, at)
        elif "close" in event:
            self._close(at)
        elif "usage" in event:
            self._usage(event, at)
        else:
            self._payment(event, at)

    def _open(self, event: Mapping[str, Any], at: datetime) -> None:
        """What nothing displayed so far is displayed on it."""
        invoice = _Invoice(event["open"], event["name"], at)
        self.invoices.append(invoice)
        for source in self.sources:
            if source.invoice is None and not source.deposit:
                source.invoice = invoice

    def _close(self, at: datetime) -> None:
        invoice = self.invoices[-1]
        before = self.invoices[-2].due if len(self.invoices) > 1 else None
        invoice.closed = at
        invoice.previous = before or _ZERO
        issued = sum((each.amount for each in self.sources if each.invoice is invoice), _ZERO)
        invoice.due = invoice.previous + invoice.debits - issued

    def _debit(
        self, event: Mapping[str, Any], at: datetime, net: Decimal, tax: Decimal | None = None
    ) -> UUID:
        invoice, number = self.invoices[-1], self._next()
        tax = (net * _rate() / 100).quantize(_CENT) if tax is None else tax
        key = row_id("cfl_accounttransaction", f"{self.account['name']}#{number}")
        self._add_entry(event, at, key, number, "Debit", net, tax, invoice)
        invoice.debits += net + tax
        return key

    def _credit(self, event: Mapping[str, Any], at: datetime) -> None:
        net = Decimal(event["credit"])
        tax = (net * _rate() / 100).quantize(_CENT)
        number, invoice = self._next(), self._open_invoice
        key = row_id("cfl_accounttransaction", f"{self.account['name']}#{number}")
        row = self._entry(event, at, key, number, "Credit", net, tax)
        automatic = event.get("automatic", False)
        self.sources.append(
            _Source("cfl_accounttransaction", key, number, net + tax, automatic, False, invoice, row)
        )
        self._add_tax(at, key, net, tax)

    def _payment(self, event: Mapping[str, Any], at: datetime) -> None:
        deposit = "deposit" in event
        number = self._next()
        key = row_id("cfl_payment", f"{self.account['name']}#{number}")
        row = {
            **self._shared(at),
            "cfl_paymentid": key,
            "cfl_name": f"#{number}",
            "cfl_number": number,
            "cfl_paymenttypeid": row_id("cfl_paymenttype", event["type"]),
            "cfl_amount": Decimal(event["deposit"] if deposit else event["pay"]),
            "cfl_date": at.date(),
            "cfl_postingdate": at.date(),
            "cfl_detail": event.get("detail"),
            "cfl_checknumber": event.get("check"),
            "cfl_deposit": deposit,
            "cfl_wasdeposit": False,  # it becomes one of those when it is released
            "cfl_refunded": _ZERO,
            "cfl_isrefunded": False,
        }
        automatic = event.get("automatic", not deposit)
        invoice = None if deposit else self._open_invoice
        self.sources.append(
            _Source("cfl_payment", key, number, row["cfl_amount"], automatic, deposit, invoice, row)
        )

    def _usage(self, event: Mapping[str, Any], at: datetime) -> None:
        """The account's usage records, billed by one debit."""
        records = [each for each in story.read()["usage"] if each["account"] == self.account["name"]]
        net = sum((Decimal(each["net"]) for each in records), _ZERO)
        tax = sum((Decimal(each["tax"]) for each in records), _ZERO)
        debit = self._debit({**event, "origin": "Usage"}, at, net, tax)
        for place, each in enumerate(records, start=1):
            day = (self.seeder.now + timedelta(days=each["day"])).date()
            self.seeder.add(
                "cfl_usagerecord",
                {
                    **self._shared(at),
                    "cfl_usagerecordid": row_id("cfl_usagerecord", f"{self.account['name']}/{place}"),
                    "cfl_name": f"{each['class']} to {each['to']}",
                    "cfl_date": datetime.combine(day, time(8 + place, 5), self.seeder.now.tzinfo),
                    "cfl_originator": each["from"],
                    "cfl_terminator": each["to"],
                    "cfl_usageclass": self.seeder.choice("cfl_usagerecord", "cfl_usageclass", each["class"]),
                    "cfl_quantity": Decimal(each["quantity"]),
                    "cfl_unit": each["unit"],
                    "cfl_net": Decimal(each["net"]),
                    "cfl_tax": Decimal(each["tax"]),
                    "cfl_gross": Decimal(each["net"]) + Decimal(each["tax"]),
                    "cfl_serviceid": row_id("product", event["product"]),
                    "cfl_accounttransactionid": debit,
                    "cfl_status": self.seeder.choice("cfl_usagerecord", "cfl_status", "Billed"),
                },
            )

    def _disburse(self, day: date) -> None:
        """Automatic money goes to the oldest invoices with room."""
        for source in self.sources:
            for invoice in self.invoices:
                amount = min(source.left, invoice.room)
                if not source.automatic or amount <= 0:
                    continue
                source.disbursed += amount
                payment = source.table == "cfl_payment"
                if payment:
                    invoice.paid += amount
                else:
                    invoice.credited += amount
                if not invoice.room:
                    invoice.paid_on = day
                number = self._next()
                self.seeder.add(
                    "cfl_disbursement",
                    {
                        **self._shared(source.row["createdon"]),
                        "cfl_disbursementid": row_id("cfl_disbursement", f"{self.account['name']}#{number}"),
                        "cfl_name": f"#{number}",
                        "cfl_number": number,
                        "cfl_invoiceid": invoice.id,
                        "cfl_paymentid" if payment else "cfl_creditid": source.id,
                        "cfl_amount": amount,
                        "cfl_mode": self.seeder.choice("cfl_disbursement", "cfl_mode", "Automatic"),
                    },
                )

    # rows

    def _add_entry(
        self,
        event: Mapping[str, Any],
        at: datetime,
        key: UUID,
        number: int,
        kind: str,
        net: Decimal,
        tax: Decimal,
        invoice: _Invoice,
    ) -> None:
        row = self._entry(event, at, key, number, kind, net, tax)
        nothing = dict.fromkeys(("cfl_disbursed", "cfl_undisbursed", "cfl_refunded"), _ZERO)
        flags = {"cfl_automatic": False, "cfl_isdisbursed": False}
        self.seeder.add("cfl_accounttransaction", {**row, **nothing, **flags, "cfl_invoiceid": invoice.id})
        self._add_tax(at, key, net, tax)

    def _entry(
        self,
        event: Mapping[str, Any],
        at: datetime,
        key: UUID,
        number: int,
        kind: str,
        net: Decimal,
        tax: Decimal,
    ) -> dict[str, Any]:
        choice = self.seeder.choice
        return {
            **self._shared(at),
            "cfl_accounttransactionid": key,
            "cfl_name": f"#{number}",
            "cfl_number": number,
            "cfl_kind": choice("cfl_accounttransaction", "cfl_kind", kind),
            "cfl_origin": choice("cfl_accounttransaction", "cfl_origin", event.get("origin", "Manual")),
            "cfl_net": net,
            "cfl_tax": tax,
            "cfl_gross": net + tax,
            "cfl_date": at.date(),
            "cfl_postingdate": at.date(),
            "cfl_serviceid": row_id("product", event["product"]),
            "cfl_detail": event["detail"],
            "cfl_taxexempt": False,
            "cfl_reversalkey": f"own:{key}",
        }

    def _add_tax(self, at: datetime, entry: UUID, net: Decimal, tax: Decimal) -> None:
        rate = story.read()["tax_rates"][0]
        self.seeder.add(
            "cfl_transactiontax",
            {
                **self._shared(at),
                "cfl_transactiontaxid": row_id("cfl_transactiontax", str(entry)),
                "cfl_name": rate["name"],
                "cfl_accounttransactionid": entry,
                "cfl_taxrateid": row_id("cfl_taxrate", rate["name"]),
                "cfl_rate": Decimal(rate["rate"]),
                "cfl_base": net,
                "cfl_amount": tax,
                "cfl_jurisdiction": rate["jurisdiction"],
            },
        )

    def _add_source(self, source: _Source) -> None:
        shown = "cfl_displayinvoiceid" if source.table == "cfl_payment" else "cfl_invoiceid"
        self.seeder.add(
            source.table,
            {
                **source.row,
                shown: source.invoice.id if source.invoice else None,
                "cfl_automatic": source.automatic,
                "cfl_disbursed": source.disbursed,
                "cfl_undisbursed": source.left,
                "cfl_refunded": _ZERO,
                "cfl_isdisbursed": bool(source.disbursed) and not source.left,
            },
        )

    def _add_invoice(self, invoice: _Invoice) -> None:
        """As the add-on shows it, with the status that follows from what is due (A24)."""
        choice = self.seeder.choice
        applied = bool(invoice.paid + invoice.credited)
        settled = not invoice.room and (applied or invoice.closed is not None)
        status = "Complete" if settled else "Partial" if applied else "Billed" if invoice.closed else "New"
        issued = {
            table: sum(
                (each.amount for each in self.sources if each.table == table and each.invoice is invoice),
                _ZERO,
            )
            for table in ("cfl_payment", "cfl_accounttransaction")
        }
        totals = ("totalamount", "totalamountlessfreight", "totallineitemamount", "totaltax")
        self.seeder.add(
            "invoice",
            {
                **dict.fromkeys(totals, _ZERO),
                **self._shared(invoice.opened),
                "invoiceid": invoice.id,
                "invoicenumber": invoice.number,
                "name": invoice.name,
                "customerid": Reference("account", row_id("account", self.account["name"])),
                "billto_name": self.account["name"],
                "duedate": (invoice.closed or invoice.opened).date() + timedelta(days=30),
                "statuscode": choice("invoice", "statuscode", status),
                "cfl_templateid": row_id("cfl_invoicetemplate", story.read()["templates"][0]["name"]),
                "cfl_ledgerstate": choice(
                    "invoice", "cfl_ledgerstate", "Closed" if invoice.closed else "Open"
                ),
                "cfl_total": invoice.debits,
                "cfl_balance": invoice.room,
                "cfl_amountcharged": _ZERO,
                "cfl_otherpayments": invoice.paid,
                "cfl_paymentsdisbursed": invoice.paid,
                "cfl_creditsdisbursed": invoice.credited,
                "cfl_pendingamount": _ZERO,
                "cfl_paymentsissued": issued["cfl_payment"],
                "cfl_creditsissued": issued["cfl_accounttransaction"],
                "cfl_openedon": invoice.opened,
                "cfl_closedon": invoice.closed,
                "cfl_previousbalance": invoice.previous if invoice.closed else None,
                "cfl_totaldue": invoice.due,
                "cfl_paidon": invoice.paid_on if settled else None,
                **self._contract(),
            },
        )

    def _add_ledger(self) -> None:
        regular = [each for each in self.sources if not each.deposit]
        undisbursed = sum((each.left for each in regular), _ZERO)
        opened = self._open_invoice
        cancelled = self.spec.get("cancelled")
        group = self.spec.get("group")
        crmrows.add_ledger(
            self.seeder,
            self.account["name"],
            self.account["currency"],
            self._owner,
            {
                "cfl_status": self.seeder.choice(
                    "cfl_billingaccount", "cfl_status", "Active" if cancelled is None else "Cancelled"
                ),
                "cfl_cancelledon": None
                if cancelled is None
                else (self.seeder.now + timedelta(days=cancelled)).date(),
                "cfl_billinggroupid": row_id("cfl_billinggroup", group) if group else None,
                "cfl_openinvoiceid": opened.id if opened else None,
                "cfl_balance": sum((each.room for each in self.invoices), _ZERO) - undisbursed,
                "cfl_depositbalance": sum((each.left for each in self.sources if each.deposit), _ZERO),
                "cfl_undisbursed": undisbursed,
                "cfl_version": len(self.spec.get("events", ())) + 1,
                "cfl_lastnumber": self.last_number,
            },
        )

    def _add_services(self) -> None:
        for service in self.spec.get("services", ()):
            self.seeder.add(
                "cfl_accountservice",
                {
                    "cfl_accountserviceid": row_id("cfl_accountservice", str(service["serial"])),
                    "cfl_name": service["name"],
                    "cfl_billingaccountid": self._id,
                    "cfl_serviceid": row_id("product", service["product"]),
                    "cfl_serial": service["serial"],
                    "cfl_billedon": (self.seeder.now + timedelta(days=service["billed"])).date()
                    if "billed" in service
                    else None,
                    "ownerid": self._owner,
                },
            )

    def _shared(self, at: datetime) -> dict[str, Any]:
        return {
            "cfl_billingaccountid": self._id,
            "transactioncurrencyid": row_id("transactioncurrency", self.account["currency"]),
            "ownerid": self._owner,
            "createdon": at,
            "modifiedon": at,
        }

    def _contract(self) -> dict[str, Any]:
        if "contract" not in self.account:
            return {}
        return {"cfl_billingcontractid": row_id("cfl_billingcontract", self.account["name"])}

    def _next(self) -> int:
        self.last_number += 1
        return self.last_number

    @property
    def _id(self) -> UUID:
        return story.ledger_id(self.account["name"], self.account["currency"])

    @property
    def _owner(self) -> UUID:
        return row_id("systemuser", self.account.get("owner", "biller"))

    @property
    def _open_invoice(self) -> _Invoice | None:
        return self.invoices[-1] if self.invoices and self.invoices[-1].closed is None else None


def _rate() -> Decimal:
    return Decimal(story.read()["tax_rates"][0]["rate"])
