"""The App: what it performs and what it answers when nobody answers it, which events it looks up, and how it says it is well."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from connector.app import PERFORMERS, App, Part
from connector.dataverse.odata import Unreachable
from connector.stripe.events import GatewayEvent
from plugins.actions import Call, CallError, KeyReused
from plugins.charge_invoice import ACTION as CHARGE
from plugins.check_request import ACTION as CHECK
from plugins.ports import (
    BooksRefused,
    BooksUnreachable,
    Conflict,
    Intent,
    IntentStatus,
    NoAnswer,
    RefundStatus,
)
from plugins.request_payment import ACTION as LINK
from plugins.rules.ids import request_id, transaction_id
from plugins.rules.ledger import Operation, Outcome, Transaction, TransactionStatus
from tests.builders import Office, an_invoice, named, usd
from tests.crashes.wire import Killed
from tests.fakes.books import unreachable
from tests.fakes.clock import START
from tests.fakes.gateway import no_answer


@pytest.fixture
def office() -> Office:
    made = Office()
    made.has(an_invoice("100.00"))
    return made


def app_of(office: Office, check: Callable[[], list[str]] = list) -> App:
    return App(office.outside, office.traffic, check)


@pytest.fixture
def app(office: Office) -> App:
    return app_of(office)


def a_charge(office: Office, amount: str = "60.00", key: str = "the-charge-01") -> Call:
    return office.call(CHARGE.name, named("INV-1"), key, Amount=usd(amount).amount)


def an_event(kind: str = "payment_intent.succeeded", intent: str = "pi_0000", *, live: bool = False) -> GatewayEvent:  # fmt: skip
    return GatewayEvent(
        id=f"evt_{kind}",
        type=kind,
        object_id=intent,
        object_kind="payment_intent",
        live=live,
        created=START,
        payment_intent=intent,
    )


# --- Perform -------------------------------------------------------------------------------------------------------------


def test_every_action_is_known_by_its_own_name(app: App) -> None:
    assert {"cfl_ChargeInvoice", "cfl_CheckRequest", "cfl_AddDebit"} <= set(app.actions)
    assert all(name == action.name for name, action in app.actions.items())
    assert set(PERFORMERS) == set(app.actions)


def test_a_charge_is_performed_and_can_be_checked(office: Office, app: App) -> None:
    assert app.perform(a_charge(office)).code == "succeeded"
    assert app.perform(office.call(CHECK.name, None, "the-charge-01")).code == "succeeded"


def break_settling(office: Office, error: Exception, then: Callable[[str], None] = lambda _: None) -> None:
    """The second changeset ends in `error`; `then` may break other calls."""
    seen: list[str] = []

    def breaks(name: str) -> None:
        seen.append(name)
        then(name)
        if name == "commit" and seen.count("commit") == 2:
            raise error

    office.books.before = breaks


@pytest.mark.parametrize("call", ["for_charge", "for_settlement"])
def test_a_crm_that_does_not_answer_is_an_open_question(office: Office, app: App, call: str) -> None:
    if call == "for_settlement":
        break_settling(office, Conflict("a row changed"), then=unreachable(call))
    else:
        office.books.before = unreachable(call)
    answer = app.perform(a_charge(office))
    assert (answer.outcome, answer.code) == (Outcome.PENDING, "unknown")
    assert "will be looked up again" in answer.message


def test_a_crm_that_refuses_a_row_after_money_moved_is_an_open_question(office: Office, app: App) -> None:
    """Never an error, on which the dialog might say that nothing was charged."""
    break_settling(office, BooksRefused("a required column is missing", named("a payment")))
    assert app.perform(a_charge(office)).outcome is Outcome.PENDING
    assert office.gateway.captured() == 60_00
    office.clock.advance(minutes=2)
    assert app.sweep().done == 1


def test_a_key_used_for_something_else_is_the_callers_error(office: Office, app: App) -> None:
    app.perform(a_charge(office))
    with pytest.raises(KeyReused):
        app.perform(a_charge(office, "40.00"))


# --- Is it set up? -------------------------------------------------------------------------------------------------------


def test_what_is_not_set_up_charges_nothing(office: Office) -> None:
    app = app_of(office, lambda: ["cfl_request has no column cfl_key."])
    app._check_once()
    with pytest.raises(CallError) as refusal:
        app.perform(a_charge(office))
    assert refusal.value.code == "not_set_up"
    assert "cfl_request has no column cfl_key. Nothing was charged." in refusal.value.message
    assert office.gateway.calls == []


def test_a_set_up_that_was_mended_is_seen(office: Office) -> None:
    found: Iterator[list[str]] = iter([["a table is missing"], []])
    app = app_of(office, lambda: next(found))
    app._check_once()
    app._check_once()
    assert app.perform(a_charge(office)).code == "succeeded"
    app._check_once()  # and nobody asks again


def test_a_charge_does_not_wait_for_the_set_up_to_be_looked_at(office: Office, app: App) -> None:
    assert app.perform(a_charge(office)).code == "succeeded"


@pytest.fixture
def elsewhere(office: Office) -> App:
    """Started with the settings of one environment at the address of another: a copy that brought a reservation along."""

    def die(name: str) -> None:
        if name == "confirm":
            raise Killed

    office.gateway.before = die
    with pytest.raises(Killed):
        app_of(office).perform(a_charge(office))
    office.gateway.before = lambda _: None
    office.clock.advance(minutes=2)
    office.gateway.calls.clear()
    return app_of(
        office, lambda: ["COUNTERFOIL_ORGANIZATION_ID is of one environment, the address of another."]
    )


def test_what_is_not_set_up_is_not_swept(office: Office, elsewhere: App) -> None:
    counts = elsewhere.sweep()
    assert (counts.looked_at, counts.orphans_cancelled) == (0, 0)
    assert counts.problems == [
        "not set up: COUNTERFOIL_ORGANIZATION_ID is of one environment, the address of another."
    ]
    elsewhere._sweeper._pass(office.clock.now())
    assert elsewhere._sweeper.last is None
    assert office.gateway.calls == []


def test_what_is_not_set_up_hears_nothing_and_is_told_again(office: Office, elsewhere: App) -> None:
    with pytest.raises(BooksRefused):
        elsewhere.hear(an_event())
    assert office.gateway.calls == []


def test_a_processor_that_is_silent_is_a_problem_of_a_pass_by_hand(office: Office, app: App) -> None:
    def silent(older_than: datetime) -> list[Intent]:
        raise NoAnswer("time-out")

    office.gateway.unconfirmed_intents = silent  # type: ignore[method-assign]  # a gateway that is away
    assert app.sweep().problems == ["time-out"]


# --- Hear ----------------------------------------------------------------------------------------------------------------


def in_doubt(office: Office, app: App) -> None:
    """Money moved, and nobody here knows."""
    office.gateway.after = no_answer("confirm")
    office.gateway.before = no_answer("read")
    assert app.perform(a_charge(office)).code == "unknown"


def test_an_event_is_looked_up_and_settles(office: Office, app: App) -> None:
    in_doubt(office, app)
    app.hear(an_event())
    assert office.shown().amount_charged == usd("60.00")


def test_what_an_event_says_is_not_believed(office: Office, app: App) -> None:
    """It says failed; the intent says succeeded."""
    in_doubt(office, app)
    app.hear(an_event("payment_intent.payment_failed"))
    (record,) = office.transactions()
    assert record.status is TransactionStatus.SUCCEEDED


def test_the_same_event_again_costs_no_call(office: Office, app: App) -> None:
    in_doubt(office, app)
    app.hear(an_event())
    office.books.calls.clear()
    office.gateway.calls.clear()
    for _ in range(10):
        app.hear(an_event())
        app.hear(an_event("payment_intent.payment_failed"))
    assert (office.books.calls, office.gateway.calls) == ([], [])


PAGE_EVENTS = (
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
)


def of_a_link(link: Transaction, kind: str) -> GatewayEvent:
    """Of its page, or of an intent that the books do not know yet."""
    about = "checkout.session" if kind in PAGE_EVENTS else "payment_intent"
    return GatewayEvent(
        f"evt_{kind}", kind, "cs_0000", about, live=False, created=START,
        payment_intent="pi_0001", transaction=str(link.id),
    )  # fmt: skip


@pytest.fixture
def link(office: Office, app: App) -> Transaction:
    """A payment link that a customer has."""
    assert app.perform(office.call(LINK.name, named("INV-1"), "the-link-01")).code == "link_open"
    return office.transactions()[0]


@pytest.mark.parametrize("kind", [*PAGE_EVENTS, "payment_intent.succeeded", "payment_intent.payment_failed"])
def test_whatever_is_heard_of_a_link_its_page_is_asked(office: Office, app: App, link: Transaction, kind: str) -> None:  # fmt: skip
    app.hear(of_a_link(link, kind))
    assert office.transactions()[0].status is TransactionStatus.PENDING, "nobody has paid"
    office.gateway.customer_pays(link.gateway_reference)
    app.hear(of_a_link(link, kind))
    assert office.transactions()[0].status is TransactionStatus.SUCCEEDED
    office.gateway.calls.clear()
    app.hear(of_a_link(link, kind))
    assert office.gateway.calls == []


@pytest.mark.parametrize("kind", ["checkout.session.completed", "payment_intent.succeeded"])
def test_a_customer_who_pays_just_after_the_sweep_has_looked_is_heard(
    office: Office, app: App, link: Transaction, kind: str
) -> None:
    """The sweep is still at work on the link and has seen it open; Stripe tells of it once."""

    def pays(name: str) -> None:
        if name == "read page":
            office.gateway.after = lambda _: None
            office.gateway.customer_pays(link.gateway_reference)
            app.hear(of_a_link(link, kind))

    office.gateway.after = pays
    office.clock.advance(minutes=2)
    app.sweep()
    assert office.transactions()[0].status is TransactionStatus.SUCCEEDED
    assert office.gateway.captured() == 10_000


@pytest.mark.parametrize("named_so", ["", "not-an-id", str(named("another's"))])
def test_pages_that_are_not_ours_change_nothing(office: Office, app: App, link: Transaction, named_so: str) -> None:  # fmt: skip
    office.gateway.customer_pays(link.gateway_reference)
    for kind in (PAGE_EVENTS[0], "payment_intent.succeeded"):
        app.hear(replace(of_a_link(link, kind), transaction=named_so))
    assert office.transactions()[0].status is TransactionStatus.PENDING


def of_a_refund(transaction: str, kind: str = "refund.updated") -> GatewayEvent:
    return GatewayEvent(
        f"evt_{kind}", kind, "re_0001", "refund", live=False, created=START, transaction=transaction
    )


@pytest.fixture
def refunding(office: Office, app: App) -> Transaction:
    """A refund that was sent, and whose answer was lost."""
    assert app.perform(a_charge(office)).code == "succeeded"
    office.gateway.after = no_answer("refund", "list refunds", times=2)
    assert office.refund(office.payments()[0], key="the-refund").outcome is Outcome.PENDING
    return next(each for each in office.transactions() if each.operation is Operation.REFUND)


@pytest.mark.parametrize(
    "kind", ["refund.created", "refund.updated", "refund.failed", "charge.refund.updated"]
)
def test_an_event_about_a_refund_is_looked_up_and_settles(office: Office, app: App, refunding: Transaction, kind: str) -> None:  # fmt: skip
    app.hear(of_a_refund(str(refunding.id), kind))
    assert office.payments()[0].refunded == usd("60.00")


def test_a_refund_that_fails_is_news_after_it_succeeded_and_nothing_else_is(
    office: Office, app: App, refunding: Transaction
) -> None:
    app.hear(of_a_refund(str(refunding.id)))
    office.gateway.calls.clear()
    for kind in ("refund.created", "refund.updated"):
        app.hear(of_a_refund(str(refunding.id), kind))
    assert office.gateway.calls == []
    office.gateway.refund_become("re_0001", RefundStatus.FAILED)
    app.hear(of_a_refund(str(refunding.id), "refund.failed"))
    assert office.alerts.codes == ["refund_returned"]
    assert office.ledger().undisbursed == usd("60.00")


@pytest.mark.parametrize("transaction", ["", "not-an-id", str(named("another's"))])
def test_refunds_that_are_not_ours_change_nothing(
    office: Office, app: App, refunding: Transaction, transaction: str
) -> None:
    before = dict(office.books.rows)
    office.gateway.calls.clear()
    app.hear(of_a_refund(transaction, "refund.failed"))
    assert (office.books.rows, office.gateway.calls) == (before, [])


def test_a_refund_that_is_being_sent_right_now_waits_for_its_answer(office: Office, app: App) -> None:
    app.perform(a_charge(office))
    key = str(transaction_id(request_id("the-refund")))
    looked: list[int] = []

    def event_comes(name: str) -> None:
        if name == "refund":
            before = len(office.books.calls)
            app.hear(of_a_refund(key, "refund.failed"))
            looked.append(len(office.books.calls) - before)

    office.gateway.after = event_comes
    office.refund(office.payments()[0], key="the-refund")
    assert looked == [0]


@pytest.mark.parametrize(
    "event",
    [
        an_event(intent="pi_of_somebody_else"),
        an_event(live=True),  # the other mode's
        an_event("charge.succeeded"),
        an_event("customer.created", intent=""),
        an_event("payment_intent.created", intent=""),
    ],
    ids=["unknown intent", "live mode", "a charge", "a customer", "no intent"],
)
def test_events_that_are_not_about_ours_change_nothing(office: Office, app: App, event: GatewayEvent) -> None:
    in_doubt(office, app)
    before = dict(office.books.rows)
    office.gateway.calls.clear()
    app.hear(event)
    assert (office.books.rows, office.gateway.calls) == (before, [])


def test_an_event_about_what_is_being_charged_right_now_waits_for_its_next_check(office: Office, app: App) -> None:  # fmt: skip
    """Stripe is often faster with its event than we are with our second changeset."""
    calls: list[list[str]] = []

    def event_comes(name: str) -> None:
        if name == "confirm":
            before = list(office.books.calls)
            app.hear(an_event())
            calls.append(office.books.calls[len(before) :])

    office.gateway.after = event_comes
    assert app.perform(a_charge(office)).code == "succeeded"
    assert calls == [[]]
    assert len(office.payments()) == 1


def test_an_event_to_a_process_that_was_started_anew_finds_nothing_to_do(office: Office, app: App) -> None:
    app.perform(a_charge(office))
    before = dict(office.books.rows)
    fresh = Office(office.clock)
    another = App(replace(office.outside, traffic=fresh.traffic), fresh.traffic, list)
    another.hear(an_event())
    assert office.books.rows == before


def test_a_success_is_heard_even_after_a_failure_was_written(office: Office, app: App) -> None:
    def die(name: str) -> None:
        if name == "confirm":
            raise Killed

    office.gateway.before = die
    with pytest.raises(Killed):
        app.perform(a_charge(office))
    office.gateway.before = lambda _: None
    office.clock.advance(minutes=11)
    assert app.sweep().failed == 1

    office.gateway.become("pi_0000", IntentStatus.SUCCEEDED)
    app.hear(an_event())
    assert office.shown().amount_charged == usd("60.00")
    assert office.alerts.codes == ["success_after_failure"]


@pytest.mark.parametrize("silent", ["crm", "stripe"])
def test_an_event_that_cannot_be_looked_up_is_sent_again_or_swept(
    office: Office, app: App, silent: str
) -> None:
    in_doubt(office, app)
    if silent == "crm":
        office.books.before = unreachable("transaction_of")
        with pytest.raises(BooksUnreachable):
            app.hear(an_event())
    else:
        office.gateway.before = no_answer("read")
        app.hear(an_event())
    (record,) = office.transactions()
    assert record.status is TransactionStatus.PENDING
    app.hear(an_event())
    assert office.shown().amount_charged == usd("60.00")
    assert not office.traffic.is_in_hand("pi_0000")


def test_a_late_event_about_a_gateway_that_is_silent_is_not_taken_as_heard(office: Office, app: App) -> None:
    office.gateway.methods["pm_works"] = IntentStatus.REQUIRES_PAYMENT_METHOD
    app.perform(a_charge(office))
    office.gateway.before = no_answer("read")
    with pytest.raises(NoAnswer):
        app.hear(an_event())


# --- Health --------------------------------------------------------------------------------------------------------------


def health(app: App) -> dict[str, Part]:
    return {each.name: each for each in app.health()}


def test_a_crm_that_stopped_answering_is_told_until_it_answers_again(office: Office) -> None:
    app = app_of(office, list)
    app._check_once()
    office.books.before = unreachable("due")
    app._sweeper._pass(office.clock.now())
    told = health(app)["crm"]
    assert not told.ok
    assert told.detail.startswith("the CRM does not answer")

    app._sweeper._pass(office.clock.now())
    assert health(app)["crm"] == Part("crm", ok=True, detail="reached, set up")


def test_before_the_crm_has_answered_it_is_not_well(office: Office) -> None:
    def silent() -> list[str]:
        raise Unreachable("connection refused")

    app = app_of(office, silent)
    assert health(app)["crm"] == Part("crm", ok=False, detail="not checked yet")
    with pytest.raises(BooksUnreachable):
        app._check_once()
    assert health(app)["crm"] == Part("crm", ok=False, detail="connection refused")


@pytest.mark.parametrize(
    ("found", "ok", "detail"),
    [
        ([], True, "reached, set up"),
        (["no table cfl_x", "no column y"], False, "no table cfl_x; no column y"),
    ],
)
def test_what_is_wrong_with_the_set_up_is_told(office: Office, found: list[str], ok: bool, detail: str) -> None:  # fmt: skip
    app = app_of(office, lambda: found)
    app._check_once()
    assert health(app)["crm"] == Part("crm", ok=ok, detail=detail)


def test_a_sweep_that_does_not_run_is_told(office: Office, app: App) -> None:
    assert health(app)["sweep"] == Part("sweep", ok=False, detail="not yet")
    assert health(app)["stripe"] == Part("stripe", ok=True, detail="test mode")
    app.start()
    try:
        for _ in range(500):
            if health(app)["sweep"].detail != "not yet":
                break
            app._sweeper._stop.wait(0.01)
        assert health(app)["sweep"] == Part("sweep", ok=True, detail="last at 09:00:00 UTC")
        assert health(app)["crm"].ok
    finally:
        app.stop()
    assert not health(app)["sweep"].ok


def test_a_pass_by_hand_sweeps_and_cancels_orphans(office: Office, app: App) -> None:
    def die(name: str) -> None:
        if name == "create":
            raise Killed

    office.gateway.after = die
    with pytest.raises(Killed):
        app.perform(a_charge(office))
    office.gateway.after = lambda _: None
    office.clock.advance(hours=25)
    counts = app.sweep()
    assert (counts.looked_at, counts.orphans_cancelled) == (0, 1)
    assert app.clock.now() == START + timedelta(hours=25)
