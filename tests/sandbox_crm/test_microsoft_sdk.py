"""Microsoft's own Python client, unmodified, over TLS and with tokens from MSAL: an independent judge of the wire format."""

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import msal
import pytest
from azure.core.credentials import AccessToken
from PowerPlatform.Dataverse.client import DataverseClient
from PowerPlatform.Dataverse.core.errors import HttpError
from PowerPlatform.Dataverse.models.filters import col
from PowerPlatform.Dataverse.models.upsert import UpsertItem

from sandbox.crm.crm import CLIENT_ID, CLIENT_SECRET
from tests.conftest import Running
from tests.sandbox_crm.client import Client, demo_id

BUILT = col("name").like("Fetched%") & (
    col("numberofemployees").in_([0, 2]) | ~col("numberofemployees").between(0, 5)
)
pytestmark = pytest.mark.process


class Credential:
    """What azure-core asks of a credential, answered by MSAL."""

    def __init__(self, servers: Running) -> None:
        self._application = msal.ConfidentialClientApplication(
            str(CLIENT_ID),
            client_credential=CLIENT_SECRET,
            authority=servers.addresses.authority,
            instance_discovery=False,
            http_client=servers.session(),
        )

    def get_token(self, *scopes: str, **_options: object) -> AccessToken:
        answer = self._application.acquire_token_for_client(list(scopes))
        return AccessToken(answer["access_token"], int(datetime.now(UTC).timestamp()) + 3000)  # noqa: TID251  azure-core's


@pytest.fixture
def dataverse(servers: Running) -> Iterator[DataverseClient]:
    """The SDK as the application user, who is made an administrator for it."""
    admin = Client(servers.world)
    role = admin.get("roles?$filter=name eq 'System Administrator'").rows[0]["roleid"]
    service = f"systemusers({demo_id('systemuser', 'service')})"
    assert (
        admin.post(f"{service}/systemuserroles_association/$ref", {"@odata.id": f"roles({role})"}).status
        == 204
    )
    client = DataverseClient(servers.addresses.crm_tls, Credential(servers))
    client._session = servers.session()
    yield client
    client.close()


def test_a_row_from_create_to_delete(dataverse: DataverseClient) -> None:
    made = dataverse.records.create("account", {"name": "Contoso", "telephone1": "1", "industrycode": 7})

    UUID(made)
    row = dataverse.records.retrieve("account", made, select=["name", "telephone1"])
    assert row is not None
    assert (row["name"], row["telephone1"], row.id) == ("Contoso", "1", made)
    assert row.etag
    assert row.etag.startswith('W/"')
    dataverse.records.update("account", made, {"telephone1": "2"})
    again = dataverse.records.retrieve("account", made)
    assert again is not None
    assert again["telephone1"] == "2"
    dataverse.records.delete("account", made)
    assert dataverse.records.retrieve("account", made) is None


def test_many_rows_at_once(dataverse: DataverseClient) -> None:
    made = dataverse.records.create("account", [{"name": f"Many {number}"} for number in range(5)])

    assert len(set(made)) == 5
    dataverse.records.update("account", made, {"telephone1": "5"})
    dataverse.records.update("account", made[:2], [{"fax": "1"}, {"fax": "2"}])
    rows = dataverse.records.list(
        "account", filter="telephone1 eq '5'", select=["name", "fax"], orderby=["name asc"]
    )
    assert [(row["name"], row["fax"]) for row in rows][:3] == [
        ("Many 0", "1"),
        ("Many 1", "2"),
        ("Many 2", None),
    ]
    assert dataverse.records.delete("account", made[:2])
    dataverse.records.delete("account", made[2:], use_bulk_delete=False)
    assert len(dataverse.records.list("account", filter="telephone1 eq '5'")) == 0


def test_queries_with_pages_expand_and_annotations(dataverse: DataverseClient) -> None:
    contact = dataverse.records.create("contact", {"firstname": "Ines", "lastname": "O'Hara"})
    for number in range(7):
        binding = {"primarycontactid@odata.bind": f"/contacts({contact})"}
        dataverse.records.create("account", {"name": f"Paged {number}", "accountnumber": "paged", **binding})

    pages = list(
        dataverse.records.list_pages(
            "account",
            filter="accountnumber eq 'paged' and primarycontactid/lastname eq 'O''Hara'",
            select=["name", "_primarycontactid_value"],
            orderby=["name desc"],
            expand=["primarycontactid"],
            page_size=3,
            count=True,
            include_annotations="*",
        )
    )

    assert [len(page) for page in pages] == [3, 3, 1]
    first = pages[0].first()
    assert first is not None
    assert first["name"] == "Paged 6"
    assert first["primarycontactid"]["fullname"] == "Ines O'Hara"
    assert first["_primarycontactid_value@OData.Community.Display.V1.FormattedValue"] == "Ines O'Hara"


