"""Run billing for a billing group: its open invoices are closed and delivered (E68-E72, A8).

A resumable sequence: the run is written first, then one changeset for each billing account with the run's line for it,
then the deliveries, then the end. The call carries out what fits in its time; the sweep goes on with the rest, and with
all of it when the call is killed. An account that has a line is never billed by the run again.
"""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from uuid import UUID, uuid5

from plugins import parameters
from plugins.actions import Action, Answer, Call, CallError
from plugins.deliver_invoice import ACTION as DELIVER
from plugins.deliver_invoice import deliver_invoice
from plugins.piece import NEXT_CHECK, as_answered, begin, carry_on_now, carry_out
from plugins.ports import BooksRefused, Conflict, NotFound, Outside
from plugins.posting import Asked, Done, target_of
from plugins.rules.bill_runs import bill, delivers, line_of, passes_over
from plugins.rules.books import About, Scope
from plugins.rules.changes import Create, Update
from plugins.rules.declines import excerpt
from plugins.rules.draft import Draft
from plugins.rules.ids import NAMESPACE, InvoiceId, RequestId
from plugins.rules.ledger import Ledger, Outcome, Request
from plugins.rules.refusal import Refused
from plugins.rules.row import Owner
from plugins.rules.runs import (
    BillRun,
    BillRunLine,
    GroupBooks,
    LineOutcome,
    RunStatus,
    run_id,
    run_line_id,
)
from plugins.rules.wording import counted

ACTION = Action(
    name="cfl_RunBilling",
    bound_to="cfl_billinggroup",
    parameters={"RequestKey": str, "From": datetime, "To": datetime},
    privilege="prvCreatecfl_mayrun",
)

BEGUN = "The bill run has begun. Its lines show what is done."


def run_billing(call: Call, outside: Outside) -> Answer:
    """Begin the run and carry out what fits in the call's time. Raises what `post` raises."""
    asked = Asked(call, ACTION)
    group, run = target_of(call), run_id(asked.request)

    def read() -> GroupBooks:
        return outside.books.for_group(group, run, asked.request, call.caller)

    def first_rows(_: GroupBooks, request: Request) -> Iterable[Create | Update]:
        start, end = parameters.day(call.parameters, "From"), parameters.day(call.parameters, "To")
        if start is not None and end is not None and end < start:
            raise Refused("period_invalid", "The period ends before it starts. Correct From or To.")
        yield Create(
            BillRun(
                id=run,
                group=group,
                start=start,
                end=end,
                owner=Owner(UUID(str(call.caller))),
                status=RunStatus.RUNNING,
                next_check_on=outside.clock.now() + NEXT_CHECK,
                request=request.id,
            )
        )

    begun = begin(outside, asked, read, first_rows, Done(BEGUN, {"run": str(run)}))
    return carry_on_now(
        outside, call, run, begun, lambda until: _carry_on(outside, group, run, asked.request, until)
    )


def carry_on(outside: Outside, run: BillRun, until: datetime) -> bool:
    """Go on with a run; whether it has ended. Raises `BooksError`; what was written then is found by the next attempt."""
    return _carry_on(outside, run.group, run.id, run.request, until) is not None


def _carry_on(
    outside: Outside, group: UUID, run: UUID, request: RequestId | None, until: datetime
) -> Answer | None:
    """The run's answer once it has ended; None while something is left."""
    handed_over: set[UUID] = set()
    attempt = 0
    while outside.clock.now() < until:
        books = outside.books.for_group(group, run, request, None)
        if books.run is None or books.run.status is RunStatus.DONE:
            return as_answered(books.request) if books.request else ENDED
        try:
            if books.ledgers:
                _bill_some(outside, books, books.run, until)
            elif to_deliver := _undelivered(books, handed_over):
                _deliver_some(outside, books, to_deliver, until)
                handed_over |= {invoice for invoice, _ in to_deliver}
            else:
                return _end(outside, books, books.run)
        except Conflict:
            attempt += 1  # somebody else is at it as well: what they did is read
            outside.traffic.pause(attempt)
    return None


# --- The accounts ----------------------------------------------------------------------------------------------------


def _bill_some(outside: Outside, books: GroupBooks, run: BillRun, until: datetime) -> None:
    reasons = {each.id: passes_over(each, books.group) for each in books.ledgers}
    skipped = [each for each in books.ledgers if reasons[each.id]]
    if skipped:
        lines = [line_of(run, each, LineOutcome.SKIPPED, reason=reasons[each.id]) for each in skipped]
        outside.books.write(*map(Create, lines))
    conflict: Conflict | None = None
    for ledger in books.ledgers:
        if outside.clock.now() >= until:
            break
        if not reasons[ledger.id]:
            try:
                _bill(outside, books, run, ledger, until)
            except Conflict as error:  # its turn comes again; those behind it do not wait
                conflict = error
    if conflict is not None:
        raise conflict


