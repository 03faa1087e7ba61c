"""Where money goes: X04, X05, X06 and X17 of the worked examples."""

from tests.examples.billing_office import BillingOffice
from tests.examples.tables import figure


def test_x04_the_oldest_invoice_first_and_the_rest_waits_for_the_next(office: BillingOffice) -> None:
    # E10 E11 E60 E121 E151 E152 E153 E154 E155 E156 A13 I21 I22
    office.bill("100.00")
    office.bill("40.00")
    office.bill("60.00")
    office.open("I3")
    office.shows(
        """
        account balance 200.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Closed | 100.00 | 0.00 | 0.00 | 100.00 | Active (Billed) | 0.00 | 0.00 |
        | I2 | Closed | 40.00 | 0.00 | 0.00 | 40.00 | Active (Billed) | 0.00 | 0.00 |
        | I3 | Open | 60.00 | 0.00 | 0.00 | 60.00 | Active (New) | 0.00 | 0.00 |
        """
    )

    office.add_payment("230.00")
    office.shows(
        """
        account balance −30.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Closed | 100.00 | 100.00 | 0.00 | 0.00 | Paid (Complete) | 0.00 | 0.00 |
        | I2 | Closed | 40.00 | 40.00 | 0.00 | 0.00 | Paid (Complete) | 0.00 | 0.00 |
        | I3 | Open | 60.00 | 60.00 | 0.00 | 0.00 | Paid (Complete) | 230.00 | 0.00 |

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | P1 | payment | 230.00 | auto | I3 | I1 100.00, I2 40.00, I3 60.00 | 30.00 | 0.00 |
        """
    )

    office.close("I3")
    office.add_debit("80.00")
    office.shows(
        """
        account balance 50.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Closed | 100.00 | 100.00 | 0.00 | 0.00 | Paid (Complete) | 0.00 | 0.00 |
        | I2 | Closed | 40.00 | 40.00 | 0.00 | 0.00 | Paid (Complete) | 0.00 | 0.00 |
        | I3 | Closed | 60.00 | 60.00 | 0.00 | 0.00 | Paid (Complete) | 230.00 | 0.00 |
        | I4 | Open | 80.00 | 30.00 | 0.00 | 50.00 | Paid (Partial) | 0.00 | 0.00 |

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | P1 | payment | 230.00 | auto | I3 | I1 100.00, I2 40.00, I3 60.00, I4 30.00 | 0.00 | 0.00 |
        """
    )


def test_x05_where_a_payment_is_displayed_is_not_where_it_is_disbursed(office: BillingOffice) -> None:
    # E50 E58 E59 E60 E61 E63 E64 E65 E66 E67 I19
    office.bill("100.00")
    office.bill("50.00")
    office.add_debit("20.00")
    office.shows(
        """
        account balance 170.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Closed | 100.00 | 0.00 | 0.00 | 100.00 | Active (Billed) | 0.00 | 0.00 |
        | I2 | Closed | 50.00 | 0.00 | 0.00 | 50.00 | Active (Billed) | 0.00 | 0.00 |
        | I3 | Open | 20.00 | 0.00 | 0.00 | 20.00 | Active (New) | 0.00 | 0.00 |
        """
    )

    office.add_payment("120.00")
    office.shows(
        """
        account balance 50.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Closed | 100.00 | 100.00 | 0.00 | 0.00 | Paid (Complete) | 0.00 | 0.00 |
        | I2 | Closed | 50.00 | 20.00 | 0.00 | 30.00 | Paid (Partial) | 0.00 | 0.00 |
        | I3 | Open | 20.00 | 0.00 | 0.00 | 20.00 | Active (New) | 120.00 | 0.00 |

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | P1 | payment | 120.00 | auto | I3 | I1 100.00, I2 20.00 | 0.00 | 0.00 |
        """
    )


