from collections.abc import Iterator

import pytest

from connector.stripe.gateway import StripeGateway
from tests.connector.stripe.account import Account


@pytest.fixture
def account() -> Iterator[Account]:
    made = Account()
    yield made
    made.stripe.stop()
    assert made.problems == []


@pytest.fixture
def gateway(account: Account) -> StripeGateway:
    return account.gateway()
