"""E-mail activities: parties and files made along with them, sending, and notes with files."""

from base64 import b64encode

import pytest

from tests.sandbox_crm.client import Answer, Client, demo_id

FABRIKAM = demo_id("account", "Fabrikam Fibre")
INVOICE = demo_id("invoice", "INV-1001")
FILE = b64encode(b"%PDF-1.7 a statement").decode()


def me(crm: Client) -> dict[str, object]:
    return {
        "participationtypemask": 1,
        "partyid_systemuser@odata.bind": f"/systemusers({demo_id('systemuser', crm.user)})",
    }


def an_email(crm: Client, **more: object) -> dict[str, object]:
    return {
        "subject": "Invoice INV-1001",
        "description": "<p>Dear customer</p>",
        "regardingobjectid_invoice_email@odata.bind": f"/invoices({INVOICE})",
        "email_activity_parties": [
            me(crm),
            {"participationtypemask": 2, "partyid_account@odata.bind": f"/accounts({FABRIKAM})"},
        ],
        "email_activity_mime_attachment": [
            {"filename": "INV-1001.pdf", "mimetype": "application/pdf", "body": FILE}
        ],
        **more,
    }


def made(crm: Client, **more: object) -> str:
    answer = crm.post("emails", an_email(crm, **more))
    assert answer.status == 204, answer.text
    return f"emails({answer.id})"


def send(crm: Client, email: str, **more: object) -> Answer:
    return crm.post(f"{email}/Microsoft.Dynamics.CRM.SendEmail", {"IssueSend": True, **more})


def test_an_email_is_made_with_its_parties_and_its_file_at_once(crm: Client) -> None:
    email = made(crm)

    row = crm.get(f"{email}?$expand=email_activity_parties,email_activity_mime_attachment").json
    assert row["torecipients"] == "accounts@fabrikam.example;"
    assert row["sender"] == "admin@counterfoil.example"
    assert (row["attachmentcount"], row["statecode"], row["statuscode"]) == (1, 0, 1)
    assert row["_regardingobjectid_value"] == str(INVOICE)
    [file] = row["email_activity_mime_attachment"]
    assert (file["filename"], file["filesize"], file["body"]) == ("INV-1001.pdf", 20, FILE)
    assert {party["participationtypemask"] for party in row["email_activity_parties"]} == {1, 2}
    assert {party["_ownerid_value"] for party in row["email_activity_parties"]} == {row["_ownerid_value"]}


def test_the_emails_about_an_invoice_are_found_from_it(crm: Client) -> None:
    email = made(crm)

    [found] = crm.get(f"invoices({INVOICE})/Invoice_Emails?$select=subject").rows
    assert found["activityid"] in email


def test_a_draft_is_sent_once(crm: Client) -> None:
    email = made(crm)

    sent = send(crm, email)
    again = send(crm, email)

    assert (sent.status, sent.json["Subject"]) == (200, "Invoice INV-1001")
    row = crm.get(email).json
    assert (row["statecode"], row["statuscode"]) == (1, 3)
    assert row["senton"] == row["actualend"]
    assert row["senton"]
    assert (again.status, again.code) == (400, "0x80040233")


@pytest.mark.parametrize(
    ("parties", "complaint"),
    [
        ([], "one sender"),
        ([2], "one sender"),
        ([1], "at least one recipient"),
        ([1, 1, 2], "one sender"),
    ],
)
def test_an_email_needs_a_sender_and_a_recipient(crm: Client, parties: list[int], complaint: str) -> None:
    listed = [me(crm) | {"participationtypemask": kind} for kind in parties]

    refused = send(crm, made(crm, email_activity_parties=listed))

    assert refused.status == 400
    assert complaint in refused.message


