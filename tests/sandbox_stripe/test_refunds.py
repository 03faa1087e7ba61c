"""Refunds, disputes and what they do to the balance."""

import json
from typing import Any

import pytest
import stripe

from tests.sandbox_stripe.account import Account, an_intent, charge, refused


def test_a_refund_in_parts_never_exceeds_the_charge(
    account: Account, client: stripe.StripeClient, customer: str
) -> None:
    paid = charge(client, customer, "pm_card_visa", amount=1000)
    first = client.v1.refunds.create({"payment_intent": paid.id, "amount": 300, "metadata": {"row": "t-1"}})
    assert (first.status, first.amount) == ("succeeded", 300)

    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount"):
        client.v1.refunds.create({"payment_intent": paid.id, "amount": 701})
    rest = client.v1.refunds.create(
        {"charge": str(paid.latest_charge), "reason": "requested_by_customer", "expand": ["charge"]}
    )

    assert rest.amount == 700
    assert isinstance(rest.charge, stripe.Charge)
    assert (rest.charge.amount_refunded, rest.charge.refunded) == (1000, True)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.refunds.create({"payment_intent": paid.id})
    assert refused(caught.value).code == "charge_already_refunded"
    assert [refund.id for refund in client.v1.refunds.list({"payment_intent": paid.id}).data] == [
        rest.id,
        first.id,
    ]
    kept = client.v1.refunds.retrieve(first.id).metadata
    assert kept is not None
    assert kept["row"] == "t-1"
    assert account.event_types()[-2:] == ["refund.created", "charge.refunded"]


