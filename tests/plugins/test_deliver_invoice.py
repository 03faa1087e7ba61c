"""Deliver: by e-mail once and only once, or as a note to print; refused while the figures are not final."""

from base64 import b64decode
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from connector.sync.sweep import sweep
from plugins.actions import Answer
from plugins.check_request import ACTION as CHECK
from plugins.check_request import check_request
from plugins.deliver_invoice import ACTION, deliver_invoice
from plugins.ports import BooksUnreachable
from plugins.rules.ids import InvoiceId, email_id, request_id
from plugins.rules.ledger import Invoice, Outcome, Request
from plugins.rules.note import Note
from plugins.rules.setup import Account, BillingGroup, Delivery
from tests.builders import Office, an_invoice, named
from tests.fakes.books import unreachable
from tests.fakes.mail import Status, lost
from tests.ledger_office import LedgerOffice

NONE, EMAIL, PRINT = (728310000 + place for place in range(3))
ADDRESS = "accounts@fabrikam.example"


class Desk(LedgerOffice):
    """An account that reads its e-mail, and a closed invoice of it."""

    def __init__(self) -> None:
        super().__init__()
        account = self.office.books.rows[named("Fabrikam Fibre")]
        assert isinstance(account, Account)
        self.office.books.add(replace(account, email=ADDRESS))
        self.do("add_debit", amount="100.00")
        opened = self.ledger.open_invoice
        assert opened is not None
        self.invoice: InvoiceId = opened
        self.do("close_invoice", target=opened)
        self.mail = self.office.mail

    def deliver(
        self, method: int | None = None, key: str = "delivery-1", invoice: UUID | None = None
    ) -> Answer:
        given = {} if method is None else {"Method": method}
        call = self.office.call(ACTION.name, invoice or self.invoice, key, **given)
        return deliver_invoice(call, self.office.outside)

    def check(self, key: str = "delivery-1") -> Answer:
        return check_request(self.office.call(CHECK.name, None, key), self.office.outside)

    def request(self, key: str = "delivery-1") -> Request:
        row = self.office.books.rows[request_id(key)]
        assert isinstance(row, Request)
        return row

    def row(self) -> Invoice:
        return self.office.books.invoice(self.invoice)

    def belongs_to(self, delivery: Delivery | None) -> None:
        group = BillingGroup(
            id=named("group"), name="Monthly", close_cancelled=False, delivery=delivery, template=None
        )
        self.office.books.add(group, replace(self.ledger, billing_group=group.id))


# E135: by e-mail, with the document attached
def test_an_invoice_is_emailed() -> None:
    desk = Desk()

    answer = desk.deliver(EMAIL)

    assert (answer.outcome, answer.code) == (Outcome.DONE, "succeeded")
    assert answer.message == f"Invoice {desk.row().number} was e-mailed to Fabrikam Fibre ({ADDRESS})."
    [email] = desk.mail.outbox
    assert (email.to, email.regarding) == (named("Fabrikam Fibre"), desk.invoice)
    assert email.subject == f"Invoice {desk.row().number}"
    assert (email.filename, email.mimetype) == (f"Invoice-{desk.row().number}.pdf", "application/pdf")
    assert desk.row().number in email.content.decode()
    assert "Total due: 253.00 USD" in email.body
    assert desk.row().delivered_on == desk.office.clock.now()
    assert desk.office.books.shown[desk.invoice].delivered_on == desk.row().delivered_on


# E135: printed, in one changeset
def test_an_invoice_is_printed() -> None:
    desk = Desk()
    desk.office.books.calls.clear()

    answer = desk.deliver(PRINT)

    assert (answer.outcome, answer.code) == (Outcome.DONE, "succeeded")
    assert desk.office.books.calls == ["for_ledger", "commit"]
    [note] = desk.office.books.all(Note)
    assert (note.regarding, note.filename) == (desk.invoice, f"Invoice-{desk.row().number}.pdf")
    assert desk.row().number in b64decode(note.content).decode()
    assert note.filename in answer.message
    assert desk.row().delivered_on == desk.office.clock.now()
    assert desk.mail.outbox == []


@pytest.mark.parametrize(
    ("group", "emails", "notes"), [(Delivery.PRINT, 0, 1), (Delivery.EMAIL, 1, 0), (None, 1, 0)]
)
def test_without_a_method_the_billing_group_says_how(group: Delivery | None, emails: int, notes: int) -> None:
    desk = Desk()
    desk.belongs_to(group)

    desk.deliver()

    assert (len(desk.mail.outbox), len(desk.office.books.all(Note))) == (emails, notes)


