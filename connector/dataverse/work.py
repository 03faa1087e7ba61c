"""What is due, and what is left of runs and batches: a page at a time, so that a pass costs what it does."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

from connector.dataverse.fetch import Fetch, Query, all_of, any_of
from connector.dataverse.odata import Operation, literal
from connector.dataverse.reading import Reading
from connector.dataverse.snapshot import Snapshot
from plugins.ports import E_MAILING, LONGEST_CALL, Due
from plugins.rules.books import ProfileBooks
from plugins.rules.ids import InvoiceId, ProfileId, RequestId, UserId
from plugins.rules.ledger import Ledger, Request, Transaction
from plugins.rules.runs import (
    BatchBooks,
    BillRun,
    BillRunLine,
    ChargeRun,
    GroupBooks,
    LineOutcome,
    PaymentBatch,
    PaymentBatchLine,
    Posting,
    UsageCreditJob,
    Work,
)
from plugins.rules.setup import Account, BillingGroup, Contact, Contract, Profile, Setting

E = TypeVar("E", bound=StrEnum)

PAGE = 50
"""Lines of a run or a batch in one reading."""

OWING = 500
"""Ledgers that owe a showing, in one reading: those whose invoices stay locked must not hide the others."""

_WORK: tuple[tuple[str, type[Work], str], ...] = (
    ("usage_job", UsageCreditJob, "queued"),
    ("bill_run", BillRun, "running"),
    ("payment_batch", PaymentBatch, "posting"),
)
"""What the sweep carries on: the kind, its rows, and the status of those that have not ended."""


# --- What is due -------------------------------------------------------------------------------------------------------


def due_reads(reading: Reading, now: datetime, limit: int) -> dict[str, Operation]:
    mapping = reading.mapping
    columns = mapping["transaction"].columns
    state, status = columns["status"].states["pending"]
    check = columns["next_check_on"].names[0]
    pending = f"(statecode eq {state} and statuscode eq {status} and {check} eq null)"
    top = {"$top": str(limit)}
    reads = {
        "transactions": reading.filtered(
            "transaction",
            f"{check} le {literal(now)} or {pending}",
            {"$orderby": f"{check} asc"} | top,
        ),
        "ledgers": reading.filtered(
            "ledger", f"{mapping.column('ledger', 'to_show')} ne null", {"$top": str(max(limit, OWING))}
        ),
        "deliveries": reading.filtered(
            "request",
            _waiting_deliveries(reading, now),
            {"$orderby": f"{mapping.column('request', 'created_on')} asc"} | top,
        ),
        "profiles": reading.filtered(
            "profile",
            _waiting_profiles(reading, now),
            {"$orderby": f"{mapping.column('profile', 'next_check_on')} asc"} | top,
        ),
        "settings": reading.filtered("setting", "statecode eq 0"),
        **reading.currencies(),
    }
    for kind, _, begun in _WORK:
        check = mapping.column(kind, "next_check_on")
        status_column = mapping[kind].columns["status"]
        where = f"{status_column.choice} eq {status_column.values[begun]} and ({check} eq null or {check} le {literal(now)})"
        reads[kind] = reading.filtered(kind, where, {"$orderby": f"{check} asc"} | top)
    check = mapping.column("charge_run", "next_check_on")
    reads["charge_run"] = reading.filtered(
        "charge_run", f"{check} le {literal(now)}", {"$orderby": f"{check} asc"} | top
    )
    return reads


def due_of(found: Snapshot) -> Due:
    setting = next(iter(found.many("settings", "setting", Setting)), None)
    transactions, unreadable = found.readable("transactions", "transaction", Transaction)
    ledgers, broken = found.readable("ledgers", "ledger", Ledger)
    work: list[Work] = []
    for kind, wanted in (*((kind, wanted) for kind, wanted, _ in _WORK), ("charge_run", ChargeRun)):
        rows, wrong = found.readable(kind, kind, wanted)
        work += rows
        broken += wrong
    return Due(
        setting,
        transactions,
        ledgers,
        deliveries=found.legible("deliveries", "request", Request),
        unreadable=(*unreadable, *broken),
        work=tuple(work),
        profiles=found.legible("profiles", "profile", Profile),
    )


def _waiting_deliveries(reading: Reading, now: datetime) -> str:
    columns = reading.mapping["request"].columns
    outcome = columns["outcome"]
    actions = " or ".join(f"{columns['action'].plain} eq {literal(each)}" for each in sorted(E_MAILING))
    return (
        f"{outcome.choice} eq {outcome.values['pending']} and ({actions})"
        f" and {columns['created_on'].read} le {literal(now - LONGEST_CALL)}"
    )


def _waiting_profiles(reading: Reading, now: datetime) -> str:
    columns = reading.mapping["profile"].columns
    state, status = columns["status"].states["pending"]
    check, url = columns["next_check_on"].plain, columns["request_url"].plain
    return (
        f"statecode eq {state} and statuscode eq {status} and {url} ne null"
        f" and ({check} eq null or {check} le {literal(now)})"
    )


# --- Payment profiles ----------------------------------------------------------------------------------------------------


def read_profile(
    reading: Reading, profile: ProfileId, request: RequestId | None, caller: UserId | None
) -> ProfileBooks:
    make = Fetch(reading.mapping)
    it = make.is_("profile", "id", profile)
    its = make.link("profile", "account", "profile", "account", it)

    def of(kind: str) -> str:
        return make.link(kind, "id", "profile", kind, it)

    named = all_of(make.equals("contract", "profile", profile), make.status("contract", "active"))
    reads = {
        "profile": reading.one("profile", profile),
        "profiles": reading.fetched(Query("profiles", "profile", make.rows("profile", its))),
        "contracts": reading.fetched(Query("contracts", "contract", make.rows("contract", named))),
        "account": reading.fetched(Query("account", "account", make.rows("account", of("account")))),
        "contact": reading.fetched(Query("contact", "contact", make.rows("contact", of("contact")))),
        **_around(reading, "profile", profile, request, caller),
    }
    found = reading.read(reads)
    return ProfileBooks(
        profile=found.one("profile", "profile", Profile),
        siblings=tuple(each for each in found.legible("profiles", "profile", Profile) if each.id != profile),
        contracts=found.legible("contracts", "contract", Contract),
        account=next(iter(found.many("account", "account", Account)), None),
        contact=next(iter(found.many("contact", "contact", Contact)), None),
        setting=next(iter(found.many("settings", "setting", Setting)), None),
        request=found.maybe("request", "request", Request) if found.has("request") else None,
        rights=found.rights(),
    )


# --- Runs and batches --------------------------------------------------------------------------------------------------


def read_group(
    reading: Reading, group: UUID, run: UUID, request: RequestId | None, caller: UserId | None
) -> GroupBooks:
    make = Fetch(reading.mapping)
    lines = make.is_("bill_run_line", "run", run)
    without = make.link("ledger", "id", "bill_run_line", "ledger", lines, outer=_LINE) + all_of(
        make.equals("ledger", "billing_group", group), make.empty("bill_run_line", "id", of=_LINE)
    )
    undelivered = make.link(
        "bill_run_line",
        "ledger",
        "invoice",
        "ledger",
        make.attribute("invoice", "id"),
        all_of(make.equals("invoice", "bill_run", run), make.empty("invoice", "delivered_on")),
        alias=_INVOICE,
    ) + all_of(make.equals("bill_run_line", "run", run), make.empty("bill_run_line", "reason"))
    reads = {
        "group": reading.one("billing_group", group),
        "run": reading.one("bill_run", run),
        "ledgers": reading.fetched(Query("ledgers", "ledger", make.rows("ledger", without, top=PAGE))),
        "undelivered": reading.fetched(
            Query("undelivered", "bill_run_line", make.rows("bill_run_line", undelivered, top=PAGE))
        ),
        "counts": reading.fetched(
            Query("counts", "bill_run_line", make.counts("bill_run_line", "outcome", lines))
        ),
        **_around(reading, "billing_group", group, request, caller),
    }
    found = reading.read(reads)
    return GroupBooks(
        group=found.one("group", "billing_group", BillingGroup),
        run=found.maybe("run", "bill_run", BillRun),
        ledgers=found.many("ledgers", "ledger", Ledger),
        undelivered=tuple(
            (InvoiceId(UUID(content[f"{_INVOICE}.{reading.mapping['invoice'].id}"])), line)
            for content, line in found.pairs("undelivered", "bill_run_line", BillRunLine)
        ),
        counts=_counts(reading, found, "bill_run_line", LineOutcome, None),
        setting=next(iter(found.many("settings", "setting", Setting)), None),
        request=found.maybe("request", "request", Request) if found.has("request") else None,
        rights=found.rights(),
    )


def read_batch(reading: Reading, batch: UUID, request: RequestId | None, caller: UserId | None) -> BatchBooks:
    make, kind = Fetch(reading.mapping), "payment_batch_line"
    of_batch = make.equals(kind, "batch", batch)
    entered = all_of(of_batch) + any_of(make.equals(kind, "outcome", "entered"), make.empty(kind, "outcome"))
    failed = all_of(of_batch, make.equals(kind, "outcome", "failed"))
    reads = {
        "batch": reading.one("payment_batch", batch),
        "entered": reading.fetched(
            Query("entered", kind, make.rows(kind, entered, top=PAGE, order=[("created_on", False)]))
        ),
        "failed": reading.fetched(Query("failed", kind, make.rows(kind, failed, top=PAGE))),
        "counts": reading.fetched(Query("counts", kind, make.counts(kind, "outcome", all_of(of_batch)))),
        **_around(reading, "payment_batch", batch, request, caller),
    }
    found = reading.read(reads)
    return BatchBooks(
        batch=found.one("batch", "payment_batch", PaymentBatch),
        entered=found.many("entered", kind, PaymentBatchLine),
        failed=found.many("failed", kind, PaymentBatchLine),
        counts=_counts(reading, found, kind, Posting, Posting.ENTERED),
        setting=next(iter(found.many("settings", "setting", Setting)), None),
        request=found.maybe("request", "request", Request) if found.has("request") else None,
        rights=found.rights(),
    )


_LINE, _INVOICE = "line", "closed"
"""Aliases of joined rows."""


def _around(
    reading: Reading, kind: str, key: UUID, request: RequestId | None, caller: UserId | None
) -> dict[str, Operation]:
    reads = {"settings": reading.filtered("setting", "statecode eq 0"), **reading.currencies()}
    if request is not None:
        reads["request"] = reading.one("request", request)
    if caller is not None:
        reads["rights"] = reading.access(kind, key, caller)
    return reads


def _counts(
    reading: Reading, found: Snapshot, kind: str, wanted: type[E], empty: E | None
) -> Mapping[E, int]:
    """How many rows have each value of the choice; `empty` is what a row without a value counts as."""
    names = {number: name for name, number in reading.mapping[kind].columns["outcome"].values.items()}
    counts: dict[E, int] = {}
    for content in found.contents("counts"):
        value: Any = content.get("outcome")
        key = empty if value is None else wanted(names[value])
        if key is not None:
            counts[key] = counts.get(key, 0) + int(content["rows"])
    return counts
