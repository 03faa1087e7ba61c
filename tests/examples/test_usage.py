"""Usage that is credited: Y5 of the worked examples."""

from uuid import UUID

import pytest

from plugins.rules.ledger import UsageStatus
from tests.examples.billing_office import BillingOffice
from tests.examples.tables import figure


@pytest.fixture
def filtered(office: BillingOffice) -> list[UUID]:
    """Of ten calls the three to one number."""
    for place in range(7):
        office.stage.add_call(f"another number {place}", "5.00", "0.65")
    sums = (("1.20", "0.16"), ("0.80", "0.10"), ("2.00", "0.26"))
    return [office.stage.add_call(f"call {place}", net, tax) for place, (net, tax) in enumerate(sums)]


def test_y5_a_filtered_list_of_calls_is_credited_once(office: BillingOffice, filtered: list[UUID]) -> None:
    # E87 E88 E89 E97 E98 E99 E100 E102 E103 E79 A22 I32
    with office.refusal("usage_missing"):  # no filter, no list
        office.credit_usage()

    office.credit_usage(*filtered)
    asked = office.last_request()
    assert (
        asked.message == "The credit of 3 records, 4.00 USD and 0.52 USD of tax, was added to the job queue."
    )
    assert office.balance == "0.00"

    office.stage.sweep()
    office.shows(
        """
        account balance −4.52, deposits 0.00

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | C1 | credit | 4.52 | manual | — | — | 4.52 | — |
        """
    )
    credit = office.transaction("C1")
    assert (figure(credit.net), figure(credit.tax)) == ("4.00", "0.52")
    credited = {each.id for each in office.books().usage if each.status is UsageStatus.CREDITED}
    assert credited == set(filtered)

    with office.refusal("nothing_to_credit"):
        office.credit_usage(*filtered)
    office.stage.sweep()
    assert office.balance == "−4.52"


def test_y5_the_credit_appears_on_the_open_invoice(office: BillingOffice, filtered: list[UUID]) -> None:
    # E104 E08
    office.add_debit("10.00")
    office.credit_usage(*filtered)
    office.stage.sweep()
    office.shows(
        """
        account balance 5.48, deposits 0.00

        | Invoice | Ledger state | Total | Paym. disb. | Cred. disb. | Balance | Status | Paym. issued | Cred. issued |
        |---|---|---|---|---|---|---|---|---|
        | I1 | Open | 10.00 | 0.00 | 0.00 | 10.00 | Active (New) | 0.00 | 4.52 |

        | Source | Kind | Amount | Mode | Displayed on | Disbursed to | Undisbursed | Refunded |
        |---|---|---|---|---|---|---|---|
        | C2 | credit | 4.52 | manual | I1 | — | 4.52 | — |
        """
    )


def test_y5_tax_needs_a_service_with_a_tax_category(office: BillingOffice, filtered: list[UUID]) -> None:
    # E92 E93
    with office.refusal("tax_category_missing"):
        office.credit_usage(*filtered, service="Untaxed")


def test_y5_what_was_credited_is_credited_again_after_a_reversal(
    office: BillingOffice, filtered: list[UUID]
) -> None:
    # I32
    office.credit_usage(*filtered)
    office.stage.sweep()
    office.reverse("C1")
    office.credit_usage(*filtered)
    office.stage.sweep()
    assert office.balance == "−4.52"
