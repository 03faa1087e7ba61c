"""The gateway: X01, X02, Y1, Y7, Y8 and Y9 of the worked examples."""

import pytest

from plugins.rules.ledger import ChargeStatus, Outcome, TransactionStatus
from plugins.rules.payment_types import choose_payment_type
from plugins.rules.setup import Backend, PaymentType
from tests.builders import named
from tests.examples.billing_office import BillingOffice
from tests.examples.tables import figure


def test_x01_an_invoice_is_charged_in_two_parts(office: BillingOffice) -> None:
    # W12 W13 W17-W23 W26 A26
    office.bill("1000.00")
    office.on_contract("I1")
    office.shows(
        """
        account balance 1,000.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Closed | 1,000.00 | 0.00 | 0.00 | 1,000.00 | Active (Billed) | 0.00 | 0.00 |
        """
    )

    office.charge("I1", "400.00")
    office.shows(
        """
        account balance 600.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Closed | 1,000.00 | 400.00 | 0.00 | 600.00 | Paid (Partial) | 0.00 | 0.00 |

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | P1 | payment | 400.00 | manual | — | I1 400.00 | 0.00 | 0.00 |
        """
    )

    office.charge("I1", "600.00")
    office.shows(
        """
        account balance 0.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Closed | 1,000.00 | 1,000.00 | 0.00 | 0.00 | Paid (Complete) | 0.00 | 0.00 |

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | P1 | payment | 400.00 | manual | — | I1 400.00 | 0.00 | 0.00 |
        | P2 | payment | 600.00 | manual | — | I1 600.00 | 0.00 | 0.00 |
        """
    )

    with office.refusal("not_chargeable"):
        office.charge("I1", "1.00")


def test_a_charge_is_displayed_on_the_open_invoice_and_pays_the_charged_one(office: BillingOffice) -> None:
    # E50 E58 E59 A26
    office.bill("100.00")
    office.on_contract("I1")
    office.add_debit("30.00")
    office.charge("I1", "60.00")
    office.shows(
        """
        account balance 70.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Closed | 100.00 | 60.00 | 0.00 | 40.00 | Paid (Partial) | 0.00 | 0.00 |
        | I2 | Open | 30.00 | 0.00 | 0.00 | 30.00 | Active (New) | 60.00 | 0.00 |

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | P1 | payment | 60.00 | manual | I2 | I1 60.00 | 0.00 | 0.00 |
        """
    )


def test_x02_refused_and_failed_charges_change_nothing(office: BillingOffice) -> None:
    # W14 W31 W32 W38
    office.bill("250.00")
    office.on_contract("I1", card="declines")
    for amount, code in (
        ("250.01", "amount_above_balance"),
        ("0.00", "amount_invalid"),
        ("-1.00", "amount_invalid"),
    ):
        with office.refusal(code):
            office.charge("I1", amount)

    answer = office.charge("I1", "250.00")
    assert (answer.outcome, answer.code) == (Outcome.FAILED, "declined")
    [attempt] = office.books().transactions
    assert attempt.status is TransactionStatus.FAILED
    assert "card_declined: insufficient_funds" in attempt.result
    office.shows(
        """
        account balance 250.00, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Closed | 250.00 | 0.00 | 0.00 | 250.00 | Active (Billed) | 0.00 | 0.00 |
        """
    )


# --- Y1: payment types -------------------------------------------------------------------------------------------------

CASH = ("Cash", 3, Backend.CASH, True)
VISA_A = ("Visa gateway A", 5, Backend.CREDIT_CARD, True)
VISA_B = ("Visa gateway B", 7, Backend.CREDIT_CARD, True)
MANUAL = ("Card manual", 9, Backend.CREDIT_CARD, False)
"""Old card, 4, is inactive: inactive types are not read at all."""


