"""Roles and privileges of the shipping solution, as they are felt through the Web API."""

import json
from uuid import UUID

import pytest
import requests

from sandbox.crm.platformrows import Organization
from sandbox.crm.schema import Role, Schema
from sandbox.crm.security import Security
from sandbox.crm.store import Store
from sandbox.demo.demo import Story
from sandbox.demo.story import ledger_id, past_charges, row_id
from sandbox.world import World
from tests.in_process import as_service, signed_in

LEDGER = {
    "cfl_billingaccounts": "cfl_billingaccountid",
    "cfl_requests": "cfl_requestid",
    "cfl_paymenttransactions": "cfl_paymenttransactionid",
    "cfl_payments": "cfl_paymentid",
    "cfl_disbursements": "cfl_disbursementid",
    "cfl_accounttransactions": "cfl_accounttransactionid",
}
INVOICE = row_id("invoice", "INV-1001")


def api(world: World, path: str) -> str:
    return f"{world.addresses.crm}/api/data/v9.2/{path}"


def a_row_of(world: World, entity_set: str) -> UUID:
    table = world.crm.schema.entity_sets[entity_set]
    rows = world.crm.store.select(table, limit=1)
    if not rows:
        ledger = str(ledger_id("Fabrikam Fibre", "USD"))
        debit = {"_cfl_billingaccountid_value": ledger, "cfl_kind": 728310000, "cfl_gross": 5}
        with signed_in(world, "admin") as admin:
            admin.post(f"{world.addresses.crm}/sandbox/import", json={entity_set: [debit]}).raise_for_status()
        rows = world.crm.store.select(table, limit=1)
    return UUID(str(rows[0][table.primary_key]))


@pytest.mark.parametrize("login", ["reader", "biller", "manager"])
@pytest.mark.parametrize("entity_set", LEDGER)
def test_nobody_but_the_service_writes_a_ledger_row(world: World, login: str, entity_set: str) -> None:
    row = a_row_of(world, entity_set)
    before = world.crm.store.snapshot()
    with signed_in(world, login) as person:
        answers = [
            person.post(api(world, entity_set), json={}),
            person.post(api(world, entity_set), json={LEDGER[entity_set]: str(UUID(int=1))}),
            person.patch(api(world, f"{entity_set}({row})"), json={"statecode": 1, "statuscode": 2}),
            person.patch(api(world, f"{entity_set}({UUID(int=2)})"), json={}),
            person.delete(api(world, f"{entity_set}({row})")),
            person.delete(api(world, f"{entity_set}({UUID(int=2)})")),
            person.patch(api(world, f"{entity_set}({UUID(int=2)})"), json={}, headers={"If-Match": "*"}),
        ]
        assert person.get(api(world, f"{entity_set}({row})")).status_code == 200

    assert [answer.status_code for answer in answers] == [403] * 7
    assert {answer.json()["error"]["code"] for answer in answers} == {"0x80040220"}
    assert world.crm.store.snapshot() == before


@pytest.mark.parametrize("entity_set", LEDGER)
def test_not_even_the_service_deletes_a_ledger_row(world: World, entity_set: str) -> None:
    with as_service(world) as service:
        answer = service.delete(api(world, f"{entity_set}({a_row_of(world, entity_set)})"))

    assert answer.status_code == 403
    assert "prvDelete" in answer.json()["error"]["message"]


def test_the_administrator_may_do_everything(world: World) -> None:
    with signed_in(world, "admin") as admin:
        created = admin.post(api(world, "cfl_maycharges"), json={"cfl_name": "nonsense"})
        deleted = admin.delete(created.headers["OData-EntityId"])

    assert (created.status_code, deleted.status_code) == (204, 204)


@pytest.mark.parametrize(
    ("login", "rights"),
    [
        ("biller", {"ReadAccess"}),
        ("reader", {"ReadAccess"}),
        ("service", {"ReadAccess", "WriteAccess", "AppendAccess", "AppendToAccess"}),
        (
            "admin",
            {"ReadAccess", "WriteAccess", "CreateAccess", "DeleteAccess", "ShareAccess", "AssignAccess"},
        ),
    ],
)
def test_what_a_user_may_do_with_a_row_can_be_asked_by_the_service(
    world: World, login: str, rights: set[str]
) -> None:
    user = row_id("systemuser", login)
    question = f"systemusers({user})/Microsoft.Dynamics.CRM.RetrievePrincipalAccess(Target=@t)"
    with as_service(world) as service:
        answer = service.get(api(world, question), params={"@t": f'{{"@odata.id":"invoices({INVOICE})"}}'})

    assert answer.status_code == 200, answer.text
    assert rights <= {right.strip() for right in answer.json()["AccessRights"].split(",")}


