"""Lists: pages, order and filters."""

import pytest
import stripe

from tests.sandbox_stripe.account import Account, an_intent


def test_pages_one_after_another(account: Account, client: stripe.StripeClient, customer: str) -> None:
    made = [an_intent(client, customer, amount=1000 + number).id for number in range(23)]
    an_intent(client)
    account.adapter.seen.clear()

    page = client.v1.payment_intents.list({"customer": customer, "limit": 10})
    found = [intent.id for intent in page.auto_paging_iter()]

    assert found == list(reversed(made))
    assert len(account.adapter.seen) == 3
    assert page.has_more


def test_backwards(client: stripe.StripeClient, customer: str) -> None:
    made = [an_intent(client, customer).id for _ in range(5)]

    newer = client.v1.payment_intents.list({"ending_before": made[1], "limit": 2})
    assert [intent.id for intent in newer.data] == [made[3], made[2]]
    assert newer.has_more
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_intents.list({"ending_before": made[1], "starting_after": made[3]})


def test_by_time(account: Account, client: stripe.StripeClient, customer: str) -> None:
    old = an_intent(client, customer)
    account.clock.advance(3600)
    new = an_intent(client, customer)

    since = client.v1.payment_intents.list({"customer": customer, "created": {"gte": new.created}})
    before = client.v1.payment_intents.list({"created": {"gt": 0, "lt": new.created}})
    exactly = client.v1.payment_intents.list({"created": old.created})

    assert [intent.id for intent in since.data] == [new.id]
    assert [intent.id for intent in before.data] == [old.id]
    assert [intent.id for intent in exactly.data] == [old.id]


@pytest.mark.parametrize("limit", [0, 101, -1])
def test_limits_of_a_page(client: stripe.StripeClient, limit: int) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_intents.list({"limit": limit})


def test_an_unknown_customer_or_cursor_has_no_list(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        client.v1.payment_intents.list({"customer": "cus_nobody"})
    with pytest.raises(stripe.InvalidRequestError, match="No such payment_intent"):
        client.v1.payment_intents.list({"starting_after": "pi_nothing"})
