"""The whole books, every row of every table, for the invariants: many requests, and nothing that a charge would wait for."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from connector.dataverse.codec import Codec, RowUnreadable, annotations
from connector.dataverse.http import Dataverse
from connector.dataverse.mapping import Mapping as TableMapping
from connector.dataverse.odata import Operation, Reply, Unreachable, with_query
from plugins.rules.checks import WholeBooks
from plugins.rules.ledger import (
    AccountTransaction,
    Disbursement,
    Invoice,
    Ledger,
    Payment,
    Projection,
    Request,
    Transaction,
    TransactionTax,
    UsageRecord,
)
from plugins.rules.row import Row
from plugins.rules.runs import ChargeRun, ChargeRunLine
from plugins.rules.setup import ClosedPeriod, Currency, Profile, Setting

KINDS: Mapping[str, type[Row]] = {
    "setting": Setting,
    "closed_period": ClosedPeriod,
    "profile": Profile,
    "ledger": Ledger,
    "invoice": Invoice,
    "account_transaction": AccountTransaction,
    "transaction_tax": TransactionTax,
    "payment": Payment,
    "disbursement": Disbursement,
    "transaction": Transaction,
    "usage": UsageRecord,
    "request": Request,
    "charge_run": ChargeRun,
    "charge_run_line": ChargeRunLine,
}
PAGE_WITHIN = 300.0
"""Seconds for all pages of one table."""


def read_whole(dataverse: Dataverse, mapping: TableMapping) -> tuple[WholeBooks, list[str]]:
    """The books, and what is wrong with each row that cannot be read. Raises the errors of `odata.py`.

    The tables are not read in one moment: what is written meanwhile may show as a problem that is none.
    """
    codec = Codec(mapping)
    found = _first_pages(dataverse, mapping)
    codes = {
        UUID(each[mapping["currency"].id]): codec.decode("currency", Currency, each, {}).code
        for each in found["currency"]
    }
    rows: list[Row] = []
    shown: dict[UUID, Projection] = {}
    unreadable: list[str] = []
    for kind, wanted in KINDS.items():
        for content in found[kind]:
            try:
                row = codec.decode(kind, wanted, content, codes)
                rows.append(row)
                if kind == "invoice" and content.get(mapping.column("projection", "total")) is not None:
                    shown[row.id] = codec.decode("projection", Projection, content, codes)
            except RowUnreadable as error:
                unreadable.append(str(error))
    return WholeBooks.of(rows, shown), unreadable


def _first_pages(dataverse: Dataverse, mapping: TableMapping) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """Every table's rows: the first pages in one batch, and whoever has more page by page."""
    reads = {kind: _read(mapping, kind) for kind in ("currency", *KINDS)}
    found: dict[str, Sequence[Mapping[str, Any]]] = {}
    answers = dataverse.batch(list(reads.values()), within=PAGE_WITHIN)
    for (kind, read), answer in zip(reads.items(), answers, strict=True):
        if not isinstance(answer, Reply):
            raise Unreachable("a read was answered as a changeset")
        answer.raise_for_status()
        has_more = "@odata.nextLink" in answer.body
        found[kind] = dataverse.rows(read, within=PAGE_WITHIN) if has_more else answer.body["value"]
    return found


def _read(mapping: TableMapping, kind: str) -> Operation:
    options = {"$select": ",".join(_columns(mapping, kind))}
    if where := _where(mapping, kind):
        options["$filter"] = where
    return Operation("GET", with_query(mapping[kind].set, options), {"Prefer": annotations(mapping[kind])})


def _where(mapping: TableMapping, kind: str) -> str:
    """Which rows of the table are of the kind: a closed period is a period."""
    if kind == "closed_period":
        status = mapping[kind].columns["status"]
        return f"{status.choice} eq {status.values['closed']}"
    return ""


def _columns(mapping: TableMapping, kind: str) -> Iterator[str]:
    """What the mapping names, a lookup by its value; on an invoice what is shown on it too."""
    names = {mapping[kind].id: None}
    for section in [kind, "projection"] if kind == "invoice" else [kind]:
        for column in mapping[section].columns.values():
            is_lookup = column.lookup or column.owner or column.party
            names |= dict.fromkeys(f"_{name}_value" if is_lookup else name for name in column.names)
    return iter(names)