def held(world: World, login: str, call: str, **arguments: str) -> list[dict[str, str]]:
    """What the service is told about a user's privileges; arguments are `@p` and its value."""
    user = row_id("systemuser", login)
    given = {f"@{name}": value for name, value in arguments.items()}
    with as_service(world) as service:
        answer = service.get(api(world, f"systemusers({user})/Microsoft.Dynamics.CRM.{call}"), params=given)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, str]] = answer.json()["RolePrivileges"]
    return found


@pytest.mark.parametrize(
    ("login", "depths"),
    [("biller", ["Basic"]), ("manager", ["Basic"]), ("reader", []), ("admin", ["Global"])],
)
def test_whether_a_user_holds_a_privilege_can_be_asked_by_its_name(
    world: World, login: str, depths: list[str]
) -> None:
    by_name = "RetrieveUserPrivilegeByPrivilegeName(PrivilegeName=@p)"
    several = "RetrieveUserSetOfPrivilegesByNames(PrivilegeNames=@p)"

    found = held(world, login, by_name, p="'prvCreatecfl_maycharge'")
    of_two = held(world, login, several, p='["prvCreatecfl_maycharge","prvReadNonsense"]')
    everything = held(world, login, "RetrieveUserPrivileges()")

    assert [one["Depth"] for one in found] == depths
    assert of_two == found
    assert all(one in everything for one in found)
    assert {one["PrivilegeName"] for one in found} <= {"prvCreatecfl_maycharge"}
    assert {one["BusinessUnitId"] for one in everything} <= {
        str(row["businessunitid"]) for row in world.crm.store.select(world.crm.schema.table("businessunit"))
    }


def test_a_question_about_privileges_needs_its_parameter_and_a_user(world: World) -> None:
    known, nobody = row_id("systemuser", "biller"), UUID(int=9)
    name = "Microsoft.Dynamics.CRM.RetrieveUserPrivilegeByPrivilegeName"
    with as_service(world) as service:
        answers = [
            service.get(api(world, f"systemusers({known})/{name}()")),
            service.get(api(world, f"systemusers({nobody})/{name}(PrivilegeName='prvReadAccount')")),
            service.get(
                api(world, f"accounts({row_id('account', 'Fabrikam Fibre')})/{name}(PrivilegeName='x')")
            ),
            service.post(api(world, f"systemusers({known})/{name}(PrivilegeName='x')")),
        ]

    assert [answer.status_code for answer in answers] == [400, 404, 404, 405]


@pytest.mark.parametrize(
    "entity_set", ["accounts", "invoices", "cfl_billingaccounts", "cfl_payments", "cfl_paymenttypes"]
)
def test_the_rights_to_a_row_of_any_table_can_be_asked(world: World, entity_set: str) -> None:
    row = a_row_of(world, entity_set)
    question = f"systemusers({row_id('systemuser', 'reader')})/Microsoft.Dynamics.CRM.RetrievePrincipalAccess(Target=@t)"
    table = world.crm.schema.entity_sets[entity_set]
    named = {"@odata.type": f"Microsoft.Dynamics.CRM.{table.name}", table.primary_key: str(row)}
    with as_service(world) as service:
        by_address = service.get(
            api(world, question), params={"@t": f'{{"@odata.id":"{entity_set}({row})"}}'}
        )
        by_type = service.get(api(world, question), params={"@t": json.dumps(named)})

    assert by_address.json()["AccessRights"] == by_type.json()["AccessRights"]
    assert "ReadAccess" in by_type.json()["AccessRights"]
    assert "WriteAccess" not in by_type.json()["AccessRights"]


def test_the_right_to_charge_is_a_privilege_on_the_marker_table(world: World) -> None:
    security = world.crm.security
    may = {
        login: security.has_privilege(security.actor(row_id("systemuser", login)), "prvCreatecfl_maycharge")
        for login in ("biller", "manager", "reader", "admin")
    }

    assert may == {"biller": True, "manager": True, "reader": False, "admin": True}


def test_acting_on_behalf_of_another_takes_a_privilege(world: World) -> None:
    biller = str(row_id("systemuser", "biller"))
    with as_service(world) as service, signed_in(world, "admin") as admin:
        refused = service.get(api(world, "WhoAmI"), headers={"MSCRMCallerID": biller})
        allowed = admin.get(api(world, "WhoAmI"), headers={"MSCRMCallerID": biller})
        by_object = admin.get(
            api(world, "WhoAmI"), headers={"CallerObjectId": str(row_id("directory object", "reader"))}
        )
        nobody = admin.get(api(world, "WhoAmI"), headers={"MSCRMCallerID": str(UUID(int=9))})
        rubbish = admin.get(api(world, "WhoAmI"), headers={"MSCRMCallerID": "me"})

    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "0x8004A110")
    assert allowed.json()["UserId"] == biller
    assert by_object.json()["UserId"] == str(row_id("systemuser", "reader"))
    assert (nobody.status_code, rubbish.status_code) == (403, 400)