@pytest.mark.parametrize(
    ("automatic", "active", "chosen"),
    [
        (True, [CASH, VISA_A, VISA_B, MANUAL], 5),
        (False, [CASH, VISA_A, VISA_B, MANUAL], 9),
        (False, [CASH, VISA_A, VISA_B], 5),
        (True, [CASH], None),
    ],
)
def test_y1_the_payment_type_of_a_one_off_card_payment(
    automatic: bool, active: list[tuple[str, int, Backend, bool]], chosen: int | None
) -> None:
    # E138 E139 E140 E141 E142 A20
    types = [
        PaymentType(id=named(name), name=name, number=number, backend=backend, automatic=tick)
        for name, number, backend, tick in active
    ]
    found = choose_payment_type(types, Backend.CREDIT_CARD, automatic=automatic)
    assert (found.number if found else None) == chosen


# --- Y7, Y8, Y9 --------------------------------------------------------------------------------------------------------


def test_y7_what_may_be_charged_follows_from_status_and_balance(office: BillingOffice) -> None:
    # W06 W07 W08 W37
    office.bill("100.00")
    office.on_contract("I1", card=None)
    with office.refusal("no_payment_profile"):  # W02 W03
        office.charge("I1", "100.00")
    assert "has no payment profile" in office.last_request().message

    office.on_contract("I1")
    office.open("I1")
    assert office.charge("I1", "40.00").code == "succeeded"  # Active (New)
    office.close("I1")
    with office.refusal("amount_above_balance"):
        office.charge("I1", "60.01")
    assert office.charge("I1", "60.00").code == "succeeded"  # Paid (Partial)
    with office.refusal("not_chargeable"):
        office.charge("I1", "1.00")  # Paid (Complete)

    office.void("I1")
    with office.refusal("not_chargeable"):
        office.charge("I1", "1.00")  # Canceled (Canceled)


def test_y7_an_invoice_of_nothing_has_nothing_to_charge(office: BillingOffice) -> None:
    # W38
    office.add_debit("10.00")
    office.on_contract("I1")
    office.reverse("D1")
    with office.refusal("amount_above_balance"):
        office.charge("I1", "1.00")


@pytest.mark.parametrize("clears", [True, False], ids=["clears", "comes back"])
def test_y8_a_bank_debit_under_way_takes_its_room(office: BillingOffice, clears: bool) -> None:
    # W39 A25
    office.bill("100.00")
    office.on_contract("I1", card="bank debit" if clears else "bank debit that comes back")
    assert office.charge("I1", "70.00").outcome is Outcome.PENDING
    assert seen(office) == "balance 100.00, pending 70.00, Active (Billed)"

    office.on_contract("I1")
    with office.refusal("amount_above_balance"):
        office.charge("I1", "40.00")
    assert office.charge("I1", "30.00").code == "succeeded"
    assert seen(office) == "balance 70.00, pending 70.00, Paid (Partial)"

    office.stage.debit_ends()
    [debit] = [each for each in office.books().transactions if figure(each.amount) == "70.00"]
    if clears:
        assert seen(office) == "balance 0.00, pending 0.00, Paid (Complete)"
        assert debit.status is TransactionStatus.SUCCEEDED
    else:
        assert seen(office) == "balance 70.00, pending 0.00, Paid (Partial)"
        assert debit.status is TransactionStatus.FAILED
        assert office.charge("I1", "70.00").code == "succeeded", "it may be charged again"


def seen(office: BillingOffice) -> str:
    shown = office.books().shown[office.invoice("I1").id]
    return f"balance {figure(shown.balance)}, pending {figure(shown.pending_amount)}, {WRITTEN[shown.status.value]}"


WRITTEN = {"billed": "Active (Billed)", "partial": "Paid (Partial)", "complete": "Paid (Complete)"}


def test_y9_the_same_key_charges_once(office: BillingOffice) -> None:
    # W36 I34
    office.bill("100.00")
    office.on_contract("I1")
    first = office.charge("I1", "100.00", key="the-same-key")
    again = office.charge("I1", "100.00", key="the-same-key")

    assert (first.code, again) == ("succeeded", first)
    assert office.balance == "0.00"
    [attempt] = office.books().transactions
    assert attempt.status is TransactionStatus.SUCCEEDED
    shown = office.books().shown[office.invoice("I1").id]
    assert shown.last_charge_status is ChargeStatus.SUCCEEDED
