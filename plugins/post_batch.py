"""Post a payment batch: its lines become payments, one by one (E113).

A resumable sequence: the batch is marked as being posted, then one changeset for each line with its payment, then the
end. The call carries out what fits in its time; the sweep goes on with the rest. A line whose payment exists is never
posted again; one that failed keeps its reason, and is posted with the batch once it was corrected.
"""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from plugins.actions import Action, Answer, Call
from plugins.piece import NEXT_CHECK, as_answered, begin, carry_on_now, carry_out
from plugins.ports import BooksRefused, Conflict, NotFound, Outside
from plugins.posting import Asked, Done, check_active, target_of
from plugins.rules.batches import failed_line, post_line, posted_line, to_be_posted
from plugins.rules.books import About, Scope
from plugins.rules.changes import Create, Update
from plugins.rules.declines import excerpt
from plugins.rules.draft import Draft
from plugins.rules.ids import RequestId
from plugins.rules.ledger import Outcome, Request
from plugins.rules.refusal import Refused
from plugins.rules.runs import (
    BatchBooks,
    BatchStatus,
    PaymentBatch,
    PaymentBatchLine,
    Posting,
    batch_payment_id,
)
from plugins.rules.wording import counted

ACTION = Action(
    name="cfl_PostBatch",
    bound_to="cfl_paymentbatch",
    parameters={"RequestKey": str},
    privilege="prvCreatecfl_mayrun",
)

BEGUN = "The batch is being posted. Its lines show what is done."
ENDED = Answer(Outcome.DONE, "succeeded", "The posting of the batch has ended.")


def post_batch(call: Call, outside: Outside) -> Answer:
    """Begin to post and carry out what fits in the call's time. Raises what `post` raises."""
    asked = Asked(call, ACTION)
    batch = target_of(call)

    def read() -> BatchBooks:
        return outside.books.for_batch(batch, asked.request, call.caller)

    def first_rows(books: BatchBooks, request: Request) -> Iterable[Create | Update]:
        if (refusal := _refusal(books)) is not None:
            raise refusal
        if books.failed:
            # They are tried again; nothing has begun yet, so this may stop anywhere.
            outside.books.write(*(Update(each, to_be_posted(each)) for each in books.failed))
            raise Conflict("the lines are read anew")
        begun = replace(
            books.batch,
            status=BatchStatus.POSTING,
            next_check_on=outside.clock.now() + NEXT_CHECK,
            request=request.id,
        )
        yield Update(books.batch, begun)

    answer = begin(outside, asked, read, first_rows, Done(BEGUN, {"batch": str(batch)}))
    return carry_on_now(
        outside, call, batch, answer, lambda until: _carry_on(outside, batch, asked.request, until)
    )


def carry_on(outside: Outside, batch: PaymentBatch, until: datetime) -> bool:
    """Go on posting; whether it has ended. Raises `BooksError`; what was written then is found by the next attempt."""
    return _carry_on(outside, batch.id, batch.request, until) is not None


def _refusal(books: BatchBooks) -> Refused | None:
    name = books.batch.name or "This batch"
    if books.batch.status is BatchStatus.POSTING:
        return Refused("batch_in_progress", f"{name} is being posted. Its lines show what is done.")
    if books.batch.status is BatchStatus.POSTED:
        return Refused("batch_posted", f"{name} is posted already. Enter another batch.")
    if not any(books.counts.values()):
        return Refused("batch_empty", f"{name} has no lines. Enter its payments first.")
    return None


def _carry_on(outside: Outside, batch: UUID, request: RequestId | None, until: datetime) -> Answer | None:
    """The answer once the posting has ended; None while something is left."""
    attempt = 0
    while outside.clock.now() < until:
        books = outside.books.for_batch(batch, request, None)
        if books.batch.status is not BatchStatus.POSTING or books.batch.request != request:
            return as_answered(books.request) if books.request else ENDED
        try:
            if not _is_asked_for(books):
                outside.books.write(Update(books.batch, replace(books.batch, status=BatchStatus.ENTERED)))
                return ENDED
            if not books.entered:
                return _end(outside, books)
            for line in books.entered:
                if outside.clock.now() < until:
                    _post(outside, books, line, until)
        except Conflict:
            attempt += 1  # somebody was at the account or corrected the line: what they did is read
            outside.traffic.pause(attempt)
    return None


def _is_asked_for(books: BatchBooks) -> bool:
    """Whether the request to post it is there. People keep batches, so anyone of them may have written "Posting" by hand."""
    request = books.request
    if request is None or request.outcome is not Outcome.PENDING or request.action != ACTION.name:
        return False
    return bool(json.loads(request.result or "{}").get("batch") == str(books.batch.id))


def _post(outside: Outside, books: BatchBooks, line: PaymentBatchLine, until: datetime) -> None:
    """One line: its changeset holds the payment, whose id is made from the line's, so it is posted once."""
    payment = batch_payment_id(line.id)
    scope = Scope(about=About.LEDGER, key=line.ledger, payments=(payment,))
    posted_before: list[bool] = []

    def decide(draft: Draft) -> bool:
        if draft.find(payment) is not None:
            posted_before.append(True)
            return False
        check_active(draft)
        post_line(draft, line, books.batch.request)
        return True

    caller = books.request.requested_by if books.request else None
    try:
        carry_out(outside, scope, caller, line.id, until, decide)
    except Refused as refusal:
        outside.books.write(Update(line, failed_line(line, refusal.message)))
    except NotFound:
        outside.books.write(Update(line, failed_line(line, "The billing account no longer exists.")))
    except BooksRefused as refusal:
        reason = f"The CRM did not let Counterfoil write to the billing account ({excerpt(str(refusal))})."
        outside.books.write(Update(line, failed_line(line, reason)))
    if posted_before:
        outside.books.write(Update(line, posted_line(line)))


def _end(outside: Outside, books: BatchBooks) -> Answer:
    posted, failed = books.counts.get(Posting.POSTED, 0), books.counts.get(Posting.FAILED, 0)
    status = BatchStatus.ENTERED if failed else BatchStatus.POSTED
    after = replace(books.batch, status=status, next_check_on=None)
    if books.request is None:
        raise ValueError("a batch is posted for a request")
    request = replace(
        books.request,
        outcome=Outcome.DONE,
        code="succeeded",
        message=_told(books.batch.name, posted, failed),
        result=json.dumps({"batch": str(books.batch.id), "posted": str(posted), "failed": str(failed)}),
    )
    outside.books.write(Update(books.batch, after), Update(books.request, request))
    return as_answered(request)


def _told(name: str, posted: int, failed: int) -> str:
    if failed:
        return (
            f"Of {name} {counted(posted, 'payment')} {'is' if posted == 1 else 'are'} posted; {failed} failed. "
            "Correct the lines that failed, then post the batch again."
        )
    return f"{name} is posted: {counted(posted, 'payment')}."
