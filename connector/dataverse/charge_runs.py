"""Charge runs in Dataverse: what is left of one, and the invoices that one is still to be planned for."""

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from uuid import UUID

from connector.dataverse.fetch import MOST_LISTED, Fetch, Query, all_of, any_of, condition
from connector.dataverse.odata import literal
from connector.dataverse.reading import Reading
from connector.dataverse.snapshot import Snapshot
from plugins.rules.ids import InvoiceId, RequestId, UserId
from plugins.rules.ledger import Request, Transaction
from plugins.rules.money import AmountError, Money
from plugins.rules.runs import (
    Candidate,
    ChargeFilter,
    ChargeOutcome,
    ChargeRun,
    ChargeRunBooks,
    ChargeRunLine,
    Tallies,
)
from plugins.rules.setup import Setting

PAGE = 50
"""Lines of a run, or invoices without one, in one reading."""

_LINE, _SUM = "line", "sum"
"""Aliases."""


def read_charge_run(
    reading: Reading, run: UUID, request: RequestId | None, caller: UserId | None, line: UUID | None
) -> ChargeRunBooks:
    make, kind = Fetch(reading.mapping), "charge_run_line"
    of_run = make.equals(kind, "run", run)
    planned = all_of(of_run, make.equals(kind, "outcome", "planned"))
    queries = [
        Query(
            "planned",
            kind,
            make.rows(kind, planned, top=PAGE, order=[("created_on", False), ("name", False)]),
        ),
        Query(
            "tallies", kind, make.tallies(kind, ("outcome", "currency_id"), "amount", _SUM, all_of(of_run))
        ),
        *_ended(make, of_run),
    ]
    reads = {"run": reading.one("charge_run", run)}
    reads |= {"settings": reading.filtered("setting", "statecode eq 0"), **reading.currencies()}
    if line is not None:
        reads["line"] = reading.one(kind, line)
    if request is not None:
        reads["request"] = reading.one("request", request)
    reads |= reading.all_fetched(queries)
    if caller is not None:
        reads["rights"] = reading.access("charge_run", run, caller)
    found = reading.read(reads)
    transactions = {each.id: each for each in found.many("ends", "transaction", Transaction)}
    ended = [
        (each, transactions[each.transaction])
        for each in found.many("ended", kind, ChargeRunLine)
        if each.transaction in transactions
    ]
    return ChargeRunBooks(
        run=found.maybe("run", "charge_run", ChargeRun),
        planned=found.many("planned", kind, ChargeRunLine),
        ended=tuple(ended),
        line=found.maybe("line", kind, ChargeRunLine) if found.has("line") else None,
        tallies=_tallies(reading, found),
        setting=next(iter(found.many("settings", "setting", Setting)), None),
        request=found.maybe("request", "request", Request) if found.has("request") else None,
        rights=found.rights(),
    )


def read_candidates(reading: Reading, run: UUID, wanted: ChargeFilter) -> tuple[Candidate, ...]:
    make, mapping = Fetch(reading.mapping), reading.mapping
    within = "".join(_wanted(make, run, wanted))
    queries = [
        Query("invoices", "invoice", make.rows("invoice", within + each, top=PAGE, order=[("dated", False)]))
        for each in _listed(make, wanted)
    ]
    found = reading.read(reading.all_fetched(queries))
    key, number = mapping["invoice"].id, mapping.column("invoice", "number")
    rows = {each[key]: str(each.get(number) or "") for each in found.contents("invoices")}
    return tuple(Candidate(InvoiceId(UUID(invoice)), name) for invoice, name in rows.items())[:PAGE]


def _ended(make: Fetch, of_run: str) -> Iterable[Query]:
    """Lines whose transaction says something else by now, and these transactions."""
    kind = "charge_run_line"
    succeeded = make.status("transaction", "succeeded")
    ended = any_of(*(make.reason_of("transaction", each) for each in ("succeeded", "failed", "cancelled")))
    for outcome, what in (("pending", ended), ("failed", all_of(succeeded))):
        lines = all_of(of_run, make.equals(kind, "outcome", outcome))
        to_transaction = make.link(kind, "transaction", "transaction", "id", what)
        to_line = make.link("transaction", "id", kind, "transaction", lines)
        yield Query("ended", kind, make.rows(kind, lines, to_transaction, top=PAGE, order=[("name", False)]))
        yield Query("ends", "transaction", make.rows("transaction", what, to_line))


def _wanted(make: Fetch, run: UUID, wanted: ChargeFilter) -> Iterable[str]:
    """What restricts an invoice to those that the run has no line for and the filter takes."""
    of_run = make.is_("charge_run_line", "run", run)
    yield make.link("invoice", "id", "charge_run_line", "invoice", of_run, outer=_LINE)
    yield all_of(make.empty("charge_run_line", "id", of=_LINE))
    if wanted.currency:
        yield make.link(
            "invoice", "currency_id", "currency", "id", make.is_("currency", "code", wanted.currency)
        )
    if wanted.auto_charge:
        charged = all_of(
            make.equals("contract", "auto_charge", value=True), make.status("contract", "active")
        )
        yield make.link("invoice", "contract", "contract", "id", charged)
    if wanted.billing_group is not None:
        in_group = make.is_("ledger", "billing_group", wanted.billing_group)
        account = make.link("account", "id", "ledger", "account", in_group)
        yield make.link("invoice", "customer", "account", "id", account)
    if wanted.dated_to is not None:
        end = datetime.combine(wanted.dated_to + timedelta(days=1), time(), UTC)
        yield all_of(make.below("invoice", "dated", literal(end)))


def _listed(make: Fetch, wanted: ChargeFilter) -> Iterable[str]:
    """Those that are named, whatever they show; else those that may owe something, as far as they show."""
    if wanted.invoices:
        for start in range(0, len(wanted.invoices), MOST_LISTED):
            yield all_of(make.among("invoice", "id", wanted.invoices[start : start + MOST_LISTED]))
        return
    unpaid = any_of(
        condition("statecode", "eq", 0), condition("statuscode", "eq", make.reason("invoice", "partial"))
    )
    yield unpaid + any_of(make.above_zero("projection", "balance"), make.empty("projection", "balance"))


def _tallies(reading: Reading, found: Snapshot) -> Tallies:
    names = {
        number: name for name, number in reading.mapping["charge_run_line"].columns["outcome"].values.items()
    }
    tallies: dict[tuple[ChargeOutcome, str], tuple[int, int]] = {}
    for content in found.contents("tallies"):
        outcome = ChargeOutcome(names[content["outcome"]])
        currency = found.code(content.get("currency_id"))
        amount = content.get(_SUM)
        minor = _minor(amount, currency)
        key = (outcome, currency if minor else "")
        count, sum_ = tallies.get(key, (0, 0))
        tallies[key] = (count + int(content["rows"]), sum_ + minor)
    return tallies


def _minor(amount: object, currency: str) -> int:
    """Nothing depends on a sum but what is shown: one that is no amount of the currency holds up no run."""
    try:
        return Money.parse(str(amount), currency).minor if amount is not None and currency else 0
    except AmountError:
        return 0