def test_who_has_no_address_or_wants_no_email_gets_none(crm: Client) -> None:
    silent = crm.make("accounts", name="Silent")
    unwilling = crm.make("accounts", name="Unwilling", emailaddress1="a@b.example", donotemail=True)
    for account, complaint in ((silent, "Silent has no e-mail address."), (unwilling, "not to be sent any")):
        party = {"participationtypemask": 2, "partyid_account@odata.bind": f"/{account}"}
        email = made(crm, email_activity_parties=[me(crm), party])

        assert complaint in send(crm, email).message
        assert crm.get(email).json["statuscode"] == 1

    by_address = {"participationtypemask": 2, "addressused": "somebody@else.example"}
    assert send(crm, made(crm, email_activity_parties=[me(crm), by_address])).status == 200


def test_a_queue_can_be_the_sender(crm: Client) -> None:
    queue = crm.make("queues", name="Billing", emailaddress="billing@counterfoil.example")
    party = {"participationtypemask": 1, "partyid_queue@odata.bind": f"/{queue}"}
    to = {"participationtypemask": 2, "partyid_account@odata.bind": f"/accounts({FABRIKAM})"}
    email = made(crm, email_activity_parties=[party, to])

    assert send(crm, email).status == 200
    assert crm.get(email).json["sender"] == "billing@counterfoil.example"


@pytest.mark.parametrize(
    "body", [{}, {"IssueSend": "yes"}, {"IssueSend": True, "Loudly": True}, {"TrackingToken": "x"}]
)
def test_sending_takes_its_own_parameters_only(crm: Client, body: dict[str, object]) -> None:
    answer = crm.post(f"{made(crm)}/Microsoft.Dynamics.CRM.SendEmail", body)

    assert (answer.status, answer.code) == (400, "0x80048d19")


def test_whoever_may_not_write_activities_sends_none(crm: Client) -> None:
    assert send(crm.acting_as("reader"), made(crm)).status == 403


def test_nothing_is_made_when_one_of_the_parts_is_refused(crm: Client) -> None:
    before = crm.get("emails/$count").text
    wrong = [{"filename": "x", "body": "not base64!"}]

    answer = crm.post("emails", an_email(crm, email_activity_mime_attachment=wrong))

    assert answer.status == 400
    assert "Base64" in answer.message
    assert crm.get("emails/$count").text == before


def test_a_file_may_be_added_later_and_has_a_limit(crm: Client) -> None:
    email = made(crm)
    crm.make("activitymimeattachments", objectid_email__bind=f"/{email}", filename="b.txt", body=FILE)
    huge = {"objectid_email@odata.bind": f"/{email}", "filename": "c", "body": "AAAA" * 1_747_627}

    assert crm.get(email).json["attachmentcount"] == 2
    assert crm.post("activitymimeattachments", huge).code == "0x80043E09"


def test_a_note_with_a_file_hangs_on_its_invoice(crm: Client) -> None:
    note = crm.make(
        "annotations",
        subject="Printed",
        filename="INV-1001.pdf",
        mimetype="application/pdf",
        documentbody=FILE,
        objectid_invoice__bind=f"/invoices({INVOICE})",
    )

    row = crm.get(note).json
    assert (row["isdocument"], row["filesize"], row["objecttypecode"]) == (True, 20, "invoice")
    assert [each["subject"] for each in crm.get(f"invoices({INVOICE})/Invoice_Annotation").rows] == [
        "Printed"
    ]


def test_rows_below_a_new_one_are_made_with_it_on_any_table(crm: Client) -> None:
    """Deep insert is the platform's, not e-mail's."""
    answer = crm.post(
        "invoices",
        {
            "name": "Deep",
            "customerid_account@odata.bind": f"/accounts({FABRIKAM})",
            "invoice_details": [
                {"productdescription": "a", "quantity": 2, "priceperunit": 5},
                {"productdescription": "b", "quantity": 1, "priceperunit": 2.5},
            ],
        },
    )

    row = crm.get(f"invoices({answer.id})?$expand=invoice_details($select=productdescription)").json
    assert row["totalamount"] == 12.5
    assert len(row["invoice_details"]) == 2
    assert crm.patch(f"invoices({answer.id})", {"invoice_details": []}).status == 400
    assert crm.post("invoices", {"name": "x", "invoice_details": ["a"]}).status == 400
