"""Create, read, update, upsert and delete, with the statuses, headers and ETags that the platform documents."""

from uuid import uuid4

from tests.sandbox_crm.client import ROOT, Client, demo_id


def test_a_row_lives_from_create_to_delete(crm: Client) -> None:
    made = crm.post("accounts", {"name": "Contoso"})

    assert (made.status, made.text) == (204, "")
    address = f"accounts({made.id})"
    assert made.headers["odata-entityid"] == f"{ROOT}{address}"
    read = crm.get(f"{address}?$select=name")
    assert read.status == 200
    assert read.headers["content-type"] == "application/json; odata.metadata=minimal"
    assert read.headers["odata-version"] == "4.0"
    assert read.json["name"] == "Contoso"
    assert read.json["accountid"] == made.id, "the primary key is always among the columns"
    assert read.json["@odata.etag"] == read.etag

    changed = crm.patch(address, {"name": "Contoso Ltd"})
    assert (changed.status, changed.headers["odata-entityid"]) == (204, f"{ROOT}{address}")
    assert crm.get(address).json["name"] == "Contoso Ltd"

    assert crm.delete(address).status == 204
    gone = crm.get(address)
    assert (gone.status, gone.code) == (404, "0x80040217")
    assert gone.message == f"account With Id = {made.id} Does Not Exist"


def test_the_client_may_make_the_id(crm: Client) -> None:
    chosen = str(uuid4())

    assert crm.post("accounts", {"accountid": chosen, "name": "Contoso"}).id == chosen
    again = crm.post("accounts", {"accountid": chosen, "name": "Contoso again"})

    assert (again.status, again.code) == (412, "0x80040237")
    assert crm.get(f"accounts({chosen})").json["name"] == "Contoso"


def test_a_create_can_answer_with_the_row(crm: Client) -> None:
    made = crm.post("accounts?$select=name", {"name": "Contoso"}, prefer="return=representation")

    assert made.status == 201
    assert "odata-entityid" not in made.headers
    assert made.headers["preference-applied"] == "return=representation"
    assert made.json["name"] == "Contoso"
    assert made.json["@odata.etag"] == made.etag


def test_an_update_can_answer_with_the_row_and_its_new_version(crm: Client) -> None:
    address = crm.make("accounts", name="Contoso")
    before = crm.etag(address)

    changed = crm.patch(f"{address}?$select=name", {"name": "Contoso Ltd"}, prefer="return=representation")

    assert changed.status == 200
    assert changed.json["name"] == "Contoso Ltd"
    assert changed.etag == crm.etag(address) != before


def test_only_the_version_that_was_read_can_be_changed(crm: Client) -> None:
    address = crm.make("accounts", name="Contoso")
    read = crm.etag(address)
    assert read.startswith('W/"')

    assert crm.patch(address, {"name": "First"}, if_match=read).status == 204
    late = crm.patch(address, {"name": "Second"}, if_match=read)

    assert (late.status, late.code) == (412, "0x80060882")
    assert (
        late.message == "The version of the existing record doesn't match the RowVersion property provided."
    )
    assert crm.delete(address, if_match=read).status == 412
    assert crm.get(address).json["name"] == "First"
    assert crm.delete(address, if_match=crm.etag(address)).status == 204


def test_if_match_star_updates_and_never_creates(crm: Client) -> None:
    address = crm.make("accounts", name="Contoso")

    assert crm.patch(address, {"name": "Changed"}, if_match="*").status == 204
    assert crm.patch(f"accounts({uuid4()})", {"name": "Nobody"}, if_match="*").status == 404


def test_if_none_match_star_creates_and_never_updates(crm: Client) -> None:
    chosen = uuid4()

    assert crm.patch(f"accounts({chosen})", {"name": "New"}, if_none_match="*").status == 204
    again = crm.patch(f"accounts({chosen})", {"name": "Other"}, if_none_match="*")

    assert (again.status, again.code) == (412, "0x80040237")
    assert again.message == "A record with matching key values already exists."
    assert crm.get(f"accounts({chosen})").json["name"] == "New"


def test_a_plain_patch_creates_what_is_not_there(crm: Client) -> None:
    chosen = uuid4()

    made = crm.patch(f"accounts({chosen})", {"name": "New"}, prefer="return=representation")
    changed = crm.patch(f"accounts({chosen})", {"name": "Changed"}, prefer="return=representation")

    assert (made.status, changed.status) == (201, 200)
    assert changed.json["accountid"] == str(chosen)


def test_an_upsert_by_key_ignores_the_key_of_its_body_on_update_and_prefers_it_on_create(crm: Client) -> None:
    body = {"cfl_name": "Voucher", "cfl_number": 81}

    made = crm.patch("cfl_paymenttypes(cfl_number=80)", body, prefer="return=representation")
    changed = crm.patch(
        "cfl_paymenttypes(cfl_number=81)", body | {"cfl_number": 82}, prefer="return=representation"
    )

    assert (made.status, made.json["cfl_number"]) == (201, 81)
    assert (changed.status, changed.json["cfl_number"]) == (200, 81)
    assert crm.get("cfl_paymenttypes(cfl_number=82)").status == 404


