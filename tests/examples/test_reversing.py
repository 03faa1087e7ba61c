"""Undoing what was entered: X07, X08, X09, X16 and X18 of the worked examples."""

from plugins.rules.ledger import UsageStatus
from tests.examples.billing_office import BillingOffice
from tests.examples.tables import figure


def test_x07_a_debit_on_an_open_invoice_is_reversed_and_the_reversal_too(office: BillingOffice) -> None:
    # E30 E31 E32 E33 E34 E35 E41 E42 E43 E47 E167 A4 A5 A18 I15 I16 I17
    office.add_debit("100.00", taxed=True)
    office.stage.add_usage(office.transaction("D1").id)
    office.add_debit("50.00")
    office.add_payment("163.00")
    office.shows(
        """
        account balance 0.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Open | 163.00 | 163.00 | 0.00 | 0.00 | Paid (Complete) | 163.00 | 0.00 |

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | P1 | payment | 163.00 | auto | I1 | I1 163.00 | 0.00 | 0.00 |
        """
    )

    office.reverse("D1")
    office.shows(
        """
        account balance −113.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Open | 50.00 | 50.00 | 0.00 | 0.00 | Paid (Complete) | 163.00 | 0.00 |

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | P1 | payment | 163.00 | auto | I1 | I1 50.00 | 113.00 | 0.00 |
        """
    )
    reversal = office.transaction("D3")
    assert (figure(reversal.net), figure(reversal.tax)) == ("−100.00", "−13.00")
    assert reversal.detail == f"(Reversed Credit Transaction #{office.transaction('D1').number})"
    assert [each.status for each in office.books().usage] == [UsageStatus.UNBILLED]

    with office.refusal("already_reversed"):
        office.reverse("D1")

    office.reverse("D3")
    office.shows(
        """
        account balance 0.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Open | 163.00 | 163.00 | 0.00 | 0.00 | Paid (Complete) | 163.00 | 0.00 |

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | P1 | payment | 163.00 | auto | I1 | I1 50.00, I1 113.00 | 0.00 | 0.00 |
        """
    )

    with office.refusal("already_reversed"):
        office.reverse("D3")

    office.reverse("D4")
    office.shows(
        """
        account balance −113.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Open | 50.00 | 50.00 | 0.00 | 0.00 | Paid (Complete) | 163.00 | 0.00 |

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | P1 | payment | 163.00 | auto | I1 | I1 50.00 | 113.00 | 0.00 |
        """
    )


def test_x08_a_debit_on_a_closed_and_paid_invoice_is_reversed_by_a_credit(office: BillingOffice) -> None:
    # E31 E33 E39 E42 E43 E105 A4 A5 I17
    before_x08(office)
    office.shows(
        """
        account balance 0.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Closed | 163.00 | 163.00 | 0.00 | 0.00 | Paid (Complete) | 0.00 | 0.00 |

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | P1 | payment | 163.00 | auto | — | I1 163.00 | 0.00 | 0.00 |
        """
    )

    office.reverse("D1")
    office.shows(
        """
        account balance −113.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Closed | 163.00 | 50.00 | 113.00 | 0.00 | Paid (Complete) | 0.00 | 0.00 |

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | P1 | payment | 163.00 | auto | — | I1 50.00 | 113.00 | 0.00 |
        | C3 | credit | 113.00 | manual | — | I1 113.00 | 0.00 | — |
        """
    )

    office.reverse("C3")
    office.shows(
        """
        account balance 0.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Closed | 163.00 | 163.00 | 0.00 | 0.00 | Paid (Complete) | 0.00 | 0.00 |

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | P1 | payment | 163.00 | auto | — | I1 50.00, I1 113.00 | 0.00 | 0.00 |
        | C3 | credit | 113.00 | manual | — | — | 0.00 | — |
        | C4 | credit | −113.00 | manual | — | — | 0.00 | — |
        """
    )


def before_x08(office: BillingOffice) -> None:
    office.add_debit("100.00", taxed=True)
    office.add_debit("50.00")
    office.close()
    office.add_payment("163.00")


