"""How every action on a ledger goes: one changeset, decided again after a conflict, and one answer for a key."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from plugins.actions import Answer, KeyInvalid, UserOrInvoiceGone
from plugins.ports import BooksUnreachable, Conflict, NotFound
from plugins.rules.ledger import AccountTransaction, Ledger, Outcome, Request
from tests.examples.in_memory import MemoryStage
from tests.fakes.books import unreachable
from tests.fakes.surroundings import PatientTraffic

KEY = "the-one-key"


@pytest.fixture
def stage() -> MemoryStage:
    return MemoryStage()


def add(stage: MemoryStage, amount: str = "10.00", key: str = KEY) -> Answer:
    return stage.ask("cfl_AddDebit", stage.ledger, key, {"Amount": Decimal(amount)})


def at(call: str, act: Callable[[], None], times: int = 1) -> Callable[[str], None]:
    left = [times]

    def happens(name: str) -> None:
        if name == call and left[0]:
            left[0] -= 1
            act()

    return happens


def conflicts() -> None:
    raise Conflict("somebody was faster")


def entries(stage: MemoryStage) -> list[AccountTransaction]:
    return stage.office.books.all(AccountTransaction)


def test_everything_is_one_changeset_with_the_answer_in_it(stage: MemoryStage) -> None:
    answer = add(stage)
    assert stage.office.books.calls == ["for_ledger", "commit"]
    [request] = stage.office.books.all(Request)
    assert (request.outcome, request.code, request.message) == (
        answer.outcome,
        answer.code,
        answer.message,
    )


def in_another_process(stage: MemoryStage) -> None:
    """What is asked from now on does not queue behind what this process is at."""
    stage.office.books.before = lambda _: None
    stage.office.outside = replace(stage.office.outside, traffic=PatientTraffic(stage.office.clock))


def test_after_a_conflict_it_is_decided_again(stage: MemoryStage) -> None:
    def other_clerk() -> None:
        in_another_process(stage)
        add(stage, "7.00", "the-other-key")

    stage.office.books.before = at("commit", other_clerk)
    assert add(stage).code == "succeeded"
    assert sorted(each.number for each in entries(stage)) == [1, 2]
    [ledger] = stage.office.books.all(Ledger)
    assert str(ledger.balance.amount) == "17.00"
    assert len({each.invoice for each in entries(stage)}) == 1, "both are on one invoice (E03)"


def test_an_answer_that_is_lost_is_found_and_not_made_twice(stage: MemoryStage) -> None:  # I34
    stage.office.books.after = unreachable("commit")
    assert add(stage).code == "succeeded"
    assert len(entries(stage)) == 1


def test_conflicts_without_end_end_with_the_platforms_patience(stage: MemoryStage) -> None:
    stage.office.books.before = at("commit", conflicts, times=10_000)
    begun = stage.office.clock.now()
    with pytest.raises(BooksUnreachable, match="nothing was changed"):
        add(stage)
    assert 50 <= (stage.office.clock.now() - begun).total_seconds() < 60
    assert entries(stage) == []


def test_a_refusal_whose_key_is_taken_by_then_gives_the_answer_under_it(stage: MemoryStage) -> None:
    def other_tab() -> None:
        in_another_process(stage)
        stage.ask("cfl_AddDebit", stage.ledger, KEY, {"Amount": Decimal("-1.00")})

    stage.office.books.before = at("record", other_tab)
    answer = add(stage, "-1.00")
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "amount_invalid")
    assert len(stage.office.books.all(Request)) == 1


def test_a_refusal_that_clashes_with_what_cannot_be_read_says_nothing(stage: MemoryStage) -> None:
    stage.office.books.before = at("record", conflicts)
    with pytest.raises(BooksUnreachable, match="nothing was changed"):
        add(stage, "-1.00")


def test_a_user_who_is_gone_gets_no_row(stage: MemoryStage) -> None:
    def gone() -> None:
        raise NotFound("the user")

    stage.office.books.before = at("record", gone)
    with pytest.raises(UserOrInvoiceGone):
        add(stage, "-1.00")


def test_a_key_has_to_be_one(stage: MemoryStage) -> None:
    with pytest.raises(KeyInvalid):
        add(stage, key="short")
    assert stage.office.books.all(Request) == []
