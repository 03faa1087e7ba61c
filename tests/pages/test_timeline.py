"""The timeline of an invoice: its e-mails and notes, with their files to open."""

import re
from base64 import b64encode

from sandbox.demo.story import row_id
from sandbox.wire import Request
from sandbox.world import World
from tests.pages.conftest import Visitor, invoice

FILE = b"%PDF-1.7 an invoice"


def write(world: World, path: str, body: str) -> None:
    actor = world.crm.security.actor(row_id("systemuser", "admin"))
    request = Request("POST", f"/api/data/v9.2/{path}", "", {}, body.encode(), "http://127.0.0.1")
    answer = world.crm.web_api.handle(request, actor)
    assert answer.status in {200, 204}, answer.body


def add_note(world: World, number: str, subject: str) -> None:
    key, content = invoice(world, number)["invoiceid"], b64encode(FILE).decode()
    write(
        world,
        "annotations",
        f'{{"subject": "{subject}", "notetext": "To print", "filename": "{number}.pdf", "mimetype": "application/pdf",'
        f' "documentbody": "{content}", "objectid_invoice@odata.bind": "/invoices({key})"}}',
    )


def add_email(world: World, number: str) -> None:
    key, content = invoice(world, number)["invoiceid"], b64encode(FILE).decode()
    admin, account = row_id("systemuser", "admin"), row_id("account", "Fabrikam Fibre")
    email = row_id("email", number)
    write(
        world,
        "emails",
        f'{{"activityid": "{email}", "subject": "Invoice {number}", "description": "<p>Hello</p>", "directioncode": true,'
        f' "regardingobjectid_invoice_email@odata.bind": "/invoices({key})", "email_activity_parties": ['
        f'{{"participationtypemask": 1, "partyid_systemuser@odata.bind": "/systemusers({admin})"}},'
        f'{{"participationtypemask": 2, "partyid_account@odata.bind": "/accounts({account})"}}],'
        f' "email_activity_mime_attachment": [{{"filename": "{number}.pdf", "mimetype": "application/pdf",'
        f' "body": "{content}"}}]}}',
    )
    write(world, f"emails({email})/Microsoft.Dynamics.CRM.SendEmail", '{"IssueSend": true}')


def timeline_of(page: str) -> str:
    return page.split('class="timeline"', 1)[1].split("</ol>", 1)[0]


def test_an_invoice_without_any_says_so(biller: Visitor) -> None:
    assert "Nothing on the timeline yet." in biller.record("invoice", invoice(biller.world, "INV-1001"))


# E135: what was e-mailed and what is to be printed opens from the invoice
def test_notes_and_emails_open_with_their_files(biller: Visitor) -> None:
    add_note(biller.world, "INV-1001", "Invoice <b>to print</b>")
    add_email(biller.world, "INV-1001")

    entries = timeline_of(biller.record("invoice", invoice(biller.world, "INV-1001")))

    assert re.findall(r"<h3>(\w+):", entries) == ["Email", "Note"]
    assert "Completed (Sent)" in entries
    files = re.findall(r'<a href="([^"]*download[^"]*)"[^>]*>([^<]*)</a>', entries)
    assert sorted(name for _, name in files) == ["INV-1001.pdf", "INV-1001.pdf"]
    for href, _ in files:
        response = biller.get(href)
        assert (response.status, response.body) == (200, FILE)
        assert response.headers["content-type"] == "application/pdf"
    [email] = re.findall(r'<h3>Email: <a href="([^"]*)"', entries)
    assert "Hello" in biller.page(email)
