"""Webhooks as the platform sends them: when, what, with which proof, and what a receiver's answer does."""

import re
import socket
from collections.abc import Iterator
from uuid import UUID

import pytest
import requests

from sandbox.crm.crm import ORGANIZATION
from sandbox.crm.delivery import DeliveryError, over_http
from sandbox.crm.schema import Schema
from sandbox.demo.demo import Story
from sandbox.demo.story import row_id
from sandbox.world import World
from tests.in_process import as_service, signed_in
from tests.sandbox_crm import multipart
from tests.sandbox_server.receiver import URL, Delivery, Receiver, register_endpoint, register_step

INVOICE = row_id("invoice", "INV-1001")
ACCOUNT = row_id("account", "Fabrikam Fibre")
PROFILE = row_id("cfl_paymentprofile", "Fabrikam Fibre/visa")
CONTRACTS = "http://schemas.microsoft.com/xrm/2011/Contracts"


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def told(schema: Schema, story: Story, receiver: Receiver) -> Iterator[World]:
    """A world whose webhooks reach `receiver`."""
    world = World(schema, story=story, send_to_step=receiver)
    yield world
    world.stop()


@pytest.fixture
def admin(told: World) -> Iterator[requests.Session]:
    with signed_in(told, "admin") as session:
        yield session


def api(world: World, path: str) -> str:
    return f"{world.addresses.crm}/api/data/v9.2/{path}"


def charge(world: World, **parameters: object) -> requests.Response:
    body = {"RequestKey": "5d7ad9b2-key", "Amount": 10.5, **parameters}
    with signed_in(world, "biller") as biller:
        return biller.post(
            api(world, f"invoices({INVOICE})/Microsoft.Dynamics.CRM.cfl_ChargeInvoice"), json=body
        )


def rename(client: requests.Session, world: World, name: str) -> requests.Response:
    return client.patch(api(world, f"accounts({ACCOUNT})"), json={"name": name})


def name_of(world: World) -> object:
    row = world.crm.store.get(world.crm.schema.table("account"), ACCOUNT)
    return row and row["name"]


# What is sent


def test_a_custom_api_is_told_at_stage_10_outside_any_transaction(
    told: World, admin: requests.Session, receiver: Receiver
) -> None:
    endpoint = register_endpoint(admin, told)
    step = register_step(admin, told, endpoint, "cfl_ChargeInvoice", "invoice")

    assert charge(told, PaymentProfileId=str(PROFILE)).status_code == 204

    [delivery] = receiver.deliveries
    context = delivery.context
    biller = str(row_id("systemuser", "biller"))
    assert {
        "MessageName": "cfl_ChargeInvoice",
        "PrimaryEntityName": "invoice",
        "PrimaryEntityId": str(INVOICE),
        "OrganizationId": str(ORGANIZATION.id),
        "InitiatingUserId": biller,
        "UserId": biller,
        "Stage": 10,
        "Mode": 0,
        "Depth": 1,
        "IsInTransaction": False,
        "ParentContext": None,
    }.items() <= context.items()
    assert context["OwningExtension"]["Id"] in step
    assert context["OwningExtension"]["LogicalName"] == "sdkmessageprocessingstep"
    assert delivery.parameters == {
        "Target": {
            "__type": f"EntityReference:{CONTRACTS}",
            "Id": str(INVOICE),
            "KeyAttributes": [],
            "LogicalName": "invoice",
            "Name": None,
            "RowVersion": None,
        },
        "RequestKey": "5d7ad9b2-key",
        "Amount": 10.5,
        "PaymentProfileId": str(PROFILE),
    }


def test_in_a_changeset_stage_10_is_inside_its_transaction_and_says_so(
    told: World, admin: requests.Session, receiver: Receiver
) -> None:
    register_step(admin, told, register_endpoint(admin, told), "cfl_ChargeInvoice", "invoice")
    address = f"invoices({INVOICE})/Microsoft.Dynamics.CRM.cfl_ChargeInvoice"
    asked = multipart.write("POST", address, '{"RequestKey": "5d7ad9b2-key", "Amount": 1}')

    answer = admin.post(
        api(told, "$batch"),
        data=multipart.wrap("b", [multipart.changeset([asked])]),
        headers={"Content-Type": "multipart/mixed; boundary=b"},
    )

    assert answer.status_code == 200
    [delivery] = receiver.deliveries
    assert (delivery.context["Stage"], delivery.context["IsInTransaction"]) == (10, True)