def test_who_acts_for_another_is_held_to_the_others_rights_and_leaves_both_names(world: World) -> None:
    reader = str(row_id("systemuser", "reader"))
    with signed_in(world, "admin") as admin:
        refused = admin.post(api(world, "accounts"), json={"name": "No"}, headers={"MSCRMCallerID": reader})
        as_biller = {"MSCRMCallerID": str(row_id("systemuser", "manager"))}
        log = admin.get(f"{world.addresses.crm}/sandbox/calls").json()
        admin.get(api(world, "WhoAmI"), headers=as_biller)
        later = admin.get(f"{world.addresses.crm}/sandbox/calls", params={"since": log["next"]}).json()

    assert refused.status_code == 403
    [call] = later["calls"]
    assert (call["user"], call["caller"]) == ("admin", "manager")


def test_a_row_written_for_another_names_both(world: World) -> None:
    service = row_id("systemuser", "service")
    with signed_in(world, "admin") as admin:
        created = admin.post(
            api(world, "cfl_requests"),
            json={"cfl_key": "on-behalf-of"},
            headers={"MSCRMCallerID": str(service), "Prefer": "return=representation"},
        ).json()

    assert created["_createdby_value"] == str(service)
    assert created["_createdonbehalfby_value"] == str(row_id("systemuser", "admin"))
    assert created["_ownerid_value"] == str(service)


def test_a_disabled_user_is_turned_away(world: World) -> None:
    with signed_in(world, "reader") as reader:
        assert reader.get(api(world, "WhoAmI")).status_code == 200
        user = world.crm.schema.table("systemuser")
        world.crm.store.update(user, row_id("systemuser", "reader"), {"isdisabled": True})

        assert reader.get(api(world, "WhoAmI")).status_code == 403


def test_without_a_session_there_is_nothing_to_see(world: World, web: requests.Session) -> None:
    answer = web.get(api(world, "accounts"), cookies={"CrmSandboxAuth": "made-up"})

    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("level", "seen"),
    [
        ("Basic", {"mine"}),
        ("Local", {"mine", "my unit's"}),
        ("Deep", {"mine", "my unit's", "below's"}),
        ("Global", {"mine", "my unit's", "below's", "elsewhere's"}),
    ],
)
def test_how_far_a_privilege_reaches(schema: Schema, story: Story, level: str, seen: set[str]) -> None:
    """Depth by owner and business unit, on rows of four owners: oneself, a colleague, a unit below, a unit beside."""
    units = {
        name: UUID(int=number) for number, name in enumerate(("root", "mine", "below", "beside"), start=10)
    }
    people = {
        "mine": (UUID(int=20), units["mine"]),
        "my unit's": (UUID(int=21), units["mine"]),
        "below's": (UUID(int=22), units["below"]),
        "elsewhere's": (UUID(int=23), units["beside"]),
    }
    world = World(schema, story=story)
    table, role = schema.table("account"), UUID(int=30)
    store: Store = world.crm.store
    parents = {"mine": units["root"], "below": units["mine"], "beside": units["root"], "root": None}
    for name, unit in units.items():
        store.insert(
            schema.table("businessunit"),
            {"businessunitid": unit, "name": name, "parentbusinessunitid": parents[name]},
        )
    for name, (user, unit) in people.items():
        store.insert(
            schema.table("systemuser"), {"systemuserid": user, "fullname": name, "businessunitid": unit}
        )
    store.insert(
        schema.table("systemuserroles"),
        {"systemuserroleid": UUID(int=31), "systemuserid": people["mine"][0], "roleid": role},
    )
    security = Security(_with_role(schema, Role(role, "Test", {"prvReadAccount": level})), store)
    actor = security.actor(people["mine"][0])
    rows = {
        name: {"accountid": UUID(int=40), "ownerid": user, "owningbusinessunit": unit}
        for name, (user, unit) in people.items()
    }

    scope = security.scope(actor, table)

    assert {name for name, row in rows.items() if scope.covers(row)} == seen
    assert {name for name, row in rows.items() if security.access_rights(actor, table, row)} == seen
    world.stop()


def _with_role(schema: Schema, role: Role) -> Schema:
    from dataclasses import replace

    return replace(schema, roles=[*schema.roles, role])


def test_the_story_and_the_organisation_are_the_ones_that_the_books_are_pinned_to(world: World) -> None:
    organization: Organization = world.crm.organization
    [setting] = world.crm.store.select(world.crm.schema.table("cfl_setting"))

    assert setting["cfl_organizationid"] == str(organization.id)
    assert [charge.invoice for charge in past_charges(world.clock.now())] == ["INV-1003", "INV-1002"]
