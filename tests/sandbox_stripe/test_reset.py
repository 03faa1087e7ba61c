"""Data with chosen ids, and the way back to them."""

from pathlib import Path

import stripe

from sandbox.clock import Clock
from sandbox.stripe.stripe import Stripe
from sandbox.wire import Request
from tests.sandbox_stripe.account import Account, charge

CUSTOMERS = [{"id": "cus_fabrikam", "name": "Fabrikam Fibre", "email": "ap@fabrikam.example"}]
METHODS = [
    {"id": "pm_fabrikam_visa", "customer": "cus_fabrikam", "like": "pm_card_visa"},
    {
        "id": "pm_fabrikam_declines",
        "customer": "cus_fabrikam",
        "like": "pm_card_visa_chargeDeclinedInsufficientFunds",
    },
    {"id": "pm_fabrikam_sepa", "customer": "cus_fabrikam", "like": "pm_success_de"},
]


def seeded(account: Account) -> None:
    intent = {
        "id": "pi_inv1002",
        "amount": 40_000,
        "currency": "usd",
        "customer": "cus_fabrikam",
        "payment_method": "pm_fabrikam_visa",
        "created": int(account.clock.now().timestamp()) - 86_400,
        "metadata": {"invoice": "INV-1002"},
    }
    account.local.seed(customers=CUSTOMERS, payment_methods=METHODS, payment_intents=[intent])


def test_seeded_objects_behave_like_any_other(account: Account, client: stripe.StripeClient) -> None:
    seeded(account)

    earlier = client.v1.payment_intents.retrieve("pi_inv1002", {"expand": ["latest_charge"]})
    assert (earlier.status, earlier.amount_received) == ("succeeded", 40_000)
    assert earlier.metadata["invoice"] == "INV-1002"
    assert charge(client, "cus_fabrikam", "pm_fabrikam_visa").status == "succeeded"
    assert charge(client, "cus_fabrikam", "pm_fabrikam_sepa", currency="eur").status == "processing"
    assert len(client.v1.payment_methods.list({"customer": "cus_fabrikam"}).data) == 3
    assert client.v1.customers.retrieve("cus_fabrikam").name == "Fabrikam Fibre"
    assert client.v1.refunds.create({"payment_intent": "pi_inv1002"}).status == "succeeded"


def test_a_reset_brings_everything_back_but_keeps_the_endpoints(
    account: Account, client: stripe.StripeClient
) -> None:
    seeded(account)
    snapshot = account.local.snapshot()
    kept = client.v1.webhook_endpoints.create({"url": "http://127.0.0.1:9/", "enabled_events": ["*"]})
    charge(client, "cus_fabrikam", "pm_fabrikam_visa", amount=777)
    account.control("outage", '{"times": 9}')

    account.local.restore(snapshot)

    assert [intent.id for intent in client.v1.payment_intents.list().data] == ["pi_inv1002"]
    [endpoint] = client.v1.webhook_endpoints.list().data
    assert endpoint.id == kept.id
    assert account.local.webhooks.deliver() == 0
    client.v1.customers.create({"name": "Northwind"})
    assert account.local.webhooks.deliver() == 1
    assert client.construct_event(
        account.delivered[0][2], account.delivered[0][1]["Stripe-Signature"], kept.secret
    )


def test_a_file_outlives_the_stand_in(tmp_path: Path) -> None:
    headers = {"authorization": "Bearer sk_test_x"}
    first = Stripe(Clock(), file=tmp_path / "stripe.sqlite")
    first.seed(customers=CUSTOMERS)
    first.stop()

    second = Stripe(Clock(), file=tmp_path / "stripe.sqlite")
    answer = second.handle(Request("GET", "/v1/customers/cus_fabrikam", headers=headers))
    second.stop()

    assert answer.status == 200
