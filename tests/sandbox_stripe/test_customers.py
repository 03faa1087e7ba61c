"""Customers and what they pay with."""

import pytest
import stripe

from tests.sandbox_stripe.account import Account, charge


def test_a_customer_from_beginning_to_end(account: Account, client: stripe.StripeClient) -> None:
    made = client.v1.customers.create(
        {
            "name": "Fabrikam Fibre",
            "email": "ap@fabrikam.example",
            "metadata": {"account": "a-1"},
            "address": {"city": "Lisbon"},
            "payment_method": "pm_card_visa",
        }
    )
    [card] = client.v1.customers.payment_methods.list(made.id).data
    client.v1.customers.update(
        made.id,
        {
            "invoice_settings": {"default_payment_method": card.id},
            "phone": "555-0100",
            "business_name": "Fabrikam",
        },
    )

    shown = client.v1.customers.retrieve(made.id, {"expand": ["invoice_settings.default_payment_method"]})
    assert shown.metadata is not None
    assert (shown.phone, shown.metadata["account"]) == ("555-0100", "a-1")
    assert shown.invoice_settings is not None
    assert isinstance(shown.invoice_settings.default_payment_method, stripe.PaymentMethod)
    assert [each.id for each in client.v1.customers.list({"email": "ap@fabrikam.example"}).data] == [made.id]

    assert client.v1.customers.delete(made.id).deleted
    assert client.v1.customers.retrieve(made.id).deleted
    assert client.v1.customers.list().data == []
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        charge(client, made.id, "pm_card_visa")
    assert account.event_types() == [
        "customer.created",
        "payment_method.attached",
        "customer.updated",
        "payment_method.detached",
        "customer.deleted",
    ]


def test_a_documented_test_id_is_a_new_card_each_time(client: stripe.StripeClient, customer: str) -> None:
    first = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer})
    second = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer})

    assert first.id != second.id
    assert first.card is not None
    assert second.card is not None
    assert first.card.fingerprint == second.card.fingerprint
    assert len(client.v1.payment_methods.list({"customer": customer, "type": "card"}).data) == 2


def test_a_card_is_updated_and_let_go(client: stripe.StripeClient, customer: str) -> None:
    card = client.v1.payment_methods.attach("pm_card_amex", {"customer": customer})

    renewed = client.v1.payment_methods.update(card.id, {"card": {"exp_month": 1, "exp_year": 2040}})
    assert renewed.card is not None
    assert (renewed.card.exp_year, renewed.card.brand, renewed.card.last4) == (2040, "amex", "0005")
    assert client.v1.payment_methods.detach(card.id).customer is None
    with pytest.raises(stripe.InvalidRequestError, match="not attached"):
        client.v1.payment_methods.detach(card.id)
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        charge(client, customer, card.id)


def test_another_customer_s_card_is_no_default(client: stripe.StripeClient, customer: str) -> None:
    other = client.v1.customers.create({"payment_method": "pm_card_visa"})
    [card] = client.v1.payment_methods.list({"customer": other.id}).data

    with pytest.raises(stripe.InvalidRequestError, match="does not have a payment method"):
        client.v1.customers.update(customer, {"invoice_settings": {"default_payment_method": card.id}})


def test_charges_are_found_and_described(
    account: Account, client: stripe.StripeClient, customer: str
) -> None:
    paid = charge(client, customer, "pm_card_visa")

    [found] = client.v1.charges.list({"customer": customer}).data
    assert found.id == paid.latest_charge
    changed = client.v1.charges.update(found.id, {"metadata": {"seen": "yes"}, "description": "INV-1001"})
    assert (changed.metadata["seen"], changed.description) == ("yes", "INV-1001")
    shown = client.v1.charges.retrieve(found.id, {"expand": ["refunds", "payment_intent"]})
    assert shown.refunds is not None
    assert shown.refunds.data == []
    assert account.event_types()[-1] == "charge.updated"
