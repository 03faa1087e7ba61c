"""Custom APIs: parameters, privilege and the answer, before anybody is told."""

import re
from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

import pytest

from sandbox.crm.errors import ApiError
from sandbox.crm.schema import CustomApi, Parameter, Schema
from sandbox.demo.story import row_id
from sandbox.world import World
from tests.in_process import as_service, signed_in
from tests.sandbox_server.receiver import Receiver, register_endpoint, register_step

INVOICE = row_id("invoice", "INV-1001")
CHARGE = f"invoices({INVOICE})/Microsoft.Dynamics.CRM.cfl_ChargeInvoice"


def api(world: World, path: str) -> str:
    return f"{world.addresses.crm}/api/data/v9.2/{path}"


def test_without_a_listener_a_custom_api_does_nothing_and_says_so(world: World) -> None:
    before = world.crm.store.snapshot()
    with signed_in(world, "biller") as biller:
        bound = biller.post(api(world, CHARGE), json={"RequestKey": "0b8e91cf-key", "Amount": 12.5})
        unbound = biller.post(api(world, "cfl_CheckRequest"), json={"RequestKey": "0b8e91cf-key"})

    assert (bound.status_code, bound.content) == (204, b"")
    assert (unbound.status_code, unbound.content) == (204, b"")
    assert world.crm.store.snapshot() == before


def test_it_takes_the_privilege_that_the_solution_names(world: World) -> None:
    with signed_in(world, "reader") as reader:
        answer = reader.post(api(world, CHARGE), json={"RequestKey": "0b8e91cf-key", "Amount": 12.5})

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "0x80040220")
    assert "prvCreatecfl_maycharge" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ({"Amount": 1}, "The required parameter 'RequestKey'"),
        ({"RequestKey": None, "Amount": 1}, "The required parameter 'RequestKey'"),
        (
            {"RequestKey": "a-request-key", "Amount": 1, "Colour": "red"},
            "'Colour' in the request payload is not valid",
        ),
        ({"RequestKey": 7, "Amount": 1}, "parameter 'RequestKey' to the expected type 'Edm.String'"),
        (
            {"RequestKey": "a-request-key", "Amount": "1"},
            "parameter 'Amount' to the expected type 'Edm.Decimal'",
        ),
        (
            {"RequestKey": "a-request-key", "Amount": True},
            "parameter 'Amount' to the expected type 'Edm.Decimal'",
        ),
        ({"RequestKey": "a-request-key", "Amount": 1, "PaymentProfileId": "x"}, "expected type 'Edm.Guid'"),
    ],
)
def test_parameters_that_do_not_fit_are_named(world: World, body: dict[str, object], complaint: str) -> None:
    with signed_in(world, "biller") as biller:
        answer = biller.post(api(world, CHARGE), json=body)

    assert answer.status_code == 400
    assert complaint.replace("is not valid", "is not a valid parameter") in answer.json()["error"]["message"]


def test_not_a_number_is_not_an_amount(world: World) -> None:
    with signed_in(world, "biller") as biller:
        answer = biller.post(
            api(world, CHARGE),
            data=b'{"RequestKey": "a-request-key", "Amount": NaN}',
            headers={"Content-Type": "application/json"},
        )

    assert answer.status_code == 400


@pytest.mark.parametrize(
    "path",
    [
        f"invoices({INVOICE})/cfl_ChargeInvoice",
        f"accounts({row_id('account', 'Fabrikam Fibre')})/Microsoft.Dynamics.CRM.cfl_ChargeInvoice",
        "cfl_ChargeInvoice",
        f"invoices({INVOICE})/Microsoft.Dynamics.CRM.cfl_CheckRequest",
        f"invoices({INVOICE})/Microsoft.Dynamics.CRM.cfl_chargeinvoice",
    ],
)
def test_it_is_found_under_its_own_name_and_table_only(world: World, path: str) -> None:
    with signed_in(world, "biller") as biller:
        answer = biller.post(api(world, path), json={"RequestKey": "a-request-key", "Amount": 1})

    assert answer.status_code in {400, 404}


def test_its_definition_and_messages_can_be_looked_up(world: World) -> None:
    with as_service(world) as service:
        definitions = service.get(
            api(world, "customapis"), params={"$filter": "uniquename eq 'cfl_ChargeInvoice'"}
        ).json()["value"]
        messages = service.get(
            api(world, "sdkmessages"), params={"$filter": "name eq 'cfl_ChargeInvoice'", "$select": "name"}
        ).json()["value"]
        filters = service.get(
            api(world, "sdkmessagefilters"),
            params={
                "$filter": f"_sdkmessageid_value eq {messages[0]['sdkmessageid']} "
                "and primaryobjecttypecode eq 'invoice'"
            },
        ).json()["value"]

    assert [each["allowedcustomprocessingsteptype"] for each in definitions] == [2]
    assert (len(messages), len(filters)) == (1, 1)


