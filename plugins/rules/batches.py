"""Payment batches: each line becomes one payment of its billing account (E113)."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from uuid import UUID

from plugins.rules.books import LedgerBooks
from plugins.rules.choosing import chosen_invoices
from plugins.rules.dates import is_closed
from plugins.rules.disbursing import disburse_oldest_first
from plugins.rules.draft import Draft
from plugins.rules.entering import add_payment
from plugins.rules.ids import PaymentId, PaymentTypeId, RequestId
from plugins.rules.invoice import belongs
from plugins.rules.ledger import Mode, Payment
from plugins.rules.refusal import Refused
from plugins.rules.runs import PaymentBatchLine, Posting, batch_payment_id
from plugins.rules.setup import Backend


def post_line(draft: Draft, line: PaymentBatchLine, request: RequestId | None) -> Payment:
    """The payment of a line, disbursed by hand to the invoices it names; the line is posted with it. Raises `Refused`.

    What the named invoices do not take, and a payment that names none, is disbursed as its Automatic says.
    """
    if line.amount.currency != draft.currency:
        raise Refused(
            "currency_mismatch",
            f"The line is in {line.amount.currency}, but the billing account is in {draft.currency}. Correct the currency.",
        )
    if line.amount.minor <= 0:
        raise Refused("amount_invalid", "Enter an amount above zero.")
    kind = next((each for each in draft.books.payment_types if each.id == line.payment_type), None)
    if kind is None:
        raise Refused("payment_type_missing", "Choose an active payment type.")
    dated, posted = _dates(line, draft.books, draft.today)
    named = list(_invoices_named(draft, line.invoice_numbers))
    payment = add_payment(
        draft,
        line.amount,
        key=batch_payment_id(line.id),
        payment_type=PaymentTypeId(kind.id),
        dated=dated,
        posting_date=posted,
        detail=line.detail,
        automatic=line.automatic,
        check_number=line.check_number if kind.backend is Backend.CHECK else "",
        card_type=line.card_type if kind.backend is Backend.CREDIT_CARD else None,
        request=request,
    )
    disburse_oldest_first(draft, payment, chosen_invoices(draft, named), Mode.MANUAL)
    draft.change(line, posted_line(line))
    return payment


def posted_line(line: PaymentBatchLine) -> PaymentBatchLine:
    return replace(line, outcome=Posting.POSTED, reason="", payment=PaymentId(batch_payment_id(line.id)))


def failed_line(line: PaymentBatchLine, reason: str) -> PaymentBatchLine:
    """It keeps its reason until it is corrected and posted again."""
    return replace(line, outcome=Posting.FAILED, reason=reason[:400])


def to_be_posted(line: PaymentBatchLine) -> PaymentBatchLine:
    return replace(line, outcome=Posting.ENTERED, reason="")


def _invoices_named(draft: Draft, numbers: str) -> Iterable[UUID]:
    """The invoices that a line pays, by number, each once. Raises `Refused`."""
    wanted = dict.fromkeys(each.strip() for each in numbers.split(",") if each.strip())
    for number in wanted:
        found = [
            each
            for each in draft.invoices
            if each.number.casefold() == number.casefold() and belongs(each, draft.ledger)
        ]
        if not found:
            raise Refused(
                "invoice_not_found",
                f"{number} is not an invoice with a balance of this billing account. Correct Paying Invoices.",
            )
        yield found[0].id


def _dates(line: PaymentBatchLine, books: LedgerBooks, today: date) -> tuple[date, date]:
    """As on the payment form: Posting Date defaults to Date, and that to today (E16-E19)."""
    dated = line.dated or today
    posted = line.posting_date or dated
    if is_closed(posted, books.closed):
        raise Refused(
            "posting_period_closed",
            f"The financial period of {posted.isoformat()} is closed. Enter a Posting Date in an open period.",
        )
    return dated, posted
