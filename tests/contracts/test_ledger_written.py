"""Writing a ledger, whatever the books are: invoices that are made, several that are shown, and what the CRM refuses."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from connector.sync.sweep import sweep
from plugins import disburse, open_account, open_invoice, save_payment, void_invoice
from plugins.rules.books import About, InvoiceBooks, Scope
from plugins.rules.changes import Changeset, Create, Update, owed_showings
from plugins.rules.checks import problems
from plugins.rules.draft import Draft
from plugins.rules.ids import (
    AccountId,
    LedgerId,
    PaymentId,
    PaymentTypeId,
    TransactionId,
    ledger_id,
    ledger_key,
)
from plugins.rules.ledger import (
    InvoiceStatus,
    Ledger,
    LedgerState,
    Operation,
    Payment,
    RemovedReason,
    Stage,
    Transaction,
    TransactionStatus,
    UsageStatus,
)
from plugins.rules.opening import open_ledger
from plugins.rules.placing import open_new_invoice
from sandbox.demo.story import row_id
from sandbox.world import World
from tests.contracts.ledger_story import (
    ACCOUNT,
    CALLS,
    CHECK,
    LEDGER,
    RATE,
    TAXED,
    UNTAXED,
    USD,
    Clerk,
    invoice,
    set_up,
    stage_usage,
    usd,
)
from tests.contracts.stages import MemoryStage, SandboxStage, Validation


@pytest.fixture
def clerk(stage: MemoryStage | SandboxStage) -> Clerk:
    set_up(stage)
    return Clerk(stage)


# --- Invoices that are made ------------------------------------------------------------------------------------------


def test_a_debit_makes_an_invoice_that_its_ledger_names_as_the_open_one(clerk: Clerk) -> None:
    debit = clerk.debit("100.00")
    opened = clerk.opened()
    there = clerk.stage.whole()

    (ledger,) = (each for each in there.ledgers if each.id == LEDGER)
    assert ledger.open_invoice == opened.id == debit.invoice
    assert opened.number, "the CRM's own"
    assert (opened.customer, opened.customer_kind, opened.ledger) == (ACCOUNT, "account", LEDGER)
    assert (opened.status, opened.ledger_state, opened.total) == (
        InvoiceStatus.NEW,
        LedgerState.OPEN,
        usd("0"),
    )
    assert opened.owner == ledger.owner
    shown = there.shown[opened.id]
    assert (shown.total, shown.balance, shown.status) == (usd("100.00"), usd("100.00"), InvoiceStatus.NEW)


def test_an_account_is_opened(clerk: Clerk) -> None:
    account = row_id("account", "Litware Dental")
    clerk.done(open_account.ACTION, open_account.open_account, account, Currency="EUR")
    key = LedgerId(ledger_id(ledger_key(AccountId(account), "EUR")))
    books = clerk.books.for_ledger(Scope(about=About.LEDGER, key=key), None, None)
    assert books.ledger is not None
    assert (books.ledger.version, books.ledger.open_invoice) == (1, None)


def test_a_ledger_and_its_open_invoice_are_made_together(clerk: Clerk) -> None:
    scope = Scope(about=About.ACCOUNT, key=row_id("account", "Litware Dental"), currency="EUR")
    books = clerk.books.for_ledger(scope, None, None)
    draft = Draft(books, seed=LEDGER, now=clerk.outside.clock.now(), ledger=open_ledger(books, scope))
    opened = open_new_invoice(draft)
    clerk.books.commit(draft.changeset(None))

    books = clerk.books.for_ledger(scope, None, None)
    assert books.ledger is not None
    assert (books.ledger.version, books.ledger.open_invoice) == (1, opened.id)
    assert books.invoice_of(opened.id) is not None
    assert problems(clerk.stage.whole()) == []


# --- Attempts at the gateway without an invoice ----------------------------------------------------------------------


def attempted(clerk: Clerk, **fields: Any) -> Transaction:
    """A payment transaction in flight that no invoice is charged by."""
    books = clerk.books.for_ledger(Scope(about=About.LEDGER, key=LEDGER), None, None)
    ledger = books.ledger
    assert ledger is not None
    made = Transaction(
        id=TransactionId(row_id("test", "attempt")),
        invoice=None,
        ledger=LEDGER,
        profile=None,
        request=None,
        currency_id=USD,
        owner=ledger.owner,
        amount=usd("25.00"),
        gateway_reference="pi_attempt",
        status=TransactionStatus.PENDING,
        stage=Stage.RESERVED,
        next_check_on=clerk.outside.clock.now(),
        payment_type=PaymentTypeId(CHECK),
        deposit=True,
        **fields,
    )
    after = replace(ledger, version=ledger.version + 1)
    clerk.books.commit(Changeset(Update(ledger, after), (Create(made),)))
    return made


def test_a_payment_of_the_account_is_settled_on_its_ledger(clerk: Clerk) -> None:
    made = attempted(clerk, operation=Operation.CHARGE)
    found = clerk.books.for_settlement(made)
    assert not isinstance(found, InvoiceBooks)
    assert [each.id for each in found.ledgers] == [LEDGER]
    assert found.transaction is not None
    assert (found.transaction.deposit, found.transaction.payment_type) == (True, CHECK)
    assert made.id in {each.id for each in found.pending}
    assert [each.name for each in found.profiles] == ["Visa •••• 4242"]


def test_a_refund_is_settled_with_the_payment_that_it_takes_back(clerk: Clerk) -> None:
    payment = clerk.payment("1000.00")
    clerk.disburse(payment, invoice("INV-1002"))
    made = attempted(clerk, operation=Operation.REFUND, refunded_payment=payment.id)
    found = clerk.books.for_settlement(made)
    assert not isinstance(found, InvoiceBooks)
    refunded = found.payment_of(payment.id)
    assert refunded is not None
    assert refunded.etag
    assert {each.invoice for each in found.disbursements if each.payment == payment.id} == {
        invoice("INV-1002")
    }
    assert found.invoice_of(invoice("INV-1002")) is not None, "paid in full, and brought by the payment"
    assert made.id in {each.id for each in found.pending}


def test_a_void_invoice_has_a_mirror_that_is_paid_and_names_it(clerk: Clerk) -> None:
    clerk.debit("100.00", TAXED)
    opened = clerk.opened()
    there = clerk.done(void_invoice.ACTION, void_invoice.void_invoice, opened.id)

    (mirror,) = (each for each in there.invoices if each.voids == opened.id)
    (void,) = (each for each in there.invoices if each.id == opened.id)
    assert (mirror.ledger_state, mirror.status) == (LedgerState.VOID_MIRROR, InvoiceStatus.COMPLETE)
    assert (void.ledger_state, void.status) == (LedgerState.VOID, InvoiceStatus.CANCELED)
    assert mirror.closed_on is not None
    assert there.shown[mirror.id].total == -there.shown[void.id].total == usd("-113.00")
    books = clerk.books.for_ledger(Scope(about=About.LEDGER, key=LEDGER), None, None)
    assert {mirror.id, void.id} & {each.id for each in books.invoices} == set(), "neither owes anything"


def test_what_waited_is_displayed_on_the_next_invoice(clerk: Clerk) -> None:
    waiting = clerk.payment("12.50")
    assert waiting.display_invoice is None
    clerk.debit("100.00")
    (displayed,) = (each for each in clerk.stage.whole().payments if each.id == waiting.id)
    assert displayed.display_invoice == clerk.opened().id


def test_what_waits_beyond_one_changeset_is_a_sum(clerk: Clerk) -> None:
    one = clerk.payment("12.50")
    more = 405
    for number in range(more):
        _seeded(clerk, one, PaymentId(row_id("test", f"waiting {number}")), 1000 + number)
    scope = Scope(about=About.LEDGER, key=LEDGER, waiting=True)
    books = clerk.books.for_ledger(scope, None, None)
    waiting = [each for each in books.payments if each.display_invoice is None and not each.deposit]
    whole = [each.amount for each in clerk.stage.whole().payments if each.ledger == LEDGER]
    assert books.also_unshown is not None
    assert len(waiting) >= 400
    assert sum(each.amount.minor for each in waiting) + books.also_unshown.minor == sum(
        each.minor for each in whole
    )


def _seeded(clerk: Clerk, like: Payment, key: PaymentId, number: int) -> None:
    """A payment as that one, used up by something long ago."""
    stage = clerk.stage
    if isinstance(stage, MemoryStage):
        stage.add(replace(like, id=key, number=number, undisbursed=usd("0"), disbursed=like.amount))
        return
    stage.seeder.add(
        "cfl_payment",
        {
            "cfl_paymentid": key,
            "cfl_number": number,
            "cfl_billingaccountid": LEDGER,
            "cfl_paymenttypeid": CHECK,
            "transactioncurrencyid": USD,
            "ownerid": like.owner.id,
            "cfl_amount": like.amount.amount,
            "cfl_undisbursed": Decimal(0),
            "cfl_disbursed": like.amount.amount,
            "cfl_refunded": Decimal(0),
            "cfl_date": date(2026, 11, 3),
            "cfl_postingdate": date(2026, 11, 3),
        },
    )


# --- Rows of every kind ----------------------------------------------------------------------------------------------


def test_taxes_are_written_as_they_were_calculated(clerk: Clerk) -> None:
    debit = clerk.debit("100.00", TAXED)
    assert (debit.net, debit.tax, debit.gross) == (usd("100.00"), usd("13.00"), usd("113.00"))
    (tax,) = (each for each in clerk.stage.whole().taxes if each.entry == debit.id)
    assert (tax.entry, tax.tax_rate, tax.rate, tax.base, tax.amount, tax.jurisdiction) == (
        debit.id,
        RATE,
        Decimal(13),
        usd("100.00"),
        usd("13.00"),
        "Ontario",
    )


def test_an_entry_comes_back_as_it_was_written(clerk: Clerk) -> None:
    debit, credit = clerk.debit("100.00"), clerk.credit("30.00")
    books = clerk.books.for_ledger(Scope(about=About.LEDGER, key=LEDGER), None, None)
    for each in (debit, credit):
        found = books.entry_of(each.id)
        assert found is not None
        assert replace(found, etag="") == replace(each, etag="")
    assert debit.detail == "Debit of 100.00"
    assert (debit.service, debit.automatic, debit.tax_exempt) == (UNTAXED, False, False)
    assert (credit.dated, credit.undisbursed, credit.is_disbursed) == (
        date(2026, 11, 2),
        usd("30.00"),
        False,
    )


def test_people_see_rows_by_their_number(watched: tuple[World, Validation]) -> None:
    stage = SandboxStage(*watched)
    set_up(stage)
    clerk = Clerk(stage)
    debit, payment = clerk.debit("100.00", TAXED), clerk.payment("10.00")
    tax = next(each for each in stage.whole().taxes if each.entry == debit.id)
    for entity_set, row, shown in (
        ("cfl_accounttransactions", debit, f"#{debit.number}"),
        ("cfl_payments", payment, f"#{payment.number}"),
        ("cfl_transactiontaxes", tax, "13 %"),
    ):
        assert stage.name_of(entity_set, row.id) == shown


def test_a_disbursement_is_taken_off_and_never_seen_again(clerk: Clerk) -> None:
    payment = clerk.payment("1000.00")
    clerk.disburse(payment, invoice("INV-1002"), invoice("INV-1001"))
    first, second = sorted(
        (each for each in clerk.stage.whole().disbursements if each.payment == payment.id),
        key=lambda each: each.number,
    )
    clerk.take_off(first.id)

    there = clerk.stage.whole()
    (removed,) = (each for each in there.removed if each.id == first.id)
    assert removed.removed_reason is RemovedReason.DELETED
    books = clerk.books.for_ledger(
        Scope(about=About.PAYMENT, key=payment.id, payments=(payment.id,), disbursements=(first.id,)),
        None,
        None,
    )
    assert {each.id for each in books.disbursements if each.payment == payment.id} == {second.id}


def test_usage_is_billed_again_when_its_debit_is_reversed(clerk: Clerk) -> None:
    debit = clerk.debit("100.00", TAXED)
    stage_usage(clerk.stage, debit)
    clerk.reverse(debit.id)
    (record,) = (each for each in clerk.stage.whole().usage if each.id == CALLS[0])
    assert (record.entry, record.status) == (None, UsageStatus.UNBILLED)


def test_a_flag_of_a_payment_is_changed_and_a_deposit_counts_apart(clerk: Clerk) -> None:
    payment = clerk.payment("75.00")
    there = clerk.done(save_payment.ACTION, save_payment.save_payment, payment.id, Deposit=True)
    (ledger,) = (each for each in there.ledgers if each.id == LEDGER)
    assert (ledger.deposit_balance, ledger.undisbursed) == (usd("75.00"), usd("0"))


# --- Several invoices ------------------------------------------------------------------------------------------------


def test_every_invoice_that_looks_different_is_shown(clerk: Clerk) -> None:
    payment = clerk.payment("1850.00")
    clerk.disburse(payment, invoice("INV-1002"), invoice("INV-1001"))
    there = clerk.stage.whole()
    for number in ("INV-1001", "INV-1002"):
        shown = there.shown[invoice(number)]
        assert (shown.status, shown.balance) == (InvoiceStatus.COMPLETE, usd("0")), number
    (found,) = (each for each in there.payments if each.id == payment.id)
    assert (found.undisbursed, found.is_disbursed) == (usd("0"), True)


def test_an_invoice_that_is_locked_is_shown_later(clerk: Clerk) -> None:
    """The money is recorded at once; the ledger remembers what it owes the invoice, and the sweep shows it."""
    payment, late = clerk.payment("600.00"), invoice("INV-1002")
    before = clerk.stage.whole().shown.get(late)
    clerk.stage.lock(late)
    given = {"PaymentId": payment.id, "InvoiceIds": [str(late)]}

    answer = clerk.ask(disburse.ACTION, disburse.disburse, None, **given)
    assert answer.code == "succeeded"
    assert clerk.alerts.codes == ["invoice_not_writable"]

    there = clerk.stage.whole()
    assert there.shown.get(late) == before, "not written at all"
    assert owed_showings(_ledger(clerk)).keys() == {late}
    due = clerk.books.due(clerk.outside.clock.now(), 10)
    assert [each.id for each in due.ledgers] == [LEDGER]

    sweep(clerk.outside)
    assert owed_showings(_ledger(clerk)).keys() == {late}, "still locked"
    clerk.stage.unlock(late)
    sweep(clerk.outside)
    there = clerk.stage.whole()
    assert problems(there) == []
    assert there.shown[late].status is InvoiceStatus.COMPLETE
    assert owed_showings(_ledger(clerk)) == {}
    assert clerk.books.due(clerk.outside.clock.now(), 10).ledgers == ()


def _ledger(clerk: Clerk) -> Ledger:
    return next(each for each in clerk.stage.whole().ledgers if each.id == LEDGER)


def test_an_open_invoice_that_shows_nothing_of_it_is_read_all_the_same(clerk: Clerk) -> None:
    paid = invoice("INV-1003")
    clerk.stage.lock(paid)
    answer = clerk.ask(open_invoice.ACTION, open_invoice.open_invoice, paid)
    assert answer.code == "succeeded"
    books = clerk.books.for_ledger(Scope(about=About.LEDGER, key=LEDGER), None, None)
    assert books.ledger is not None
    assert books.ledger.open_invoice == paid
    found = books.invoice_of(paid)
    assert found is not None
    assert found.status is InvoiceStatus.COMPLETE
    assert [each.invoice for each in books.disbursements].count(paid) >= 1


# --- On the wire -----------------------------------------------------------------------------------------------------


def test_an_invoice_is_made_after_the_lock_and_named_by_the_ledger_after_it_was_made(
    watched: tuple[World, Validation],
) -> None:
    stage = SandboxStage(*watched)
    set_up(stage)
    clerk = Clerk(stage)
    before = watched[0].crm_calls.since()["next"]
    clerk.debit("100.00", TAXED)

    calls = watched[0].crm_calls.since(before)["calls"]
    reading, writing = [each for each in calls if "parts" in each][:2]
    assert {part["method"] for part in reading["parts"]} == {"GET"}
    written = [
        f"{part['method']} {part['path'].partition('/v9.2/')[2].partition('(')[0]}"
        for part in writing["parts"]
    ]
    assert written[:3] == ["PATCH cfl_billingaccounts", "POST invoices", "PATCH cfl_billingaccounts"]
    assert written[3:6] == ["POST cfl_requests", "POST cfl_accounttransactions", "POST cfl_transactiontaxes"]
    assert written[-1] == "PATCH invoices"
    assert writing["parts"][0]["path"] == writing["parts"][2]["path"]
