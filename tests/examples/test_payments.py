"""Deposits, refunds and reversals of payments: X11, X12, X13 and Y3 of the worked examples."""

from tests.examples.billing_office import BillingOffice
from tests.examples.tables import figure


def test_x11_a_deposit_is_held_and_released_by_making_it_a_regular_payment(office: BillingOffice) -> None:
    # E122 E123 E124 A10 I13 I14
    office.bill("150.00")
    office.add_payment("200.00", Deposit=True)
    office.shows(
        """
        account balance 150.00, deposits 200.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Closed | 150.00 | 0.00 | 0.00 | 150.00 | Active (Billed) | 0.00 | 0.00 |

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | P1 | payment | 200.00 | deposit | — | — | 0.00 | 0.00 |
        """
    )

    office.save("P1", Deposit=False, Automatic=True)
    office.shows(
        """
        account balance −50.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Closed | 150.00 | 150.00 | 0.00 | 0.00 | Paid (Complete) | 0.00 | 0.00 |

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | P1 | payment | 200.00 | auto | — | I1 150.00 | 50.00 | 0.00 |
        """
    )


def test_x11_a_deposit_is_released_by_disbursing_it(office: BillingOffice) -> None:
    # E122 E123 A10
    office.bill("150.00")
    office.add_payment("200.00", Deposit=True)

    office.disburse("P1", "I1")
    office.shows(
        """
        account balance −50.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Closed | 150.00 | 150.00 | 0.00 | 0.00 | Paid (Complete) | 0.00 | 0.00 |

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | P1 | payment | 200.00 | auto | — | I1 150.00 | 50.00 | 0.00 |
        """
    )

    office.add_debit("30.00")
    office.shows(
        """
        account balance −20.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Closed | 150.00 | 150.00 | 0.00 | 0.00 | Paid (Complete) | 0.00 | 0.00 |
        | I2 | Open | 30.00 | 30.00 | 0.00 | 0.00 | Paid (Complete) | 200.00 | 0.00 |

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | P1 | payment | 200.00 | auto | I2 | I1 150.00, I2 30.00 | 20.00 | 0.00 |
        """
    )

    with office.refusal("deposit_cannot_be_automatic"):
        office.add_payment("10.00", Deposit=True, Automatic=True)


def test_x11_a_held_deposit_is_refunded(office: BillingOffice) -> None:
    # E122 E123 E143 A10 I13 I14
    office.bill("150.00")
    office.add_payment("200.00", Deposit=True)

    office.refund("P1")
    office.shows(
        """
        account balance 150.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Closed | 150.00 | 0.00 | 0.00 | 150.00 | Active (Billed) | 0.00 | 0.00 |

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | P1 | payment | 200.00 | deposit | — | — | 0.00 | 200.00 |
        | P2 | payment | −200.00 | deposit | — | — | 0.00 | — |
        """
    )


def test_a_deposit_that_was_refunded_in_part_is_released_with_its_refund(office: BillingOffice) -> None:
    # E123 E124 A10 I6 I13
    office.bill("150.00")
    office.add_payment("200.00", Deposit=True)
    office.refund("P1", "60.00")
    office.save("P1", Deposit=False, Automatic=True)
    office.shows(
        """
        account balance 10.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Closed | 150.00 | 140.00 | 0.00 | 10.00 | Paid (Partial) | 0.00 | 0.00 |

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | P1 | payment | 200.00 | auto | — | I1 140.00 | 0.00 | 60.00 |
        | P2 | payment | −60.00 | manual | — | — | 0.00 | — |
        """
    )


def test_x12_a_payment_over_two_invoices_is_refunded_in_parts(office: BillingOffice) -> None:
    # E143 E145 E147 E150 A16 A17 I8 I11
    office.bill("100.00")
    office.bill("80.00")
    office.add_payment("150.00")
    office.shows(
        """
        account balance 30.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Closed | 100.00 | 100.00 | 0.00 | 0.00 | Paid (Complete) | 0.00 | 0.00 |
        | I2 | Closed | 80.00 | 50.00 | 0.00 | 30.00 | Paid (Partial) | 0.00 | 0.00 |

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | P1 | payment | 150.00 | auto | — | I1 100.00, I2 50.00 | 0.00 | 0.00 |
        """
    )

    office.refund("P1", "60.00")
    office.shows(
        """
        account balance 90.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Closed | 100.00 | 90.00 | 0.00 | 10.00 | Paid (Partial) | 0.00 | 0.00 |
        | I2 | Closed | 80.00 | 0.00 | 0.00 | 80.00 | Active (Billed) | 0.00 | 0.00 |

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | P1 | payment | 150.00 | auto | — | I1 90.00 | 0.00 | 60.00 |
        | P2 | payment | −60.00 | manual | — | — | 0.00 | — |
        """
    )

    with office.refusal("amount_above_unrefunded"):
        office.refund("P1", "90.01")
    with office.refusal("already_refunded"):  # E147
        office.reverse_payments("P1")

    office.refund("P1")  # the rest
    office.shows(
        """
        account balance 180.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Closed | 100.00 | 0.00 | 0.00 | 100.00 | Active (Billed) | 0.00 | 0.00 |
        | I2 | Closed | 80.00 | 0.00 | 0.00 | 80.00 | Active (Billed) | 0.00 | 0.00 |

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | P1 | payment | 150.00 | auto | — | — | 0.00 | 150.00 |
        | P2 | payment | −60.00 | manual | — | — | 0.00 | — |
        | P3 | payment | −90.00 | manual | — | — | 0.00 | — |
        """
    )
    assert office.payment("P1").is_refunded
    assert office.payment("P2").detail == f"(Reversed Payment #{office.payment('P1').number})"  # E150


