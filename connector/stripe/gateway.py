"""The payment gateway: the `Gateway` port on the unmodified Stripe SDK."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import stripe

from connector.stripe import amounts, errors
from connector.stripe.answers import (
    SDK_TRIPS_OVER,
    as_intent,
    as_refund,
    countdown,
    metadata_of,
    no_answer,
)
from connector.stripe.client import Stripe
from connector.stripe.errors import Verdict
from connector.stripe.pages import Pages
from plugins.ports import (
    Decline,
    GatewayRefused,
    HostedPage,
    Intent,
    IntentOrder,
    IntentStatus,
    NoAnswer,
    PageOrder,
    Refund,
    RefundOrder,
)
from plugins.rules.money import AmountError, Money

_LOOK_BACK = timedelta(days=7)
"""How far unconfirmed intents are searched: one that nobody confirmed for a week holds no money and harms nobody."""


class StripeGateway:
    """`ours` is metadata that every intent of this installation carries, to tell them from others of the account."""

    def __init__(self, client: Stripe, ours: Mapping[str, str]) -> None:
        self._stripe = client
        self._ours = dict(ours)
        self._pages = Pages(client)

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
        except SDK_TRIPS_OVER as e:
            fault = errors.judge(e)
            if fault.verdict is Verdict.UNKNOWN:
                no_answer("create", fault, e)
            code = (
                "idempotency_error"
                if fault.verdict is Verdict.KEY_REUSED
                else fault.code or "invalid_request"
            )
            raise GatewayRefused(code, fault.decline.message) from e
        return as_intent(intent)

    def confirm_intent(self, reference: str, idempotency_key: str, within: float) -> Intent:
        left = countdown(within)
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
        except SDK_TRIPS_OVER as e:
            fault = errors.judge(e)
            match fault.verdict:
                case Verdict.DECLINED if fault.intent is not None and not fault.replayed:
                    return as_intent(fault.intent, reference, fault.decline)
                case Verdict.DECLINED:
                    return self._state(reference, left(), fault.decline)
                case Verdict.REFUSED if fault.code == "payment_intent_unexpected_state":
                    return self._state(reference, left())
                case Verdict.REFUSED:
                    # Nothing was done; the intent still says requires_confirmation, and `decline` why it will not go.
                    return self._state(reference, left(), fault.decline)
                case Verdict.KEY_REUSED | Verdict.UNKNOWN:
                    no_answer("confirm", fault, e)
        return as_intent(intent, reference)

    def read_intent(self, reference: str, within: float) -> Intent:
        client = self._stripe.within(within)
        try:
            intent = client.v1.payment_intents.retrieve(reference, {"expand": ["latest_charge"]})
        except SDK_TRIPS_OVER as e:
            fault = errors.judge(e)
            if fault.verdict is Verdict.REFUSED and fault.code == "resource_missing":
                raise GatewayRefused(fault.code, fault.decline.message) from e
            no_answer("read", fault, e)
        return as_intent(intent, reference)

    def cancel_intent(self, reference: str, within: float) -> Intent:
        left = countdown(within)
        client = self._stripe.within(within)
        try:
            intent = client.v1.payment_intents.cancel(reference)
        except SDK_TRIPS_OVER as e:
            fault = errors.judge(e)
            if fault.verdict is Verdict.REFUSED:
                return self._state(reference, left())
            no_answer("cancel", fault, e)
        return as_intent(intent, reference)

    def unconfirmed_intents(self, older_than: datetime) -> Sequence[Intent]:
        client = self._stripe.within(30)
        created: stripe.params.PaymentIntentListParamsCreated = {
            "gte": int((older_than - _LOOK_BACK).timestamp()),
            "lt": int(older_than.timestamp()),
        }
        try:
            page = client.v1.payment_intents.list({"limit": 100, "created": created})
            return [as_intent(intent) for intent in page.auto_paging_iter() if self._waits(intent)]
        except SDK_TRIPS_OVER as e:
            no_answer("list", errors.judge(e), e)

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
        except SDK_TRIPS_OVER as e:
            fault = errors.judge(e)
            # Under a key that was used with other parameters there may be a refund: nothing is certain then.
            if fault.verdict in {Verdict.UNKNOWN, Verdict.KEY_REUSED}:
                no_answer("refund", fault, e)
            raise GatewayRefused(fault.code or "invalid_request", fault.decline.message) from e
        return as_refund(refund)

    def read_refund(self, reference: str, within: float) -> Refund:
        client = self._stripe.within(within)
        try:
            refund = client.v1.refunds.retrieve(reference)
        except SDK_TRIPS_OVER as e:
            fault = errors.judge(e)
            if fault.verdict is Verdict.REFUSED and fault.code == "resource_missing":
                raise GatewayRefused(fault.code, fault.decline.message) from e
            no_answer("read refund", fault, e)
        return as_refund(refund, reference)

    def refunds_of(self, intent: str, within: float) -> Sequence[Refund]:
        client = self._stripe.within(within)
        try:
            page = client.v1.refunds.list({"limit": 100, "payment_intent": intent})
            return [as_refund(each) for each in page.auto_paging_iter()]
        except SDK_TRIPS_OVER as e:
            no_answer("list refunds", errors.judge(e), e)

    def create_customer(
        self, name: str, metadata: Mapping[str, str], idempotency_key: str, within: float
    ) -> str:
        return self._pages.create_customer(name, metadata, idempotency_key, within)

    def open_page(self, order: PageOrder, within: float) -> HostedPage:
        return self._pages.open(order, within)

    def read_page(self, reference: str, within: float) -> HostedPage:
        return self._pages.read(reference, within)

    def close_page(self, reference: str, within: float) -> HostedPage:
        return self._pages.close(reference, within)

    def _waits(self, intent: stripe.PaymentIntent) -> bool:
        if intent.status != IntentStatus.REQUIRES_CONFIRMATION:
            return False
        metadata = metadata_of(intent)
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