# E133: the invoice is closed again before it is delivered
def test_an_open_invoice_is_closed_first() -> None:
    desk = Desk()
    desk.do("open_invoice", target=desk.invoice)

    answer = desk.deliver(EMAIL)

    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "invoice_open")
    assert "Close it first" in answer.message


def without_address(desk: Desk) -> None:
    [account] = desk.office.books.all(Account)
    desk.office.books.add(replace(account, email=" "))


def void(desk: Desk) -> None:
    desk.do("open_invoice", target=desk.invoice)
    _, answer = desk.do("void_invoice", target=desk.invoice)
    assert answer.outcome is Outcome.DONE


@pytest.mark.parametrize(
    ("code", "meanwhile", "method"),
    [
        ("no_email_address", without_address, EMAIL),
        ("invoice_void", void, EMAIL),
        ("delivery_none", lambda _: None, NONE),
        ("delivery_none", lambda desk: desk.belongs_to(Delivery.NONE), None),
        ("method_invalid", lambda _: None, 728310003),
    ],
)
def test_what_is_refused(code: str, meanwhile: Callable[[Desk], Any], method: int | None) -> None:
    desk = Desk()
    meanwhile(desk)
    before = {key: row for key, row in desk.office.books.rows.items() if not isinstance(row, Request)}

    answer = desk.deliver(method)

    assert (answer.outcome, answer.code) == (Outcome.REFUSED, code)
    after = {key: row for key, row in desk.office.books.rows.items() if not isinstance(row, Request)}
    assert (after, desk.mail.outbox) == (before, [])


def test_who_has_no_address_is_named_and_may_be_printed_for() -> None:
    desk = Desk()
    without_address(desk)

    assert desk.deliver(EMAIL).message.startswith("Fabrikam Fibre has no e-mail address.")
    assert desk.deliver(PRINT, "delivery-2").outcome is Outcome.DONE


def test_a_mirror_of_a_void_invoice_is_not_delivered() -> None:
    desk = Desk()
    void(desk)
    mirror = next(each for each in desk.office.books.all(Invoice) if each.voids == desk.invoice)

    assert desk.deliver(PRINT, invoice=mirror.id).code == "invoice_void"


def test_the_first_thing_asked_of_an_account_opens_its_ledger() -> None:
    office = Office()
    office.has(an_invoice("100.00"))
    [account] = office.books.all(Account)
    office.books.add(replace(account, email=ADDRESS))

    answer = deliver_invoice(office.call(ACTION.name, named("INV-1"), Method=EMAIL), office.outside)

    assert answer.outcome is Outcome.DONE
    assert office.ledger().account == account.id
    assert "Total due: 100.00 USD" in office.mail.outbox[0].body


def test_an_invoice_of_a_contact_is_not_of_any_ledger() -> None:
    office = Office()
    office.has(replace(an_invoice("100.00", customer_kind="contact"), customer=named("a contact")))

    answer = deliver_invoice(office.call(ACTION.name, named("INV-1"), Method=PRINT), office.outside)

    assert answer.outcome is Outcome.REFUSED
    assert office.books.all(Note) == []


# --- Once and only once ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [EMAIL, PRINT])
def test_a_key_used_again_sends_nothing_again(method: int) -> None:
    desk = Desk()
    first = desk.deliver(method)
    desk.office.clock.advance(days=2)

    assert desk.deliver(method) == first
    assert len(desk.mail.outbox) + len(desk.office.books.all(Note)) == 1


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("call", ["create", "send"])
@pytest.mark.parametrize("who", ["sweep", "check", "same key"])
def test_whatever_gets_lost_one_email_goes_out(when: str, call: str, who: str) -> None:
    desk = Desk()
    setattr(desk.mail, when, lost(call))

    with pytest.raises(BooksUnreachable):
        desk.deliver(EMAIL)
    assert desk.request().outcome is Outcome.PENDING
    assert desk.request().code == "reserved"
    desk.office.clock.advance(seconds=180)
    if who == "sweep":
        assert sweep(desk.office.outside).done == 1
    elif who == "check":
        assert desk.check().outcome is Outcome.DONE
    else:
        assert desk.deliver(EMAIL).outcome is Outcome.DONE

    assert len(desk.mail.outbox) == 1
    assert desk.mail.outbox[0].id == email_id(request_id("delivery-1"))
    assert desk.request().outcome is Outcome.DONE
    assert desk.row().delivered_on is not None


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("commit", [1, 2])
def test_whatever_the_books_lose_one_email_goes_out(when: str, commit: int) -> None:
    desk = Desk()
    commits = iter(range(1, 9))

    def act(name: str) -> None:
        if name == "commit" and next(commits) == commit:
            raise BooksUnreachable("commit: no answer")

    setattr(desk.office.books, when, act)
    try:
        desk.deliver(EMAIL)
    except BooksUnreachable:
        desk.office.clock.advance(seconds=180)
        sweep(desk.office.outside)

    assert len(desk.mail.outbox) == 1
    assert desk.request().outcome is Outcome.DONE