def test_payments_are_reversed_together_and_completely(office: BillingOffice) -> None:
    # E147 E148 E150 A16
    office.bill("100.00")
    office.add_payment("60.00")
    office.add_payment("50.00")

    office.reverse_payments("P1", "P2")
    office.shows(
        """
        account balance 100.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Closed | 100.00 | 0.00 | 0.00 | 100.00 | Active (Billed) | 0.00 | 0.00 |

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | P1 | payment | 60.00 | auto | — | — | 0.00 | 60.00 |
        | P2 | payment | 50.00 | auto | — | — | 0.00 | 50.00 |
        | P3 | payment | −60.00 | manual | — | — | 0.00 | — |
        | P4 | payment | −50.00 | manual | — | — | 0.00 | — |
        """
    )
    assert office.payment("P3").detail == f"(Reversed Payment #{office.payment('P1').number})"


def test_x13_a_card_payment_is_refunded_through_the_gateway(office: BillingOffice) -> None:
    # E143 E170 E171 E172 A36
    office.bill("100.00")
    office.make_payment("100.00", Automatic=True)

    office.refund("P1")
    office.shows(
        """
        account balance 100.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Closed | 100.00 | 0.00 | 0.00 | 100.00 | Active (Billed) | 0.00 | 0.00 |

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | P1 | payment | 100.00 | auto | — | — | 0.00 | 100.00 |
        | P2 | payment | −100.00 | manual | — | — | 0.00 | — |
        """
    )
    assert office.payment("P1").is_refunded  # E170
    assert office.payment("P2").detail == f"(Reversed Payment #{office.payment('P1').number})"


# --- Statement refunds -------------------------------------------------------------------------------------------------


def before_y3(office: BillingOffice) -> None:
    office.add_debit("100.00", taxed=True)
    office.add_debit("50.00")
    office.close()
    office.add_payment("163.00")


def test_y3_a_line_of_a_statement_is_refunded(office: BillingOffice) -> None:
    # E176 E180 A33 I37
    before_y3(office)
    office.create_refund("D1")
    office.shows(
        """
        account balance 0.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Closed | 163.00 | 50.00 | 113.00 | 0.00 | Paid (Complete) | 0.00 | 0.00 |

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | P1 | payment | 163.00 | auto | — | I1 50.00 | 0.00 | 113.00 |
        | P2 | payment | −113.00 | manual | — | — | 0.00 | — |
        | C3 | credit | 113.00 | manual | — | I1 113.00 | 0.00 | — |
        """
    )


def test_y3_both_lines_are_refunded(office: BillingOffice) -> None:
    # E176 A33
    before_y3(office)
    office.create_refund("D1", "D2")
    assert figure(office.payment("P2").amount) == "−163.00"
    assert office.balance == "0.00"


def test_y3_the_sum_is_changed_by_whoever_may(office: BillingOffice) -> None:
    # E179 A19 A33
    before_y3(office)
    office.stage.may_override()
    office.create_refund("D1", amount="60.00")
    office.shows(
        """
        account balance 0.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Closed | 163.00 | 103.00 | 60.00 | 0.00 | Paid (Complete) | 0.00 | 0.00 |

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | P1 | payment | 163.00 | auto | — | I1 103.00 | 0.00 | 60.00 |
        | P2 | payment | −60.00 | manual | — | — | 0.00 | — |
        | C3 | credit | 60.00 | manual | — | I1 60.00 | 0.00 | — |
        """
    )
    credit = office.transaction("C3")
    assert (figure(credit.net), figure(credit.tax)) == ("53.10", "6.90")

    with office.refusal("amount_above_selected"):  # 53.00 is left on the line
        office.create_refund("D1", amount="53.01")


def test_y3_the_sum_is_changed_by_nobody_else(office: BillingOffice) -> None:
    # E179
    before_y3(office)
    with office.refusal("override_needed"):
        office.create_refund("D1", amount="60.00")
