"""Debits, credits and payments as they are entered: X03, X14, Y2 and Y4 of the worked examples."""

from datetime import datetime

import pytest

from plugins.rules.journal import Accounts
from plugins.rules.ledger import Kind
from tests.examples.billing_office import BillingOffice, day
from tests.examples.tables import figure


def test_x03_a_debit_opens_an_invoice_the_next_one_joins_it_a_credit_does_not(office: BillingOffice) -> None:
    # E03 E04 E05 E08 E09 E26 E51 E61 E65 E67 E79 A9 I27
    office.add_credit("30.00")
    office.shows(
        """
        account balance −30.00, deposits 0.00

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | C1 | credit | 30.00 | manual | — | — | 30.00 | — |
        """
    )

    office.add_debit("100.00", taxed=True)
    office.shows(
        """
        account balance 83.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Open | 113.00 | 0.00 | 0.00 | 113.00 | Active (New) | 0.00 | 30.00 |

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | C1 | credit | 30.00 | manual | I1 | — | 30.00 | — |
        """
    )

    office.add_debit("50.00", taxed=True, TaxExempt=True)  # E25
    office.shows(
        """
        account balance 133.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Open | 163.00 | 0.00 | 0.00 | 163.00 | Active (New) | 0.00 | 30.00 |

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | C1 | credit | 30.00 | manual | I1 | — | 30.00 | — |
        """
    )


@pytest.mark.parametrize("option", [False, True])
def test_x14_credits_on_a_cancelled_account_wait_for_the_bill_run(
    office: BillingOffice, option: bool
) -> None:
    # E07 E68 E69 E70 E71 E72 A8 I28
    office.stage.close_cancelled(option)
    office.bill("100.00")
    office.update_account(Status=CANCELLED)
    office.add_credit("20.00")
    office.add_credit("15.00")
    office.shows(
        """
        account balance 65.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Closed | 100.00 | 0.00 | 0.00 | 100.00 | Active (Billed) | 0.00 | 0.00 |

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | C2 | credit | 20.00 | manual | — | — | 20.00 | — |
        | C3 | credit | 15.00 | manual | — | — | 15.00 | — |
        """
    )

    office.run_billing()
    if not option:
        office.shows(
            """
        account balance 65.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Closed | 100.00 | 0.00 | 0.00 | 100.00 | Active (Billed) | 0.00 | 0.00 |

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | C2 | credit | 20.00 | manual | — | — | 20.00 | — |
        | C3 | credit | 15.00 | manual | — | — | 15.00 | — |
        """
        )
        return
    office.shows(
        """
        account balance 65.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Closed | 100.00 | 0.00 | 0.00 | 100.00 | Active (Billed) | 0.00 | 0.00 |
        | I2 | Closed | 0.00 | 0.00 | 0.00 | 0.00 | Paid (Complete) | 0.00 | 35.00 |

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | C2 | credit | 20.00 | manual | I2 | — | 20.00 | — |
        | C3 | credit | 15.00 | manual | I2 | — | 15.00 | — |
        """
    )
    assert office.invoice("I2").delivered_on is not None  # E72

    office.add_debit("5.00")
    office.shows(
        """
        account balance 70.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Closed | 100.00 | 0.00 | 0.00 | 100.00 | Active (Billed) | 0.00 | 0.00 |
        | I2 | Closed | 0.00 | 0.00 | 0.00 | 0.00 | Paid (Complete) | 0.00 | 35.00 |
        | I3 | Open | 5.00 | 0.00 | 0.00 | 5.00 | Active (New) | 0.00 | 0.00 |

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | C2 | credit | 20.00 | manual | I2 | — | 20.00 | — |
        | C3 | credit | 15.00 | manual | I2 | — | 15.00 | — |
        """
    )


CANCELLED = 2
"""The third of Active, Suspended, Cancelled."""


@pytest.mark.parametrize(
    ("given", "posting", "stored"),
    [
        (None, None, ("2026-11-22", "2026-11-22")),
        ("2026-11-10", None, ("2026-11-10", "2026-11-10")),
        ("2026-11-10", "2026-11-30", ("2026-11-10", "2026-11-30")),
        (None, "2026-11-05", ("2026-11-22", "2026-11-05")),
        ("2026-10-30", None, None),
        ("2026-10-30", "2026-11-01", ("2026-10-30", "2026-11-01")),
        (None, "2026-10-31", None),
        ("2026-11-10", "2026-10-31", None),
    ],
)
@pytest.mark.parametrize("what", ["debit", "credit", "payment"])
def test_y2_dates_default_to_today_and_stay_out_of_closed_periods(
    office: BillingOffice, what: str, given: str | None, posting: str | None, stored: tuple[str, str] | None
) -> None:
    # E16 E17 E18 E19 E77 E116 E117 A30 I31
    office.stage.close_period("2026-10-01", "2026-10-31")
    dates = (day(given) if given else None, day(posting) if posting else None)
    if stored is None:
        with office.refusal("posting_period_closed"):
            enter(office, what, *dates)
        return
    enter(office, what, *dates)
    row = office.payment("P1") if what == "payment" else office.transaction(f"{what[0].upper()}1")
    assert (row.dated.isoformat(), row.posting_date.isoformat()) == stored


def enter(office: BillingOffice, what: str, dated: datetime | None, posted: datetime | None) -> None:
    if what == "debit":
        office.add_debit("10.00", Date=dated, PostingDate=posted)
    elif what == "credit":
        office.add_credit("10.00", Date=dated, PostingDate=posted)
    else:
        office.add_payment("10.00", Date=dated, PostingDate=posted)


def test_y4_a_tax_adjustment_gives_tax_back_as_a_credit(office: BillingOffice) -> None:
    # E183 E184 E185 A21
    office.add_debit("100.00", taxed=True)
    office.close()
    assert tax_payable(office.accounts()) == "13.00"

    office.adjust_tax("D1", Kind.CREDIT, "8.00")
    office.shows(
        """
        account balance 105.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Closed | 113.00 | 0.00 | 0.00 | 113.00 | Active (Billed) | 0.00 | 0.00 |

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | C2 | credit | 8.00 | manual | — | — | 8.00 | — |
        """
    )
    credit = office.transaction("C2")
    assert (figure(credit.net), figure(credit.tax)) == ("0.00", "8.00")
    assert credit.related == office.transaction("D1").id
    assert tax_payable(office.accounts()) == "5.00"


def test_y4_a_tax_adjustment_applies_more_tax_as_a_debit(office: BillingOffice) -> None:
    # E183 E184 E185 A21
    office.add_debit("100.00", taxed=True)
    office.close()

    office.adjust_tax("D1", Kind.DEBIT, "2.00")
    office.shows(
        """
        account balance 115.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Closed | 113.00 | 0.00 | 0.00 | 113.00 | Active (Billed) | 0.00 | 0.00 |
        | I2 | Open | 2.00 | 0.00 | 0.00 | 2.00 | Active (New) | 0.00 | 0.00 |
        """
    )
    assert tax_payable(office.accounts()) == "15.00"

    with office.refusal("amount_invalid"):
        office.adjust_tax("D1", Kind.DEBIT, "0.00")

    office.reverse("D2")  # reversible once like any row
    assert tax_payable(office.accounts()) == "13.00"


def tax_payable(accounts: Accounts) -> str:
    return figure(-accounts.tax)