def _bill(outside: Outside, books: GroupBooks, run: BillRun, ledger: Ledger, until: datetime) -> None:
    """One account: its changeset holds the run's line, so it is billed once."""
    scope = Scope(
        about=About.LEDGER,
        key=ledger.id,
        waiting=True,
        invoices=(ledger.open_invoice,) if ledger.open_invoice else (),
    )
    without_changes: list[BillRunLine] = []

    def decide(draft: Draft) -> bool:
        line = bill(draft, run, books.group)
        if line.outcome is LineOutcome.SKIPPED:
            without_changes.append(line)
            return False
        draft.put(line)
        return True

    try:
        carry_out(outside, scope, None, run_line_id(run.id, ledger.id), until, decide)
    except Refused as refusal:
        without_changes.append(line_of(run, ledger, LineOutcome.FAILED, reason=refusal.message))
    except (BooksRefused, NotFound) as refusal:
        reason = f"The CRM did not let Counterfoil bill the account ({excerpt(str(refusal))})."
        without_changes.append(line_of(run, ledger, LineOutcome.FAILED, reason=reason))
    if without_changes:
        outside.books.write(*map(Create, without_changes))


# --- The deliveries --------------------------------------------------------------------------------------------------


def _undelivered(books: GroupBooks, handed_over: set[UUID]) -> list[tuple[InvoiceId, BillRunLine]]:
    if not delivers(books.group):
        return []
    return [each for each in books.undelivered if each[0] not in handed_over]


def _deliver_some(
    outside: Outside, books: GroupBooks, some: Iterable[tuple[InvoiceId, BillRunLine]], until: datetime
) -> None:
    """Hand closed invoices over to their delivery, each under a key of its own, so that none is delivered twice."""
    for invoice, line in some:
        if outside.clock.now() >= until:
            return
        why_not = _deliver(outside, books, invoice, line)
        if why_not:
            outside.books.write(Update(line, replace(line, reason=f"Not delivered: {why_not}"[:400])))


def _deliver(outside: Outside, books: GroupBooks, invoice: InvoiceId, line: BillRunLine) -> str:
    """Why it cannot be delivered; empty once it is, or is under way."""
    caller = books.request.requested_by if books.request else None
    if caller is None:
        return "the user who began the run is not known any more."
    call = Call(
        action=DELIVER.name,
        target=invoice,
        caller=caller,
        key=f"deliver-{uuid5(NAMESPACE, f'{line.run}:{invoice}')}",
        parameters={},
        received=outside.clock.now(),
        organisation=outside.organisation,
    )
    try:
        answer = deliver_invoice(call, outside)
    except CallError as error:
        return str(error)
    return answer.message if answer.outcome in {Outcome.REFUSED, Outcome.FAILED} else ""


# --- The end ---------------------------------------------------------------------------------------------------------


def _end(outside: Outside, books: GroupBooks, run: BillRun) -> Answer:
    counts = {each: books.counts.get(each, 0) for each in LineOutcome}
    after = replace(
        run,
        status=RunStatus.DONE,
        invoiced=counts[LineOutcome.INVOICED],
        closed=counts[LineOutcome.CLOSED],
        skipped=counts[LineOutcome.SKIPPED],
        failed=counts[LineOutcome.FAILED],
        next_check_on=None,
    )
    if books.request is None:
        outside.books.write(Update(run, after))
        return ENDED
    facts = {each.value: str(count) for each, count in counts.items() if each is not LineOutcome.PLANNED}
    request = replace(
        books.request,
        outcome=Outcome.DONE,
        code="succeeded",
        message=_told(books.group.name, after),
        result=json.dumps({"run": str(run.id), **facts}),
    )
    outside.books.write(Update(run, after), Update(books.request, request))
    return as_answered(request)


def _told(group: str, run: BillRun) -> str:
    failed = f" {run.failed} failed; the run's lines say why." if run.failed else ""
    return (
        f"Billing of {group} has ended: {counted(run.invoiced, 'invoice')} made, {run.closed} closed, "
        f"{counted(run.skipped, 'account')} passed over.{failed}"
    )


ENDED = Answer(Outcome.DONE, "succeeded", "The bill run has ended.")
