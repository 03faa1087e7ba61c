"""What others do while a charge is under way: edit the invoice, copy the environment, refuse a row, change a profile."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from connector.sync.sweep import sweep
from plugins.looking_again import look_again
from plugins.ports import BooksUnreachable, Decline, Intent, IntentStatus
from plugins.rules.changes import Changeset
from plugins.rules.ledger import Invoice, InvoiceStatus, Outcome, Transaction, TransactionStatus
from plugins.settlement import WHOLE
from tests.builders import Office, a_closed_period, a_profile, a_setting, an_invoice, named, usd
from tests.crashes.wire import Killed
from tests.fakes.books import MemoryBooks, unreachable
from tests.fakes.clock import ManualClock
from tests.fakes.gateway import ScriptedGateway


@pytest.fixture
def office() -> Office:
    made = Office()
    made.has(an_invoice("100.00"))
    return made


def meanwhile(office: Office, call: str, *rows: Any, times: int = 1) -> None:
    """Just before the `times`-th such call somebody in the CRM saves these rows."""
    seen: list[str] = []

    def saved(name: str) -> None:
        seen.append(name)
        if name == call and seen.count(call) == times:
            office.books.add(*rows)

    office.books.before = saved


def left_pending(office: Office, amount: str = "60.00", key: str = "the-charge") -> Transaction:
    """A charge whose process dies before it confirms."""

    def dies(name: str) -> None:
        if name == "confirm":
            raise Killed

    office.gateway.before = dies
    with pytest.raises(Killed):
        office.charge("INV-1", amount, key=key)
    office.gateway.before = lambda _: None
    return next(each for each in office.transactions() if each.status is TransactionStatus.PENDING)


def looked_at(office: Office, transaction: Transaction) -> Any:
    """As an event about its intent makes us do."""
    return look_again(office.outside, transaction, office.clock.now() + WHOLE)


# --- Between two tries of one charge ---------------------------------------------------------------------------------


def test_an_order_in_one_currency_is_not_used_for_another(office: Office) -> None:
    """An intent's amount is frozen: 60.00 USD must not be taken for a row that says 60.00 EUR."""
    meanwhile(office, "commit", an_invoice("100.00", currency="EUR"))
    answer = office.charge("INV-1", "60.00")
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "balance_changed")
    assert office.gateway.captured() == 0
    assert office.transactions() == []
    assert office.gateway.intents["pi_0000"].status is IntentStatus.CANCELED


@pytest.mark.parametrize("changed", [{"method": "pm_other"}, {"customer_ref": "cus_2"}])
def test_an_order_for_one_card_is_not_used_for_another(office: Office, changed: dict[str, str]) -> None:
    """The profile got a new card between two tries: the order still names the old one."""
    meanwhile(office, "commit", a_profile(**changed), an_invoice("100.00"))
    answer = office.charge("INV-1", "60.00")
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "profile_not_usable")
    assert office.gateway.captured() == 0


@pytest.mark.parametrize("given", ["x" * 5000, Decimal("0." + "1" * 5000)])
def test_a_refusal_fits_into_its_row_whatever_was_asked_for(office: Office, given: object) -> None:
    assert office.charge("INV-1", given).code == "amount_invalid"
    assert office.charge("INV-1", "60.00", ExpectedBalance=given).code == "balance_changed"
    assert all(len(each.message) < 2000 for each in office.requests())


# --- An invoice in another currency ----------------------------------------------------------------------------------


def test_money_is_recorded_though_the_partly_paid_invoice_got_another_currency(office: Office) -> None:
    office.charge("INV-1", "30.00")
    pending = left_pending(office, "60.00")
    office.gateway.become(pending.gateway_reference, IntentStatus.SUCCEEDED)
    office.books.add(replace(an_invoice("100.00", currency="EUR"), status=InvoiceStatus.PARTIAL))
    assert looked_at(office, pending).outcome is Outcome.DONE
    assert [each.undisbursed for each in office.payments()] == [usd("0.00"), usd("60.00")]
    assert office.alerts.codes == ["invoice_left"]


