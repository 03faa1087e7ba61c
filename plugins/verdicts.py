"""What the gateway's truth means: the closed tables from its states to ours, and the words that go with them."""

from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from plugins.ports import (
    Decline,
    GatewayRefused,
    HostedPage,
    Intent,
    IntentStatus,
    PageStatus,
    Refund,
    RefundStatus,
)
from plugins.rules.declines import Remedy, excerpt, explain, rejection, shown_codes
from plugins.rules.money import Money
from plugins.rules.payment_link import RAN_OUT, WITHDRAWN
from plugins.rules.settling import Ending


class Verdict(StrEnum):
    SUCCEEDED = "succeeded"
    PROCESSING = "processing"
    UNCONFIRMED = "unconfirmed"
    DECLINED = "declined"
    CANCELLED = "cancelled"


def verdict(intent: Intent) -> Verdict:
    match intent.status:
        case IntentStatus.SUCCEEDED:
            return Verdict.SUCCEEDED
        case IntentStatus.PROCESSING:
            return Verdict.PROCESSING
        case IntentStatus.REQUIRES_CONFIRMATION:
            # With a decline: the gateway understood the confirmation and will not carry it out.
            return Verdict.UNCONFIRMED if intent.decline is None else Verdict.DECLINED
        case (
            IntentStatus.REQUIRES_PAYMENT_METHOD
            | IntentStatus.REQUIRES_ACTION
            | IntentStatus.REQUIRES_CAPTURE
        ):
            return Verdict.DECLINED
        case IntentStatus.CANCELED:
            return Verdict.CANCELLED
        case _:
            assert_never(intent.status)


def verdict_on_refund(refund: Refund) -> Verdict:
    match refund.status:
        case RefundStatus.SUCCEEDED:
            return Verdict.SUCCEEDED
        case RefundStatus.PENDING | RefundStatus.REQUIRES_ACTION:
            return Verdict.PROCESSING
        case RefundStatus.FAILED | RefundStatus.CANCELED:
            return Verdict.DECLINED
        case _:
            assert_never(refund.status)


def verdict_on_link(page: HostedPage) -> Verdict:
    """What became of a payment link. `UNCONFIRMED`: nothing yet, somebody may still pay.

    Money that moved, or is on its way, decides, whatever the page itself is.
    """
    known = None if page.intent is None else page.intent.status
    if known is IntentStatus.SUCCEEDED:
        return Verdict.SUCCEEDED
    if known is IntentStatus.PROCESSING:
        return Verdict.PROCESSING
    match page.status:
        case PageStatus.OPEN:
            return Verdict.UNCONFIRMED
        case PageStatus.EXPIRED:
            # An intent that is not cancelled with its page must be, before anybody says that nothing was charged.
            return Verdict.CANCELLED if known in {None, IntentStatus.CANCELED} else Verdict.DECLINED
        case PageStatus.COMPLETE:
            return _VERDICTS_ON_COMPLETE.get(known, Verdict.UNCONFIRMED)
        case _:
            assert_never(page.status)


_VERDICTS_ON_COMPLETE: dict[IntentStatus | None, Verdict] = {
    # A bank account that the customer still has to verify, by two small deposits.
    IntentStatus.REQUIRES_ACTION: Verdict.PROCESSING,
    # A bank debit that did not clear: nobody can pay on this page any more.
    IntentStatus.REQUIRES_PAYMENT_METHOD: Verdict.DECLINED,
    IntentStatus.CANCELED: Verdict.CANCELLED,
}


# --- Charges ---------------------------------------------------------------------------------------------------------


def implied(intent: Intent) -> Decline:
    """Why an intent that holds no error will not be paid."""
    if intent.status is IntentStatus.REQUIRES_ACTION:
        return Decline("authentication_required", "authentication_required")
    return Decline()


def is_rejected(intent: Intent) -> bool:
    """The processor understood the confirmation and does not carry it out; no bank was asked."""
    return intent.status is IntentStatus.REQUIRES_CONFIRMATION


def rejected(decline: Decline) -> Ending:
    return Ending("rejected", rejection(decline.message), result_code=decline.code, shown_codes=decline.code)


def declined(decline: Decline) -> Ending:
    explained = explain(decline.code, decline.decline_code, decline.advice_code)
    needs_customer = "authentication_required" in {decline.code, decline.decline_code}
    return Ending(
        code="needs_customer" if needs_customer and explained.remedy is Remedy.CUSTOMER else "declined",
        sentence=explained.sentence,
        result_code=decline.code,
        decline_code=decline.decline_code,
        advice_code=decline.advice_code,
        shown_codes=shown_codes(decline.code, decline.decline_code),
    )


# --- Payment links ---------------------------------------------------------------------------------------------------


def link_over(page: HostedPage, now: datetime) -> Ending:
    """Nobody paid, and nobody can any more."""
    if page.status is PageStatus.EXPIRED and now < page.expires_on:
        return Ending(WITHDRAWN, "The payment link was withdrawn before it was paid. Nothing was charged.")
    return Ending(RAN_OUT, "The payment link ran out unpaid. Nothing was charged.")


# --- Refunds ---------------------------------------------------------------------------------------------------------

NOT_REFUNDED = "Nothing was refunded. Refund the customer in another way."


def refund_failed(refund: Refund) -> Ending:
    """It was made and then failed, or was cancelled."""
    code = refund.reason or refund.status.value
    why = _WHY_REFUNDS_FAIL.get(refund.reason, "The bank did not take the refund.")
    return Ending(
        "refund_failed",
        f"{why} {NOT_REFUNDED}",
        result_code=code,
        shown_codes=code,
        reference=refund.reference,
    )


def refund_returned(refund: Refund) -> Ending:
    """It had succeeded and failed later."""
    failed = refund_failed(refund)
    came_back = "The refund came back. Refund the customer in another way."
    return replace(failed, sentence=failed.sentence.replace(NOT_REFUNDED, came_back))


def refund_rejected(refusal: GatewayRefused) -> Ending:
    """The processor understood the order and certainly does not carry it out."""
    said = f": {excerpt(refusal.message).rstrip('.')}" if refusal.message else ""
    return Ending(
        "rejected",
        f"The payment processor refused the refund{said}. Nothing was refunded.",
        result_code=refusal.code,
        shown_codes=refusal.code,
    )


def refund_not_sent() -> Ending:
    return Ending("not_sent", "The refund was never sent to the bank. Nothing was refunded.")


def refund_succeeded(refund: Refund, amount: Money, profile: str) -> Ending:
    return Ending(
        "succeeded",
        f"{amount} was refunded to {profile}. It takes 5 to 10 working days to arrive.",
        reference=refund.reference,
    )


def refund_under_way(refund: Refund) -> Ending:
    return Ending(
        "processing",
        "The refund was submitted. The bank takes a few working days to confirm it.",
        reference=refund.reference,
    )


# https://docs.stripe.com/refunds#failed-refunds
_WHY_REFUNDS_FAIL = {
    "lost_or_stolen_card": "The bank no longer knows the card.",
    "expired_or_canceled_card": "The card has expired or was closed.",
    "charge_for_pending_refund_disputed": "The customer disputes the charge.",
    "insufficient_funds": "The balance at the payment processor did not cover the refund.",
    "declined": "The bank declined the refund.",
    "merchant_request": "The refund was cancelled at the payment processor.",
}
