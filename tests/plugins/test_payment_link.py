"""Payment links in memory: what is promised, what waits for the customer, and how every link ends."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from connector.sync.sweep import sweep
from plugins.actions import Answer
from plugins.add_payment import ACTION as ADD
from plugins.add_payment import add_payment
from plugins.charge_invoice import ACTION as CHARGE
from plugins.charge_invoice import charge_invoice
from plugins.disburse import ACTION as DISBURSE
from plugins.disburse import disburse
from plugins.looking_again import look_again
from plugins.ports import (
    Decline,
    GatewayRefused,
    HostedPage,
    Intent,
    IntentStatus,
    MethodType,
    Outside,
    PageStatus,
)
from plugins.request_payment import ACTION as REQUEST
from plugins.request_payment import request_payment
from plugins.rules.checks import WholeBooks, problems
from plugins.rules.ids import PaymentTypeId
from plugins.rules.ledger import (
    ChargeStatus,
    Invoice,
    InvoiceStatus,
    Outcome,
    Stage,
    Transaction,
    TransactionStatus,
)
from plugins.rules.payment_link import LIVES
from plugins.rules.setup import PaymentType
from plugins.settlement import WHOLE
from plugins.void_invoice import ACTION as VOID
from plugins.void_invoice import void_invoice
from plugins.withdraw_payment_link import ACTION as WITHDRAW
from plugins.withdraw_payment_link import withdraw_payment_link
from tests.builders import BILLER, Office, a_transaction, an_account, an_invoice, named, usd
from tests.crashes.wire import Killed
from tests.fakes.books import unreachable
from tests.fakes.gateway import customer_missing, no_answer
from tests.fakes.surroundings import PatientTraffic


@pytest.fixture
def office() -> Office:
    made = Office()
    made.has(an_invoice("850.00"))
    return made


def asks_for_link(
    office: Office,
    amount: str | None = None,
    key: str = "",
    on: str = "INV-1",
    outside: Outside | None = None,
) -> Answer:
    given: dict[str, Any] = {} if amount is None else {"Amount": usd(amount).amount}
    return request_payment(office.call(REQUEST.name, named(on), key, **given), outside or office.outside)


def elsewhere(office: Office) -> Outside:
    """Another replica of the service: it queues with nobody here."""
    return replace(office.outside, traffic=PatientTraffic(office.clock))


def withdraws(office: Office, link: Transaction | UUID, key: str = "") -> Answer:
    target = link.id if isinstance(link, Transaction) else link
    return withdraw_payment_link(office.call(WITHDRAW.name, target, key), office.outside)


def links(office: Office) -> list[Transaction]:
    return [each for each in office.transactions() if each.is_link]


def the_link(office: Office) -> Transaction:
    (found,) = links(office)
    return found


def page_of(office: Office) -> str:
    return the_link(office).gateway_reference


def heard(office: Office) -> Answer:
    """As an event about it makes us do."""
    return look_again(office.outside, the_link(office), office.clock.now() + WHOLE)


def after(office: Office, **time: float) -> Any:
    office.clock.advance(**time)
    return sweep(office.outside)


def sound(office: Office) -> None:
    """The rules of the books, and the conservation of money: captured = recorded as succeeded = paid."""
    rows = office.books.rows.values()
    assert list(problems(WholeBooks.of(rows, office.books.shown))) == []
    made = [each for each in office.transactions() if each.status is TransactionStatus.SUCCEEDED]
    captured = office.gateway.captured()
    assert sum(each.amount.minor for each in made) == captured
    assert sum(each.amount.minor for each in office.payments() if each.transaction) == captured


# --- Asked for ---------------------------------------------------------------------------------------------------------


def test_a_link_is_promised_before_anybody_has_its_address(office: Office) -> None:
    order: list[str] = []
    office.gateway.after = order.append
    office.books.before = order.append
    answer = asks_for_link(office, key="the-link")

    assert order == ["for_charge", "open page", "commit"], "the customer is known: they have a card on file"
    assert (answer.outcome, answer.code) == (Outcome.DONE, "link_open")
    assert answer.message == (
        "The payment link over 850.00 USD on invoice INV-1 is open until "
        f"{office.clock.now() + LIVES:%Y-%m-%d %H:%M} UTC. Send it to the customer."
    )
    link = the_link(office)
    assert (link.amount, link.status, link.stage) == (
        usd("850.00"),
        TransactionStatus.PENDING,
        Stage.RESERVED,
    )
    assert link.link_url == f"https://pages.example/{link.gateway_reference}"
    assert link.next_check_on is not None
    (request,) = office.requests()
    assert link.link_url in request.result
    assert str(link.id) in request.result
    assert office.shown().pending_amount == usd("850.00")
    assert office.shown().last_charge_status is None, "nobody tried to charge anything"
    sound(office)


def test_a_page_can_be_paid_once_and_knows_what_it_is_for(office: Office) -> None:
    asks_for_link(office, "100.00")
    (order,) = office.gateway.page_orders.values()
    link = the_link(office)
    assert (order.amount, order.currency, order.customer) == (usd("100.00"), "USD", "cus_1")
    assert order.description == "Invoice INV-1"
    assert order.metadata["counterfoil_transaction"] == str(link.id)
    assert order.metadata["counterfoil_invoice"] == str(named("INV-1"))
    assert order.return_url == office.outside.return_url
    assert order.expires_on == link.link_expires_on


def test_a_customer_who_is_new_at_the_processor_is_made_one(office: Office) -> None:
    """No contract and no profile: a link needs neither."""
    office = Office()
    office.books.add(an_account(), an_invoice("10.00", contract=None))
    assert asks_for_link(office).outcome is Outcome.DONE
    assert office.gateway.calls == ["create customer", "open page"]
    assert office.gateway.customers[office.ledger().customer_ref] == "Fabrikam Fibre"
    asks = office.gateway.calls.copy()
    asks_for_link(office, "1.00")
    assert office.gateway.calls == asks, "the second is refused: nothing is left"
    sound(office)


def test_a_bank_that_takes_no_debits_does_not_keep_the_customer_from_paying_by_card(office: Office) -> None:
    def only_cards(name: str) -> None:
        if name == "open page" and office.gateway.calls.count(name) == 1:
            raise GatewayRefused("invalid_request", "us_bank_account is not activated.")

    office.gateway.before = only_cards
    assert asks_for_link(office).outcome is Outcome.DONE
    (order,) = office.gateway.page_orders.values()
    assert order.method_types == (MethodType.CARD,)


@pytest.mark.parametrize("lost", ["before", "after"])
def test_without_an_answer_there_is_no_link(office: Office, lost: str) -> None:
    setattr(office.gateway, lost, no_answer("open page"))
    answer = asks_for_link(office)
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "processor_unreachable")
    assert office.transactions() == []
    sound(office)


def test_a_processor_that_will_not_make_the_page_says_why(office: Office) -> None:
    def refuses(name: str) -> None:
        if name == "open page":
            raise GatewayRefused("amount_too_large", "Amount must be no more than 999,999.99 usd")

    office.gateway.before = refuses
    answer = asks_for_link(office)
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "link_rejected")
    assert "999,999.99" in answer.message
    assert office.transactions() == []


def test_the_same_key_again_is_the_same_link(office: Office) -> None:
    first = asks_for_link(office, "100.00", key="the-link")
    office.clock.advance(minutes=5)
    assert asks_for_link(office, "100.00", key="the-link") == first
    assert office.gateway.calls.count("open page") == 1


def test_two_tries_under_one_key_leave_one_link(office: Office) -> None:
    """Somebody else came first, with a page of their own: it is their address that is told."""

    def other(name: str) -> None:
        if name == "commit":
            office.books.before = lambda _: None
            office.clock.advance(seconds=2)
            asks_for_link(office, "100.00", key="the-link", outside=elsewhere(office))

    office.books.before = other
    answer = asks_for_link(office, "100.00", key="the-link")
    assert answer.code == "link_open"
    assert len(office.gateway.pages) == 2
    assert the_link(office).gateway_reference == "cs_0001"
    sound(office)


def test_a_link_whose_promise_got_no_answer_is_found_again(office: Office) -> None:
    office.books.after = unreachable("commit")
    answer = asks_for_link(office, key="the-link")
    assert answer.code == "link_open"
    assert office.gateway.calls.count("open page") == 1
    sound(office)


def test_killed_before_the_promise_leaves_a_page_that_nobody_can_find(office: Office) -> None:
    def die(name: str) -> None:
        if name == "commit":
            raise Killed

    office.books.before = die
    with pytest.raises(Killed):
        asks_for_link(office)
    office.books.before = lambda _: None
    assert office.transactions() == []
    assert asks_for_link(office).outcome is Outcome.DONE
    sound(office)


def test_an_invoice_that_changed_meanwhile_is_asked_for_anew(office: Office) -> None:
    """The page says another amount than the invoice does now; it is closed, and nobody had its address."""

    def other(name: str) -> None:
        if name == "commit":
            office.books.before = lambda _: None
            given: dict[str, Any] = {"Amount": usd("50.00").amount}
            charge_invoice(office.call(CHARGE.name, named("INV-1"), **given), elsewhere(office))

    office.books.before = other
    answer = asks_for_link(office)
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "balance_changed")
    assert [each.status for each in office.gateway.pages.values()] == ["expired"]
    sound(office)


# --- Refused -----------------------------------------------------------------------------------------------------------


def test_nothing_that_is_left_is_nothing_to_ask_for(office: Office) -> None:
    office.charge("INV-1", "850.00")
    assert asks_for_link(office).code == "not_chargeable"
    office.books.add(an_invoice("0.00", "INV-2"))
    answer = asks_for_link(office, on="INV-2")
    assert (answer.code, answer.message) == (
        "nothing_due",
        "Nothing of invoice INV-2 is left to pay. No link was made.",
    )


def test_without_a_public_address_no_customer_can_be_sent_anywhere(office: Office) -> None:
    object.__setattr__(office.outside, "return_url", "")
    answer = asks_for_link(office)
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "no_public_address")


@pytest.mark.parametrize("amount", ["850.01", "900.00"])
def test_no_more_than_the_balance_is_asked_for(office: Office, amount: str) -> None:
    assert asks_for_link(office, amount).code == "amount_above_balance"


def test_while_a_charge_awaits_its_answer_nobody_is_asked_to_pay(office: Office) -> None:
    office.gateway.before = no_answer("confirm", "read", times=9)
    office.charge("INV-1", "60.00")
    office.gateway.before = lambda _: None
    assert asks_for_link(office).code == "charge_in_progress"


def test_an_invoice_that_the_clerk_cannot_see(office: Office) -> None:
    office.books.rights[BILLER] = frozenset()
    assert asks_for_link(office).code == "not_permitted"


def test_no_card_payment_type(office: Office) -> None:
    for each in office.books.all(PaymentType):
        del office.books.rows[each.id]
    assert asks_for_link(office).code == "no_payment_type"


# --- In flight ---------------------------------------------------------------------------------------------------------


def test_what_a_link_asks_for_is_nobody_elses(office: Office) -> None:
    """A1, A25: a second link and a charge take what is left, and not more."""
    asks_for_link(office, "500.00")
    until = f"{the_link(office).link_expires_on:%Y-%m-%d %H:%M} UTC"
    waits = f"A payment link over 500.00 USD waits for the customer until {until}."
    answer = office.charge("INV-1", "400.00")
    assert (answer.code, answer.message) == (
        "amount_above_balance",
        f"The amount can't be more than what is left to ask for, 350.00 USD. {waits} Withdraw it to charge that amount.",
    )
    assert office.charge("INV-1", "200.00").outcome is Outcome.DONE
    assert asks_for_link(office).message.startswith("The payment link over 150.00 USD")
    answer = asks_for_link(office)
    assert answer.code == "nothing_due"
    assert answer.message == f"Nothing is left to ask for. {waits} Send that one again, or withdraw it first."
    sound(office)


def test_an_invoice_with_an_open_link_is_not_voided(office: Office) -> None:
    asks_for_link(office, "500.00")
    answer = void_invoice(office.call(VOID.name, named("INV-1")), office.outside)
    assert answer.code == "charge_in_progress"
    assert answer.message.startswith("A payment link over 500.00 USD waits for the customer")
    withdraws(office, the_link(office))
    assert void_invoice(office.call(VOID.name, named("INV-1")), office.outside).outcome is Outcome.DONE


def test_money_is_not_put_on_what_a_customer_was_asked_for(office: Office) -> None:
    """By hand or by itself; once the link has ended, what waited goes there."""
    asks_for_link(office)
    given: dict[str, Any] = {"Amount": usd("50.00").amount, "PaymentTypeId": named("Check")}
    add_payment(office.call(ADD.name, office.ledger().id, **given), office.outside)
    (waiting,) = office.payments()
    assert waiting.undisbursed == usd("50.00")
    ticked: dict[str, Any] = {"PaymentId": waiting.id, "InvoiceIds": [str(named("INV-1"))]}
    answer = disburse(office.call(DISBURSE.name, None, **ticked), office.outside)
    assert answer.code == "charge_in_progress"
    assert answer.message.endswith("Untick invoice INV-1, or withdraw the link.")
    withdraws(office, the_link(office))
    assert office.payments()[0].undisbursed == usd("0.00")
    sound(office)


def test_a_link_that_the_invoice_does_not_owe_any_more_is_closed(office: Office) -> None:
    """The CRM billed less after all."""
    asks_for_link(office)
    invoice = office.books.invoice(named("INV-1"))
    office.books.add(_billed(invoice, "100.00"))
    assert after(office, minutes=2).failed == 1
    assert the_link(office).status is TransactionStatus.CANCELLED
    assert office.gateway.pages["cs_0000"].status == "expired"


def _billed(invoice: Invoice, amount: str) -> Invoice:
    return an_invoice(amount, ledger=invoice.ledger, ledger_state=invoice.ledger_state)


# --- Paid --------------------------------------------------------------------------------------------------------------


def _by_event(office: Office) -> None:
    heard(office)


def _by_sweep(office: Office) -> None:
    after(office, minutes=2)


def _by_check(office: Office) -> None:
    assert office.check("the-link").code == "link_open"


@pytest.mark.parametrize("learns", [_by_event, _by_sweep, _by_check])
def test_paid_however_it_is_learned(office: Office, learns: Callable[[Office], None]) -> None:
    asks_for_link(office, key="the-link")
    intent = office.gateway.customer_pays(page_of(office))
    learns(office)

    link = the_link(office)
    assert (link.status, link.gateway_reference) == (TransactionStatus.SUCCEEDED, intent)
    assert link.result == "The customer paid 850.00 USD by payment link."
    assert link.link_url == ""
    (payment,) = office.payments()
    assert (payment.amount, payment.payment_type) == (usd("850.00"), PaymentTypeId(named("Credit Card")))
    assert office.shown().status is InvoiceStatus.COMPLETE
    assert office.shown().last_charge_status is ChargeStatus.SUCCEEDED
    (request,) = [each for each in office.requests() if each.key == "the-link"]
    assert (request.outcome, request.code) == (Outcome.DONE, "link_open"), "it was answered when it was asked"
    sound(office)


def test_the_same_event_ten_times_changes_nothing_more(office: Office) -> None:
    asks_for_link(office)
    office.gateway.customer_pays(page_of(office))
    page = the_link(office)
    for _ in range(10):
        look_again(office.outside, page, office.clock.now() + WHOLE)
    assert len(office.payments()) == 1
    sound(office)


def test_a_try_that_the_bank_declines_leaves_the_link_open(office: Office) -> None:
    asks_for_link(office)
    before = office.ledger().version
    office.gateway.customer_pays(page_of(office), Decline("card_declined", "insufficient_funds"))
    assert heard(office).outcome is Outcome.PENDING
    assert the_link(office).status is TransactionStatus.PENDING
    assert office.ledger().version == before, "there was nothing to write"
    office.gateway.customer_pays(page_of(office), IntentStatus.REQUIRES_ACTION)
    assert heard(office).outcome is Outcome.PENDING
    assert "cancel" not in office.gateway.calls, "the customer is at it"
    office.gateway.customer_pays(page_of(office))
    assert heard(office).outcome is Outcome.DONE
    sound(office)


def test_paid_by_bank_debit_that_clears_days_later(office: Office) -> None:
    asks_for_link(office)
    intent = office.gateway.customer_pays(page_of(office), IntentStatus.PROCESSING)
    assert heard(office).outcome is Outcome.PENDING
    link = the_link(office)
    assert (link.stage, link.link_url) == (Stage.PROCESSING, "")
    assert link.result == "The customer paid by bank debit. It takes a few working days to clear."
    assert office.shown().last_charge_status is ChargeStatus.PENDING
    sound(office)

    office.gateway.become(intent, IntentStatus.SUCCEEDED)
    after(office, days=2)
    assert the_link(office).status is TransactionStatus.SUCCEEDED
    sound(office)


def test_a_bank_debit_is_booked_as_one(office: Office) -> None:
    asks_for_link(office)
    intent = office.gateway.customer_pays(page_of(office), IntentStatus.PROCESSING)
    office.gateway.intents[intent] = _by(office.gateway.intents[intent], MethodType.ACH_DEBIT)
    office.gateway.become(intent, IntentStatus.SUCCEEDED)
    heard(office)
    (payment,) = office.payments()
    assert payment.payment_type == PaymentTypeId(named("ACH"))


def _by(intent: Intent, method: MethodType) -> Intent:
    return replace(intent, method_type=method)


def test_a_bank_debit_that_comes_back_is_a_failed_charge(office: Office) -> None:
    """Its intent cannot be cancelled, but nobody tries again on a page that is complete."""
    asks_for_link(office)
    intent = office.gateway.customer_pays(page_of(office), IntentStatus.PROCESSING)
    heard(office)
    office.gateway.become(intent, IntentStatus.REQUIRES_PAYMENT_METHOD, Decline("insufficient_funds"))
    after(office, days=2)
    link = the_link(office)
    assert (link.status, link.result_code) == (TransactionStatus.FAILED, "insufficient_funds")
    assert office.shown().last_charge_status is ChargeStatus.FAILED
    assert asks_for_link(office).code == "link_open", "its room is free again"


def test_money_of_a_link_that_was_called_unpaid_is_recorded_all_the_same(office: Office) -> None:
    """A success always wins, and somebody is told."""
    asks_for_link(office)
    page = page_of(office)
    office.gateway.page_runs_out(page)
    heard(office)
    assert the_link(office).status is TransactionStatus.CANCELLED
    office.gateway.pages[page] = _open_again(office, page)
    office.gateway.customer_pays(page)
    heard(office)
    assert the_link(office).status is TransactionStatus.SUCCEEDED
    assert "success_after_failure" in office.alerts.codes
    sound(office)


def _open_again(office: Office, page: str) -> HostedPage:
    return replace(
        office.gateway.pages[page], status=PageStatus.OPEN, expires_on=office.clock.now() + timedelta(hours=1)
    )


def test_what_a_customer_paid_by_link_can_be_refunded(office: Office) -> None:
    asks_for_link(office)
    office.gateway.customer_pays(page_of(office))
    heard(office)
    answer = office.refund(office.payments()[0], "50.00")
    assert (answer.outcome, answer.message) == (
        Outcome.DONE,
        "50.00 USD was refunded to what it was paid with. It takes 5 to 10 working days to arrive.",
    )


# --- Not paid ----------------------------------------------------------------------------------------------------------


def test_a_link_runs_out(office: Office) -> None:
    asks_for_link(office)
    for _ in range(40):  # looked at ever more rarely, and again right after its time
        after(office, minutes=36)
    link = the_link(office)
    assert (link.status, link.result) == (
        TransactionStatus.CANCELLED,
        "The payment link ran out unpaid. Nothing was charged.",
    )
    assert link.link_url == ""
    assert link.final_on is not None
    assert link.link_expires_on is not None
    assert link.final_on < link.link_expires_on + timedelta(minutes=40)
    assert office.shown().pending_amount == usd("0.00")
    assert office.shown().last_charge_status is None
    assert office.alerts.codes == []
    sound(office)


def test_a_page_that_ran_out_while_the_bank_asked_the_customer_is_not_given_up_early(
    office: Office,
) -> None:
    """An intent that outlives its page could still be paid."""
    asks_for_link(office)
    page = page_of(office)
    intent = office.gateway.customer_pays(page, IntentStatus.REQUIRES_ACTION)
    office.gateway.page_runs_out(page)
    office.gateway.become(intent, IntentStatus.REQUIRES_ACTION)
    office.gateway.before = no_answer("cancel")
    assert heard(office).outcome is Outcome.PENDING
    assert heard(office).outcome is Outcome.PENDING, "it cannot be cancelled by itself; it ends with its page"
    assert the_link(office).status is TransactionStatus.PENDING
    office.gateway.become(intent, IntentStatus.CANCELED)
    assert heard(office).outcome is Outcome.FAILED
    assert the_link(office).status is TransactionStatus.CANCELLED
    sound(office)


def test_a_customer_that_the_processor_does_not_know_any_more_is_made_anew(office: Office) -> None:
    office.gateway.before = customer_missing()
    assert asks_for_link(office).outcome is Outcome.DONE
    (made,) = office.gateway.customers
    assert office.gateway.page_orders[page_of(office)].customer == made
    office.gateway.customer_pays(page_of(office))
    assert heard(office).outcome is Outcome.DONE
    sound(office)


def test_a_page_of_another_environment_is_left_alone(office: Office) -> None:
    asks_for_link(office)
    page = page_of(office)
    shown = office.gateway.pages[page]
    office.gateway.pages[page] = replace(shown, metadata={"counterfoil_organization": str(named("another"))})
    after(office, minutes=2)
    assert the_link(office).status is TransactionStatus.PENDING
    answer = withdraws(office, the_link(office))
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "not_at_processor")
    assert "close page" not in office.gateway.calls


# --- Withdrawn ---------------------------------------------------------------------------------------------------------


def test_a_withdrawn_link_leads_nowhere_and_its_room_is_free(office: Office) -> None:
    asks_for_link(office)
    answer = withdraws(office, the_link(office), key="withdrawal")
    assert (answer.outcome, answer.code, answer.message) == (
        Outcome.DONE,
        "link_withdrawn",
        "The payment link over 850.00 USD was withdrawn. Nobody can pay on it any more.",
    )
    assert the_link(office).status is TransactionStatus.CANCELLED
    assert (
        the_link(office).result == "The payment link was withdrawn before it was paid. Nothing was charged."
    )
    assert withdraws(office, the_link(office), key="withdrawal") == answer
    assert office.charge("INV-1", "850.00").outcome is Outcome.DONE
    sound(office)


def test_paid_just_before_it_was_withdrawn(office: Office) -> None:
    asks_for_link(office)

    def pays(name: str) -> None:
        if name == "close page":
            office.gateway.customer_pays(page_of(office))

    office.gateway.before = pays
    answer = withdraws(office, the_link(office))
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "link_paid")
    assert the_link(office).status is TransactionStatus.SUCCEEDED
    sound(office)


def test_a_bank_debit_under_way_cannot_be_withdrawn(office: Office) -> None:
    asks_for_link(office)
    office.gateway.customer_pays(page_of(office), IntentStatus.PROCESSING)
    assert withdraws(office, the_link(office)).code == "link_being_paid"
    assert the_link(office).stage is Stage.PROCESSING
    assert withdraws(office, the_link(office)).code == "link_being_paid"
    assert office.gateway.calls.count("close page") == 0
    sound(office)


@pytest.mark.parametrize(
    ("call", "lost"), [("read page", "before"), ("close page", "before"), ("close page", "after")]
)
def test_without_an_answer_nothing_is_concluded(office: Office, call: str, lost: str) -> None:
    asks_for_link(office)
    setattr(office.gateway, lost, no_answer(call))
    answer = withdraws(office, the_link(office))
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "link_not_withdrawn")
    assert the_link(office).status is TransactionStatus.PENDING
    again = withdraws(office, the_link(office))
    assert again.code == "link_withdrawn"
    sound(office)


def test_the_event_of_the_closed_page_may_be_quicker_than_we_are(office: Office) -> None:
    asks_for_link(office)
    link = the_link(office)

    def other(name: str) -> None:
        if name == "commit":
            office.books.before = lambda _: None
            look_again(elsewhere(office), link, office.clock.now() + WHOLE)

    office.books.before = other
    answer = withdraws(office, link, key="withdrawal")
    assert answer.code == "link_withdrawn"
    assert [each.key for each in office.requests() if each.code == "link_withdrawn"] == ["withdrawal"]
    sound(office)


def test_a_withdrawal_whose_answer_got_lost_is_written_once(office: Office) -> None:
    asks_for_link(office)
    office.books.after = unreachable("commit")
    assert withdraws(office, the_link(office), key="withdrawal").code == "link_withdrawn"
    assert len(office.requests()) == 2
    sound(office)


@pytest.mark.parametrize("at", ["before close", "after close", "before commit", "after commit"])
def test_killed_in_the_middle_of_a_withdrawal(office: Office, at: str) -> None:
    """Whatever was left behind, the sweep ends it as the page says, and the link is asked for anew."""
    asks_for_link(office)
    moment, call = at.split()
    part: Any = office.gateway if call == "close" else office.books

    def die(name: str) -> None:
        if name == {"close": "close page"}.get(call, call):
            raise Killed

    setattr(part, moment, die)
    with pytest.raises(Killed):
        withdraws(office, the_link(office))
    setattr(part, moment, lambda _: None)
    after(office, minutes=2)
    still_open = at == "before close"
    assert the_link(office).status is (
        TransactionStatus.PENDING if still_open else TransactionStatus.CANCELLED
    )
    sound(office)


def test_what_is_over_cannot_be_withdrawn(office: Office) -> None:
    asks_for_link(office, "100.00")
    office.gateway.customer_pays(page_of(office))
    heard(office)
    assert withdraws(office, the_link(office)).code == "link_paid"

    asks_for_link(office, "100.00")
    (open_one,) = [each for each in links(office) if each.status is TransactionStatus.PENDING]
    withdraws(office, open_one)
    answer = withdraws(office, open_one)
    assert (answer.code, answer.message) == (
        "link_over",
        "This payment link has ended already. The payment link was withdrawn before it was paid. Nothing was charged.",
    )


def test_only_a_link_can_be_withdrawn(office: Office) -> None:
    office.charge("INV-1", "60.00")
    (charge,) = office.transactions()
    assert withdraws(office, charge).code == "not_a_link"
    assert withdraws(office, a_transaction(name="unheard of")).code == "record_not_found"


def test_a_link_that_the_clerk_cannot_see(office: Office) -> None:
    asks_for_link(office)
    office.books.rights[BILLER] = frozenset()
    assert withdraws(office, the_link(office)).code == "not_permitted"
    assert "close page" not in office.gateway.calls
