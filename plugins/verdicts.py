"""What the gateway's truth means: the closed tables from its states to ours, and the words that go with them."""

from dataclasses import replace
from enum import StrEnum
from typing import assert_never

from plugins.ports import Decline, GatewayRefused, Intent, IntentStatus, Refund, RefundStatus
from plugins.rules.declines import Remedy, excerpt, explain, rejection, shown_codes
from plugins.rules.money import Money
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
