"""What Stripe's objects say, as the port has it. Whatever is not wholly what was asked for is no answer."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NoReturn

import stripe
import structlog

from connector.stripe import amounts, errors
from plugins.ports import (
    Decline,
    HostedPage,
    Intent,
    IntentStatus,
    Method,
    MethodType,
    NoAnswer,
    PageStatus,
    Refund,
    RefundStatus,
)

_log = structlog.get_logger()

SDK_TRIPS_OVER = (stripe.StripeError, ValueError, TypeError, AttributeError, KeyError)
"""The SDK raises plain Python errors on answers that are JSON but not Stripe's; they mean garbage, hence no answer."""

_BRANDS = {
    "amex": "American Express",
    "cartes_bancaires": "Cartes Bancaires",
    "diners": "Diners Club",
    "discover": "Discover",
    "eftpos_au": "eftpos",
    "jcb": "JCB",
    "mastercard": "Mastercard",
    "unionpay": "UnionPay",
    "visa": "Visa",
}


def countdown(seconds: float) -> Callable[[], float]:
    end = time.monotonic() + seconds
    return lambda: end - time.monotonic()


def no_answer(call: str, fault: errors.Fault, error: Exception) -> NoReturn:
    _log.warning("stripe gave no answer", call=call, fault=fault.summary)
    raise NoAnswer(fault.summary) from error


def as_intent(intent: stripe.PaymentIntent, reference: str = "", decline: Decline | None = None) -> Intent:
    """Raises `NoAnswer` for anything that is not wholly a payment intent, or that has a status we do not know."""
    try:
        if not isinstance(intent, stripe.PaymentIntent) or (reference and intent.id != reference):
            raise NoAnswer(f"not the payment intent {reference}".rstrip())
        return Intent(
            reference=str(intent.id),
            status=IntentStatus(intent.status),
            amount=amounts.from_wire(intent.amount, intent.currency),
            live=bool(intent.livemode),
            decline=decline or _last_error(intent),
            receipt_url=_receipt(intent),
            created_on=datetime.fromtimestamp(intent.created, UTC),
            metadata=metadata_of(intent),
            method_type=_paid_with(intent),
        )
    except (ValueError, TypeError, AttributeError, KeyError) as e:
        raise NoAnswer(f"not a payment intent: {type(e).__name__}") from e


def _last_error(intent: stripe.PaymentIntent) -> Decline | None:
    error = getattr(intent, "last_payment_error", None)
    if error is None:
        return None
    texts = {name: getattr(error, name, None) for name in ("code", "decline_code", "advice_code", "message")}
    return Decline(**{name: text for name, text in texts.items() if isinstance(text, str)})


def _receipt(intent: stripe.PaymentIntent) -> str:
    charge = getattr(intent, "latest_charge", None)
    url = getattr(charge, "receipt_url", None)
    return url if isinstance(url, str) else ""


def _paid_with(intent: stripe.PaymentIntent) -> MethodType | None:
    if intent.status not in {IntentStatus.SUCCEEDED, IntentStatus.PROCESSING}:
        return None
    details = getattr(getattr(intent, "latest_charge", None), "payment_method_details", None)
    named = getattr(details, "type", None)
    return MethodType(named) if named in set(MethodType) else None


def as_refund(refund: stripe.Refund, reference: str = "") -> Refund:
    """Raises `NoAnswer` for anything that is not wholly a refund, or that has a status we do not know."""
    try:
        if not isinstance(refund, stripe.Refund) or (reference and refund.id != reference):
            raise NoAnswer(f"not the refund {reference}".rstrip())
        intent = refund.payment_intent
        reason = getattr(refund, "failure_reason", None)
        return Refund(
            reference=str(refund.id),
            intent=intent if isinstance(intent, str) else "",
            status=RefundStatus(refund.status or ""),
            amount=amounts.from_wire(refund.amount, refund.currency),
            reason=reason if isinstance(reason, str) else "",
            metadata=metadata_of(refund),
        )
    except (ValueError, TypeError, AttributeError, KeyError) as e:
        raise NoAnswer(f"not a refund: {type(e).__name__}") from e


def as_page(session: stripe.checkout.Session, reference: str = "") -> HostedPage:
    """Raises `NoAnswer` for anything that is not wholly a hosted page, or that has a status we do not know."""
    try:
        if not isinstance(session, stripe.checkout.Session) or (reference and session.id != reference):
            raise NoAnswer(f"not the hosted page {reference}".rstrip())
        status = PageStatus(session.status or "")
        if status is PageStatus.COMPLETE and session.mode == "setup" and not _may_still_save(session):
            status = PageStatus.EXPIRED
        if status is PageStatus.OPEN and not session.url:
            raise NoAnswer(f"the hosted page {session.id} is open and has no address")
        intent = session.payment_intent
        return HostedPage(
            reference=str(session.id),
            status=status,
            url=str(session.url) if status is PageStatus.OPEN else "",
            expires_on=datetime.fromtimestamp(session.expires_at, UTC),
            intent=None if intent is None else as_intent(_expanded(intent)),
            method=_saved(session) if status is PageStatus.COMPLETE else None,
            metadata=metadata_of(session),
        )
    except (ValueError, TypeError, AttributeError, KeyError) as e:
        raise NoAnswer(f"not a hosted page: {type(e).__name__}") from e


def _expanded(intent: str | stripe.PaymentIntent) -> stripe.PaymentIntent:
    if isinstance(intent, str):
        raise NoAnswer(f"the payment intent {intent} was not shown")
    return intent


def _setup(session: stripe.checkout.Session) -> stripe.SetupIntent:
    setup = session.setup_intent
    if not isinstance(setup, stripe.SetupIntent):
        raise NoAnswer("the setup intent was not shown")
    return setup


def _may_still_save(session: stripe.checkout.Session) -> bool:
    """A bank account that is not verified in time, or not by its customer, was not saved, and cannot be entered again."""
    match _setup(session).status:
        case "succeeded" | "processing" | "requires_action" | "requires_confirmation":
            return True
        case "canceled" | "requires_payment_method":
            return False
        case unknown:
            raise NoAnswer(f"not a setup intent: {unknown}")


def _saved(session: stripe.checkout.Session) -> Method | None:
    if session.mode != "setup" or _setup(session).status != "succeeded":
        return None
    method = _setup(session).payment_method
    if not isinstance(method, stripe.PaymentMethod):
        raise NoAnswer("the payment method that was saved was not shown")
    # One that was detached since belongs to nobody; charging it will be refused.
    customer = method.customer or session.customer
    if not isinstance(customer, str):
        raise NoAnswer(f"it was not shown whose payment method {method.id} is")
    kind = MethodType(method.type)
    brand, expiry = "", ""
    details: stripe.StripeObject = getattr(method, kind.value)
    if kind is MethodType.CARD:
        brand = _BRANDS.get(details["brand"], str(details["brand"]).replace("_", " ").title())
        expiry = f"{int(details['exp_month']):02}/{int(details['exp_year'])}"
    elif kind is MethodType.ACH_DEBIT:
        brand = details["bank_name"] or ""
    return Method(
        reference=str(method.id),
        customer=customer,
        type=kind,
        brand=brand,
        last4=details["last4"] or "",
        expiry=expiry,
        fingerprint=details["fingerprint"] or "",
    )


def metadata_of(made: stripe.StripeObject) -> dict[str, str]:
    metadata = getattr(made, "metadata", None)
    return {str(name): str(value) for name, value in metadata.to_dict().items()} if metadata else {}
