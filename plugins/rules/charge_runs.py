"""Charge runs: which invoices they are planned over, what is planned for each, and how their lines are counted."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from plugins.rules.books import InvoiceBooks
from plugins.rules.charge import Charge, ChargeInput, ChargeRefused, Surroundings, decide
from plugins.rules.declines import excerpt
from plugins.rules.ids import InvoiceId, ProfileId, TransactionId
from plugins.rules.invoice import room
from plugins.rules.ledger import Outcome, Transaction, TransactionStatus
from plugins.rules.money import AmountError, Money
from plugins.rules.refusal import Refused
from plugins.rules.runs import (
    Candidate,
    ChargeFilter,
    ChargeOutcome,
    ChargeRun,
    ChargeRunBooks,
    ChargeRunLine,
    ChargeRunStatus,
    Tallies,
    charge_line_id,
)

MOST_INVOICES = 1000
"""Named in one filter."""
LONGEST_REASON = 2000
CANCELLED = "The run was cancelled before this invoice was charged."

_ENDED = {ChargeRunStatus.DONE: "has ended", ChargeRunStatus.CANCELLED: "was cancelled"}


# --- The filter --------------------------------------------------------------------------------------------------


def parsed_filter(given: object) -> ChargeFilter:
    """From its JSON. Raises `Refused`: what cannot be read is never guessed at."""
    if not isinstance(given, str) or not given.strip():
        raise _wrong("Say which invoices to charge; {} means every invoice that is owed")
    try:
        found = json.loads(given, parse_float=str)
    except (ValueError, RecursionError):
        raise _wrong("It is not JSON") from None
    if not isinstance(found, dict):
        raise _wrong("It is not a JSON object")
    unknown = sorted(set(found) - set(_READERS))
    if unknown:
        raise _wrong(f"It has nothing called {excerpt(unknown[0])}; it knows {', '.join(_READERS)}")
    read = {name: _READERS[name](value) for name, value in found.items() if value is not None}
    if "at_most" in read:
        if "currency" not in read:
            raise _wrong("at_most is an amount, so choose its currency as well")
        read["at_most"] = _amount(read["at_most"], read["currency"])
    return ChargeFilter(**read)


def written_filter(wanted: ChargeFilter) -> str:
    """As it is kept with the run."""
    shown = {
        "billing_group": str(wanted.billing_group) if wanted.billing_group else None,
        "currency": wanted.currency or None,
        "dated_to": wanted.dated_to.isoformat() if wanted.dated_to else None,
        "auto_charge": wanted.auto_charge or None,
        "invoices": [str(each) for each in wanted.invoices] or None,
        "at_most": str(wanted.at_most.amount) if wanted.at_most else None,
    }
    return json.dumps({name: value for name, value in shown.items() if value is not None})


def _key(value: object) -> UUID:
    try:
        return UUID(str(value))
    except ValueError:
        raise _wrong(f"{excerpt(repr(value))} is not an id") from None


def _currency(value: object) -> str:
    if not isinstance(value, str) or len(value) != 3 or not value.isalpha() or not value.isascii():
        raise _wrong(f"{excerpt(repr(value))} is not a currency such as USD")
    return value.upper()


def _day(value: object) -> date:
    try:
        if isinstance(value, str) and len(value) == len("2026-01-31"):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise _wrong(f"{excerpt(repr(value))} is not a date such as 2026-01-31")


def _yes(value: object) -> bool:
    if not isinstance(value, bool):
        raise _wrong("auto_charge is true or false")
    return value


def _invoices(value: object) -> tuple[InvoiceId, ...]:
    if not isinstance(value, list) or not value or len(value) > MOST_INVOICES:
        raise _wrong(f"invoices is a list of 1 to {MOST_INVOICES} ids")
    return tuple(dict.fromkeys(InvoiceId(_key(each)) for each in value))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise _wrong('at_most is an amount in quotation marks, such as "500.00"')
    return value


def _amount(value: str, currency: str) -> Money:
    try:
        found = Money.parse(value, currency)
    except AmountError as error:
        raise _wrong(excerpt(str(error))) from None
    if found.minor <= 0:
        raise _wrong("at_most is an amount above zero")
    return found


def _wrong(why: str) -> Refused:
    return Refused("filter_invalid", f"The filter can't be used: {why}. Nothing was planned.")


_READERS: Mapping[str, Any] = {
    "billing_group": _key,
    "currency": _currency,
    "dated_to": _day,
    "auto_charge": _yes,
    "invoices": _invoices,
    "at_most": _text,
}


# --- The lines ---------------------------------------------------------------------------------------------------


def line_of(run: ChargeRun, candidate: Candidate) -> ChargeRunLine:
    """The line of an invoice that nothing is known of yet."""
    return ChargeRunLine(
        id=charge_line_id(run.id, candidate.invoice),
        name=candidate.number[:100],
        run=run.id,
        invoice=candidate.invoice,
        currency_id=None,
        owner=run.owner,
        amount=None,
        profile=None,
        outcome=ChargeOutcome.PLANNED,
    )


def planned(
    line: ChargeRunLine,
    books: InvoiceBooks,
    wanted: ChargeFilter,
    asked: ChargeInput,
    around: Surroundings,
    now: datetime,
) -> ChargeRunLine:
    """What a charge of everything that the invoice owes would be, decided as it would be; or why there would be none."""
    line = replace(line, currency_id=books.invoice.currency_id)
    try:
        _check_group(books, wanted)
        found = _whole(books, asked, around, now)
        _check_most(books, found.amount, wanted)
    except Refused as refusal:
        return skipped(line, refusal)
    return replace(line, amount=found.amount, profile=ProfileId(found.profile.id))


def _whole(books: InvoiceBooks, asked: ChargeInput, around: Surroundings, now: datetime) -> Charge:
    left = room(books)
    try:
        return decide(books, replace(asked, amount=left.amount), around, now)
    except ChargeRefused as refusal:
        if refusal.code == "amount_invalid":
            raise Refused(
                "nothing_due",
                f"Nothing is left to charge on invoice {books.invoice.number}: it is paid, or what it owes is under way.",
            ) from None
        raise


def _check_group(books: InvoiceBooks, wanted: ChargeFilter) -> None:
    """An account may be in the group with its ledger in another currency."""
    if wanted.billing_group and (books.ledger is None or books.ledger.billing_group != wanted.billing_group):
        raise Refused(
            "not_in_group",
            f"The billing account of invoice {books.invoice.number} in {books.currency} is not in this billing group.",
        )


def _check_most(books: InvoiceBooks, amount: Money, wanted: ChargeFilter) -> None:
    if wanted.at_most is not None and amount > wanted.at_most:
        raise Refused(
            "above_at_most",
            f"{amount} is due on invoice {books.invoice.number}, more than the {wanted.at_most} of the filter. "
            "Charge it by itself.",
        )


def skipped(line: ChargeRunLine, refusal: Refused) -> ChargeRunLine:
    """Left out of the plan, with the sentence that a charge would have been refused with."""
    return replace(
        line,
        outcome=ChargeOutcome.SKIPPED,
        reason=refusal.message[:LONGEST_REASON],
        code=refusal.code,
    )


@dataclass(frozen=True)
class Conclusion:
    """What became of a line: `code` and `message` are those of the answer under its key."""

    outcome: Outcome
    code: str
    message: str


_OUTCOMES = {
    Outcome.DONE: ChargeOutcome.SUCCEEDED,
    Outcome.REFUSED: ChargeOutcome.SKIPPED,
    Outcome.FAILED: ChargeOutcome.FAILED,
    Outcome.PENDING: ChargeOutcome.PENDING,
}

_FIRMNESS = {
    ChargeOutcome.PLANNED: 0,
    ChargeOutcome.PENDING: 1,
    ChargeOutcome.SKIPPED: 2,
    ChargeOutcome.FAILED: 2,
    ChargeOutcome.SUCCEEDED: 3,
}
"""A line only ever moves up: a success stands, whoever learned of it first."""


def concluded(line: ChargeRunLine, found: Conclusion, transaction: TransactionId | None) -> ChargeRunLine:
    """`transaction` is its id where there is one."""
    return replace(
        line,
        outcome=_OUTCOMES[found.outcome],
        code=found.code,
        reason=found.message[:LONGEST_REASON],
        transaction=transaction,
    )


def followed_up(line: ChargeRunLine, transaction: Transaction) -> ChargeRunLine:
    """What its transaction says now."""
    made = transaction.status is TransactionStatus.SUCCEEDED
    return replace(
        line,
        outcome=ChargeOutcome.SUCCEEDED if made else ChargeOutcome.FAILED,
        code="succeeded" if made else transaction.result_code or transaction.status.value,
        reason=transaction.result[:LONGEST_REASON],
        transaction=transaction.id,
    )


def is_firmer(now: ChargeRunLine, known: ChargeRunLine) -> bool:
    return _FIRMNESS[now.outcome] > _FIRMNESS[known.outcome]


def plan_hash(known: str, lines: Iterable[ChargeRunLine]) -> str:
    """Of the lines that are to be charged, in whichever order they were planned."""
    whole = int(known or "0", 16)
    for line in lines:
        if line.amount is not None:
            facts = f"{line.invoice}:{line.amount.minor}:{line.amount.currency}:{line.profile}"
            whole += int(hashlib.sha256(facts.encode()).hexdigest(), 16)
    return f"{whole % 2**256:064x}"


# --- Counting ----------------------------------------------------------------------------------------------------


def moved(
    tallies: Tallies, changes: Iterable[tuple[ChargeRunLine | None, ChargeRunLine]]
) -> dict[tuple[ChargeOutcome, str], tuple[int, int]]:
    """The tallies once these lines are what they became."""
    counts = dict(tallies)
    for before, after in changes:
        for line, sign in ((before, -1), (after, 1)):
            if line is not None:
                key = (line.outcome, line.amount.currency if line.amount else "")
                count, minor = counts.get(key, (0, 0))
                counts[key] = (count + sign, minor + sign * (line.amount.minor if line.amount else 0))
    return {key: value for key, value in counts.items() if value[0]}


def counted_in(run: ChargeRun, tallies: Tallies) -> ChargeRun:
    """The run with the counts and sums of its lines."""
    counts = {each: count_of(tallies, each) for each in ChargeOutcome}
    return replace(
        run,
        planned=counts[ChargeOutcome.PLANNED],
        skipped=counts[ChargeOutcome.SKIPPED],
        succeeded=counts[ChargeOutcome.SUCCEEDED],
        failed=counts[ChargeOutcome.FAILED],
        pending=counts[ChargeOutcome.PENDING],
        totals="\n".join(
            f"{each.value.title()}: {sums}" for each in ChargeOutcome if (sums := sums_of(tallies, each))
        ),
    )


def count_of(tallies: Tallies, outcome: ChargeOutcome) -> int:
    return sum(count for (each, _), (count, _) in tallies.items() if each is outcome)


def sums_of(tallies: Tallies, outcome: ChargeOutcome) -> str:
    """`1,450.00 USD, 20.00 EUR`."""
    amounts = [
        Money(minor, currency)
        for (each, currency), (_, minor) in sorted(tallies.items())
        if each is outcome and currency
    ]
    return ", ".join(str(each) for each in amounts)


# --- What may be done with a run ---------------------------------------------------------------------------------


def startable(books: ChargeRunBooks, run: ChargeRun) -> None:
    """Raises `Refused`."""
    if run.status in _ENDED:
        raise _over(run)
    if run.status is ChargeRunStatus.RUNNING:
        raise Refused("run_running", f"{_name(run)} is running already. Its lines show what is done.")
    if run.planned_on is None:
        raise Refused(
            "still_planning", f"{_name(run)} is still being planned. Start it when its plan is complete."
        )
    if not count_of(books.tallies, ChargeOutcome.PLANNED):
        raise Refused(
            "nothing_planned", f"{_name(run)} has no invoice to charge. Its lines say why; plan another."
        )


def pausable(run: ChargeRun) -> None:
    """Raises `Refused`."""
    if run.status in _ENDED:
        raise _over(run)
    if run.status is not ChargeRunStatus.RUNNING:
        raise Refused("run_not_running", f"{_name(run)} is not running, so there is nothing to pause.")


def cancellable(run: ChargeRun) -> None:
    """Raises `Refused`."""
    if run.status in _ENDED:
        raise _over(run)


def _over(run: ChargeRun) -> Refused:
    return Refused("run_ended", f"{_name(run)} {_ENDED[run.status]}. Plan another run.")


def _name(run: ChargeRun) -> str:
    return run.name or "This run"
