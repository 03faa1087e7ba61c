"""The FetchXML that reads the books around one invoice: joins are documented there for every depth.

Each query finds its rows by way of the invoice's customer, so that all of them can go out in one batch before
anything is known but the invoice's id.
"""

from collections.abc import Iterable
from uuid import UUID
from xml.sax.saxutils import quoteattr

from connector.dataverse.mapping import Mapping


class Around:
    """Queries for the rows around the invoice with that id, all as FetchXML text."""

    def __init__(self, mapping: Mapping, invoice: UUID) -> None:
        self._mapping = mapping
        self._invoice = str(invoice)

    def ledgers(self) -> str:
        return self._fetch("ledger", self._customer_of("ledger", "account"))

    def account(self) -> str:
        return self._fetch("account", self._customers_invoice(self._mapping["account"].id))

    def contract(self) -> str:
        column = self._mapping.column("invoice", "contract")
        return self._fetch(
            "contract", self._link("invoice", column, self._mapping["contract"].id, self._is_it())
        )

    def profiles(self) -> str:
        return self._fetch("profile", self._customer_of("profile", "account"))

    def invoices(self) -> str:
        """Those of the customer that may have a balance, and the invoice itself."""
        return self._fetch("invoice", self._open_or_it() + self._customer_of("invoice", "customer"))

    def disbursements(self) -> str:
        payment = self._mapping["payment"]
        alias, _, column = self._mapping["disbursement"].columns["payment_transaction"].joined.partition(".")
        source = (
            f"<link-entity name={quoteattr(payment.table)} from={quoteattr(payment.id)} "
            f"to={quoteattr(self._mapping.column('disbursement', 'payment'))} link-type='outer' alias={quoteattr(alias)}>"
            f"<attribute name={quoteattr(column)}/>"
            "</link-entity>"
        )
        active = "<filter><condition attribute='statecode' operator='eq' value='0'/></filter>"
        return self._fetch("disbursement", active + source + self._on_their_invoices("disbursement"))

    def debits(self) -> str:
        number = self._mapping["account_transaction"].columns["kind"].values["debit"]
        kind = self._equals(self._mapping.column("account_transaction", "kind"), number)
        return self._fetch(
            "account_transaction", f"<filter>{kind}</filter>" + self._on_their_invoices("account_transaction")
        )

    def pending(self) -> str:
        columns = self._mapping["transaction"].columns
        state, status = columns["status"].states["pending"]
        operation = self._equals(columns["operation"].choice, columns["operation"].values["charge"])
        where = self._equals("statecode", state) + self._equals("statuscode", status) + operation
        return self._fetch(
            "transaction", f"<filter>{where}</filter>" + self._on_their_invoices("transaction")
        )

    def undisbursed(self) -> str:
        column = self._mapping.column("payment", "undisbursed")
        ledger = self._link(
            "ledger",
            self._mapping["ledger"].id,
            self._mapping.column("payment", "ledger"),
            self._customer_of("ledger", "account"),
        )
        some = f"<filter><condition attribute={quoteattr(column)} operator='gt' value='0'/></filter>"
        return self._fetch("payment", some + ledger)

    def in_progress(self) -> str:
        columns = self._mapping["request"].columns
        pending = self._equals(columns["outcome"].choice, columns["outcome"].values["pending"])
        return self._fetch(
            "request", f"<filter>{pending}{self._equals(columns['invoice'].lookup, self._invoice)}</filter>"
        )

    # --- Parts ---------------------------------------------------------------------------------------------------

    def _fetch(self, kind: str, inner: str) -> str:
        table = self._mapping[kind]
        names: Iterable[str] = table.column_names
        if kind in {"invoice", "account_transaction"}:
            names = dict.fromkeys((*names, self._mapping.column("invoice", "currency_id")))
        attributes = "".join(f"<attribute name={quoteattr(name)}/>" for name in names)
        return f"<fetch><entity name={quoteattr(table.table)}>{attributes}{inner}</entity></fetch>"

    def _link(self, kind: str, column: str, to: str, inner: str) -> str:
        """Join rows of `kind` whose `column` equals this row's `to`."""
        return (
            f"<link-entity name={quoteattr(self._mapping[kind].table)} from={quoteattr(column)} to={quoteattr(to)} "
            f"link-type='inner'>{inner}</link-entity>"
        )

    def _customer_of(self, kind: str, field: str) -> str:
        """From a row that names an account to that account, and on to the invoice."""
        account = self._mapping["account"]
        inner = self._customers_invoice(account.id)
        return self._link("account", account.id, self._mapping.column(kind, field), inner)

    def _customers_invoice(self, account_id: str) -> str:
        return self._link("invoice", self._mapping.column("invoice", "customer"), account_id, self._is_it())

    def _on_their_invoices(self, kind: str) -> str:
        inner = self._open_or_it() + self._customer_of("invoice", "customer")
        return self._link(
            "invoice", self._mapping["invoice"].id, self._mapping.column(kind, "invoice"), inner
        )

    def _is_it(self) -> str:
        return f"<filter>{self._equals(self._mapping['invoice'].id, self._invoice)}</filter>"

    def _open_or_it(self) -> str:
        states = self._mapping["invoice"].columns["status"].states
        partial = self._equals("statuscode", states["partial"][1])
        it = self._equals(self._mapping["invoice"].id, self._invoice)
        return f"<filter type='or'>{self._equals('statecode', 0)}{partial}{it}</filter>"

    @staticmethod
    def _equals(column: str, value: object) -> str:
        return f"<condition attribute={quoteattr(column)} operator='eq' value={quoteattr(str(value))}/>"
