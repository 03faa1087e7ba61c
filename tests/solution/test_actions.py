"""What an action says about itself is what the solution's custom API offers to the CRM's users."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

import pytest

from connector.app import PERFORMERS
from deploy.checks import manifest
from deploy.source import FOLDER
from plugins import create_refund, reverse_payments
from plugins.actions import Action
from plugins.rules import usage_credits
from plugins.rules.choosing import MOST_TICKED
from sandbox.crm.schema import CustomApi, Schema

ACTIONS = [action for action, _ in PERFORMERS.values()]

# https://learn.microsoft.com/power-apps/developer/data-platform/custom-api-tables#customapirequestparameter-type
TYPES = {bool: 0, datetime: 1, Decimal: 2, int: 7, str: 10, list: 11, UUID: 12}


def offered(schema: Schema, action: Action) -> CustomApi:
    return schema.custom_apis[action.name]


def test_every_custom_api_is_an_action_and_every_action_a_custom_api(schema: Schema) -> None:
    assert sorted(schema.custom_apis) == sorted(PERFORMERS)


@pytest.mark.parametrize("action", ACTIONS, ids=[action.name for action in ACTIONS])
def test_an_action_is_offered_as_it_is(action: Action, schema: Schema) -> None:
    api = offered(schema, action)

    assert (api.bound_table or None) == action.bound_to
    assert api.privilege == action.privilege
    assert {each.name: each.type for each in api.parameters} == {
        name: TYPES[kind] for name, kind in action.parameters.items()
    }


@pytest.mark.parametrize(
    ("parameter", "most"),
    [
        ("cfl_AddCredit/customapirequestparameters/InvoiceIds", MOST_TICKED),
        ("cfl_Disburse/customapirequestparameters/InvoiceIds", MOST_TICKED),
        ("cfl_ReversePayments/customapirequestparameters/PaymentIds", reverse_payments.MOST),
        ("cfl_CreateRefund/customapirequestparameters/TransactionIds", create_refund.MOST),
        ("cfl_CreditUsage/customapirequestparameters/UsageIds", usage_credits.MOST),
    ],
)
def test_a_list_of_ids_says_how_many_it_takes(parameter: str, most: int) -> None:
    described = (FOLDER / "customapis" / parameter / "customapirequestparameter.xml").read_text("utf-8")

    assert described.count(f"at most {most}.") == 2


def test_webhooks_may_be_told_of_it_before_the_transaction_and_answer_nothing(schema: Schema) -> None:
    for api in schema.custom_apis.values():
        assert api.step_type == 2
        assert not api.is_function
        assert api.properties == ()
        assert "RequestKey" in {each.name for each in api.parameters if not each.optional}


def holders(schema: Schema, privilege: str) -> set[str]:
    """The roles that ship with a privilege, without the product's name before them."""
    return {
        role.name.removeprefix("Counterfoil ")
        for role in schema.roles
        if privilege.lower() in {each.lower() for each in role.privileges}
    }


CLERKS = {"Biller", "Refund Clerk", "Billing Manager"}
RIGHTS = {
    "cfl_maycharge": CLERKS,
    "cfl_maypost": CLERKS,
    "cfl_maymakepayment": CLERKS,
    "cfl_mayreverse": CLERKS,
    "cfl_mayopenclose": CLERKS,
    "cfl_maymanageaccount": CLERKS,
    "cfl_mayrequestprofile": CLERKS,
    "cfl_mayrefund": {"Refund Clerk", "Billing Manager"},
    "cfl_mayvoid": {"Billing Manager"},
    "cfl_mayadjusttax": {"Billing Manager"},
    "cfl_maycreditusage": {"Billing Manager"},
    "cfl_mayrun": {"Billing Manager"},
    "cfl_mayoverriderefund": {"Billing Manager"},
}
"""Who may do what, as shipped. Everybody who works with billing posts; what cannot be undone is the manager's."""


@pytest.mark.parametrize("right", RIGHTS)
def test_a_right_is_held_by_these_roles(right: str, schema: Schema) -> None:
    assert holders(schema, f"prvCreate{right}") == RIGHTS[right]


def test_every_custom_api_asks_for_one_of_these_rights(schema: Schema) -> None:
    asked = {api.privilege.removeprefix("prvCreate") for api in schema.custom_apis.values()}

    assert asked == RIGHTS.keys() - {"cfl_mayoverriderefund"}  # which create_refund looks up by itself (E179)


@pytest.mark.parametrize("table", ["cfl_statementrefund", "cfl_statementrefundline"])
def test_refunds_of_transactions_are_seen_by_those_who_refund(table: str, schema: Schema) -> None:
    """ViewRefunds (E181) is the right to read them: a clerk and a reader see none."""
    assert holders(schema, f"prvRead{table}") == {"Refund Clerk", "Billing Manager", "Service"}


def test_a_refund_clerk_differs_from_a_biller_by_refunds_alone(schema: Schema) -> None:
    roles = {role.name: set(role.privileges) for role in schema.roles}

    assert roles["Counterfoil Refund Clerk"] - roles["Counterfoil Biller"] == {
        "prvCreatecfl_mayrefund",
        "prvReadcfl_statementrefund",
        "prvReadcfl_statementrefundline",
    }
    assert roles["Counterfoil Biller"] <= roles["Counterfoil Refund Clerk"]


@pytest.mark.parametrize("table", sorted(manifest.LEDGER))
def test_ledger_rows_are_written_by_the_service_alone(table: str, schema: Schema) -> None:
    assert holders(schema, f"prvCreate{table}") == {"Service"}
    assert holders(schema, f"prvWrite{table}") == {"Service"}
    assert holders(schema, f"prvDelete{table}") == set()


@pytest.mark.parametrize("table", ["cfl_paymentbatch", "cfl_paymentbatchline"])
def test_who_may_post_may_enter_payment_batches(table: str, schema: Schema) -> None:
    assert holders(schema, f"prvCreate{table}") == CLERKS
    assert holders(schema, f"prvWrite{table}") == CLERKS | {"Service"}