def test_its_query_builder_and_fetchxml(dataverse: DataverseClient) -> None:
    for number in range(3):
        dataverse.records.create("account", {"name": f"Fetched {number}", "numberofemployees": number})
    xml = (
        "<fetch count='2'><entity name='account'><attribute name='name'/><order attribute='name'/>"
        "<filter><condition attribute='name' operator='like' value='Fetched%'/></filter></entity></fetch>"
    )

    fetched = dataverse.query.fetchxml(xml).execute()
    query = dataverse.query.builder("account").select("name").where(BUILT).order_by("name", descending=True)
    few = [row for page in query.execute_pages() for row in page]

    assert [row["name"] for row in fetched] == ["Fetched 0", "Fetched 1", "Fetched 2"]
    assert [row["name"] for row in few] == ["Fetched 2", "Fetched 0"]


def test_upsert_by_alternate_key(dataverse: DataverseClient) -> None:
    account = demo_id("account", "Fabrikam Fibre")
    record = {"cfl_name": "Visa", "cfl_accountid@odata.bind": f"/accounts({account})"}
    one = UpsertItem(alternate_key={"cfl_methodref": "it's pm_1"}, record=record)
    two = UpsertItem(alternate_key={"cfl_methodref": "pm_2"}, record=record)

    dataverse.records.upsert("cfl_paymentprofile", [one])
    dataverse.records.upsert("cfl_paymentprofile", [one, two])

    found = dataverse.records.list("cfl_paymentprofile", filter="cfl_methodref in ('it''s pm_1','pm_2')")
    assert sorted(row["cfl_methodref"] for row in found) == ["it's pm_1", "pm_2"]


def test_batches_and_changesets(dataverse: DataverseClient) -> None:
    batch = dataverse.batch.new()
    with batch.changeset() as together:
        contact = together.records.create("contact", {"lastname": "Duarte"})
        account = together.records.create(
            "account", {"name": "Batched", "primarycontactid@odata.bind": contact}
        )
        together.records.update("account", account, {"telephone1": "9"})
    batch.records.list("account", filter="name eq 'Batched'", select=["name", "telephone1"])

    result = batch.execute()

    assert not result.has_errors
    assert [one.status_code for one in result.responses] == [204, 204, 204, 200]
    assert result.responses[3].data is not None
    assert result.responses[3].data["value"][0]["telephone1"] == "9"
    assert len(result.entity_ids) >= 2


def test_a_changeset_that_is_refused_leaves_nothing(dataverse: DataverseClient) -> None:
    batch = dataverse.batch.new()
    with batch.changeset() as together:
        together.records.create("account", {"name": "Refused"})
        together.records.create("account", {"nonsense": 1})

    result = batch.execute()

    assert result.has_errors
    assert result.failed[0].error_code == "0x80048d19"
    assert len(dataverse.records.list("account", filter="name eq 'Refused'")) == 0
    mixed = dataverse.batch.new()
    mixed.records.create("account", {"nonsense": 1})
    mixed.records.create("account", {"name": "Kept"})
    assert [one.status_code for one in mixed.execute(continue_on_error=True).responses] == [400, 204]


def test_refusals_are_understood(dataverse: DataverseClient) -> None:
    with pytest.raises(HttpError) as caught:
        dataverse.records.create("account", {"nonsense": 1})

    assert caught.value.status_code == 400
    assert caught.value.details["service_error_code"] == "0x80048d19"


def test_tables_describe_themselves(dataverse: DataverseClient) -> None:
    info = dataverse.tables.get("cfl_paymenttransaction")

    assert info is not None
    assert (info["entity_set_name"], info["table_logical_name"]) == (
        "cfl_paymenttransactions",
        "cfl_paymenttransaction",
    )
    assert "cfl_request" in [one["LogicalName"] for one in dataverse.tables.list()]
    keys = dataverse.tables.get_alternate_keys("cfl_request")
    assert [key.key_attributes for key in keys] == [["cfl_key"]]