def test_another_invoice_of_that_customer_can_still_be_charged(office: Office) -> None:
    office.charge("INV-1", "30.00")
    office.books.add(
        replace(an_invoice("100.00", currency="EUR"), status=InvoiceStatus.PARTIAL),
        an_invoice("50.00", "INV-2", currency="EUR"),
    )
    assert office.charge("INV-2", "50.00").code == "succeeded"


# --- An invoice that takes nothing -----------------------------------------------------------------------------------


def test_what_could_not_be_written_on_the_invoice_is_read_again_before_money_is_applied(
    office: Office,
) -> None:
    """Nothing guarded the invoice at the reservation, so what was read then may be out of date when it is settled."""
    office.books.refuses_invoice = True

    def shrinks(name: str) -> None:
        if name == "confirm":
            office.books.refuses_invoice = False
            office.books.add(an_invoice("50.00"))

    office.gateway.before = shrinks
    assert office.charge("INV-1", "100.00").code == "succeeded"
    (payment,) = office.payments()
    assert (payment.disbursed, payment.undisbursed) == (usd("50.00"), usd("50.00"))
    assert office.shown().balance == usd("0.00")


class Failing(MemoryBooks):
    """A CRM in which somebody's plug-in breaks down, with an error of the server, whenever the invoice is saved."""

    breaks = False

    def commit(self, changeset: Changeset) -> Mapping[UUID, str]:
        if self.breaks and changeset.projects:
            self.calls.append("commit")
            raise BooksUnreachable("500: an unexpected error occurred from ISV code")
        return super().commit(changeset)


def office_with(books: MemoryBooks) -> Office:
    made = Office()
    books.rows, books.names = made.books.rows, made.books.names
    books._clock = made.clock
    made.books = books
    made.outside = replace(made.outside, books=books)
    made.has(an_invoice("100.00"))
    return made


def test_a_plug_in_that_breaks_down_on_the_invoice_does_not_keep_money_unrecorded() -> None:
    books = Failing(ManualClock())
    office = office_with(books)
    pending = left_pending(office)
    office.gateway.become(pending.gateway_reference, IntentStatus.SUCCEEDED)
    books.breaks = True
    office.clock.advance(minutes=2)
    assert sweep(office.outside).done == 1
    assert office.payments()[0].amount == usd("60.00")
    assert office.alerts.codes == ["invoice_not_writable"]
    books.breaks = False
    office.clock.advance(minutes=6)
    sweep(office.outside)
    assert office.shown().amount_charged == usd("60.00")


def test_a_crm_that_only_stumbles_gets_the_invoice_too() -> None:
    books = Failing(ManualClock())
    office = office_with(books)

    def stumbles(_: str) -> None:
        office.books.before = unreachable("commit", times=5)

    office.gateway.after = stumbles
    assert office.charge("INV-1", "60.00").code == "succeeded"
    assert office.shown().amount_charged == usd("60.00")
    assert office.alerts.codes == []


def test_settling_knows_in_which_status_the_reservation_left_the_invoice(office: Office) -> None:
    """A Paid invoice is read-only: whoever writes to it has to know that it is."""
    office.charge("INV-1", "30.00")
    wrong = replace(office.books.invoice(named("INV-1")), status=InvoiceStatus.BILLED)
    office.books.add(wrong)  # it was recorded, but could not be shown
    seen: list[Invoice] = []
    commit = office.books.commit

    def watched(changeset: Changeset) -> Mapping[UUID, str]:
        seen.extend(each.invoice for each in changeset.projects)
        return commit(changeset)

    office.books.commit = watched  # type: ignore[method-assign]  # watched, not replaced
    office.charge("INV-1", "20.00")
    assert [each.status for each in seen] == [InvoiceStatus.BILLED, InvoiceStatus.PARTIAL]


