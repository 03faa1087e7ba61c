"""What an invoice document says, of invoices that came to be through the ledger's own actions."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.actions import Answer
from plugins.rules.books import About
from plugins.rules.delivering import document_scope
from plugins.rules.draft import Draft
from plugins.rules.ids import EntryId, InvoiceId
from plugins.rules.invoicing import freeze_statement
from plugins.rules.ledger import AccountTransaction, Invoice, Origin, Outcome, Payment
from plugins.rules.money import Money, total
from plugins.rules.setup import AccountService, BillingGroup, Delivery, InvoiceTemplate, Setting
from plugins.rules.statement import CHANGED_SINCE, Statement, statement, without_reversed
from tests.builders import a_debit, named, usd
from tests.ledger_office import LedgerOffice

HIDING = named("hides reversals")
PLAIN = named("plain")


def a_template(name: str = "plain", **fields: Any) -> InvoiceTemplate:
    given: dict[str, Any] = {
        "exclude_reversal": False,
        "show_detail": True,
        "sender_name": "Counterfoil Telecom Inc.",
        "sender_address": "100 King Street West\r\n\r\nToronto",
        "footer": "Thank you",
    } | fields
    return InvoiceTemplate(id=named(name), name=name, **given)


class Desk(LedgerOffice):
    """A clerk with an account whose invoice is open."""

    def __init__(self) -> None:
        super().__init__()
        self.office.books.add(
            a_template(), a_template("hides reversals", exclude_reversal=True, show_detail=False)
        )

    def done(self, command: str, **given: Any) -> Answer:
        _, answer = self.do(command, **given)
        assert answer.outcome is Outcome.DONE, answer
        return answer

    @property
    def opened(self) -> InvoiceId:
        key = self.ledger.open_invoice
        assert key is not None
        return key

    def invoice(self, key: UUID) -> Invoice:
        return self.office.books.invoice(key)

    def printed(self, key: InvoiceId, template: UUID | None = None) -> Statement:
        if template is not None:
            self.office.books.add(replace(self.invoice(key), template=template))
        books = self.office.books.for_ledger(document_scope(About.INVOICE, key, (key,)), None, None)
        invoice = books.invoice_of(key)
        assert invoice is not None
        return statement(invoice, books, self.office.clock.now())

    def newest(self, kind: type[Any]) -> Any:
        return max(self.office.books.all(kind), key=lambda each: each.number)


def gross(said: Statement) -> list[str]:
    return [str(each.gross.amount) for each in said.lines]


def test_lines_taxes_and_totals_of_an_open_invoice() -> None:
    desk = Desk()
    desk.done("add_debit", amount="100.00")
    desk.done("add_debit", amount="50.00", exempt=True)

    said = desk.printed(desk.opened)

    assert gross(said) == ["113.00", "50.00"]
    first = said.lines[0]
    assert (first.text, first.net, first.tax) == ("Setup", usd("100.00"), usd("13.00"))
    [tax] = said.taxes
    assert (tax.jurisdiction, tax.rate, tax.base, tax.amount) == (
        "Ontario",
        Decimal(13),
        usd("100.00"),
        usd("13.00"),
    )
    assert said.charges == usd("163.00")
    assert said.closed_on is None
    assert said.customer.name == "Fabrikam Fibre"


# X07, E37, E38, E41: an open invoice, a reversed debit
def test_exclude_reversal_hides_a_line_and_its_reversal() -> None:
    desk = Desk()
    desk.done("add_debit", amount="50.00", exempt=True)
    desk.done("add_debit", amount="100.00")
    desk.done("reverse_transaction", target=desk.newest(AccountTransaction).id)

    shown, hidden = desk.printed(desk.opened), desk.printed(desk.opened, HIDING)

    assert gross(shown) == ["50.00", "113.00", "-113.00"]
    assert gross(hidden) == ["50.00"]
    assert (shown.charges, shown.total_due, shown.taxes) == (hidden.charges, hidden.total_due, ())


# X07, E49: the reversal of the reversal brings the charge back, and its own line stands for it
def test_of_a_line_that_was_brought_back_the_line_itself_stays() -> None:
    desk = Desk()
    desk.done("add_debit", amount="100.00")
    debit = desk.newest(AccountTransaction)
    for _ in range(2):
        desk.done("reverse_transaction", target=desk.newest(AccountTransaction).id)

    assert gross(desk.printed(desk.opened)) == ["113.00", "-113.00", "113.00"]
    hidden = desk.printed(desk.opened, HIDING)
    assert [(each.text, each.gross) for each in hidden.lines] == [("Setup", debit.gross)]


# E39, E40: reversed after the close, it is a credit, and a credit is not hidden
def test_exclude_reversal_does_not_hide_a_credit() -> None:
    desk = Desk()
    desk.done("add_debit", amount="100.00")
    first, debit = desk.opened, desk.newest(AccountTransaction)
    desk.done("close_invoice", target=first)
    desk.done("reverse_transaction", target=debit.id)
    desk.done("add_debit", amount="10.00", exempt=True)

    assert gross(desk.printed(first, HIDING)) == ["113.00"]
    said = desk.printed(desk.opened, HIDING)
    assert gross(said) == ["10.00"]
    assert [(each.text, each.amount) for each in said.credits] == [("Reversal: Setup", usd("113.00"))]
    assert said.credits_total == usd("113.00")


# E49: opened again, reversed and closed, the invoice lists the reversal for review
def test_a_reopened_invoice_lists_the_reversal() -> None:
    desk = Desk()
    desk.done("add_debit", amount="100.00")
    first, debit = desk.opened, desk.newest(AccountTransaction)
    desk.done("close_invoice", target=first)
    desk.done("open_invoice", target=first)
    desk.done("reverse_transaction", target=debit.id)
    desk.done("close_invoice", target=first)

    assert gross(desk.printed(first)) == ["113.00", "-113.00"]
    assert desk.printed(first).lines[1].detail == f"(Reversed Credit Transaction #{debit.number})"
    assert gross(desk.printed(first, HIDING)) == []


# E22
def test_detail_is_printed_where_the_template_shows_it() -> None:
    desk = Desk()
    desk.done("add_debit", amount="10.00", exempt=True)
    debit = desk.newest(AccountTransaction)
    desk.office.books.add(replace(debit, detail="Two hours", service=None))

    shown, hidden = desk.printed(desk.opened), desk.printed(desk.opened, HIDING)

    assert [(each.text, each.detail) for each in shown.lines] == [("Charge", "Two hours")]
    assert [(each.text, each.detail) for each in hidden.lines] == [("Charge", "")]


# E21
def test_a_service_of_the_accounts_own_has_its_serial() -> None:
    desk = Desk()
    desk.done("add_debit", amount="10.00", exempt=True)
    own = AccountService(
        id=named("own"),
        name="PBX",
        ledger=desk.ledger.id,
        service=desk.names.service,
        serial=10045,
        billed_on=None,
    )
    desk.office.books.add(own, replace(desk.newest(AccountTransaction), account_service=own.id))

    assert desk.printed(desk.opened).lines[0].text == "Setup #10045"


def test_what_the_crm_billed_is_one_line() -> None:
    desk = Desk()
    key = InvoiceId(named("INV-1"))

    said = desk.printed(key)

    [line] = said.lines
    assert (line.text, line.net, line.tax, line.gross) == ("Products and services", None, None, usd("100.00"))
    # the 40.00 of the other invoice are owed before this one
    assert (said.previous_balance, said.charges, said.total_due) == (
        usd("40.00"),
        usd("100.00"),
        usd("140.00"),
    )


# Y6, E107-E109, A29
def test_a_payment_between_two_invoices_is_on_the_next_one() -> None:
    desk = Desk()
    desk.done("add_debit", amount="100.00", exempt=True)
    first = desk.opened
    desk.done("close_invoice", target=first)
    desk.done("add_payment", amount="60.00")
    desk.done("add_debit", amount="40.00", exempt=True)
    second = desk.opened
    desk.done("close_invoice", target=second)

    before, after = desk.printed(first), desk.printed(second)

    assert (before.total_due, before.payments) == (usd("240.00"), ())  # with the 140.00 of older invoices
    assert after.previous_balance == before.total_due
    assert [(each.text, each.amount) for each in after.payments] == [("Payment (Check)", usd("60.00"))]
    assert after.total_due == usd("220.00")
    assert after.total_due == desk.ledger.balance


# E108: the tokens were frozen; what is owed of the invoice itself is told as it is now
def test_tokens_stay_as_they_were_closed() -> None:
    desk = Desk()
    desk.done("add_debit", amount="100.00", exempt=True)
    first = desk.opened
    desk.done("close_invoice", target=first)
    due = desk.printed(first).total_due

    desk.done("add_payment", amount="240.00")

    said = desk.printed(first)
    assert said.total_due == due
    assert said.balance == usd("0.00")


# A29: of what was a deposit, what is used is displayed; used after the close, it is no part of the frozen figures
def test_a_deposit_used_after_the_close_changes_no_total() -> None:
    desk = Desk()
    desk.done("add_debit", amount="40.00", exempt=True)
    first = desk.opened
    desk.done("add_payment", amount="200.00", deposit=True)
    desk.done("save_payment", target=desk.newest(Payment).id, deposit=False, automatic=True)
    desk.done("close_invoice", target=first)
    said = desk.printed(first)
    assert [each.amount for each in said.payments] == [usd("180.00")]

    desk.done("add_debit", amount="20.00", exempt=True)

    again = desk.printed(first)
    assert [(each.text, each.amount) for each in again.payments] == [
        ("Payment (Check)", usd("200.00")),
        (CHANGED_SINCE, usd("-20.00")),
    ]
    assert (again.payments_total, again.total_due) == (said.payments_total, said.total_due)


# E103, E104: a credit for usage is on the customer's invoice
def test_a_usage_credit_is_listed_as_such() -> None:
    desk = Desk()
    desk.done("add_debit", amount="10.00", exempt=True)
    desk.done("add_credit", amount="5.00", exempt=True)
    desk.office.books.add(replace(desk.newest(AccountTransaction), origin=Origin.USAGE_CREDIT))

    [credit] = desk.printed(desk.opened).credits

    assert (credit.text, credit.amount) == ("Usage credit: Setup", usd("5.00"))


# E165's other side: money given back is on the statement as well
def test_refunds_are_listed_as_such() -> None:
    desk = Desk()
    desk.done("add_debit", amount="500.00", exempt=True)
    desk.done("add_payment", amount="60.00")
    desk.done("refund_payment", target=desk.newest(Payment).id, amount="10.00")

    said = desk.printed(desk.opened)

    assert [(each.text.split()[0], each.amount) for each in said.payments] == [
        ("Payment", usd("60.00")),
        ("Refund", usd("-10.00")),
    ]
    assert said.payments_total == usd("50.00")


def test_the_template_is_the_invoices_own_or_the_billing_groups_or_the_default() -> None:
    desk = Desk()
    desk.done("add_debit", amount="10.00", exempt=True)
    [setting] = desk.office.books.all(Setting)
    desk.office.books.add(
        replace(setting, default_template=PLAIN),
        a_template("group's", sender_name="Group Inc."),
        BillingGroup(
            id=named("group"),
            name="g",
            close_cancelled=False,
            delivery=Delivery.EMAIL,
            template=named("group's"),
        ),
    )
    sender = desk.printed(desk.opened).sender
    assert sender.name == "Counterfoil Telecom Inc."
    assert sender.address == ("100 King Street West", "Toronto")

    desk.office.books.add(replace(desk.ledger, billing_group=named("group")))
    assert desk.printed(desk.opened).sender.name == "Group Inc."
    assert desk.printed(desk.opened, PLAIN).sender.name == "Counterfoil Telecom Inc."


def test_without_any_template_everything_is_shown() -> None:
    desk = Desk()
    desk.office.books.rows = {
        key: row for key, row in desk.office.books.rows.items() if not isinstance(row, InvoiceTemplate)
    }
    desk.done("add_debit", amount="10.00", exempt=True)

    said = desk.printed(desk.opened)

    assert (said.sender.name, said.footer, gross(said)) == ("", "", ["10.00"])


# --- I38, A29 --------------------------------------------------------------------------------------------------

STEPS: list[Callable[[Desk], Any]] = [
    lambda desk: desk.do("add_debit", amount="100.00"),
    lambda desk: desk.do("add_debit", amount="7.77", exempt=True),
    lambda desk: desk.do("add_credit", amount="20.00"),
    lambda desk: desk.do("add_payment", amount="60.00"),
    lambda desk: desk.do("add_payment", amount="35.00", deposit=True),
    lambda desk: desk.do("reverse_transaction", target=desk.newest(AccountTransaction).id),
    lambda desk: desk.do("save_payment", target=desk.newest(Payment).id, deposit=False, automatic=True),
    lambda desk: desk.do("close_invoice", target=desk.ledger.open_invoice),
    lambda desk: desk.do(
        "open_invoice", target=max(desk.office.books.all(Invoice), key=lambda one: one.number).id
    ),
]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(range(len(STEPS))), max_size=14))
def test_what_a_document_adds_up_to(steps: list[int]) -> None:
    """I36, I38: the figures follow from each other, and Exclude Reversal changes lines and nothing else."""
    desk = Desk()
    for step in steps:
        if step in {5, 6} and not desk.office.books.all(AccountTransaction if step == 5 else Payment):
            continue
        if step == 7 and desk.ledger.open_invoice is None:
            continue
        STEPS[step](desk)
    for invoice in desk.office.books.all(Invoice):
        plain, hidden = desk.printed(invoice.id, PLAIN), desk.printed(invoice.id, HIDING)
        for said in (plain, hidden):
            assert (
                said.previous_balance + said.charges - said.payments_total - said.credits_total
                == said.total_due
            )
            assert total([each.gross for each in said.lines], "USD") == said.charges
            assert total([each.amount for each in said.payments], "USD") == said.payments_total
            assert total([each.amount for each in said.credits], "USD") == said.credits_total
            ledger_taxes = [each.tax for each in said.lines if each.tax is not None]
            assert total([each.amount for each in said.taxes], "USD") == total(ledger_taxes, "USD")
        assert replace(plain, lines=(), footer="") == replace(
            hidden, lines=(), footer="", payments=plain.payments, credits=plain.credits
        )
        if desk.ledger.open_invoice == invoice.id:
            closing = _closed_now(desk, invoice)
            assert (plain.previous_balance, plain.total_due) == closing


def _closed_now(desk: Desk, invoice: Invoice) -> tuple[Money | None, Money | None]:
    """The tokens that closing the invoice now would freeze."""
    books = desk.office.books.for_ledger(document_scope(About.INVOICE, invoice.id, (invoice.id,)), None, None)
    frozen = freeze_statement(
        Draft(books, seed=invoice.id, now=desk.office.clock.now()), desk.invoice(invoice.id)
    )
    return frozen.previous_balance, frozen.total_due


@given(st.lists(st.integers(min_value=-1, max_value=8), max_size=9))
def test_what_is_hidden_adds_up_to_nothing(reverses: list[int]) -> None:
    """I38 on any chains: each line may reverse an earlier one, as one that stands, and once."""
    debits: list[AccountTransaction] = []
    reversed_: set[UUID] = set()
    for number, wanted in enumerate(reverses):
        target = debits[wanted] if 0 <= wanted < len(debits) and debits[wanted].id not in reversed_ else None
        amount = f"{-target.gross.amount}" if target else f"{number + 1}.00"
        row = replace(
            a_debit(amount, number=number, reverses=target.id if target else None),
            id=EntryId(named(f"d{number}")),
        )
        if target:
            reversed_.add(target.id)
        debits.append(row)

    left = without_reversed(debits)

    assert total([each.gross for each in left], "USD") == total([each.gross for each in debits], "USD")
    assert not any(each.reverses is not None for each in left)
