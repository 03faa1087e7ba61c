"""Opening, closing, voiding and what statements say: X10, X15 and Y6 of the worked examples."""

from tests.examples.billing_office import BillingOffice
from tests.examples.tables import figure


def test_x10_an_invoice_is_voided_and_the_payment_shows_on_the_next_one(office: BillingOffice) -> None:
    # E53 E54 E55 E56 E57 A14 I5 I18
    two_paid_invoices(office)
    office.shows(
        """
        account balance 0.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Closed | 100.00 | 100.00 | 0.00 | 0.00 | Paid (Complete) | 0.00 | 0.00 |
        | I2 | Closed | 50.00 | 50.00 | 0.00 | 0.00 | Paid (Complete) | 150.00 | 0.00 |

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | P1 | payment | 150.00 | auto | I2 | I1 100.00, I2 50.00 | 0.00 | 0.00 |
        """
    )

    with office.refusal("not_the_latest_invoice"):
        office.void("I1")

    office.void("I2")
    office.shows(
        """
        account balance −50.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Closed | 100.00 | 100.00 | 0.00 | 0.00 | Paid (Complete) | 0.00 | 0.00 |
        | I2 | Void | 50.00 | 0.00 | 0.00 | 0.00 | Canceled (Canceled) | 0.00 | 0.00 |
        | I3 | Closed (voids 2) | −50.00 | 0.00 | 0.00 | 0.00 | Paid (Complete) | 0.00 | 0.00 |

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | P1 | payment | 150.00 | auto | — | I1 100.00 | 50.00 | 0.00 |
        """
    )
    mirror, voided = office.invoice("I3"), office.invoice("I2")
    assert None not in {mirror.delivered_on, voided.delivered_on}, "both are marked sent"

    pending = office.written()
    office.save("P1")  # no open invoice: it stays pending
    assert office.written() == pending

    office.add_debit("20.00")
    office.shows(
        """
        account balance −30.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Closed | 100.00 | 100.00 | 0.00 | 0.00 | Paid (Complete) | 0.00 | 0.00 |
        | I2 | Void | 50.00 | 0.00 | 0.00 | 0.00 | Canceled (Canceled) | 0.00 | 0.00 |
        | I3 | Closed (voids 2) | −50.00 | 0.00 | 0.00 | 0.00 | Paid (Complete) | 0.00 | 0.00 |
        | I4 | Open | 20.00 | 20.00 | 0.00 | 0.00 | Paid (Complete) | 150.00 | 0.00 |

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | P1 | payment | 150.00 | auto | I4 | I1 100.00, I4 20.00 | 30.00 | 0.00 |
        """
    )


def test_x10_an_invoice_is_voided_while_another_is_open(office: BillingOffice) -> None:
    # E53 E54 E55 A14
    two_paid_invoices(office)
    office.add_debit("70.00")
    office.void("I2")
    office.shows(
        """
        account balance 20.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Closed | 100.00 | 100.00 | 0.00 | 0.00 | Paid (Complete) | 0.00 | 0.00 |
        | I2 | Void | 50.00 | 0.00 | 0.00 | 0.00 | Canceled (Canceled) | 0.00 | 0.00 |
        | I3 | Open | 70.00 | 50.00 | 0.00 | 20.00 | Paid (Partial) | 0.00 | 0.00 |
        | I4 | Closed (voids 2) | −50.00 | 0.00 | 0.00 | 0.00 | Paid (Complete) | 0.00 | 0.00 |

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | P1 | payment | 150.00 | auto | — | I1 100.00, I3 50.00 | 0.00 | 0.00 |
        """
    )

    office.save("P1")
    office.shows(
        """
        account balance 20.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Closed | 100.00 | 100.00 | 0.00 | 0.00 | Paid (Complete) | 0.00 | 0.00 |
        | I2 | Void | 50.00 | 0.00 | 0.00 | 0.00 | Canceled (Canceled) | 0.00 | 0.00 |
        | I3 | Open | 70.00 | 50.00 | 0.00 | 20.00 | Paid (Partial) | 150.00 | 0.00 |
        | I4 | Closed (voids 2) | −50.00 | 0.00 | 0.00 | 0.00 | Paid (Complete) | 0.00 | 0.00 |

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | P1 | payment | 150.00 | auto | I3 | I1 100.00, I3 50.00 | 0.00 | 0.00 |
        """
    )


def two_paid_invoices(office: BillingOffice) -> None:
    """The payment came while the second one was open."""
    office.bill("100.00")
    office.add_debit("50.00")
    office.add_payment("150.00")
    office.close()


