"""What each answer on the wire lets the gateway conclude, one exchange at a time."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
import requests
import responses

from connector.stripe.client import Stripe, pooled_session
from connector.stripe.gateway import StripeGateway
from plugins.ports import (
    Decline,
    GatewayRefused,
    Intent,
    IntentOrder,
    IntentStatus,
    MethodType,
    NoAnswer,
    Refund,
    RefundOrder,
    RefundStatus,
)
from plugins.rules.money import Money

BASE = "https://stripe.test"
INTENTS = f"{BASE}/v1/payment_intents"
ONE = f"{INTENTS}/pi_1"
CONFIRM = f"{ONE}/confirm"
CANCEL = f"{ONE}/cancel"

UNKNOWN = {
    "401": {"status": 401, "json": {"error": {"type": "invalid_request_error", "message": "Invalid API Key"}}},
    "403": {"status": 403, "json": {"error": {"type": "invalid_request_error", "message": "no permission"}}},
    "409": {"status": 409, "json": {"error": {"type": "idempotency_error", "code": "idempotency_key_in_use"}}},
    "429 rate": {"status": 429, "json": {"error": {"type": "invalid_request_error", "code": "rate_limit"}}},
    "429 lock": {"status": 429, "json": {"error": {"type": "invalid_request_error", "code": "lock_timeout"}}},
    "500": {"status": 500, "json": {"error": {"type": "api_error", "message": "Something went wrong"}}},
    "502 from a proxy": {"status": 502, "body": "<html>Bad gateway</html>"},
    "503": {"status": 503, "body": ""},
    "404 from a proxy": {"status": 404, "json": {"error": "no route"}},
    "404 with no type": {"status": 404, "json": {"error": {"message": "no route"}}},
    "400 without JSON": {"status": 400, "body": "Bad Request"},
    "200 with HTML": {"status": 200, "body": "<html>Sign in to the Wi-Fi</html>"},
    "200 with a list": {"status": 200, "json": []},
    "200 with nothing in it": {"status": 200, "json": {}},
    "200 with another object": {"status": 200, "json": {"id": "ch_1", "object": "charge", "status": "succeeded"}},
    "200 with half an intent": {"status": 200, "json": {"id": "pi_1", "object": "payment_intent", "status": "succeeded"}},
    "200 truncated": {"status": 200, "body": '{"id": "pi_1", "object": "payment_in'},
    "200 not UTF-8": {"status": 200, "body": b"\xff\xfe"},
    "time-out": {"body": requests.exceptions.ReadTimeout("read timed out")},
    "refused": {"body": requests.exceptions.ConnectionError("refused")},
    "cut off": {"body": requests.exceptions.ChunkedEncodingError("cut off")},
}  # fmt: skip


@pytest.fixture
def wire() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


@pytest.fixture
def gateway() -> StripeGateway:
    return StripeGateway(Stripe("sk_test_1", BASE, pooled_session()), {"organization": "o1"})


def an_order(amount: str = "12.50", currency: str = "USD") -> IntentOrder:
    return IntentOrder(
        amount=Money.parse(amount, currency),
        customer="cus_1",
        method="pm_1",
        method_type=MethodType.CARD,
        description="Invoice INV-1001",
        metadata={"organization": "o1", "transaction": "t1"},
        idempotency_key="intent-1",
    )


def an_intent(status: str = "requires_confirmation", **fields: Any) -> dict[str, Any]:
    return {
        "id": "pi_1",
        "object": "payment_intent",
        "status": status,
        "amount": 1250,
        "currency": "usd",
        "created": 1_790_000_000,
        "livemode": False,
        "metadata": {"organization": "o1", "transaction": "t1"},
        "last_payment_error": None,
        "latest_charge": None,
        **fields,
    }


def a_decline(**fields: Any) -> dict[str, Any]:
    return {
        "type": "card_error",
        "code": "card_declined",
        "decline_code": "insufficient_funds",
        "advice_code": "try_again_later",
        "message": "Your card has insufficient funds.",
        **fields,
    }


INSUFFICIENT = Decline(
    "card_declined", "insufficient_funds", "try_again_later", "Your card has insufficient funds."
)


def sent(wire: responses.RequestsMock, number: int = 0) -> dict[str, list[str]]:
    return parse_qs(str(wire.calls[number].request.body))


def query_of(wire: responses.RequestsMock, number: int) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(str(wire.calls[number].request.url)).query))


class TestCreate:
    def test_an_intent_is_created_unconfirmed_with_everything_in_it(
        self, wire: responses.RequestsMock, gateway: StripeGateway
    ) -> None:
        wire.post(INTENTS, json=an_intent())
        intent = gateway.create_intent(an_order(), 5)
        assert intent == Intent(
            reference="pi_1",
            status=IntentStatus.REQUIRES_CONFIRMATION,
            amount=Money(1250, "USD"),
            created_on=datetime.fromtimestamp(1_790_000_000, UTC),
            metadata={"organization": "o1", "transaction": "t1"},
        )
        assert sent(wire) == {
            "amount": ["1250"],
            "currency": ["usd"],
            "customer": ["cus_1"],
            "payment_method": ["pm_1"],
            "payment_method_types[0]": ["card"],
            "capture_method": ["automatic"],
            "description": ["Invoice INV-1001"],
            "metadata[organization]": ["o1"],
            "metadata[transaction]": ["t1"],
        }
        headers = wire.calls[0].request.headers
        assert headers["Idempotency-Key"] == "intent-1"
        assert headers["Stripe-Version"] == "2026-08-26.dahlia"
        assert "X-Stripe-Client-Telemetry" not in headers

    @pytest.mark.parametrize("answer", UNKNOWN.values(), ids=UNKNOWN.keys())
    def test_an_answer_that_proves_nothing_concludes_nothing(
        self, wire: responses.RequestsMock, gateway: StripeGateway, answer: dict[str, Any]
    ) -> None:
        wire.post(INTENTS, **answer)
        with pytest.raises(NoAnswer):
            gateway.create_intent(an_order(), 5)
        assert len(wire.calls) == 1

    def test_a_refusal_carries_stripes_code_and_words(
        self, wire: responses.RequestsMock, gateway: StripeGateway
    ) -> None:
        error = {
            "type": "invalid_request_error",
            "code": "amount_too_small",
            "message": "Amount must be at least",
        }
        wire.post(INTENTS, status=400, json={"error": error})
        with pytest.raises(GatewayRefused) as refused:
            gateway.create_intent(an_order("0.01"), 5)
        assert (refused.value.code, refused.value.message) == ("amount_too_small", "Amount must be at least")

    def test_a_key_used_with_other_parameters_is_a_refusal(
        self, wire: responses.RequestsMock, gateway: StripeGateway
    ) -> None:
        error = {
            "type": "idempotency_error",
            "message": "Keys for idempotent requests can only be used with the same",
        }
        wire.post(INTENTS, status=400, json={"error": error})
        with pytest.raises(GatewayRefused) as refused:
            gateway.create_intent(an_order(), 5)
        assert refused.value.code == "idempotency_error"

    def test_a_card_refused_at_once_is_a_refusal(
        self, wire: responses.RequestsMock, gateway: StripeGateway
    ) -> None:
        wire.post(INTENTS, status=402, json={"error": a_decline()})
        with pytest.raises(GatewayRefused) as refused:
            gateway.create_intent(an_order(), 5)
        assert refused.value.code == "card_declined"

    @pytest.mark.parametrize("currency", ["KWD", "XXX"])
    def test_a_currency_that_cannot_be_charged_is_refused_before_stripe_is_asked(
        self, gateway: StripeGateway, currency: str
    ) -> None:
        with pytest.raises(GatewayRefused) as refused:
            gateway.create_intent(an_order("1", currency), 5)
        assert refused.value.code == "currency_not_supported"

    def test_no_time_left_means_not_asked(self, gateway: StripeGateway) -> None:
        with pytest.raises(NoAnswer, match="no time"):
            gateway.create_intent(an_order(), 0)


class TestConfirm:
    def test_success_brings_the_receipt(self, wire: responses.RequestsMock, gateway: StripeGateway) -> None:
        charge = {"id": "ch_1", "object": "charge", "receipt_url": "https://pay.stripe.test/r/1"}
        wire.post(CONFIRM, json=an_intent("succeeded", latest_charge=charge))
        intent = gateway.confirm_intent("pi_1", "confirm-1", 5)
        assert intent.status is IntentStatus.SUCCEEDED
        assert intent.receipt_url == "https://pay.stripe.test/r/1"
        assert sent(wire) == {
            "off_session": ["true"],
            "error_on_requires_action": ["true"],
            "expand[0]": ["latest_charge"],
        }
        assert wire.calls[0].request.headers["Idempotency-Key"] == "confirm-1"

    def test_a_decline_is_an_intent_with_the_reason(
        self, wire: responses.RequestsMock, gateway: StripeGateway
    ) -> None:
        intent = an_intent("requires_payment_method", last_payment_error=a_decline())
        wire.post(CONFIRM, status=402, json={"error": a_decline(payment_intent=intent)})
        told = gateway.confirm_intent("pi_1", "confirm-1", 5)
        assert told.status is IntentStatus.REQUIRES_PAYMENT_METHOD
        assert told.decline == INSUFFICIENT
        assert len(wire.calls) == 1

    def test_a_decline_without_its_intent_is_read(
        self, wire: responses.RequestsMock, gateway: StripeGateway
    ) -> None:
        wire.post(CONFIRM, status=402, json={"error": a_decline()})
        wire.get(ONE, json=an_intent("requires_payment_method"))
        told = gateway.confirm_intent("pi_1", "confirm-1", 5)
        assert (told.status, told.decline) == (IntentStatus.REQUIRES_PAYMENT_METHOD, INSUFFICIENT)

    def test_a_decline_with_an_intent_in_an_unknown_state_concludes_nothing(
        self, wire: responses.RequestsMock, gateway: StripeGateway
    ) -> None:
        wire.post(CONFIRM, status=402, json={"error": a_decline(payment_intent=an_intent("on_the_moon"))})
        with pytest.raises(NoAnswer):
            gateway.confirm_intent("pi_1", "confirm-1", 5)

    def test_a_replayed_decline_is_old_news_so_the_intent_is_read(
        self, wire: responses.RequestsMock, gateway: StripeGateway
    ) -> None:
        old = an_intent("requires_payment_method")
        wire.post(
            CONFIRM,
            status=402,
            json={"error": a_decline(payment_intent=old)},
            headers={"Idempotent-Replayed": "true"},
        )
        wire.get(ONE, json=an_intent("canceled"))
        assert gateway.confirm_intent("pi_1", "confirm-1", 5).status is IntentStatus.CANCELED

    def test_a_decline_followed_by_a_success_is_a_success_without_a_decline(
        self, wire: responses.RequestsMock, gateway: StripeGateway
    ) -> None:
        wire.post(CONFIRM, status=402, json={"error": a_decline()})
        wire.get(ONE, json=an_intent("succeeded"))
        told = gateway.confirm_intent("pi_1", "confirm-1", 5)
        assert (told.status, told.decline) == (IntentStatus.SUCCEEDED, None)

    def test_a_decline_whose_intent_cannot_be_read_concludes_nothing(
        self, wire: responses.RequestsMock, gateway: StripeGateway
    ) -> None:
        wire.post(CONFIRM, status=402, json={"error": a_decline()})
        wire.get(ONE, status=500)
        with pytest.raises(NoAnswer):
            gateway.confirm_intent("pi_1", "confirm-1", 5)

    @pytest.mark.parametrize("status", ["succeeded", "canceled", "processing", "requires_payment_method"])
    def test_an_intent_that_moved_on_tells_its_own_state(
        self, wire: responses.RequestsMock, gateway: StripeGateway, status: str
    ) -> None:
        error = {
            "type": "invalid_request_error",
            "code": "payment_intent_unexpected_state",
            "message": "already",
        }
        wire.post(CONFIRM, status=400, json={"error": error})
        wire.get(ONE, json=an_intent(status))
        told = gateway.confirm_intent("pi_1", "confirm-1", 5)
        assert (told.status, told.decline) == (IntentStatus(status), None)

    def test_a_payment_method_taken_away_in_between_leaves_the_intent_unconfirmed_and_says_why(
        self, wire: responses.RequestsMock, gateway: StripeGateway
    ) -> None:
        error = {
            "type": "invalid_request_error",
            "code": "resource_missing",
            "message": "No such PaymentMethod",
        }
        wire.post(CONFIRM, status=400, json={"error": error})
        wire.get(ONE, json=an_intent())
        told = gateway.confirm_intent("pi_1", "confirm-1", 5)
        assert told.status is IntentStatus.REQUIRES_CONFIRMATION
        assert told.decline == Decline("resource_missing", "", "", "No such PaymentMethod")

    def test_an_intent_that_stripe_does_not_know_concludes_nothing(
        self, wire: responses.RequestsMock, gateway: StripeGateway
    ) -> None:
        missing = {
            "error": {"type": "invalid_request_error", "code": "resource_missing", "message": "No such"}
        }
        wire.post(CONFIRM, status=404, json=missing)
        wire.get(ONE, status=404, json=missing)
        with pytest.raises(NoAnswer):
            gateway.confirm_intent("pi_1", "confirm-1", 5)

    def test_a_key_used_with_other_parameters_concludes_nothing(
        self, wire: responses.RequestsMock, gateway: StripeGateway
    ) -> None:
        wire.post(
            CONFIRM, status=400, json={"error": {"type": "idempotency_error", "message": "same parameters"}}
        )
        with pytest.raises(NoAnswer):
            gateway.confirm_intent("pi_1", "confirm-1", 5)

    @pytest.mark.parametrize("answer", UNKNOWN.values(), ids=UNKNOWN.keys())
    def test_an_answer_that_proves_nothing_concludes_nothing(
        self, wire: responses.RequestsMock, gateway: StripeGateway, answer: dict[str, Any]
    ) -> None:
        wire.post(CONFIRM, **answer)
        with pytest.raises(NoAnswer):
            gateway.confirm_intent("pi_1", "confirm-1", 5)
        assert len(wire.calls) == 1

    def test_a_status_of_next_year_is_never_a_failure(
        self, wire: responses.RequestsMock, gateway: StripeGateway
    ) -> None:
        wire.post(CONFIRM, json=an_intent("requires_patience"))
        with pytest.raises(NoAnswer):
            gateway.confirm_intent("pi_1", "confirm-1", 5)

    def test_the_truth_about_another_intent_concludes_nothing(
        self, wire: responses.RequestsMock, gateway: StripeGateway
    ) -> None:
        wire.post(CONFIRM, json=an_intent("succeeded", id="pi_2"))
        with pytest.raises(NoAnswer):
            gateway.confirm_intent("pi_1", "confirm-1", 5)


class TestRead:
    @pytest.mark.parametrize("status", IntentStatus)
    def test_every_status_of_stripe_is_known(
        self, wire: responses.RequestsMock, gateway: StripeGateway, status: str
    ) -> None:
        wire.get(ONE, json=an_intent(status))
        assert gateway.read_intent("pi_1", 5).status is status

    def test_the_last_error_is_told(self, wire: responses.RequestsMock, gateway: StripeGateway) -> None:
        wire.get(ONE, json=an_intent("requires_payment_method", last_payment_error=a_decline()))
        assert gateway.read_intent("pi_1", 5).decline == INSUFFICIENT

    def test_an_intent_that_is_not_there(self, wire: responses.RequestsMock, gateway: StripeGateway) -> None:
        error = {
            "type": "invalid_request_error",
            "code": "resource_missing",
            "message": "No such payment_intent",
        }
        wire.get(ONE, status=404, json={"error": error})
        with pytest.raises(GatewayRefused) as refused:
            gateway.read_intent("pi_1", 5)
        assert refused.value.code == "resource_missing"

    @pytest.mark.parametrize("answer", UNKNOWN.values(), ids=UNKNOWN.keys())
    def test_an_answer_that_proves_nothing_concludes_nothing(
        self, wire: responses.RequestsMock, gateway: StripeGateway, answer: dict[str, Any]
    ) -> None:
        wire.get(ONE, **answer)
        with pytest.raises(NoAnswer):
            gateway.read_intent("pi_1", 5)


class TestCancel:
    def test_an_intent_is_cancelled(self, wire: responses.RequestsMock, gateway: StripeGateway) -> None:
        wire.post(CANCEL, json=an_intent("canceled"))
        assert gateway.cancel_intent("pi_1", 5).status is IntentStatus.CANCELED

    def test_an_intent_that_can_no_longer_be_cancelled_tells_its_state(
        self, wire: responses.RequestsMock, gateway: StripeGateway
    ) -> None:
        error = {
            "type": "invalid_request_error",
            "code": "payment_intent_unexpected_state",
            "message": "succeeded",
        }
        wire.post(CANCEL, status=400, json={"error": error})
        wire.get(ONE, json=an_intent("succeeded"))
        assert gateway.cancel_intent("pi_1", 5).status is IntentStatus.SUCCEEDED

    @pytest.mark.parametrize("answer", UNKNOWN.values(), ids=UNKNOWN.keys())
    def test_an_answer_that_proves_nothing_concludes_nothing(
        self, wire: responses.RequestsMock, gateway: StripeGateway, answer: dict[str, Any]
    ) -> None:
        wire.post(CANCEL, **answer)
        with pytest.raises(NoAnswer):
            gateway.cancel_intent("pi_1", 5)


class TestUnconfirmed:
    def test_only_ours_that_still_wait_are_listed_over_all_pages(
        self, wire: responses.RequestsMock, gateway: StripeGateway
    ) -> None:
        first = [
            an_intent(id="pi_a"),
            an_intent("succeeded", id="pi_b"),
            an_intent(id="pi_c", metadata={"organization": "another"}),
            an_intent(id="pi_d", metadata={}),
        ]
        wire.get(
            INTENTS, json={"object": "list", "url": "/v1/payment_intents", "has_more": True, "data": first}
        )
        second = [an_intent(id="pi_e")]
        wire.get(
            INTENTS, json={"object": "list", "url": "/v1/payment_intents", "has_more": False, "data": second}
        )
        before = datetime(2026, 11, 22, tzinfo=UTC)
        assert [i.reference for i in gateway.unconfirmed_intents(before)] == ["pi_a", "pi_e"]
        query = query_of(wire, 0)
        assert query["created[lt]"] == str(int(before.timestamp()))
        assert query_of(wire, 1)["starting_after"] == "pi_d"

    def test_no_answer(self, wire: responses.RequestsMock, gateway: StripeGateway) -> None:
        wire.get(INTENTS, status=500)
        with pytest.raises(NoAnswer):
            gateway.unconfirmed_intents(datetime(2026, 11, 22, tzinfo=UTC))


REFUNDS = f"{BASE}/v1/refunds"
NOT_REFUNDS = {
    **{name: answer for name, answer in UNKNOWN.items() if "half an intent" not in name},
    "200 with half a refund": {"status": 200, "json": {"id": "re_1", "object": "refund", "status": "succeeded"}},
    "200 with an intent": {"status": 200, "json": an_intent("succeeded")},
}  # fmt: skip


def an_order_of_a_refund(amount: str = "12.50", currency: str = "USD") -> RefundOrder:
    return RefundOrder("pi_1", Money.parse(amount, currency), {"transaction": "t1"}, "refund-1")


def a_refund(status: str = "succeeded", **fields: Any) -> dict[str, Any]:
    return {
        "id": "re_1",
        "object": "refund",
        "status": status,
        "amount": 1250,
        "currency": "usd",
        "payment_intent": "pi_1",
        "metadata": {"transaction": "t1"},
        **fields,
    }


class TestRefund:
    def test_a_refund_is_ordered_with_everything_in_it(
        self, wire: responses.RequestsMock, gateway: StripeGateway
    ) -> None:
        wire.post(REFUNDS, json=a_refund())
        assert gateway.refund(an_order_of_a_refund(), 5) == Refund(
            "re_1",
            "pi_1",
            RefundStatus.SUCCEEDED,
            Money(1250, "USD"),
            metadata={"transaction": "t1"},
        )
        assert sent(wire) == {
            "payment_intent": ["pi_1"],
            "amount": ["1250"],
            "reason": ["requested_by_customer"],
            "metadata[transaction]": ["t1"],
        }
        assert wire.calls[0].request.headers["Idempotency-Key"] == "refund-1"

    @pytest.mark.parametrize("status", RefundStatus)
    def test_every_status_of_stripe_is_known(
        self, wire: responses.RequestsMock, gateway: StripeGateway, status: str
    ) -> None:
        wire.get(f"{REFUNDS}/re_1", json=a_refund(status, failure_reason="lost_or_stolen_card"))
        found = gateway.read_refund("re_1", 5)
        assert (found.status, found.reason) == (status, "lost_or_stolen_card")

    @pytest.mark.parametrize(
        ("code", "known_as"),
        [("charge_already_refunded", "charge_already_refunded"), (None, "invalid_request")],
    )
    def test_what_stripe_refuses_was_certainly_not_done(
        self, wire: responses.RequestsMock, gateway: StripeGateway, code: str | None, known_as: str
    ) -> None:
        error = {
            "type": "invalid_request_error",
            "code": code,
            "message": "Charge ch_1 has already been refunded.",
        }
        wire.post(REFUNDS, status=400, json={"error": error})
        with pytest.raises(GatewayRefused, match="already been refunded") as refusal:
            gateway.refund(an_order_of_a_refund(), 5)
        assert refusal.value.code == known_as

    def test_a_key_used_with_other_parameters_concludes_nothing(
        self, wire: responses.RequestsMock, gateway: StripeGateway
    ) -> None:
        """There may be a refund under that key."""
        wire.post(
            REFUNDS, status=400, json={"error": {"type": "idempotency_error", "message": "same parameters"}}
        )
        with pytest.raises(NoAnswer):
            gateway.refund(an_order_of_a_refund(), 5)

    def test_a_currency_that_stripe_does_not_take(self, gateway: StripeGateway) -> None:
        with pytest.raises(GatewayRefused) as refusal:
            gateway.refund(an_order_of_a_refund("1.000", "KWD"), 5)
        assert refusal.value.code == "currency_not_supported"

    @pytest.mark.parametrize("answer", NOT_REFUNDS.values(), ids=NOT_REFUNDS.keys())
    def test_an_answer_that_proves_nothing_concludes_nothing(
        self, wire: responses.RequestsMock, gateway: StripeGateway, answer: dict[str, Any]
    ) -> None:
        wire.post(REFUNDS, **answer)
        wire.get(f"{REFUNDS}/re_1", **answer)
        wire.get(REFUNDS, **answer)
        with pytest.raises(NoAnswer):
            gateway.refund(an_order_of_a_refund(), 5)
        with pytest.raises(NoAnswer):
            gateway.read_refund("re_1", 5)
        with pytest.raises(NoAnswer):
            gateway.refunds_of("pi_1", 5)

    def test_the_truth_about_another_refund_concludes_nothing(
        self, wire: responses.RequestsMock, gateway: StripeGateway
    ) -> None:
        wire.get(f"{REFUNDS}/re_1", json=a_refund(id="re_2"))
        with pytest.raises(NoAnswer):
            gateway.read_refund("re_1", 5)

    def test_a_refund_that_is_not_there(self, wire: responses.RequestsMock, gateway: StripeGateway) -> None:
        error = {"type": "invalid_request_error", "code": "resource_missing", "message": "No such refund"}
        wire.get(f"{REFUNDS}/re_1", status=404, json={"error": error})
        with pytest.raises(GatewayRefused) as refused:
            gateway.read_refund("re_1", 5)
        assert refused.value.code == "resource_missing"

    def test_all_refunds_of_an_intent_are_listed_over_all_pages(
        self, wire: responses.RequestsMock, gateway: StripeGateway
    ) -> None:
        for more, name in ((True, "re_a"), (False, "re_b")):
            page = {"object": "list", "url": "/v1/refunds", "has_more": more, "data": [a_refund(id=name)]}
            wire.get(REFUNDS, json=page)
        assert [each.reference for each in gateway.refunds_of("pi_1", 5)] == ["re_a", "re_b"]
        assert query_of(wire, 0)["payment_intent"] == "pi_1"


@pytest.mark.parametrize(
    ("key", "live"), [("sk_test_1", False), ("rk_test_1", False), ("sk_live_1", True), ("rk_live_1", True)]
)
def test_a_live_key_is_known_by_its_name(key: str, live: bool) -> None:
    assert StripeGateway(Stripe(key, None, pooled_session()), {}).live is live


def test_proxies_of_the_environment_are_not_used() -> None:
    assert pooled_session().trust_env is False


def test_what_is_logged_about_an_error_holds_no_body(
    wire: responses.RequestsMock, gateway: StripeGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    wire.post(
        CONFIRM, status=500, body=json.dumps({"error": {"type": "api_error", "message": "secret words"}})
    )
    with pytest.raises(NoAnswer) as told:
        gateway.confirm_intent("pi_1", "confirm-1", 5)
    assert "secret words" not in str(told.value)
    assert "secret words" not in "".join(capsys.readouterr())