def test_every_type_of_parameter_reaches_the_receiver_and_unset_properties_have_their_defaults(
    schema: Schema,
) -> None:
    names = ("Yes", "When", "Much", "Whom", "Float", "Count", "Money", "Pick", "Text", "Texts", "Which")
    types = (0, 1, 2, 5, 6, 7, 8, 9, 10, 11, 12)
    api_of_all = CustomApi(
        name="cfl_Everything",
        binding=0,
        bound_table="",
        step_type=2,
        is_function=False,
        is_private=False,
        privilege="",
        label="Everything",
        parameters=tuple(
            Parameter(name, type_, optional=True) for name, type_ in zip(names, types, strict=True)
        ),
        properties=(
            Parameter("Answer", 10),
            Parameter("Number", 7),
            Parameter("Fine", 0),
            Parameter("All", 11),
        ),
    )
    wider = replace(schema, custom_apis={**schema.custom_apis, "cfl_Everything": api_of_all})
    receiver = Receiver()
    world = World(wider, send_to_step=receiver)
    with signed_in(world, "admin") as admin:
        register_step(admin, world, register_endpoint(admin, world), "cfl_Everything")
        answer = admin.post(
            api(world, "cfl_Everything"),
            json={
                "Yes": True,
                "When": "2026-11-22T08:00:00Z",
                "Much": 1.5,
                "Whom": {"@odata.type": "Microsoft.Dynamics.CRM.invoice", "invoiceid": str(INVOICE)},
                "Float": 2.5,
                "Count": 7,
                "Money": 10.25,
                "Pick": 3,
                "Text": "a",
                "Texts": ["b", "c"],
                "Which": str(INVOICE).upper(),
            },
        )
    world.stop()

    contracts = "http://schemas.microsoft.com/xrm/2011/Contracts"
    told = receiver.deliveries[0].parameters
    assert told.pop("Whom").items() >= {"LogicalName": "invoice", "Id": str(INVOICE)}.items()
    assert told == {
        "Yes": True,
        "When": "/Date(1795334400000)/",
        "Much": 1.5,
        "Float": 2.5,
        "Count": 7,
        "Money": {"__type": f"Money:{contracts}", "Value": 10.25},
        "Pick": {"__type": f"OptionSetValue:{contracts}", "Value": 3},
        "Text": "a",
        "Texts": ["b", "c"],
        "Which": str(INVOICE),
    }
    assert receiver.deliveries[0].context["PrimaryEntityName"] == "none"
    assert answer.status_code == 200
    body = answer.json()
    assert body.pop("@odata.context").endswith("cfl_EverythingResponse")
    assert body == {"Answer": None, "Number": 0, "Fine": False, "All": []}


@pytest.mark.parametrize(
    ("value", "type_"),
    [
        ("yes", 0),
        ("yesterday", 1),
        ("2026-11-22", 1),
        ("2026-11-22T08:00:00", 1),
        ("1", 2),
        ("invoices(1)", 5),
        ({"@odata.type": "Microsoft.Dynamics.CRM.unicorn"}, 5),
        (2**31, 7),
        (1.5, 7),
        (1e300, 8),
        ("Red", 9),
        (1, 10),
        (["a", 1], 11),
        ("a", 11),
        ("not-a-guid", 12),
    ],
)
def test_a_value_of_another_type_is_refused(world: World, value: object, type_: int) -> None:
    declared = CustomApi("cfl_One", 0, "", 0, False, False, "", "One", (Parameter("Only", type_),))

    with pytest.raises(ApiError) as refusal:
        world.crm.custom_apis.invoke(
            world.crm.security.actor(row_id("systemuser", "admin")), declared, None, {"Only": value}
        )

    assert (refusal.value.status, "'Only'" in refusal.value.message) == (400, True)


ADD_CREDIT = CustomApi(
    name="cfl_Try",
    binding=1,
    bound_table="cfl_billingaccount",
    step_type=2,
    is_function=False,
    is_private=False,
    privilege="prvCreatecfl_maycharge",
    label="Try",
    parameters=(
        Parameter("RequestKey", 10),
        Parameter("Amount", 2),
        Parameter("Date", 1, optional=True),
        Parameter("ServiceId", 12, optional=True),
        Parameter("Automatic", 0, optional=True),
        Parameter("Status", 7, optional=True),
        Parameter("InvoiceIds", 11, optional=True),
    ),
)


