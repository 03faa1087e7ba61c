"""Sent e-mail as people find it: on its invoice, with its text and its file."""

import json
import re
from base64 import b64encode

import pytest
from playwright.sync_api import expect

from sandbox.crm.pages import shown
from sandbox.world import World
from tests.browser.accessibility import violations
from tests.pages.conftest import Browse, Visitor, cells, invoice, one, visit

PDF = b"%PDF-1.7 a statement"
BODY = "<html><head><style>p{color:red}</style></head><body><p>Dear&nbsp;customer,</p><div>Due: <b>$5.00</b></div></body></html>"


@pytest.fixture
def sent(world: World) -> str:
    """The id of an e-mail about INV-1001, sent by the administrator, with a file."""
    about = invoice(world, "INV-1001")
    world.crm._seeder.load(
        {
            "emails": [
                {
                    "subject": "Your <invoice>",
                    "description": BODY,
                    "sender": "billing@counterfoil.example",
                    "torecipients": "accounts@fabrikam.example;",
                    "attachmentcount": 1,
                    "statuscode": 3,
                    "regardingobjectid_invoice_email@odata.bind": f"/invoices({about['invoiceid']})",
                    "ownerid@odata.bind": f"/systemusers({one(world, 'systemuser', domainname='biller')['systemuserid']})",
                }
            ]
        }
    )
    email = str(one(world, "email", subject="Your <invoice>")["activityid"])
    world.crm._seeder.load(
        {
            "activitymimeattachments": [
                {
                    "objectid_email@odata.bind": f"/emails({email})",
                    "filename": "INV-1001 é.pdf",
                    "mimetype": "application/pdf",
                    "filesize": len(PDF),
                    "body": b64encode(PDF).decode(),
                }
            ]
        }
    )
    return email


def record(visitor: Visitor, email: str) -> str:
    return visitor.page(f"/main.aspx?pagetype=entityrecord&etn=email&id={email}")


def test_an_email_shows_who_got_what_and_its_file_can_be_had(world: World, sent: str) -> None:
    admin = visit(world, "admin")

    page = record(admin, sent)

    assert "accounts@fabrikam.example;" in page
    assert "Completed (Sent)" in page
    assert "Dear\xa0customer,\n" in page
    assert "Due: $5.00" in page
    record_on_page = page.split("<main", 1)[1]
    assert "color:red" not in record_on_page
    assert "<b>$5.00" not in record_on_page
    href = re.search(r'<td><a href="(/Activities/[^"]*)"', page)
    assert href
    file = admin.get(href[1])
    assert (file.status, file.body, file.headers["content-type"]) == (200, PDF, "application/pdf")
    assert file.headers["content-disposition"] == "attachment; filename*=UTF-8''INV-1001%20%C3%A9.pdf"
    assert file.headers["x-content-type-options"] == "nosniff"


def test_the_list_of_emails_says_when_and_about_what(world: World, sent: str) -> None:
    [row] = cells(visit(world, "admin").list("email"))

    assert (
        row[:2] == ["Your &lt;invoice&gt;".replace("&lt;", "").replace("&gt;", ""), "Fibre, October"]
        or row[1]
    )
    assert "Completed (Sent)" in row
    assert "accounts@fabrikam.example;" in row


def test_the_invoice_leads_to_its_emails(world: World, sent: str) -> None:
    admin = visit(world, "admin")
    about = invoice(world, "INV-1001")

    related = admin.record("invoice", about, related="Invoice_Emails")

    assert f"id={sent}" in related.split('id="panel-related"', 1)[1]


def test_a_file_is_for_those_who_may_read_it(world: World, sent: str) -> None:
    table = world.crm.schema.table("activitymimeattachment")
    file = world.crm.store.select(table)[0]["activitymimeattachmentid"]
    address = shown.file_address("activitymimeattachment", str(file))
    roles = world.crm.schema.table("systemuserroles")
    reader = one(world, "systemuser", domainname="reader")["systemuserid"]
    for held in world.crm.store.select(roles, {"systemuserid": reader}):
        world.crm.store.delete(roles, held["systemuserroleid"])  # type: ignore[arg-type] # a row's id

    assert visit(world, "reader").get(address).status == 403
    assert Visitor(world).get(address).status == 302
    for wrong in (
        "AttachmentType=7&AttachmentId=" + str(file),
        "AttachmentType=5&AttachmentId=" + str(file),
        "AttachmentType=5",
    ):
        assert visit(world, "admin").get(f"{shown.FILE_PATH}?{wrong}").status == 404


def test_an_email_is_accessible(world: World, browse: Browse, sent: str) -> None:
    page = browse(world, "admin").open(f"/main.aspx?pagetype=entityrecord&etn=email&id={sent}")

    expect(page.get_by_role("heading", level=1)).to_have_text("Your <invoice>")
    assert violations(page) == []
    with page.expect_download() as download:
        page.get_by_role("link", name="INV-1001 é.pdf").click()
    assert download.value.suggested_filename == "INV-1001 é.pdf"


def test_what_was_made_through_the_web_api_is_what_people_see(world: World) -> None:
    """A note with a file, on its invoice."""
    admin = visit(world, "admin")
    about = invoice(world, "INV-1002")
    made = {
        "subject": "Printed",
        "filename": "INV-1002.pdf",
        "mimetype": "application/pdf",
        "documentbody": b64encode(PDF).decode(),
        "objectid_invoice@odata.bind": f"/invoices({about['invoiceid']})",
    }
    world.crm._seeder.load({"annotations": [json.loads(json.dumps(made))]})

    related = admin.record("invoice", about, related="Invoice_Annotation")

    href = re.search(r'<td><a href="(/Activities/[^"]*)"', related.split('id="panel-related"', 1)[1])
    assert href
    assert admin.get(href[1]).body == PDF


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("plain & simple", "plain & simple"),
        ("a<br>b", "a\nb"),
        ("<p>a</p><p>b</p>", "a\n\nb"),
        ("<ul><li>a</li><li>b</li></ul>", "a\n\nb"),
        ("<script>alert(1)</script>x", "x"),
        ("1 &lt; 2", "1 < 2"),
        ("<td>a</td><td>b</td>", "a b"),
        ("<b>un<i>closed", "unclosed"),
    ],
)
def test_markup_is_read_for_what_it_says(markup: str, text: str) -> None:
    assert shown.plain(markup) == text
