"""Posting a batch of payments: line by line, each once, and those that fail with their reason."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from connector.sync.sweep import sweep
from plugins.actions import Answer
from plugins.post_batch import ACTION, carry_on, post_batch
from plugins.rules.batches import post_line
from plugins.rules.books import About, Scope
from plugins.rules.draft import Draft
from plugins.rules.ledger import CardType, LedgerStatus, Outcome, Payment
from plugins.rules.refusal import Refused
from plugins.rules.runs import BatchStatus, PaymentBatch, PaymentBatchLine, Posting
from tests.builders import BILLER, OWNER, a_closed_period, a_ledger, an_account, named, usd
from tests.clerk import Clerk, amounts
from tests.fakes.books import PAGE

BATCH = named("PB-000001")


@pytest.fixture
def clerk() -> Clerk:
    """Two accounts that owe 100.00 and 50.00, and an empty batch."""
    made = Clerk()
    made.books.add(an_account("Other"), a_ledger("Other"))
    made.debit("100.00")
    made.close()
    made.debit("40.00")
    made.debit("50.00", ledger=a_ledger("Other").id)
    made.books.add(PaymentBatch(id=BATCH, name="PB-000001", owner=OWNER, status=None))
    return made


def has_line(clerk: Clerk, name: str, amount: str, account: str = "Fabrikam Fibre", **fields: Any) -> None:
    given: dict[str, Any] = {
        "dated": None,
        "posting_date": None,
        "payment_type": named("Check"),
        "detail": "",
        "check_number": "",
        "card_type": None,
        "automatic": True,
        "invoice_numbers": "",
        "outcome": None,
    } | fields
    clerk.books.add(
        PaymentBatchLine(
            id=named(name), batch=BATCH, ledger=a_ledger(account).id, amount=usd(amount), **given
        )
    )


def line(clerk: Clerk, name: str) -> PaymentBatchLine:
    found = clerk.books.rows[named(name)]
    assert isinstance(found, PaymentBatchLine)
    return found


def batch(clerk: Clerk) -> PaymentBatch:
    found = clerk.books.rows[BATCH]
    assert isinstance(found, PaymentBatch)
    return found


def asked(clerk: Clerk, key: str = "") -> Answer:
    return clerk.ask(ACTION, post_batch, BATCH, key)


def paid(clerk: Clerk, name: str) -> Payment:
    found = clerk.books.rows[line(clerk, name).payment]  # type: ignore[index]
    assert isinstance(found, Payment)
    return found


def test_each_line_becomes_a_payment_of_its_account(clerk: Clerk) -> None:
    # E113, E121
    has_line(clerk, "one", "120.00", detail="March", check_number="4711", dated=date(2026, 11, 19))
    has_line(clerk, "two", "50.00", "Other", payment_type=named("Credit Card"), card_type=CardType.VISA)
    answer = asked(clerk)
    assert (answer.outcome, answer.message) == (Outcome.DONE, "PB-000001 is posted: 2 payments.")
    one, two = paid(clerk, "one"), paid(clerk, "two")
    assert (one.amount, one.detail, one.check_number) == (usd("120.00"), "March", "4711")
    assert (one.dated, one.posting_date) == (date(2026, 11, 19), date(2026, 11, 19))
    assert (two.card_type, two.dated) == (CardType.VISA, date(2026, 11, 20))
    assert (clerk.ledger.balance, clerk.ledger_of("Other").balance) == amounts("20.00", "0.00")
    assert [each.amount for each in clerk.office.disbursements()] == list(amounts("50.00", "100.00", "20.00"))
    assert (batch(clerk).status, batch(clerk).next_check_on) == (BatchStatus.POSTED, None)
    assert {line(clerk, each).outcome for each in ("one", "two")} == {Posting.POSTED}


def test_a_line_may_say_which_invoices_it_pays(clerk: Clerk) -> None:
    # "Paying Invoices": by hand, not the oldest
    second = next(
        each for each in map(clerk.books.invoice, clerk.books.shown) if each.id == clerk.ledger.open_invoice
    )
    has_line(clerk, "one", "30.00", automatic=False, invoice_numbers=f" {second.number.lower()} ,")
    asked(clerk)
    assert clerk.shown(second) == amounts("30.00", "0.00", "10.00")


def test_what_the_named_invoices_do_not_take_goes_as_the_line_says(clerk: Clerk) -> None:
    second = next(
        each for each in map(clerk.books.invoice, clerk.books.shown) if each.id == clerk.ledger.open_invoice
    )
    has_line(clerk, "held", "45.00", automatic=False, invoice_numbers=second.number)
    asked(clerk)
    assert paid(clerk, "held").undisbursed == usd("5.00")
    clerk.books.add(PaymentBatch(id=BATCH, name="PB-000001", owner=OWNER, status=None))
    has_line(clerk, "on", "10.00", "Other", invoice_numbers="")
    asked(clerk)
    assert paid(clerk, "on").undisbursed == usd("0.00")


@pytest.mark.parametrize(
    ("fields", "code", "reason"),
    [
        ({"payment_type": named("gone")}, "payment_type_missing", "Choose an active payment type."),
        ({"amount": usd("0.00")}, "amount_invalid", "Enter an amount above zero."),
        (
            {"invoice_numbers": "INV-9"},
            "invoice_not_found",
            "INV-9 is not an invoice with a balance of this billing account.",
        ),
        (
            {"posting_date": date(2026, 10, 15)},
            "posting_period_closed",
            "The financial period of 2026-10-15 is closed.",
        ),
        (
            {"amount": replace(usd("1.00"), currency="CAD")},
            "currency_mismatch",
            "The line is in CAD, but the billing account is in USD.",
        ),
    ],
)
def test_a_line_that_cannot_be_posted_keeps_its_reason(
    clerk: Clerk, fields: dict[str, Any], code: str, reason: str
) -> None:
    clerk.books.add(a_closed_period("2026-10-01", "2026-10-31"))
    has_line(clerk, "good", "10.00")
    has_line(clerk, "bad", "10.00")
    clerk.books.add(replace(line(clerk, "bad"), **fields))
    answer = asked(clerk)
    assert answer.message.startswith("Of PB-000001 1 payment is posted; 1 failed.")
    assert line(clerk, "bad").outcome is Posting.FAILED
    assert line(clerk, "bad").reason.startswith(reason)
    books = clerk.books.for_ledger(Scope(about=About.LEDGER, key=clerk.ledger.id), None, None)
    with pytest.raises(Refused) as refused:
        post_line(Draft(books, seed=BATCH, now=clerk.office.clock.now()), line(clerk, "bad"), None)
    assert refused.value.code == code
    assert batch(clerk).status is BatchStatus.ENTERED
    assert len(clerk.payments()) == 1


def test_a_corrected_line_is_posted_with_the_batch_again(clerk: Clerk) -> None:
    has_line(clerk, "good", "10.00")
    has_line(clerk, "bad", "0.00")
    asked(clerk)
    clerk.books.add(replace(line(clerk, "bad"), amount=usd("5.00")))
    assert asked(clerk).message == "PB-000001 is posted: 2 payments."
    assert [each.amount for each in clerk.payments()] == list(amounts("10.00", "5.00"))
    assert (line(clerk, "bad").reason, batch(clerk).status) == ("", BatchStatus.POSTED)


def test_a_suspended_account_takes_no_payment(clerk: Clerk) -> None:
    clerk.books.add(replace(clerk.ledger, status=LedgerStatus.SUSPENDED))
    has_line(clerk, "one", "10.00")
    asked(clerk)
    assert line(clerk, "one").reason.startswith("The billing account Fabrikam Fibre (USD) is suspended.")


def test_an_account_that_cannot_be_written_or_is_gone_fails_its_lines_alone(clerk: Clerk) -> None:
    has_line(clerk, "one", "10.00")
    has_line(clerk, "two", "10.00", "Other")
    has_line(clerk, "three", "10.00", "Nobody")
    clerk.books.refuses = {clerk.ledger.id}
    asked(clerk)
    assert [line(clerk, each).reason for each in ("one", "two", "three")] == [
        "The CRM did not let Counterfoil write to the billing account (a plug-in refuses the ledger).",
        "",
        "The billing account no longer exists.",
    ]
    assert len(clerk.payments()) == 1


def test_a_batch_posts_only_to_accounts_that_its_poster_can_see(clerk: Clerk) -> None:
    has_line(clerk, "one", "10.00")
    begun = clerk.books.before

    def hidden(name: str) -> None:
        begun(name)
        if name == "for_ledger":
            clerk.books.rights[BILLER] = frozenset()

    clerk.books.before = hidden
    asked(clerk)
    assert line(clerk, "one").reason.startswith("You can't see this record")


def test_a_line_whose_payment_exists_is_never_posted_again(clerk: Clerk) -> None:
    # somebody set the line and the batch back
    has_line(clerk, "one", "10.00")
    asked(clerk)
    clerk.books.add(replace(line(clerk, "one"), outcome=Posting.ENTERED, payment=None))
    clerk.books.add(replace(batch(clerk), status=BatchStatus.ENTERED))
    asked(clerk)
    assert (len(clerk.payments()), line(clerk, "one").outcome) == (1, Posting.POSTED)


def test_a_line_that_is_corrected_meanwhile_is_read_anew(clerk: Clerk) -> None:
    has_line(clerk, "one", "10.00")
    seen: list[str] = []

    def corrected(name: str) -> None:
        if name == "commit" and not seen:
            seen.append(name)
            clerk.books.add(replace(line(clerk, "one"), amount=usd("12.00")))

    clerk.books.before = corrected
    asked(clerk)
    assert [each.amount for each in clerk.payments()] == list(amounts("12.00"))


def test_a_long_batch_goes_page_by_page(clerk: Clerk) -> None:
    for place in range(PAGE + 3):
        has_line(clerk, f"line {place}", "0.50" if place % 2 else "0.00")
    asked(clerk)
    assert len(clerk.payments()) == (PAGE + 3) // 2
    for place in range(PAGE + 3):
        clerk.books.add(replace(line(clerk, f"line {place}"), amount=usd("0.50")))
    asked(clerk)
    assert len(clerk.payments()) == PAGE + 3


def test_what_the_call_has_no_time_for_the_sweep_carries_on(clerk: Clerk) -> None:
    has_line(clerk, "one", "10.00")
    has_line(clerk, "two", "10.00")
    clerk.books.before = lambda name: clerk.office.clock.advance(seconds=40) if name == "commit" else None
    answer = asked(clerk, "slow-posting")
    assert (answer.outcome, len(clerk.payments())) == (Outcome.PENDING, 1)
    assert asked(clerk).code == "batch_in_progress"
    clerk.books.before = lambda _: None
    clerk.office.clock.advance(minutes=1)
    assert sweep(clerk.office.outside).carried_on == 1
    assert clerk.request("slow-posting").outcome is Outcome.DONE
    assert len(clerk.payments()) == 2


def test_a_posting_that_has_ended_is_left_alone(clerk: Clerk) -> None:
    has_line(clerk, "one", "10.00")
    asked(clerk, "posted-once")
    assert asked(clerk, "posted-once").code == "succeeded"  # I34
    assert carry_on(clerk.office.outside, batch(clerk), clerk.office.clock.now() + timedelta(seconds=9))
    assert len(clerk.payments()) == 1


def test_a_batch_that_somebody_marked_by_hand_is_not_posted(clerk: Clerk) -> None:
    # whoever may enter batches may not post them by writing "Posting" over the API, nor borrow another's request
    has_line(clerk, "one", "10.00")
    clerk.books.add(replace(batch(clerk), status=BatchStatus.POSTING))
    sweep(clerk.office.outside)
    assert (batch(clerk).status, clerk.payments()) == (BatchStatus.ENTERED, [])
    asked(clerk, "a-real-posting")
    other = PaymentBatch(id=named("other"), name="PB-2", owner=OWNER, status=BatchStatus.POSTING)
    for outcome in (Outcome.DONE, Outcome.PENDING):
        borrowed = replace(clerk.request("a-real-posting"), outcome=outcome)
        clerk.books.add(borrowed, replace(other, request=borrowed.id))
        has_line(clerk, "two", "10.00")
        clerk.books.add(replace(line(clerk, "two"), batch=other.id))
        sweep(clerk.office.outside)
        assert len(clerk.payments()) == 1


def test_what_cannot_be_posted_is_refused(clerk: Clerk) -> None:
    assert asked(clerk).code == "batch_empty"
    has_line(clerk, "one", "10.00")
    asked(clerk)
    assert asked(clerk).code == "batch_posted"
    assert clerk.ask(ACTION, post_batch, named("gone")).code == "record_not_found"
    clerk.books.rights[BILLER] = frozenset()
    assert asked(clerk).code == "not_permitted"
