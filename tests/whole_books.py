"""Every ledger row of a CRM, read through the Web API, for the invariants of `plugins/rules/checks.py`."""

from collections.abc import Mapping
from typing import Any, TypeVar
from uuid import UUID

from connector.dataverse.codec import ANNOTATIONS, Codec
from connector.dataverse.http import Dataverse
from connector.dataverse.mapping import Mapping as TableMapping
from connector.dataverse.odata import Operation, Reply, with_query
from plugins.rules.checks import WholeBooks
from plugins.rules.ledger import (
    AccountTransaction,
    Currency,
    Disbursement,
    Invoice,
    Kind,
    Ledger,
    Payment,
    Projection,
    Request,
    Row,
    Transaction,
)

R = TypeVar("R", bound=Row)

ACTIVE_ONLY = {"disbursement"}


def read_whole(dataverse: Dataverse, mapping: TableMapping) -> WholeBooks:
    """All of it in one batch. Small worlds only: one page per table."""
    codec = Codec(mapping)
    kinds = [
        "currency",
        "invoice",
        "ledger",
        "account_transaction",
        "transaction",
        "payment",
        "disbursement",
        "request",
    ]
    reads = []
    for kind in kinds:
        query = {"$select": ",".join(_columns(mapping, kind))}
        if kind in ACTIVE_ONLY:
            query["$filter"] = "statecode eq 0"
        reads.append(Operation("GET", with_query(mapping[kind].set, query), {"Prefer": ANNOTATIONS}))
    answers = dataverse.batch(reads, within=30)
    found: dict[str, list[Mapping[str, Any]]] = {}
    for kind, answer in zip(kinds, answers, strict=True):
        assert isinstance(answer, Reply)
        answer.raise_for_status()
        assert "@odata.nextLink" not in answer.body
        found[kind] = answer.body["value"]
    codes: dict[UUID, str] = {}
    for each in found["currency"]:
        currency = codec.decode("currency", Currency, each, {})
        codes[currency.id] = currency.code

    def decoded(kind: str, row: type[R]) -> list[R]:
        return [codec.decode(kind, row, each, codes) for each in found[kind]]

    shown = [each for each in found["invoice"] if each.get(mapping.column("projection", "total")) is not None]
    payments = {each.id: each for each in decoded("payment", Payment)}
    return WholeBooks(
        invoices=decoded("invoice", Invoice),
        ledgers=decoded("ledger", Ledger),
        debits=[
            each for each in decoded("account_transaction", AccountTransaction) if each.kind is Kind.DEBIT
        ],
        transactions=decoded("transaction", Transaction),
        payments=list(payments.values()),
        disbursements=decoded("disbursement", Disbursement),
        requests=decoded("request", Request),
        shown={
            each.id: each for each in (codec.decode("projection", Projection, row, codes) for row in shown)
        },
    )


def _columns(mapping: TableMapping, kind: str) -> list[str]:
    """What the mapping names, a lookup by its value; on the invoice what is shown on it too."""
    names = {mapping[kind].id: None}
    for section in [kind, "projection"] if kind == "invoice" else [kind]:
        for column in mapping[section].columns.values():
            is_lookup = column.lookup or column.owner or column.party
            names |= dict.fromkeys(f"_{name}_value" if is_lookup else name for name in column.names)
    return list(names)
