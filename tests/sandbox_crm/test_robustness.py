"""Whatever is sent, by however many at once, there is an answer in the platform's envelope and nothing half-done."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote
from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.crm.bodies import SERVICE_PATH
from sandbox.wire import Request
from tests.sandbox_crm.client import Client, demo_id
from tests.sandbox_crm.multipart import batch, get

WORDS = st.sampled_from([
    "name", "revenue", "statecode", "createdon", "_ownerid_value", "primarycontactid/fullname", "nonsense", "invoice_customer_accounts",
    " eq ", " ne ", " gt ", " and ", " or ", "not ", "not(", "(", ")", "/any(", "i:i/name", "'x'", "'", '"', "null", "true", "5", "1.5",
    "1e99", "-1", "2025-01-01", "2025-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00", "contains(", ",", " in ", "[", "]",
    "00000000-0000-0000-0000-000000000001", "Microsoft.Dynamics.CRM.In(PropertyName='name',PropertyValues=['a'])", "+", "%", "é", "\x00",
])  # fmt: skip
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.sampled_from(["/contacts(1)", "$1", "x" * 300]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
COLUMNS = st.sampled_from([
    "name", "revenue", "statecode", "statuscode", "createdon", "accountid", "numberofemployees", "creditonhold", "primarycontactid",
    "primarycontactid@odata.bind", "ownerid@odata.bind", "@odata.type", "transactioncurrencyid@odata.bind", "industrycode", "exchangerate",
])  # fmt: skip
FAST = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@FAST
@given(
    words=st.lists(WORDS, max_size=12),
    option=st.sampled_from(["$filter", "$orderby", "$expand", "$select", "$skiptoken", "fetchXml"]),
)
def test_any_query_is_answered(crm: Client, words: list[str], option: str) -> None:
    answer = crm.get(f"accounts?{option}={quote(''.join(words))}")

    assert answer.status in {200, 400, 404}, answer.text
    assert ("value" in answer.json) == (answer.status == 200)


OPERATORS = st.sampled_from([
    "eq", "ne", "neq", "gt", "le", "null", "not-null", "in", "not-in", "between", "like", "not-like", "begins-with", "eq-userid",
    "eq-businessid", "on", "on-or-after", "on-or-before", "today", "last-x-days", "next-x-days", "older-than-x-days", "nonsense",
])  # fmt: skip
OPERANDS = st.sampled_from(
    [
        "",
        "x",
        "5",
        "-1",
        "1.5",
        "99999",
        "1e400",
        "NaN",
        "2025-01-01",
        "9999-12-31",
        "0001-01-01",
        "true",
        "%",
    ]
)


@FAST
@given(column=COLUMNS, operator=OPERATORS, operands=st.lists(OPERANDS, max_size=3))
def test_any_condition_is_answered(crm: Client, column: str, operator: str, operands: list[str]) -> None:
    listed = "".join(f"<value>{operand}</value>" for operand in operands)
    condition = f"<condition attribute='{column}' operator='{operator}'>{listed}</condition>"
    xml = f"<fetch><entity name='account'><filter>{condition}</filter></entity></fetch>"

    assert crm.get(f"accounts?fetchXml={quote(xml)}").status in {200, 400}


@FAST
@given(
    key=st.lists(
        st.sampled_from(
            [
                "cfl_number",
                "cfl_name",
                "=",
                ",",
                "5",
                "'x'",
                "1e9",
                "-",
                "9" * 20,
                "é",
                "_cfl_billingaccountid_value",
                str(demo_id("account", "x")),
            ]
        ),
        max_size=8,
    )
)
def test_any_key_is_answered(crm: Client, key: list[str]) -> None:
    assert crm.get(f"cfl_payments({''.join(key)})").status in {400, 404}


@FAST
@given(body=st.dictionaries(COLUMNS, JSON, max_size=4))
def test_any_body_is_answered_and_leaves_a_row_or_nothing(crm: Client, body: dict[str, object]) -> None:
    before = int(crm.get("accounts/$count").text)

    answer = crm.send("POST", "accounts", content=json.dumps(body).encode())

    assert answer.status in {204, 400, 404, 412}, answer.text
    assert int(crm.get("accounts/$count").text) == before + (answer.status == 204)


@FAST
@given(
    path=st.lists(
        st.sampled_from(
            [
                "accounts",
                "(",
                ")",
                "/",
                "'",
                "=",
                str(demo_id("account", "Fabrikam Fibre")),
                "$ref",
                "name",
                "$value",
                "Microsoft.Dynamics.CRM.",
                "EntityDefinitions",
                "LogicalName",
                "%",
                "x",
            ]
        ),
        max_size=8,
    ),
    method=st.sampled_from(["GET", "POST", "PATCH", "PUT"]),
)
def test_any_address_is_answered(crm: Client, path: list[str], method: str) -> None:
    answer = crm.send(method, "".join(path), {})

    assert answer.status < 500


def test_expressions_too_deep_or_too_long(crm: Client) -> None:
    deep = "not(" * 3000 + "true" + ")" * 3000
    long = " or ".join(f"name eq '{number}'" for number in range(2500))

    assert crm.get(f"accounts?$filter={deep}").status == 400
    assert crm.get(f"accounts?$filter={long}").status == 400
    assert crm.get(f"accounts?$filter=name eq '{'x' * 70_000}'").status == 414
    assert crm.send("POST", "accounts", content=b"[" * 100_000).status == 400


def test_a_snapshot_of_eight_reads_takes_few_statements(crm: Client) -> None:
    """Time would depend on the machine; each statement costs some twenty microseconds."""
    invoice, service = demo_id("invoice", "INV-1001"), crm.acting_as("service")
    addresses = [
        f"invoices({invoice})?$expand=cfl_billingcontractid($expand=cfl_paymentprofileid)",
        f"cfl_paymentprofiles?$filter=cfl_accountid/invoice_customer_accounts/any(i:i/invoiceid%20eq%20{invoice})",
        f"cfl_disbursements?$filter=_cfl_invoiceid_value%20eq%20{invoice}",
        f"cfl_accounttransactions?$filter=_cfl_invoiceid_value%20eq%20{invoice}",
        f"cfl_paymenttransactions?$filter=_cfl_invoiceid_value%20eq%20{invoice}",
        f"cfl_requests({invoice})",
        "cfl_settings",
        "cfl_paymenttypes",
    ]
    statements: list[str] = []
    connection = crm.world.crm.store._connection
    connection.set_trace_callback(statements.append)

    answer = batch(service, [get(address) for address in addresses], prefer="odata.continue-on-error")

    connection.set_trace_callback(None)
    assert answer.status == 200
    assert len(statements) <= 20, statements


def at_once(number: int, action: Callable[[int], int]) -> list[int]:
    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(action, range(number)))


def test_of_many_writers_with_the_same_version_one_wins(crm: Client) -> None:
    address = crm.make("accounts", name="Lock")
    version = crm.etag(address)

    statuses = at_once(
        8, lambda number: crm.patch(address, {"telephone1": str(number)}, if_match=version).status
    )

    assert sorted(statuses) == [204] + [412] * 7


def test_of_many_creates_with_the_same_id_one_wins(crm: Client) -> None:
    chosen = str(uuid4())

    statuses = at_once(8, lambda _: crm.post("accounts", {"accountid": chosen, "name": "Once"}).status)

    assert sorted(statuses) == [204] + [412] * 7


def test_readers_see_a_changeset_whole_or_not_at_all(crm: Client) -> None:
    store, tables = crm.world.crm.store, crm.world.crm.schema
    account = tables.table("account")

    def write_or_read(number: int) -> int:
        if number:
            return int(crm.get("accounts/$count?$filter=accountnumber eq 'whole'").text)
        with store.transaction():
            for _ in range(50):
                store.insert(account, {"accountid": uuid4(), "accountnumber": "whole", "statecode": 0})
        return 50

    assert set(at_once(8, write_or_read)) <= {0, 50}


def test_a_bound_action_needs_its_namespace(crm: Client) -> None:
    invoice = f"invoices({demo_id('invoice', 'INV-1001')})"

    bare = crm.post(f"{invoice}/cfl_ChargeInvoice", {})

    assert (bare.status, "unresolved parameters" in bare.message) == (400, True)
    assert crm.post(f"{invoice}/Microsoft.Dynamics.CRM.cfl_Nonsense", {}).status == 404
    account = demo_id("account", "Fabrikam Fibre")
    assert crm.post(f"accounts({account})/Microsoft.Dynamics.CRM.cfl_ChargeInvoice", {}).status == 404
    assert crm.get(f"{invoice}/Microsoft.Dynamics.CRM.cfl_ChargeInvoice").status == 405


def test_who_may_do_what_with_a_row(crm: Client) -> None:
    invoice = demo_id("invoice", "INV-1001")

    def rights(user: str, target: str) -> str:
        call = f"systemusers({demo_id('systemuser', user)})/Microsoft.Dynamics.CRM.RetrievePrincipalAccess(Target=@t)"
        answer = crm.get(f"{call}?@t={quote(target)}")
        assert answer.status == 200, answer.text
        return str(answer.json["AccessRights"])

    by_address = json.dumps({"@odata.id": f"invoices({invoice})"})
    by_type = json.dumps({"@odata.type": "Microsoft.Dynamics.CRM.invoice", "invoiceid": str(invoice)})
    assert "WriteAccess" in rights("admin", by_address)
    assert rights("reader", by_address) == rights("reader", by_type) == "ReadAccess"


def test_nothing_else_is_answered_outside_the_root(crm: Client) -> None:
    actor = crm.world.crm.security.actor(demo_id("systemuser", "admin"))

    answer = crm.world.crm.web_api.handle(Request("GET", "/api/data/v9.1/accounts"), actor)

    assert answer.status == 404
    assert SERVICE_PATH == "/api/data/v9.2/"