def test_it_is_spelt_as_the_platforms_serializer_spells_it(
    told: World, admin: requests.Session, receiver: Receiver
) -> None:
    register_step(admin, told, register_endpoint(admin, told), "cfl_ChargeInvoice", "invoice")

    with signed_in(told, "biller") as biller:
        biller.post(
            api(told, f"invoices({INVOICE})/Microsoft.Dynamics.CRM.cfl_ChargeInvoice"),
            data=b'{"RequestKey": "a/b-c-d-e", "Amount": 1234567.1000000001}',
            headers={"Content-Type": "application/json"},
        )

    text = receiver.deliveries[0].body.decode()
    assert r'"__type":"EntityReference:http:\/\/schemas.microsoft.com\/xrm\/2011\/Contracts"' in text
    assert re.search(r'"OperationCreatedOn":"\\/Date\(\d+\)\\/"', text)
    assert r'{"key":"RequestKey","value":"a\/b-c-d-e"}' in text
    assert '{"key":"Amount","value":1234567.1000000001}' in text


def test_headers_name_the_organisation_the_table_the_message_and_carry_the_secret(
    told: World, admin: requests.Session, receiver: Receiver
) -> None:
    register_step(admin, told, register_endpoint(admin, told), "cfl_ChargeInvoice", "invoice")

    charge(told)

    [delivery] = receiver.deliveries
    assert delivery.url == URL
    assert delivery.timeout == 60.0
    assert {
        "content-type": "application/json; charset=utf-8",
        "x-ms-dynamics-organization": ORGANIZATION.name,
        "x-ms-dynamics-entity-name": "invoice",
        "x-ms-dynamics-request-name": "cfl_ChargeInvoice",
        "x-ms-correlation-request-id": delivery.context["CorrelationId"],
        "x-secret": "s3cret",
    }.items() <= delivery.headers.items()
    assert "x-ms-dynamics-msg-size-exceeded" not in delivery.headers


@pytest.mark.parametrize(
    ("authtype", "value", "query"),
    [
        (4, "k e/y", "?code=k+e%2Fy"),
        (6, '<settings><setting name="k" value="v"/></settings>', "?k=v"),
    ],
)
def test_the_proof_may_travel_in_the_query(
    told: World, admin: requests.Session, receiver: Receiver, authtype: int, value: str, query: str
) -> None:
    endpoint = register_endpoint(admin, told, authtype=authtype, authvalue=value)
    register_step(admin, told, endpoint, "cfl_ChargeInvoice", "invoice")

    charge(told)

    assert receiver.deliveries[0].url == URL + query


def test_a_secret_goes_in_and_never_comes_out(told: World, admin: requests.Session) -> None:
    endpoint = register_endpoint(admin, told)

    row = admin.get(api(told, endpoint.lstrip("/"))).json()
    asked_for = admin.get(api(told, endpoint.lstrip("/")), params={"$select": "authvalue"})

    assert row["isauthvalueset"] is True
    assert "authvalue" not in row
    assert asked_for.status_code == 400


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("https://addon.example.com/dataverse", 204),
        ("http://addon.example.com:80/dataverse", 204),
        ("http://127.0.0.1:8368/dataverse", 204),
        ("http://localhost:1/x", 204),
        ("https://addon.example.com:8443/dataverse", 400),
        ("ftp://127.0.0.1/x", 400),
        ("nowhere", 400),
    ],
)
def test_only_the_two_ports_of_the_web_are_allowed_but_any_on_loopback(
    told: World, admin: requests.Session, url: str, status: int
) -> None:
    answer = admin.post(
        api(told, "serviceendpoints"),
        json={"name": "R", "url": url, "contract": 8, "connectionmode": 1, "authtype": 4, "authvalue": "k"},
    )

    assert answer.status_code == status