@pytest.mark.parametrize(
    "params", [{}, {"amount": 100}, {"payment_intent": "pi_nothing"}, {"charge": "ch_nothing"}]
)
def test_a_refund_of_nothing(client: stripe.StripeClient, params: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.refunds.create(params)


def test_what_was_not_paid_is_not_refunded(client: stripe.StripeClient, customer: str) -> None:
    intent = an_intent(client, customer, "pm_card_visa")
    with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge"):
        client.v1.refunds.create({"payment_intent": intent.id})


def test_a_refund_that_takes_days(account: Account, client: stripe.StripeClient, customer: str) -> None:
    paid = charge(client, customer, "pm_card_pendingRefund")
    refund = client.v1.refunds.create({"payment_intent": paid.id})
    assert (refund.status, refund.pending_reason) == ("pending", "processing")

    account.clock.advance(5 * 86_400)

    assert client.v1.refunds.retrieve(refund.id).status == "succeeded"
    assert "refund.updated" in account.event_types()


def test_a_refund_that_fails_after_it_succeeded(
    account: Account, client: stripe.StripeClient, customer: str
) -> None:
    paid = charge(client, customer, "pm_card_refundFail", amount=1000)
    refund = client.v1.refunds.create({"payment_intent": paid.id})
    assert refund.status == "succeeded"

    account.clock.advance(5 * 86_400)

    failed = client.v1.refunds.retrieve(refund.id)
    assert (failed.status, failed.failure_reason) == ("failed", "expired_or_canceled_card")
    assert "refund.failed" in account.event_types()
    charged = client.v1.charges.retrieve(str(paid.latest_charge))
    assert (charged.amount_refunded, charged.refunded) == (0, False)


def test_a_refund_is_described_but_not_canceled(client: stripe.StripeClient, customer: str) -> None:
    refund = client.v1.refunds.create({"payment_intent": charge(client, customer, "pm_card_visa").id})

    described = client.v1.refunds.update(refund.id, {"metadata": {"why": "late"}}).metadata
    assert described is not None
    assert described["why"] == "late"
    with pytest.raises(stripe.InvalidRequestError, match="cannot be canceled"):
        client.v1.refunds.cancel(refund.id)


def test_a_colleague_refunds_in_the_dashboard(
    account: Account, client: stripe.StripeClient, customer: str
) -> None:
    paid = charge(client, customer, "pm_card_visa", amount=1000)

    made = account.control("refund", json.dumps({"payment_intent": paid.id, "amount": 250}))

    assert made.status == 200
    [refund] = client.v1.refunds.list({"payment_intent": paid.id}).data
    assert refund.amount == 250
    [event] = client.v1.events.list({"type": "refund.created"}).data
    assert event.request is not None
    assert (event.request.id, event.request.idempotency_key) == (None, None)
    account.control("refund", json.dumps({"refund": refund.id, "status": "failed"}))
    assert client.v1.refunds.retrieve(refund.id).status == "failed"
    assert account.control("refund", '{"payment_intent": "pi_nothing"}').status == 400


def test_a_dispute_takes_the_money_and_a_fee(
    account: Account, client: stripe.StripeClient, customer: str
) -> None:
    paid = charge(client, customer, "pm_card_visa", amount=1000)

    account.control("dispute", json.dumps({"payment_intent": paid.id, "reason": "product_not_received"}))

    [dispute] = client.v1.disputes.list({"payment_intent": paid.id}).data
    assert (dispute.status, dispute.amount, dispute.reason) == (
        "needs_response",
        1000,
        "product_not_received",
    )
    assert [(each.amount, each.fee, each.net) for each in dispute.balance_transactions] == [
        (-1000, 1500, -2500)
    ]
    assert client.v1.charges.retrieve(str(paid.latest_charge)).disputed
    assert account.event_types()[-2:] == ["charge.dispute.created", "charge.dispute.funds_withdrawn"]
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.refunds.create({"payment_intent": paid.id})
    assert refused(caught.value).code == "charge_disputed"

    answered = client.v1.disputes.update(
        dispute.id, {"evidence": {"customer_name": "Fabrikam"}, "submit": True}
    )
    assert (answered.status, answered.evidence.customer_name) == ("under_review", "Fabrikam")
    account.control("dispute", json.dumps({"dispute": dispute.id, "outcome": "won"}))
    assert client.v1.disputes.retrieve(dispute.id).status == "won"
    assert account.event_types()[-2:] == ["charge.dispute.closed", "charge.dispute.funds_reinstated"]


def test_a_loss_can_be_accepted(client: stripe.StripeClient, customer: str) -> None:
    paid = charge(client, customer, "pm_card_createDispute")
    [dispute] = client.v1.disputes.list({"charge": str(paid.latest_charge)}).data

    assert client.v1.disputes.close(dispute.id).status == "lost"
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.disputes.close(dispute.id)


def test_an_inquiry_moves_no_money(client: stripe.StripeClient, customer: str) -> None:
    paid = charge(client, customer, "pm_card_createDisputeInquiry")
    [dispute] = client.v1.disputes.list({"payment_intent": paid.id}).data

    assert (dispute.status, dispute.is_charge_refundable) == ("warning_needs_response", True)
    assert dispute.balance_transactions == []
    assert client.v1.refunds.create({"payment_intent": paid.id}).status == "succeeded"


def test_the_balance_adds_up(account: Account, client: stripe.StripeClient, customer: str) -> None:
    paid = charge(client, customer, "pm_card_visa", amount=10_050)
    client.v1.refunds.create({"payment_intent": paid.id, "amount": 50})

    transactions = client.v1.balance_transactions.list().data
    assert [(each.type, each.amount, each.fee, each.net, each.status) for each in transactions] == [
        ("refund", -50, 0, -50, "pending"),
        ("charge", 10_050, 321, 9_729, "pending"),
    ]
    [of_charge] = client.v1.balance_transactions.list({"source": str(paid.latest_charge)}).data
    assert of_charge.id == transactions[1].id
    assert client.v1.balance.retrieve().pending[0].amount == 9_679

    account.clock.advance(2 * 86_400)

    assert client.v1.balance_transactions.retrieve(of_charge.id).status == "available"
    assert client.v1.balance.retrieve().available[0].amount == 9_679