def test_a_row_that_is_known_is_not_sent_again(crm: Client) -> None:
    address = crm.make("accounts", name="Contoso")
    version = crm.etag(address)

    assert crm.get(address, if_none_match=version).status == 304
    assert crm.get(address, if_none_match=version, prefer='odata.include-annotations="*"').status == 200
    crm.patch(address, {"name": "Changed"})
    assert crm.get(address, if_none_match=version).status == 200


def test_the_platform_fills_in_who_when_and_whose(crm: Client) -> None:
    address = crm.make("accounts", name="Contoso", createdon="1999-01-01T00:00:00Z")

    row = crm.get(address).json

    me = crm.get("WhoAmI").json
    assert row["_createdby_value"] == row["_modifiedby_value"] == row["_ownerid_value"] == me["UserId"]
    assert row["_owninguser_value"] == me["UserId"]
    assert row["_owningteam_value"] is None
    assert row["_owningbusinessunit_value"] == me["BusinessUnitId"]
    assert row["createdon"] == row["modifiedon"] != "1999-01-01T00:00:00Z", (
        "what it fills itself cannot be set"
    )
    assert (row["statecode"], row["statuscode"]) == (0, 1)
    assert row["creditonhold"] is False, "a default"


def test_numbers_are_given_in_order(crm: Client) -> None:
    fabrikam = demo_id("account", "Fabrikam Fibre")
    made = [crm.make("cfl_billingcontracts", cfl_accountid__bind=f"accounts({fabrikam})") for _ in range(2)]

    first, second = (crm.get(address).json["cfl_name"] for address in made)

    assert first.startswith("BC-")
    assert int(second.removeprefix("BC-")) == int(first.removeprefix("BC-")) + 1


def test_single_properties_are_read_written_and_cleared(crm: Client) -> None:
    address = crm.make("accounts", name="Contoso", telephone1="555-0100")

    assert crm.get(f"{address}/telephone1").json["value"] == "555-0100"
    assert crm.get(f"{address}/telephone1/$value").text == "555-0100"
    assert crm.send("PUT", f"{address}/telephone1", {"value": "555-0199"}).status == 204
    assert crm.get(f"{address}/telephone1").json["value"] == "555-0199"
    assert crm.delete(f"{address}/telephone1").status == 204
    assert crm.get(f"{address}/telephone1").status == 204


def test_full_names_are_composed(crm: Client) -> None:
    address = crm.make("contacts", firstname="Ines", lastname="Duarte")

    assert crm.get(address).json["fullname"] == "Ines Duarte"
    crm.patch(address, {"lastname": "Moreira"})
    assert crm.get(address).json["fullname"] == "Ines Moreira"


def test_many_at_once(crm: Client) -> None:
    kind = "Microsoft.Dynamics.CRM.account"
    names = ["One", "Two"]

    made = crm.post(
        "accounts/Microsoft.Dynamics.CRM.CreateMultiple",
        {"Targets": [{"@odata.type": kind, "name": name} for name in names]},
    )
    ids = made.json["Ids"]
    updated = crm.post(
        "accounts/Microsoft.Dynamics.CRM.UpdateMultiple",
        {"Targets": [{"@odata.type": kind, "accountid": one, "telephone1": "1"} for one in ids]},
    )
    upserted = crm.post(
        "accounts/Microsoft.Dynamics.CRM.UpsertMultiple",
        {
            "Targets": [
                {"@odata.type": kind, "@odata.id": f"accounts({ids[0]})", "name": "One!"},
                {"@odata.type": kind, "@odata.id": f"accounts({uuid4()})", "name": "Three"},
            ]
        },
    )

    assert (made.status, updated.status, upserted.status) == (200, 204, 204)
    assert [crm.get(f"accounts({one})").json["telephone1"] for one in ids] == ["1", "1"]
    assert crm.get("accounts/$count?$filter=name eq 'One!' or name eq 'Three'").text == "2"


def test_many_at_once_are_all_or_nothing(crm: Client) -> None:
    kind = "Microsoft.Dynamics.CRM.account"

    refused = crm.post(
        "accounts/Microsoft.Dynamics.CRM.CreateMultiple",
        {"Targets": [{"@odata.type": kind, "name": "Kept?"}, {"@odata.type": kind, "nonsense": 1}]},
    )

    assert refused.status == 400
    assert crm.get("accounts/$count?$filter=name eq 'Kept?'").text == "0"
    assert (
        crm.post("accounts/Microsoft.Dynamics.CRM.CreateMultiple", {"Targets": [{"name": "x"}]}).status == 400
    )