# --- A copied environment --------------------------------------------------------------------------------------------


@pytest.fixture
def copy(office: Office) -> Office:
    """The books are those of another organisation now, with a reservation in them that is not ours to finish."""
    left_pending(office)
    office.books.add(a_setting(organization=str(named("the original"))))
    office.gateway.calls.clear()
    office.books.calls.clear()
    return office


def test_check_again_in_a_copy_moves_no_money(copy: Office) -> None:
    assert copy.check("the-charge").outcome is Outcome.PENDING
    assert copy.gateway.calls == []
    assert "commit" not in copy.books.calls


def test_check_again_in_an_old_copy_cancels_nothing_of_the_original(copy: Office) -> None:
    copy.clock.advance(hours=1)
    assert copy.check("the-charge").outcome is Outcome.PENDING
    assert copy.gateway.calls == []


def test_an_event_in_a_copy_is_left_to_the_original(copy: Office) -> None:
    (pending,) = copy.transactions()
    looked_at(copy, pending)
    assert copy.gateway.calls == []
    assert copy.alerts.codes == ["wrong_environment"]


def test_an_intent_that_names_another_organisation_is_not_ours_to_move(office: Office) -> None:
    """The copy was set up as an environment of its own; the rows that came with it are still about another's money."""
    pending = left_pending(office)
    intent = office.gateway.intents[pending.gateway_reference]
    office.gateway.intents[pending.gateway_reference] = replace(
        intent, metadata={**intent.metadata, "counterfoil_organization": str(named("the original"))}
    )
    office.gateway.calls.clear()
    assert looked_at(office, pending).outcome is Outcome.PENDING
    assert office.gateway.calls == ["read"]
    assert office.alerts.codes == ["transaction_overdue"]


# --- An order that is certainly not carried out ----------------------------------------------------------------------


class Declining(ScriptedGateway):
    """Stripe understands a confirmation and does not carry it out: the intent still waits for one."""

    message = "The provided PaymentMethod was previously used without being attached to a Customer."

    def confirm_intent(self, reference: str, idempotency_key: str, within: float) -> Intent:
        self.calls.append("confirm")
        why = Decline(code="payment_method_unexpected_state", message=self.message)
        return replace(self.intents[reference], decline=why)


def declining() -> Office:
    made = Office()
    gateway = Declining(made.clock)
    made.gateway = gateway
    made.outside = replace(made.outside, gateway=gateway)
    made.has(an_invoice("100.00"))
    return made


def test_a_confirmation_that_the_processor_refuses_is_named_as_that() -> None:
    office = declining()
    answer = office.charge("INV-1", "60.00")
    assert (answer.outcome, answer.code) == (Outcome.FAILED, "rejected")
    assert "previously used without being attached" in answer.message
    assert answer.message.endswith("Nothing was charged.")
    (record,) = office.transactions()
    assert (record.status, record.result_code) == (
        TransactionStatus.FAILED,
        "payment_method_unexpected_state",
    )
    assert "payment_method_unexpected_state" in record.result
    assert office.gateway.intents["pi_0000"].status is IntentStatus.CANCELED


def test_what_the_processor_says_fits_into_the_row() -> None:
    office = declining()
    Declining.message = "x" * 5000
    assert len(office.charge("INV-1", "60.00").message) < 2000


# --- Periods ---------------------------------------------------------------------------------------------------------


def test_money_that_moved_is_recorded_though_every_day_to_come_was_closed_meanwhile(office: Office) -> None:
    pending = left_pending(office)
    office.gateway.become(pending.gateway_reference, IntentStatus.SUCCEEDED)
    office.books.add(a_closed_period("2026-01-01", "9999-12-31"))
    assert looked_at(office, pending).outcome is Outcome.DONE
    (payment,) = office.payments()
    assert payment.posting_date == payment.dated
