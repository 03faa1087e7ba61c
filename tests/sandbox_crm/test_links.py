"""$ref links and unlinks rows, and deleting a row does to its children what the relationship says."""

from uuid import uuid4

from tests.sandbox_crm.client import ROOT, Client, demo_id

FABRIKAM = demo_id("account", "Fabrikam Fibre")


def test_roles_are_given_and_taken(crm: Client) -> None:
    reader, role = (
        demo_id("systemuser", "reader"),
        crm.get("roles?$filter=name eq 'Counterfoil Billing Manager'").rows[0]["roleid"],
    )
    link = f"systemusers({reader})/systemuserroles_association"
    before = len(crm.get(link).rows)

    assert crm.post(f"{link}/$ref", {"@odata.id": f"{ROOT}roles({role})"}).status == 204
    assert len(crm.get(link).rows) == before + 1
    assert crm.post(f"{link}/$ref", {"@odata.id": f"roles({role})"}).code == "0x80040237"
    assert crm.delete(f"{link}({role})/$ref").status == 204
    assert len(crm.get(link).rows) == before
    crm.post(f"{link}/$ref", {"@odata.id": f"roles({role})"})
    assert crm.delete(f"{link}/$ref?$id={ROOT}roles({role})").status == 204
    assert crm.acting_as("reader").post(f"{link}/$ref", {"@odata.id": f"roles({role})"}).status == 403


def test_a_lookup_is_set_and_cleared(crm: Client) -> None:
    address, contact = crm.make("accounts", name="A"), crm.make("contacts", lastname="Duarte")

    assert (
        crm.send("PUT", f"{address}/primarycontactid/$ref", {"@odata.id": f"{ROOT}{contact}"}).status == 204
    )
    assert crm.get(address).json["_primarycontactid_value"] in contact
    assert crm.delete(f"{address}/primarycontactid/$ref").status == 204
    assert crm.get(address).json["_primarycontactid_value"] is None
    assert crm.send("PUT", f"{address}/primarycontactid/$ref", {"@odata.id": address}).code == "0x80048d19"


def test_three_ways_to_empty_a_lookup(crm: Client) -> None:
    contact = crm.make("contacts", lastname="Duarte")
    for empty in ({"primarycontactid@odata.bind": None}, {"primarycontactid": None}):
        address = crm.make("accounts", name="A", primarycontactid__bind=f"/{contact}")
        assert crm.patch(address, empty).status == 204
        assert crm.get(address).json["_primarycontactid_value"] is None


def test_every_way_to_write_the_address_of_a_row(crm: Client) -> None:
    contact = crm.make("contacts", lastname="Duarte")
    for written in (contact, f"/{contact}", f"{ROOT}{contact}", f"/api/data/v9.2/{contact}"):
        crm.make("accounts", name="A", primarycontactid__bind=written)


def test_children_are_added_through_the_collection(crm: Client) -> None:
    child = crm.make("accounts", name="Child")

    assert crm.post(f"accounts({FABRIKAM})/account_parent_account/$ref", {"@odata.id": child}).status == 204

    assert crm.get(child).json["_parentaccountid_value"] == str(FABRIKAM)


def test_polymorphic_lookups_know_what_they_point_at(crm: Client) -> None:
    contact = crm.make("contacts", lastname="Duarte")
    invoice = crm.make("invoices", name="I", customerid_contact__bind=f"/{contact}")

    row = crm.get(invoice, prefer='odata.include-annotations="*"').json

    assert row["_customerid_value@Microsoft.Dynamics.CRM.lookuplogicalname"] == "contact"
    assert row["_contactid_value"] == row["_customerid_value"]
    assert row["_accountid_value"] is None
    crm.patch(invoice, {"customerid_account@odata.bind": f"/accounts({FABRIKAM})"})
    assert crm.get(invoice).json["_accountid_value"] == str(FABRIKAM)


def test_owners_are_users_or_teams(crm: Client) -> None:
    unit = crm.get("WhoAmI").json["BusinessUnitId"]
    team = crm.make("teams", name="Billing", businessunitid__bind=f"/businessunits({unit})")
    biller = demo_id("systemuser", "biller")
    address = crm.make("accounts", name="A", ownerid__bind=f"/systemusers({biller})")
    assert crm.get(address).json["_owninguser_value"] == str(biller)

    crm.patch(address, {"ownerid@odata.bind": f"/{team}"})

    row = crm.get(address).json
    assert (row["_owninguser_value"], row["_owningteam_value"]) == (None, row["_ownerid_value"])
    assert row["_owningbusinessunit_value"] == unit


def test_delete_is_restricted_cascades_or_unlinks(crm: Client) -> None:
    account, contact = crm.make("accounts", name="A"), crm.make("contacts", lastname="Duarte")
    crm.patch(account, {"primarycontactid@odata.bind": f"/{contact}"})
    invoice = crm.make("invoices", name="I", customerid_account__bind=f"/{account}")
    line = crm.make("invoicedetails", invoiceid__bind=f"/{invoice}", productdescription="x")

    refused = crm.delete(account)
    assert (refused.status, refused.code) == (405, "0x80040227")
    assert "invoice" in refused.message
    assert crm.delete(contact).status == 204
    assert crm.get(account).json["_primarycontactid_value"] is None
    assert crm.delete(invoice).status == 204
    assert crm.get(line).status == 404
    assert crm.delete(account).status == 204


def test_a_ledger_keeps_its_account(crm: Client) -> None:
    refused = crm.delete(f"accounts({FABRIKAM})")

    assert (refused.status, refused.code) == (405, "0x80040227")


def test_deleting_a_user_takes_the_links_to_its_roles(crm: Client) -> None:
    unit = crm.get("WhoAmI").json["BusinessUnitId"]
    user = crm.make(
        "systemusers", firstname="T", lastname="Emp", businessunitid__bind=f"/businessunits({unit})"
    )
    role = crm.get("roles?$top=1").rows[0]["roleid"]
    crm.post(f"{user}/systemuserroles_association/$ref", {"@odata.id": f"roles({role})"})
    links = crm.get("systemuserrolescollection/$count").text

    assert crm.delete(user).status == 204

    assert crm.get("systemuserrolescollection/$count").text == str(int(links) - 1)


def test_pointing_at_a_row_takes_rights_on_both(crm: Client) -> None:
    body = {"primarycontactid@odata.bind": f"/contacts({uuid4()})"}

    assert crm.acting_as("reader").patch(f"accounts({FABRIKAM})", body).status in {403, 404}
