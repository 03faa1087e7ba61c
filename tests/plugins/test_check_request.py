"""Check again: what became of a request that had no answer."""

from dataclasses import replace
from typing import Any

import pytest

from plugins.actions import KeyInvalid
from plugins.check_request import ACTION, check_request
from plugins.ports import BooksUnreachable, IntentStatus
from plugins.rules.ids import request_id
from plugins.rules.ledger import Outcome, Request, TransactionStatus
from plugins.rules.setup import ProfileType
from tests.builders import BILLER, Office, a_profile, an_invoice, usd
from tests.crashes.wire import Killed
from tests.fakes.books import unreachable
from tests.fakes.gateway import no_answer

KEY = "the-charge-01"


@pytest.fixture
def office() -> Office:
    made = Office()
    made.has(an_invoice("100.00"))
    return made


def row(office: Office, key: str = KEY) -> Request:
    found = office.books.rows[request_id(key)]
    assert isinstance(found, Request)
    return found


def in_doubt(office: Office) -> None:
    """A charge of 60.00 to whose confirmation nobody answered."""
    office.gateway.before = no_answer("confirm", "read", times=2)
    assert office.charge("INV-1", "60.00", key=KEY).code == "unknown"


# --- A key that nobody knows --------------------------------------------------------------------------------------------


def test_what_never_arrived_is_refused_under_its_key(office: Office) -> None:
    answer = office.check(KEY)
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "not_received")
    assert answer.message == "The request never reached Counterfoil. Nothing was done."
    assert (row(office).outcome, row(office).code, row(office).requested_by) == (Outcome.REFUSED, "not_received", BILLER)  # fmt: skip
    assert office.check(KEY) == answer


def test_a_late_original_finds_its_key_taken_and_charges_nothing(office: Office) -> None:
    refused = office.check(KEY)
    assert office.charge("INV-1", "60.00", key=KEY) == refused
    assert office.gateway.calls == []
    assert office.transactions() == []


def test_an_original_that_comes_in_the_same_moment_wins(office: Office) -> None:
    """It is written between the look and the refusal."""
    answers: list[Any] = []

    def original(name: str) -> None:
        if name == "record":
            office.books.before = lambda _: None
            answers.append(office.charge("INV-1", "60.00", key=KEY))

    office.books.before = original
    assert office.check(KEY).code == "succeeded"
    assert [each.code for each in answers] == ["succeeded"]
    assert len(office.payments()) == 1


def test_an_original_that_is_half_way_through_when_it_is_checked_gets_no_further(office: Office) -> None:
    """Its intent is made, its reservation is not: the key is taken under its feet."""
    answers: list[Any] = []

    def check(name: str) -> None:
        if name == "commit":
            office.books.before = lambda _: None
            answers.append(office.check(KEY))

    office.books.before = check
    late = office.charge("INV-1", "60.00", key=KEY)
    assert [each.code for each in answers] == ["not_received"]
    assert late == answers[0]
    assert office.transactions() == []
    assert office.gateway.captured() == 0


def test_nothing_is_concluded_while_the_crm_does_not_answer(office: Office) -> None:
    for moment, call in (("before", "request"), ("before", "record"), ("after", "record")):
        setattr(office.books, moment, unreachable(call))
        with pytest.raises(BooksUnreachable):
            office.check(KEY)
        setattr(office.books, moment, lambda _: None)
    assert office.check(KEY).code == "not_received"


@pytest.mark.parametrize(
    "key", ["", "short", "with a space", "x" * 65, "né-pas-ascii", "semi;colon", None, 7]
)
def test_a_key_that_is_none_writes_nothing(office: Office, key: Any) -> None:
    before = dict(office.books.rows)
    call = replace(office.call(ACTION.name, None), key=key)
    with pytest.raises(KeyInvalid) as refusal:
        check_request(call, office.outside)
    assert refusal.value.code == "request_key_invalid"
    assert office.books.rows == before


def test_a_key_is_the_same_in_any_case(office: Office) -> None:
    office.charge("INV-1", "60.00", key=KEY)
    assert office.check(KEY.upper()).code == "succeeded"


# --- A key that is known ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "method", "code"),
    [("60.00", "pm_works", "succeeded"), ("60.00", "pm_declines", "declined"), ("0.00", "pm_works", "amount_invalid")],
)  # fmt: skip
def test_an_answer_that_was_given_stands_and_costs_one_call(amount: str, method: str, code: str) -> None:
    office = Office()
    office.has(an_invoice("100.00"), method=method)
    given = office.charge("INV-1", amount, key=KEY)
    assert given.code == code
    before = dict(office.books.rows)
    office.books.calls.clear()
    office.gateway.calls.clear()
    assert office.check(KEY) == given
    assert (office.books.calls, office.gateway.calls) == (["request"], [])
    assert office.books.rows == before


def test_a_pending_one_is_looked_up_at_once_whenever_its_next_check_is(office: Office) -> None:
    in_doubt(office)
    assert office.check(KEY).code == "succeeded"
    assert office.shown().amount_charged == usd("60.00")


def test_a_pending_one_of_which_still_nothing_is_known_stays_pending(office: Office) -> None:
    in_doubt(office)
    office.gateway.before = no_answer("read")
    again = office.check(KEY)
    assert (again.outcome, again.code) == (Outcome.PENDING, "unknown")
    (record,) = office.transactions()
    assert (record.status, record.checks) == (TransactionStatus.PENDING, 1)


def test_a_pending_one_that_was_never_sent_and_is_old_is_cancelled(office: Office) -> None:
    in_doubt(office)
    office.clock.advance(minutes=11)
    assert office.check(KEY).code == "not_sent"
    assert office.gateway.captured() == 0


def test_one_that_is_being_charged_right_now_is_left_to_whoever_holds_it(office: Office) -> None:
    answers: list[Any] = []

    def check(name: str) -> None:
        if name == "confirm":
            office.gateway.before = lambda _: None
            office.gateway.calls.clear()
            answers.append(office.check(KEY))
            assert office.gateway.calls == []

    office.gateway.before = check
    assert office.charge("INV-1", "60.00", key=KEY).code == "succeeded"
    assert [(each.outcome, each.code) for each in answers] == [(Outcome.PENDING, "reserved")]


def test_a_debit_under_way_says_so(office: Office) -> None:
    account = a_profile("ACH •••• 6789", method="pm_debit", type=ProfileType.ACH_DEBIT, expiry="")
    office.books.add(account)
    office.charge("INV-1", "60.00", key=KEY, PaymentProfileId=account.id)
    assert office.check(KEY).code == "processing"
    office.gateway.become("pi_0000", IntentStatus.SUCCEEDED)
    assert office.check(KEY).code == "succeeded"


def test_a_charge_that_died_before_it_wrote_anything_never_arrived(office: Office) -> None:
    def die(name: str) -> None:
        if name == "create":
            raise Killed

    office.gateway.after = die
    with pytest.raises(Killed):
        office.charge("INV-1", "60.00", key=KEY)
    office.gateway.after = lambda _: None
    assert office.check(KEY).code == "not_received"
    assert office.charge("INV-1", "60.00", key=KEY).code == "not_received"
    assert office.gateway.captured() == 0