def test_a_message_over_256_kilobytes_comes_without_its_parameters(
    told: World, admin: requests.Session, receiver: Receiver
) -> None:
    register_step(admin, told, register_endpoint(admin, told), "Update", "account", stage=40)

    with as_service(told):
        rename_with = admin.patch(api(told, f"accounts({ACCOUNT})"), json={"description": "x" * 2000})
    assert rename_with.status_code == 204
    charge_step = register_endpoint(admin, told, name="Second")
    register_step(admin, told, charge_step, "cfl_CheckRequest")
    with signed_in(told, "biller") as biller:
        biller.post(api(told, "cfl_CheckRequest"), json={"RequestKey": "k" * 300_000})

    small, large = receiver.deliveries
    assert "x-ms-dynamics-msg-size-exceeded" not in small.headers
    assert large.headers["x-ms-dynamics-msg-size-exceeded"] == "true"
    assert not {"InputParameters", "PreEntityImages", "PostEntityImages", "ParentContext"} & set(
        large.context
    )
    assert large.context["MessageName"] == "cfl_CheckRequest"


@pytest.mark.parametrize(
    ("columns", "complaint"),
    [
        ({"stage": 30}, "pre-validation (10)"),
        ({"stage": 10, "mode": 1}, "post-operation (40) only"),
        (
            {"sdkmessageid@odata.bind": "/sdkmessages(20bebb1b-ea3e-db11-86a7-000a3a5473e8)"},
            "another message",
        ),
    ],
)
def test_a_step_that_the_platform_would_not_take_is_refused(
    told: World, admin: requests.Session, columns: dict[str, object], complaint: str
) -> None:
    endpoint = register_endpoint(admin, told)

    with pytest.raises(AssertionError, match=re.escape(complaint)):
        register_step(admin, told, endpoint, "cfl_ChargeInvoice", "invoice", **columns)


def test_a_secret_cannot_be_guessed_by_asking_for_it(told: World, admin: requests.Session) -> None:
    register_endpoint(admin, told, authtype=4, authvalue="s3cret")

    answer = admin.get(api(told, "serviceendpoints"), params={"$filter": "startswith(authvalue,'s')"})

    assert answer.status_code == 400


# What the answer does


@pytest.mark.parametrize(
    "script", [[400], [404], [429], [500], [301], [None], [502, 502], [503, 500], [504, None]]
)
def test_anything_but_success_fails_the_call_in_the_platforms_words(
    told: World, admin: requests.Session, receiver: Receiver, script: list[int | None]
) -> None:
    register_step(admin, told, register_endpoint(admin, told), "cfl_ChargeInvoice", "invoice")
    receiver.script = list(script)

    answer = charge(told)

    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("Endpoint unavailable")
    assert len(receiver.deliveries) == len(script)


@pytest.mark.parametrize("gateway", [502, 503, 504])
def test_one_further_attempt_follows_a_gateway_error_and_may_succeed(
    told: World, admin: requests.Session, receiver: Receiver, gateway: int
) -> None:
    register_step(admin, told, register_endpoint(admin, told), "cfl_ChargeInvoice", "invoice")
    receiver.script = [gateway, 202]

    assert charge(told).status_code == 204
    assert receiver.deliveries[0].body == receiver.deliveries[1].body


def test_at_stage_40_a_failure_takes_the_write_back(
    told: World, admin: requests.Session, receiver: Receiver
) -> None:
    register_step(admin, told, register_endpoint(admin, told), "Update", "account", stage=40)
    receiver.script = [500]

    refused = rename(admin, told, "Renamed")
    assert (refused.status_code, name_of(told)) == (400, "Fabrikam Fibre")

    assert rename(admin, told, "Renamed").status_code == 204
    assert name_of(told) == "Renamed"
    assert [d.context["IsInTransaction"] for d in receiver.deliveries] == [True, True]


def test_at_stage_10_the_receiver_may_write_the_very_row(
    told: World, admin: requests.Session, receiver: Receiver
) -> None:
    register_step(admin, told, register_endpoint(admin, told), "Update", "account")
    answers: list[int] = []

    def write_it(_delivery: Delivery) -> None:
        receiver.while_told = None
        answers.append(admin.patch(api(told, f"accounts({ACCOUNT})"), json={"telephone1": "1"}).status_code)

    receiver.while_told = write_it
    assert rename(admin, told, "Renamed").status_code == 204
    assert answers == [204]