def test_x09_the_credit_goes_to_the_invoice_of_the_original(office: BillingOffice) -> None:
    # E39 A6
    office.add_debit("100.00", taxed=True)
    office.close()
    office.bill("20.00")

    office.reverse("D1")
    office.shows(
        """
        account balance 20.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Closed | 113.00 | 0.00 | 113.00 | 0.00 | Paid (Complete) | 0.00 | 0.00 |
        | I2 | Closed | 20.00 | 0.00 | 0.00 | 20.00 | Active (Billed) | 0.00 | 0.00 |

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | C3 | credit | 113.00 | manual | — | I1 113.00 | 0.00 | — |
        """
    )


def test_x09_not_to_an_older_one_that_owes_as_well(office: BillingOffice) -> None:
    # E39 A6
    office.bill("20.00")
    office.bill("113.00")

    office.reverse("D2")
    office.shows(
        """
        account balance 20.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Closed | 20.00 | 0.00 | 0.00 | 20.00 | Active (Billed) | 0.00 | 0.00 |
        | I2 | Closed | 113.00 | 0.00 | 113.00 | 0.00 | Paid (Complete) | 0.00 | 0.00 |

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | C3 | credit | 113.00 | manual | — | I2 113.00 | 0.00 | — |
        """
    )


def test_a_line_of_a_closed_invoice_is_reversed_on_it_by_opening_it(office: BillingOffice) -> None:
    # E38 E41 E49 E110 E133: the pair is on one invoice, where Exclude Reversal can hide it
    office.bill("100.00", "50.00")
    office.open("I1")
    office.reverse("D1")
    office.close("I1")
    office.shows(
        """
        account balance 50.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Closed | 50.00 | 0.00 | 0.00 | 50.00 | Active (Billed) | 0.00 | 0.00 |
        """
    )
    lines = [office.transaction(name) for name in ("D1", "D2", "D3")]
    assert [figure(each.gross) for each in lines] == ["100.00", "50.00", "−100.00"]
    assert {each.invoice for each in lines} == {office.invoice("I1").id}


def test_a_debit_in_error_may_be_answered_by_a_credit_as_well(office: BillingOffice) -> None:
    # E168
    office.bill("100.00")
    office.add_credit("100.00", to=["I1"])
    office.shows(
        """
        account balance 0.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Closed | 100.00 | 0.00 | 100.00 | 0.00 | Paid (Complete) | 0.00 | 0.00 |

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | C2 | credit | 100.00 | manual | — | I1 100.00 | 0.00 | — |
        """
    )


def test_x16_a_credit_that_was_disbursed_is_reversed(office: BillingOffice) -> None:
    # E34 E85 E105 E106 E169 A28 A32 I9
    office.bill("100.00")
    office.add_credit("40.00", taxed=True, automatic=True)
    office.shows(
        """
        account balance 54.80, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Closed | 100.00 | 0.00 | 45.20 | 54.80 | Paid (Partial) | 0.00 | 0.00 |

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | C2 | credit | 45.20 | auto | — | I1 45.20 | 0.00 | — |
        """
    )

    office.reverse("C2")
    office.shows(
        """
        account balance 100.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Closed | 100.00 | 0.00 | 0.00 | 100.00 | Active (Billed) | 0.00 | 0.00 |

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | C2 | credit | 45.20 | auto | — | — | 0.00 | — |
        | C3 | credit | −45.20 | manual | — | — | 0.00 | — |
        """
    )
    assert office.transaction("C3").detail == (
        f"(Reversed Credit Transaction #{office.transaction('C2').number})"
    )


def test_x18_the_double_entry_of_a_reversal_and_of_the_refund_of_what_it_freed(office: BillingOffice) -> None:
    # E143 I30
    def accounts() -> list[str]:
        found = office.accounts()
        assert not found.sum
        return [
            figure(each) for each in (found.receivable, found.revenue, found.tax, found.cash, found.deposits)
        ]

    before_x08(office)
    before = accounts()
    office.reverse("D1")
    reversed_ = accounts()
    office.refund("P1", "113.00")
    columns = zip(before, reversed_, accounts(), strict=True)

    assert list(columns) == [
        # before, after the reversal, after the refund of 113.00
        ("0.00", "−113.00", "0.00"),  # AR
        ("−150.00", "−50.00", "−50.00"),  # Revenue
        ("−13.00", "0.00", "0.00"),  # Tax
        ("163.00", "163.00", "50.00"),  # Cash
        ("0.00", "0.00", "0.00"),  # Deposits
    ]