def test_the_sweep_leaves_young_requests_to_whoever_asked() -> None:
    desk = Desk()
    desk.mail.before = lost("create")
    with pytest.raises(BooksUnreachable):
        desk.deliver(EMAIL)

    sweep(desk.office.outside)

    assert desk.mail.outbox == []
    assert desk.request().outcome is Outcome.PENDING


def test_a_ledger_that_moves_meanwhile_is_read_again() -> None:
    desk = Desk()
    desk.mail.after = lambda name: _pay(desk) if name == "send" else None

    assert desk.deliver(EMAIL).outcome is Outcome.DONE
    assert desk.row().delivered_on is not None


def _pay(desk: Desk) -> None:
    desk.mail.after = lambda _: None
    desk.do("add_payment", amount="10.00")


# --- When it cannot be sent --------------------------------------------------------------------------------------


def test_an_email_that_the_crm_refuses_is_told_and_cancelled() -> None:
    desk = Desk()
    desk.mail.refuses = "The mailbox is not enabled."

    answer = desk.deliver(EMAIL)

    assert (answer.outcome, answer.code) == (Outcome.FAILED, "email_refused")
    assert "The mailbox is not enabled." in answer.message
    assert set(desk.mail.status.values()) == {Status.CANCELLED}
    assert desk.row().delivered_on is None
    assert desk.deliver(EMAIL) == answer


@pytest.mark.parametrize("call", ["create", "send"])
def test_an_invoice_opened_again_meanwhile_is_not_sent(call: str) -> None:
    desk = Desk()
    desk.mail.before = lost(call)
    with pytest.raises(BooksUnreachable):
        desk.deliver(EMAIL)
    desk.do("open_invoice", target=desk.invoice)
    desk.office.clock.advance(seconds=180)

    assert sweep(desk.office.outside).failed == 1

    assert desk.mail.outbox == []
    assert (desk.request().outcome, desk.request().code) == (Outcome.FAILED, "not_sent")
    assert "still open" in desk.request().message


def test_what_was_sent_stays_sent_whatever_becomes_of_the_invoice() -> None:
    desk = Desk()
    desk.mail.after = lost("send")
    with pytest.raises(BooksUnreachable):
        desk.deliver(EMAIL)
    desk.do("open_invoice", target=desk.invoice)
    desk.office.clock.advance(seconds=180)

    sweep(desk.office.outside)

    assert desk.request().outcome is Outcome.DONE
    assert len(desk.mail.outbox) == 1


def test_after_a_day_without_an_answer_it_is_given_up() -> None:
    desk = Desk()
    desk.mail.before = lost("send", times=99)
    with pytest.raises(BooksUnreachable):
        desk.deliver(EMAIL)
    desk.office.clock.advance(seconds=180)
    counts = sweep(desk.office.outside)
    assert (counts.in_trouble, desk.office.alerts.codes) == (1, ["delivery_in_trouble"])

    desk.office.clock.advance(seconds=timedelta(days=1).total_seconds())
    sweep(desk.office.outside)

    assert (desk.request().outcome, desk.request().code) == (Outcome.FAILED, "not_sent")
    assert desk.mail.outbox == []


def test_a_crm_that_does_not_answer_ends_the_pass() -> None:
    desk = Desk()
    desk.mail.before = lost("create", times=9)
    for number in range(4):
        with pytest.raises(BooksUnreachable):
            desk.deliver(EMAIL, f"delivery-{number}")
    desk.office.clock.advance(seconds=180)
    desk.office.books.before = unreachable("for_ledger", times=9)

    assert not sweep(desk.office.outside).crm_answered