@pytest.fixture
def trying(schema: Schema) -> Iterator[tuple[World, Receiver]]:
    """A world whose solution has one more custom API, with somebody who listens to it."""
    receiver = Receiver()
    made = World(
        replace(schema, custom_apis={**schema.custom_apis, "cfl_Try": ADD_CREDIT}), send_to_step=receiver
    )
    with signed_in(made, "admin") as admin:
        register_step(
            admin, made, register_endpoint(admin, made), "cfl_Try", "cfl_billingaccount", stage=10, mode=0
        )
    yield made, receiver
    made.stop()


def address_of_a_ledger(world: World) -> str:
    [row, *_] = world.crm.store.select(world.crm.schema.table("cfl_billingaccount"), limit=1)
    return f"cfl_billingaccounts({row['cfl_billingaccountid']})/Microsoft.Dynamics.CRM.cfl_Try"


def test_an_action_on_any_table_tells_its_target_and_only_what_was_given(
    trying: tuple[World, Receiver],
) -> None:
    world, receiver = trying
    address = address_of_a_ledger(world)
    ids = [str(row_id("invoice", f"INV-{number}")) for number in (1001, 1002)]
    with signed_in(world, "biller") as biller:
        answer = biller.post(
            api(world, address),
            json={"RequestKey": "a-request-key", "Amount": 12.5, "InvoiceIds": ids, "Date": None},
        )

    [delivery] = receiver.deliveries
    told = delivery.parameters
    target = told.pop("Target")
    assert answer.status_code == 204
    assert (target["LogicalName"], target["Id"] in address) == ("cfl_billingaccount", True)
    assert told == {"RequestKey": "a-request-key", "Amount": 12.5, "InvoiceIds": ids}
    assert delivery.context["MessageName"] == "cfl_Try"
    assert delivery.context["PrimaryEntityName"] == "cfl_billingaccount"
    assert delivery.context["PrimaryEntityId"] in address


def test_a_thousand_ids_fit_into_what_is_told(trying: tuple[World, Receiver]) -> None:
    world, receiver = trying
    ids = [str(UUID(int=number)) for number in range(1000)]
    with signed_in(world, "biller") as biller:
        biller.post(
            api(world, address_of_a_ledger(world)),
            json={"RequestKey": "a-request-key", "Amount": 1, "InvoiceIds": ids},
        )

    [delivery] = receiver.deliveries
    assert delivery.parameters["InvoiceIds"] == ids
    assert "x-ms-dynamics-msg-size-exceeded" not in {name.lower() for name in delivery.headers}


def test_who_lacks_its_privilege_is_refused_before_anybody_is_told(trying: tuple[World, Receiver]) -> None:
    world, receiver = trying
    with signed_in(world, "reader") as reader:
        answer = reader.post(
            api(world, address_of_a_ledger(world)), json={"RequestKey": "a-request-key", "Amount": 1}
        )

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "0x80040220")
    assert receiver.deliveries == []


def test_a_row_that_is_not_there_cannot_be_acted_on(trying: tuple[World, Receiver]) -> None:
    world, receiver = trying
    with signed_in(world, "biller") as biller:
        answer = biller.post(
            api(world, f"cfl_billingaccounts({UUID(int=7)})/Microsoft.Dynamics.CRM.cfl_Try"),
            json={"RequestKey": "a-request-key", "Amount": 1},
        )

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "0x80040217")
    assert receiver.deliveries == []


def test_metadata_shows_parameters_with_their_types(trying: tuple[World, Receiver]) -> None:
    world, _ = trying
    with signed_in(world, "reader") as reader:
        document = reader.get(api(world, "$metadata")).text

    [action] = re.findall(r'<Action Name="cfl_Try".*?</Action>', document, re.DOTALL)
    assert '<Parameter Name="entity" Type="mscrm.cfl_billingaccount" Nullable="false" />' in action
    assert '<Parameter Name="Amount" Type="Edm.Decimal" Nullable="false" />' in action
    assert '<Parameter Name="InvoiceIds" Type="Collection(Edm.String)" />' in action
    assert '<Parameter Name="Date" Type="Edm.DateTimeOffset" />' in action
    assert '<Parameter Name="ServiceId" Type="Edm.Guid" />' in action
    assert '<Parameter Name="Automatic" Type="Edm.Boolean" />' in action
    assert '<Parameter Name="Status" Type="Edm.Int32" />' in action
