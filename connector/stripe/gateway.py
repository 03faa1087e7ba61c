"""The payment gateway: the `Gateway` port on the unmodified Stripe SDK."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import NoReturn

import stripe
import structlog

from connector.stripe import amounts, errors
from connector.stripe.client import Stripe
from connector.stripe.errors import Verdict
from plugins.ports import (
    Decline,
    GatewayRefused,
    Intent,
    IntentOrder,
    IntentStatus,
    NoAnswer,
    Refund,
    RefundOrder,
    RefundStatus,
)
from plugins.rules.money import AmountError, Money

_log = structlog.get_logger()

_LOOK_BACK = timedelta(days=7)
"""How far unconfirmed intents are searched: one that nobody confirmed for a week holds no money and harms nobody."""

_SDK_TRIPS_OVER = (stripe.StripeError, ValueError, TypeError, AttributeError, KeyError)
"""The SDK raises plain Python errors on answers that are JSON but not Stripe's; they mean garbage, hence no answer."""


class StripeGateway:
    """`ours` is metadata that every intent of this installation carries, to tell them from others of the account."""

    def __init__(self, client: Stripe, ours: Mapping[str, str]) -> None:
        self._stripe = client
        self._ours = dict(ours)

    @property
    def live(self) -> bool:
        return self._stripe.live

    def minimum(self, currency: str) -> Money | None:
        return amounts.minimum(currency)

    def create_intent(self, order: IntentOrder, within: float) -> Intent:
        try:
            amount, currency = amounts.to_wire(order.amount)
        except AmountError as e:
            raise GatewayRefused("currency_not_supported", str(e)) from e
        params: stripe.params.PaymentIntentCreateParams = {
            "amount": amount,
            "currency": currency,
            "customer": order.customer,
            "payment_method": order.method,
            "capture_method": "automatic",
            "description": order.description,
            "metadata": dict(order.metadata),
        }
        # The types are those of the SDK's own, newer API version, which names this parameter otherwise.
        params["payment_method_types"] = [order.method_type.value]  # type: ignore[typeddict-unknown-key]
        client = self._stripe.within(within)
        try:
            intent = client.v1.payment_intents.create(params, {"idempotency_key": order.idempotency_key})
        except _SDK_TRIPS_OVER as e:
            fault = errors.judge(e)
            if fault.verdict is Verdict.UNKNOWN:
                _no_answer("create", fault, e)
            code = (
                "idempotency_error"
                if fault.verdict is Verdict.KEY_REUSED
                else fault.code or "invalid_request"
            )
            raise GatewayRefused(code, fault.decline.message) from e
        return _truth(intent)

    def confirm_intent(self, reference: str, idempotency_key: str, within: float) -> Intent:
        left = _countdown(within)
        params: stripe.params.PaymentIntentConfirmParams = {
            "off_session": True,
            "error_on_requires_action": True,
            "expand": ["latest_charge"],
        }
        client = self._stripe.within(within)
        try:
            intent = client.v1.payment_intents.confirm(
                reference, params, {"idempotency_key": idempotency_key}
            )
        except _SDK_TRIPS_OVER as e:
            fault = errors.judge(e)
            match fault.verdict:
                case Verdict.DECLINED if fault.intent is not None and not fault.replayed:
                    return _truth(fault.intent, reference, fault.decline)
                case Verdict.DECLINED:
                    return self._state(reference, left(), fault.decline)
                case Verdict.REFUSED if fault.code == "payment_intent_unexpected_state":
                    return self._state(reference, left())
                case Verdict.REFUSED:
                    # Nothing was done; the intent still says requires_confirmation, and `decline` why it will not go.
                    return self._state(reference, left(), fault.decline)
                case Verdict.KEY_REUSED | Verdict.UNKNOWN:
                    _no_answer("confirm", fault, e)
        return _truth(intent, reference)

    def read_intent(self, reference: str, within: float) -> Intent:
        client = self._stripe.within(within)
        try:
            intent = client.v1.payment_intents.retrieve(reference, {"expand": ["latest_charge"]})
        except _SDK_TRIPS_OVER as e:
            fault = errors.judge(e)
            if fault.verdict is Verdict.REFUSED and fault.code == "resource_missing":
                raise GatewayRefused(fault.code, fault.decline.message) from e
            _no_answer("read", fault, e)
        return _truth(intent, reference)

    def cancel_intent(self, reference: str, within: float) -> Intent:
        left = _countdown(within)
        client = self._stripe.within(within)
        try:
            intent = client.v1.payment_intents.cancel(reference)
        except _SDK_TRIPS_OVER as e:
            fault = errors.judge(e)
            if fault.verdict is Verdict.REFUSED:
                return self._state(reference, left())
            _no_answer("cancel", fault, e)
        return _truth(intent, reference)

    def unconfirmed_intents(self, older_than: datetime) -> Sequence[Intent]:
        client = self._stripe.within(30)
        created: stripe.params.PaymentIntentListParamsCreated = {
            "gte": int((older_than - _LOOK_BACK).timestamp()),
            "lt": int(older_than.timestamp()),
        }
        try:
            page = client.v1.payment_intents.list({"limit": 100, "created": created})
            return [_truth(intent) for intent in page.auto_paging_iter() if self._waits(intent)]
        except _SDK_TRIPS_OVER as e:
            _no_answer("list", errors.judge(e), e)

    def refund(self, order: RefundOrder, within: float) -> Refund:
        try:
            amount, _ = amounts.to_wire(order.amount)
        except AmountError as e:
            raise GatewayRefused("currency_not_supported", str(e)) from e
        params: stripe.params.RefundCreateParams = {
            "payment_intent": order.intent,
            "amount": amount,
            "reason": "requested_by_customer",
            "metadata": dict(order.metadata),
        }
        client = self._stripe.within(within)
        try:
            refund = client.v1.refunds.create(params, {"idempotency_key": order.idempotency_key})
        except _SDK_TRIPS_OVER as e:
            fault = errors.judge(e)
            # Under a key that was used with other parameters there may be a refund: nothing is certain then.
            if fault.verdict in {Verdict.UNKNOWN, Verdict.KEY_REUSED}:
                _no_answer("refund", fault, e)
            raise GatewayRefused(fault.code or "invalid_request", fault.decline.message) from e
        return _refund(refund)

    def read_refund(self, reference: str, within: float) -> Refund:
        client = self._stripe.within(within)
        try:
            refund = client.v1.refunds.retrieve(reference)
        except _SDK_TRIPS_OVER as e:
            fault = errors.judge(e)
            if fault.verdict is Verdict.REFUSED and fault.code == "resource_missing":
                raise GatewayRefused(fault.code, fault.decline.message) from e
            _no_answer("read refund", fault, e)
        return _refund(refund, reference)

    def refunds_of(self, intent: str, within: float) -> Sequence[Refund]:
        client = self._stripe.within(within)
        try:
            page = client.v1.refunds.list({"limit": 100, "payment_intent": intent})
            return [_refund(each) for each in page.auto_paging_iter()]
        except _SDK_TRIPS_OVER as e:
            _no_answer("list refunds", errors.judge(e), e)

    def _waits(self, intent: stripe.PaymentIntent) -> bool:
        if intent.status != IntentStatus.REQUIRES_CONFIRMATION:
            return False
        metadata = _metadata(intent)
        return all(metadata.get(name) == value for name, value in self._ours.items())

    def _state(self, reference: str, within: float, decline: Decline | None = None) -> Intent:
        """The intent as it is now, after an answer that did not show it."""
        try:
            intent = self.read_intent(reference, within)
        except GatewayRefused as e:
            raise NoAnswer(f"Stripe does not know {reference}") from e
        if decline is None or intent.status in {IntentStatus.SUCCEEDED, IntentStatus.PROCESSING}:
            return intent
        return replace(intent, decline=decline)


def _countdown(seconds: float) -> Callable[[], float]:
    end = time.monotonic() + seconds
    return lambda: end - time.monotonic()


def _no_answer(call: str, fault: errors.Fault, error: Exception) -> NoReturn:
    _log.warning("stripe gave no answer", call=call, fault=fault.summary)
    raise NoAnswer(fault.summary) from error


def _truth(intent: stripe.PaymentIntent, reference: str = "", decline: Decline | None = None) -> Intent:
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
            metadata=_metadata(intent),
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


def _refund(refund: stripe.Refund, reference: str = "") -> Refund:
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
            metadata=_metadata(refund),
        )
    except (ValueError, TypeError, AttributeError, KeyError) as e:
        raise NoAnswer(f"not a refund: {type(e).__name__}") from e


def _metadata(made: stripe.PaymentIntent | stripe.Refund) -> dict[str, str]:
    metadata = getattr(made, "metadata", None)
    return {str(name): str(value) for name, value in metadata.to_dict().items()} if metadata else {}
