"""What an action says about itself is what the solution's custom API offers to the CRM's users."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

import pytest

from connector.app import PERFORMERS
from plugins.actions import Action
from sandbox.crm.schema import CustomApi, Schema

ACTIONS = [action for action, _ in PERFORMERS.values()]

# https://learn.microsoft.com/power-apps/developer/data-platform/custom-api-tables#customapirequestparameter-type
TYPES = {bool: 0, datetime: 1, Decimal: 2, int: 7, str: 10, UUID: 12}


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


@pytest.mark.parametrize("action", ACTIONS, ids=[action.name for action in ACTIONS])
def test_a_webhook_may_be_told_of_it_before_the_transaction_and_answers_nothing(
    action: Action, schema: Schema
) -> None:
    api = offered(schema, action)

    assert api.step_type == 2
    assert not api.is_function
    assert api.properties == ()
    assert "RequestKey" in {each.name for each in api.parameters if not each.optional}


@pytest.mark.parametrize("action", ACTIONS, ids=[action.name for action in ACTIONS])
def test_the_billers_role_holds_its_privilege_and_the_readers_does_not(
    action: Action, schema: Schema
) -> None:
    holders = {
        role.name
        for role in schema.roles
        if action.privilege.lower() in {each.lower() for each in role.privileges}
    }

    assert "Counterfoil Biller" in holders
    assert "Counterfoil Reader" not in holders
