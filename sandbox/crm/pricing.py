"""What the platform's pricing does to invoices: lines have amounts, and an invoice's totals follow from its lines.

Amounts that were put in as they are (`seeding.py`) stay until something that they follow from changes.
"""

from decimal import Decimal
from uuid import UUID

from sandbox.crm.schema import Row, Table
from sandbox.crm.store import Store

LINE = "invoicedetail"
INVOICE = "invoice"

_OF_A_LINE = frozenset({"quantity", "priceperunit", "manualdiscountamount", "tax"})
_OF_AN_INVOICE = frozenset({"freightamount", "discountamount", "discountpercentage"})


class Pricing:
    """Amounts in the invoice's own currency; rounding to it is left to who writes them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def of_new(self, table: Table, row: Row) -> Row:
        """What a row that is being made has besides: a line its amount, an invoice its totals, 0 without lines."""
        if table.name == LINE:
            return _line(row)
        return _totals(row, []) if table.name == INVOICE else {}

    def of_changed(self, table: Table, written: Row, after: Row) -> Row:
        """What follows from the columns in `written`; `after` is the row as it will be."""
        if table.name == LINE and _OF_A_LINE & written.keys():
            return _line(after)
        if table.name == INVOICE and _OF_AN_INVOICE & written.keys():
            return _totals(after, self._lines(after["invoiceid"]))
        return {}

    def invoice_of(self, table: Table, row: Row | None) -> UUID | None:
        """The invoice whose totals follow from a row, if it is a line of one."""
        found = row.get("invoiceid") if row is not None and table.name == LINE else None
        return found if isinstance(found, UUID) else None

    def totals(self, invoice: Row) -> Row:
        """The totals that its lines make now."""
        return _totals(invoice, self._lines(invoice["invoiceid"]))

    def _lines(self, invoice_id: object) -> list[Row]:
        if not isinstance(invoice_id, UUID):
            return []
        return self._store.select(self._store.schema.table(LINE), {"invoiceid": invoice_id})


def _line(row: Row) -> Row:
    base = _amount(row, "quantity") * _amount(row, "priceperunit")
    return {
        "baseamount": base,
        "extendedamount": base - _amount(row, "manualdiscountamount") + _amount(row, "tax"),
    }


def _totals(invoice: Row, lines: list[Row]) -> Row:
    discounts = sum((_amount(line, "manualdiscountamount") for line in lines), Decimal(0))
    tax = sum((_amount(line, "tax") for line in lines), Decimal(0))
    items = sum((_amount(line, "extendedamount") for line in lines), Decimal(0)) - tax
    discount = _amount(invoice, "discountamount") + items * _amount(invoice, "discountpercentage") / 100
    before_freight = items - discount
    return {
        "totallineitemamount": items,
        "totallineitemdiscountamount": discounts,
        "totaldiscountamount": discount,
        "totalamountlessfreight": before_freight,
        "totaltax": tax,
        "totalamount": before_freight + tax + _amount(invoice, "freightamount"),
    }


def _amount(row: Row, column: str) -> Decimal:
    value = row.get(column)
    return value if isinstance(value, Decimal) else Decimal(0)