def test_x06_a_credit_goes_where_it_is_told_is_taken_off_and_goes_elsewhere(office: BillingOffice) -> None:
    # E79 E80 E82 E83 E84 E157 E160 E161 E163 E165 E166 A11 A27 I20
    office.bill("100.00")
    office.bill("50.00")
    office.add_credit("40.00", to=["I2"])
    office.shows(
        """
        account balance 110.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Closed | 100.00 | 0.00 | 0.00 | 100.00 | Active (Billed) | 0.00 | 0.00 |
        | I2 | Closed | 50.00 | 0.00 | 40.00 | 10.00 | Paid (Partial) | 0.00 | 0.00 |

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | C3 | credit | 40.00 | manual | — | I2 40.00 | 0.00 | — |
        """
    )
    assert office.transaction("C3").is_disbursed

    office.delete_disbursement("C3", "I2")
    office.shows(
        """
        account balance 110.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Closed | 100.00 | 0.00 | 0.00 | 100.00 | Active (Billed) | 0.00 | 0.00 |
        | I2 | Closed | 50.00 | 0.00 | 0.00 | 50.00 | Active (Billed) | 0.00 | 0.00 |

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | C3 | credit | 40.00 | manual | — | — | 40.00 | — |
        """
    )
    assert not office.transaction("C3").is_disbursed  # E165

    office.disburse("C3", "I1")
    office.shows(
        """
        account balance 110.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Closed | 100.00 | 0.00 | 40.00 | 60.00 | Paid (Partial) | 0.00 | 0.00 |
        | I2 | Closed | 50.00 | 0.00 | 0.00 | 50.00 | Active (Billed) | 0.00 | 0.00 |

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | C3 | credit | 40.00 | manual | — | I1 40.00 | 0.00 | — |
        """
    )

    with office.refusal("invoices_and_automatic"):  # E84
        office.add_credit("5.00", automatic=True, to=["I2"])
    office.add_credit("50.00", to=["I2"])
    with office.refusal("invoice_has_no_balance"):  # E83 E160
        office.add_credit("5.00", to=["I2"])


def test_x17_an_overpaid_account_is_in_credit_until_new_charges_come(office: BillingOffice) -> None:
    # E152 E153
    office.bill("50.00")
    office.add_payment("80.00")
    office.shows(
        """
        account balance −30.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Closed | 50.00 | 50.00 | 0.00 | 0.00 | Paid (Complete) | 0.00 | 0.00 |

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | P1 | payment | 80.00 | auto | — | I1 50.00 | 30.00 | 0.00 |
        """
    )

    office.bill("10.00")
    office.shows(
        """
        account balance −20.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Closed | 50.00 | 50.00 | 0.00 | 0.00 | Paid (Complete) | 0.00 | 0.00 |
        | I2 | Closed | 10.00 | 10.00 | 0.00 | 0.00 | Paid (Complete) | 80.00 | 0.00 |

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | P1 | payment | 80.00 | auto | I2 | I1 50.00, I2 10.00 | 20.00 | 0.00 |
        """
    )


def test_an_open_invoice_that_is_paid_displays_what_comes_next(office: BillingOffice) -> None:
    # E08 E50 E152 I21
    office.add_debit("50.00")
    office.add_payment("50.00")
    office.add_payment("10.00")
    office.add_credit("5.00", automatic=True)
    office.shows(
        """
        account balance −15.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Open | 50.00 | 50.00 | 0.00 | 0.00 | Paid (Complete) | 60.00 | 5.00 |

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | P1 | payment | 50.00 | auto | I1 | I1 50.00 | 0.00 | 0.00 |
        | P2 | payment | 10.00 | auto | I1 | — | 10.00 | 0.00 |
        | C2 | credit | 5.00 | auto | I1 | — | 5.00 | — |
        """
    )

    office.add_debit("12.00")  # credits before payments (A12)
    assert office.balance == "−3.00"
    assert [figure(each.undisbursed) for each in (office.payment("P2"), office.transaction("C2"))] == [
        "3.00",
        "0.00",
    ]