def test_a_disabled_step_and_another_table_are_not_told(
    told: World, admin: requests.Session, receiver: Receiver
) -> None:
    step = register_step(admin, told, register_endpoint(admin, told), "Update", "contact")
    rename(admin, told, "One")
    contact = row_id("contact", "Priya Raman")
    admin.patch(api(told, f"contacts({contact})"), json={"jobtitle": "CFO"})
    admin.patch(api(told, step.lstrip("/")), json={"statecode": 1, "statuscode": 2})
    admin.patch(api(told, f"contacts({contact})"), json={"jobtitle": "CEO"})

    assert [d.context["PrimaryEntityName"] for d in receiver.deliveries] == ["contact"]


def test_filtering_attributes_narrow_updates(
    told: World, admin: requests.Session, receiver: Receiver
) -> None:
    endpoint = register_endpoint(admin, told)
    register_step(admin, told, endpoint, "Update", "account", filteringattributes="telephone1, name")

    admin.patch(api(told, f"accounts({ACCOUNT})"), json={"fax": "2"})
    rename(admin, told, "Renamed")

    assert len(receiver.deliveries) == 1


def test_steps_run_in_the_order_of_their_rank(
    told: World, admin: requests.Session, receiver: Receiver
) -> None:
    for rank in (3, 1, 2):
        endpoint = register_endpoint(admin, told, url=f"http://127.0.0.1:{rank}/")
        register_step(admin, told, endpoint, "Update", "account", rank=rank, name=str(rank))

    rename(admin, told, "Renamed")

    assert [d.url for d in receiver.deliveries] == [f"http://127.0.0.1:{rank}/" for rank in (1, 2, 3)]


# Rows and images


def test_a_create_tells_the_columns_with_their_types(
    told: World, admin: requests.Session, receiver: Receiver
) -> None:
    register_step(admin, told, register_endpoint(admin, told), "Create", "account", stage=40)

    created = admin.post(
        api(told, "accounts"),
        json={
            "name": "Typed",
            "creditlimit": 1000.5,
            "customertypecode": 3,
            "creditonhold": True,
            "numberofemployees": 12,
            "transactioncurrencyid@odata.bind": f"/transactioncurrencies({row_id('transactioncurrency', 'USD')})",
        },
    )

    [delivery] = receiver.deliveries
    target = delivery.parameters["Target"]
    attributes = {pair["key"]: pair["value"] for pair in target["Attributes"]}
    assert target["__type"] == f"Entity:{CONTRACTS}"
    assert target["Id"] in created.headers["OData-EntityId"]
    assert attributes["name"] == "Typed"
    assert attributes["creditlimit"] == {"__type": f"Money:{CONTRACTS}", "Value": 1000.5}
    assert attributes["customertypecode"] == {"__type": f"OptionSetValue:{CONTRACTS}", "Value": 3}
    assert (attributes["creditonhold"], attributes["numberofemployees"]) == (True, 12)
    assert attributes["transactioncurrencyid"]["LogicalName"] == "transactioncurrency"
    assert delivery.context["OutputParameters"] == [{"key": "id", "value": target["Id"]}]


def test_images_show_a_row_before_and_after(told: World, admin: requests.Session, receiver: Receiver) -> None:
    step = register_step(admin, told, register_endpoint(admin, told), "Update", "account", stage=40)
    image = {
        "name": "Both",
        "entityalias": "both",
        "imagetype": 2,
        "attributes": "name,accountnumber",
        "messagepropertyname": "Target",
        "sdkmessageprocessingstepid@odata.bind": step,
    }
    assert admin.post(api(told, "sdkmessageprocessingstepimages"), json=image).status_code == 204

    rename(admin, told, "Renamed")

    context = receiver.deliveries[0].context
    shown = [
        {pair["key"]: pair["value"] for pair in context[kind][0]["value"]["Attributes"]}
        for kind in ("PreEntityImages", "PostEntityImages")
    ]
    assert shown == [
        {"name": "Fabrikam Fibre", "accountnumber": "C-1001"},
        {"name": "Renamed", "accountnumber": "C-1001"},
    ]
    assert context["PreEntityImages"][0]["key"] == "both"


def test_a_delete_names_the_row(told: World, admin: requests.Session, receiver: Receiver) -> None:
    register_step(admin, told, register_endpoint(admin, told), "Delete", "account", stage=40)
    created = admin.post(api(told, "accounts"), json={"name": "Short-lived"}).headers["OData-EntityId"]

    assert admin.delete(created).status_code == 204

    assert receiver.deliveries[0].parameters["Target"]["LogicalName"] == "account"


