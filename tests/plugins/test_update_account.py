"""What a manager changes on a billing account: status, group, tax."""

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from plugins.actions import Answer
from plugins.add_debit import ACTION as ADD_DEBIT
from plugins.add_debit import add_debit
from plugins.rules.ledger import Ledger, LedgerStatus
from plugins.rules.setup import BillingGroup, Delivery
from plugins.update_account import ACTION, update_account
from tests.builders import named
from tests.clerk import Clerk


@pytest.fixture
def clerk() -> Clerk:
    made = Clerk()
    made.books.add(
        BillingGroup(
            id=named("Monthly"), name="Monthly", close_cancelled=True, delivery=Delivery.EMAIL, template=None
        )
    )
    return made


def asked(clerk: Clerk, **given: Any) -> Answer:
    return clerk.ask(ACTION, update_account, clerk.ledger.id, **given)


def test_a_cancelled_account_says_since_when(clerk: Clerk) -> None:
    # A8: a cancelled account
    asked(clerk, Status=728310002)
    assert (clerk.ledger.status, clerk.ledger.cancelled_on) == (LedgerStatus.CANCELLED, date(2026, 11, 20))
    clerk.office.clock.advance(days=3)
    asked(clerk, Status=2)
    assert clerk.ledger.cancelled_on == date(2026, 11, 20)


def test_a_cancellation_in_error_is_taken_back(clerk: Clerk) -> None:
    asked(clerk, Status=2)
    asked(clerk, Status=0)
    assert (clerk.ledger.status, clerk.ledger.cancelled_on) == (LedgerStatus.ACTIVE, None)


def test_what_is_not_given_stays(clerk: Clerk) -> None:
    asked(clerk, BillingGroupId=named("Monthly"))
    answer = asked(clerk, TaxExempt=True)
    assert answer.message == "The billing account Fabrikam Fibre (USD) is tax exempt now."
    ledger: Ledger = clerk.ledger
    assert (ledger.billing_group, ledger.tax_exempt, ledger.status) == (
        named("Monthly"),
        True,
        LedgerStatus.ACTIVE,
    )
    asked(clerk, BillingGroupId=UUID(int=0))
    assert clerk.ledger.billing_group is None


def test_a_suspended_account_takes_no_entries(clerk: Clerk) -> None:
    asked(clerk, Status=1)
    assert clerk.ask(ADD_DEBIT, add_debit, clerk.ledger.id).code == "ledger_suspended"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({}, "nothing_to_change"),
        ({"Status": 3}, "status_invalid"),
        ({"Status": True}, "status_invalid"),
        ({"BillingGroupId": named("gone")}, "billing_group_not_found"),
        ({"TaxExempt": "yes"}, "parameter_invalid"),
    ],
)
def test_what_cannot_be_is_refused(clerk: Clerk, given: dict[str, Any], code: str) -> None:
    before = clerk.ledger
    assert asked(clerk, **given).code == code
    assert clerk.ledger == before