def test_an_invoice_is_voided_once_no_line_of_it_is_undone_by_a_credit(office: BillingOffice) -> None:
    # E30 A4 A14
    office.bill("100.00", "20.00")
    office.add_payment("120.00")
    office.reverse("D1")
    with office.refusal("line_reversed"):
        office.void("I1")
    office.reverse("C3")
    office.void("I1")
    office.shows(
        """
        account balance −120.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Void | 120.00 | 0.00 | 0.00 | 0.00 | Canceled (Canceled) | 0.00 | 0.00 |
        | I2 | Closed (voids 1) | −120.00 | 0.00 | 0.00 | 0.00 | Paid (Complete) | 0.00 | 0.00 |

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | P1 | payment | 120.00 | auto | — | — | 120.00 | 0.00 |
        | C3 | credit | 100.00 | manual | — | — | 0.00 | — |
        | C4 | credit | −100.00 | manual | — | — | 0.00 | — |
        """
    )


def test_an_invoice_that_was_opened_again_is_voided_with_its_statement(office: BillingOffice) -> None:
    # A14 A29 I36: what the next statement says does not come from it
    office.bill("100.00")
    office.open("I1")
    office.add_payment("30.00")
    office.close("I1")
    assert statement(office, "I1") == "previous 0.00, due 70.00"
    office.open("I1")
    office.void("I1")
    assert office.balance == "−30.00"
    office.bill("50.00")
    assert statement(office, "I3") == "previous 0.00, due 20.00"


def test_a_voided_invoice_leaves_the_statements_as_if_it_had_never_been(office: BillingOffice) -> None:
    # E107 A14 A29 I36
    office.bill("100.00")
    office.bill("40.00")
    office.void("I2")
    office.bill("30.00")
    assert statement(office, "I4") == "previous 100.00, due 130.00"


def test_x15_a_payment_is_shown_on_a_closed_invoice(office: BillingOffice) -> None:
    # E48 E110 E133 A15
    office.bill("113.00")
    office.open("I1")
    office.add_payment("113.00")
    office.close("I1")
    office.shows(
        """
        account balance 0.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Closed | 113.00 | 113.00 | 0.00 | 0.00 | Paid (Complete) | 113.00 | 0.00 |

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | P1 | payment | 113.00 | auto | I1 | I1 113.00 | 0.00 | 0.00 |
        """
    )

    office.add_debit("10.00")
    with office.refusal("another_invoice_open"):  # E12
        office.open("I1")


def test_y6_a_payment_while_nothing_is_open_is_part_of_the_next_statement(office: BillingOffice) -> None:
    # E107 E108 E109 A29 I36
    office.bill("100.00")
    assert statement(office, "I1") == "previous 0.00, due 100.00"
    office.add_payment("60.00")
    assert statement(office, "I1") == "previous 0.00, due 100.00"
    office.bill("40.00")
    assert statement(office, "I2") == "previous 100.00, due 80.00"
    assert balances(office) == ["40.00", "40.00"]


def test_y6_a_payment_on_a_re_opened_invoice_is_part_of_its_statement(office: BillingOffice) -> None:
    # E107 E108 E110 A29 I36
    office.bill("100.00")
    office.open("I1")
    office.add_payment("60.00")
    office.close("I1")
    assert statement(office, "I1") == "previous 0.00, due 40.00"
    office.bill("40.00")
    assert statement(office, "I2") == "previous 40.00, due 80.00"


def test_y6_a_credit_that_waits_is_part_of_the_statement_and_of_no_balance(office: BillingOffice) -> None:
    # E107 E109 A29 I36
    office.bill("100.00")
    office.add_payment("60.00")
    office.add_credit("10.00")
    assert statement(office, "I1") == "previous 0.00, due 100.00"
    office.bill("40.00")
    assert statement(office, "I2") == "previous 100.00, due 70.00"
    assert balances(office) == ["40.00", "40.00"]
    assert figure(office.transaction("C2").undisbursed) == "10.00"
    assert office.balance == "70.00"


def statement(office: BillingOffice, name: str) -> str:
    invoice = office.invoice(name)
    assert invoice.previous_balance is not None
    assert invoice.total_due is not None
    return f"previous {figure(invoice.previous_balance)}, due {figure(invoice.total_due)}"


def balances(office: BillingOffice) -> list[str]:
    shown = office.books().shown
    return [figure(shown[office.invoice(name).id].balance) for name in ("I1", "I2")]