# Afterwards


def test_an_asynchronous_step_is_a_system_job(
    told: World, admin: requests.Session, receiver: Receiver
) -> None:
    step = register_step(admin, told, register_endpoint(admin, told), "Update", "account", mode=1, stage=40)
    receiver.script = [200, 500]
    rename(admin, told, "Once")
    rename(admin, told, "Twice")
    jobs = api(
        told, "asyncoperations?$orderby=createdon,startedon&$select=statecode,statuscode,message,errorcode"
    )
    waiting = admin.get(jobs).json()["value"]
    assert receiver.deliveries == []

    told.crm.webhooks.jobs.run_pending()

    done = admin.get(jobs).json()["value"]
    assert [(job["statecode"], job["statuscode"]) for job in waiting] == [(0, 0), (0, 0)]
    assert sorted((job["statecode"], job["statuscode"]) for job in done) == [(3, 30), (3, 31)]
    [failed] = [job for job in done if job["statuscode"] == 31]
    assert "status code 500" in failed["message"]
    assert failed["errorcode"]
    context = receiver.deliveries[0].context
    assert (context["Mode"], context["IsInTransaction"]) == (1, False)
    assert context["OwningExtension"]["Id"] in step
    assert "AsynchronousStepPrimaryName" in {pair["key"] for pair in context["PostEntityImages"]}


def test_a_job_that_succeeded_is_removed_when_its_step_says_so(
    told: World, admin: requests.Session, receiver: Receiver
) -> None:
    endpoint = register_endpoint(admin, told)
    register_step(admin, told, endpoint, "Update", "account", mode=1, stage=40, asyncautodelete=True)
    receiver.script = [500]
    rename(admin, told, "Once")
    rename(admin, told, "Twice")

    assert told.crm.webhooks.jobs.run_pending() == 2

    [left] = admin.get(api(told, "asyncoperations")).json()["value"]
    assert left["statuscode"] == 31


def test_what_is_rolled_back_is_told_to_nobody_afterwards(
    told: World, admin: requests.Session, receiver: Receiver
) -> None:
    endpoint = register_endpoint(admin, told)
    register_step(admin, told, endpoint, "Update", "account", mode=1, stage=40)
    register_step(admin, told, endpoint, "Update", "account", mode=0, stage=40)
    receiver.script = [500]

    rename(admin, told, "Never")

    assert told.crm.webhooks.jobs.run_pending() == 0


def test_what_is_registered_outlives_a_reset(
    told: World, admin: requests.Session, receiver: Receiver
) -> None:
    register_step(admin, told, register_endpoint(admin, told), "cfl_ChargeInvoice", "invoice")
    rename(admin, told, "Renamed")

    told.reset()

    assert name_of(told) == "Fabrikam Fibre"
    assert charge(told).status_code == 204
    assert receiver.deliveries[0].headers["x-secret"] == "s3cret"
    assert UUID(receiver.deliveries[0].context["PrimaryEntityId"]) == INVOICE


# Over the network


def test_a_receiver_that_is_not_there_or_never_answers_is_a_failed_delivery() -> None:
    send = over_http()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]

        with pytest.raises(DeliveryError, match="ReadTimeout"):
            send(f"http://127.0.0.1:{port}/", {}, b"{}", 0.05)
    with pytest.raises(DeliveryError, match="ConnectionError"):
        send(f"http://127.0.0.1:{port}/", {}, b"{}", 5)


def test_a_job_whose_step_is_gone_fails_and_holds_up_nobody(
    told: World, admin: requests.Session, receiver: Receiver
) -> None:
    endpoint = register_endpoint(admin, told)
    step = register_step(admin, told, endpoint, "Update", "account", mode=1, stage=40)
    register_step(admin, told, endpoint, "Update", "account", mode=1, stage=40, name="The other")
    rename(admin, told, "Renamed")
    assert admin.delete(api(told, step.lstrip("/"))).status_code == 204

    assert told.crm.webhooks.jobs.run_pending() == 2

    reasons = admin.get(api(told, "asyncoperations?$select=statuscode")).json()["value"]
    assert sorted(row["statuscode"] for row in reasons) == [30, 31]
    assert len(receiver.deliveries) == 1
