"""Where a debit goes, and where payments and credits are displayed."""

from plugins.rules.entering import add_credit, add_debit, add_payment
from plugins.rules.ledger import InvoiceStatus, LedgerState
from plugins.rules.placing import MOST_ATTACHED, open_new_invoice
from plugins.rules.row import Row
from tests.builders import a_payment, named, usd
from tests.rules.drafts import TODAY, a_draft, credit, credited, opened, payment
from tests.rules.test_reversing import entry


def test_a_debit_joins_the_open_invoice() -> None:  # E03
    draft = a_draft(*opened())
    assert add_debit(draft, entry()).invoice == named("INV-9")
    assert len(draft.invoices) == 1


def test_without_one_it_makes_one_at_once() -> None:  # E04
    draft = a_draft()
    place = add_debit(draft, entry()).invoice
    [made] = draft.invoices
    assert made.id == place == draft.ledger.open_invoice
    assert (made.ledger_state, made.status, made.dated) == (LedgerState.OPEN, InvoiceStatus.NEW, TODAY)
    assert (made.total, made.template) == (usd("0.00"), None), "its billing group's template counts"
    assert made.customer == draft.ledger.account


def test_a_credit_and_a_payment_make_none_and_show_on_the_open_one() -> None:  # E05 E06 E08 E50 I27
    draft = a_draft()
    assert add_credit(draft, entry()).invoice is None
    draft = a_draft(*opened())
    assert add_credit(draft, entry()).invoice == named("INV-9")
    added = add_payment(draft, usd("1.00"), payment_type=None, dated=TODAY, posting_date=TODAY)
    assert added.display_invoice == named("INV-9")
    held = add_payment(draft, usd("1.00"), payment_type=None, dated=TODAY, posting_date=TODAY, deposit=True)
    assert held.display_invoice is None, "a deposit is displayed nowhere (I13)"


def test_a_new_invoice_displays_what_waited() -> None:  # E09 E51 E56 E61 A7 I18
    draft = a_draft(
        a_payment("10.00", "held", number=1, deposit=True),
        a_payment("10.00", number=2),
        *credited("5.00"),
    )
    made = open_new_invoice(draft)
    assert (payment(draft).display_invoice, credit(draft).invoice) == (made.id, made.id)
    assert payment(draft, "held").display_invoice is None
    assert draft.balance(made) == usd("0.00"), "displaying disburses nothing (E67 I19)"


def test_what_is_too_much_for_one_changeset_waits_for_the_next_invoice() -> None:
    rows: list[Row] = [a_payment("1.00", f"p{place}", number=place) for place in range(1, MOST_ATTACHED + 4)]
    draft = a_draft(*rows)
    open_new_invoice(draft)
    waiting = [each.number for each in draft.payments if each.display_invoice is None]
    assert waiting == [MOST_ATTACHED + 1, MOST_ATTACHED + 2, MOST_ATTACHED + 3], "the oldest go first"
