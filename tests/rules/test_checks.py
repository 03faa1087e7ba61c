"""Each invariant is told when it is broken, and only then: books that hold, broken in one place."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from plugins.rules.checks import WholeBooks, problems
from plugins.rules.ids import InvoiceId, PaymentId, RequestId
from plugins.rules.ledger import Disbursement, InvoiceStatus, Outcome, Payment, TransactionStatus
from plugins.rules.runs import ChargeOutcome, ChargeRun, ChargeRunLine, ChargeRunStatus
from plugins.rules.setup import ProfileStatus
from tests.builders import OWNER, Office, a_disbursement, a_profile, an_invoice, currency_id, named, usd
from tests.contracts.stages import whole_memory


@pytest.fixture(scope="module")
def good() -> WholeBooks:
    """400.00 of 1,000.00 charged, one charge declined, one in flight."""
    office = Office()
    office.has(an_invoice("1000.00"), an_invoice("50.00", "INV-2"))
    office.charge("INV-1", "400.00")
    office.gateway.methods["pm_works"] = office.gateway.methods["pm_declines"]
    office.charge("INV-1", "100.00")
    office.gateway.methods["pm_works"] = office.gateway.methods["pm_debit"]
    office.charge("INV-2", "20.00")
    return whole_memory(office.books)


def test_books_that_hold_have_no_problems(good: WholeBooks) -> None:
    assert len(good.transactions) == 3
    assert problems(good) == []


def transaction_with(good: WholeBooks, status: TransactionStatus) -> Any:
    return next(each for each in good.transactions if each.status is status)


def broken(good: WholeBooks, part: str, index: int = 0, **fields: Any) -> WholeBooks:
    """With the fields of one row changed."""
    rows = list(getattr(good, part))
    rows[index] = replace(rows[index], **fields)
    changed: dict[str, Any] = {part: rows}
    return replace(good, **changed)


def shown(good: WholeBooks, **fields: Any) -> WholeBooks:
    key = named("INV-1")
    return replace(good, shown={**good.shown, key: replace(good.shown[key], **fields)})


def more(good: WholeBooks, **rows: Any) -> WholeBooks:
    longer: dict[str, Any] = {part: [*getattr(good, part), row] for part, row in rows.items()}
    return replace(good, **longer)


def the_disbursement(good: WholeBooks) -> Disbursement:
    return good.disbursements[0]


def the_payment(good: WholeBooks) -> Payment:
    return good.payments[0]


def in_a_run(good: WholeBooks, outcome: ChargeOutcome = ChargeOutcome.SUCCEEDED, **run: Any) -> WholeBooks:
    """A charge run with a line that no transaction knows of."""
    given: dict[str, Any] = {"status": ChargeRunStatus.RUNNING} | run
    made = ChargeRun(id=named("a run"), owner=OWNER, filter="{}", **given)
    line = ChargeRunLine(
        id=named("a line"),
        name="INV-1",
        run=made.id,
        invoice=InvoiceId(named("INV-1")),
        currency_id=currency_id("USD"),
        owner=OWNER,
        amount=usd("5.00"),
        profile=None,
        outcome=outcome,
    )
    return more(more(good, charge_runs=made), charge_lines=line)


BREACHES: dict[str, Callable[[WholeBooks], WholeBooks]] = {
    "I4: invoice INV-1 has a balance of -200.00 USD": lambda good: broken(
        good, "disbursements", amount=usd("1200.00")
    ),
    "I5: void invoice INV-1 has 400.00 USD": lambda good: broken(
        good,
        "invoices",
        next(n for n, each in enumerate(good.invoices) if each.number == "INV-1"),
        status=InvoiceStatus.CANCELED,
    ),
    "I7: Fabrikam Fibre (USD) says 1.00 USD, its invoices come to": lambda good: broken(
        good, "ledgers", balance=usd("1.00")
    ),
    "says 5.00 USD undisbursed, its rows say 0.00 USD": lambda good: broken(
        good, "ledgers", undisbursed=usd("5.00")
    ),
    "I8: payment #1 says 400.00 USD disbursed, its disbursements come to 0.00 USD": lambda good: replace(
        good, disbursements=[]
    ),
    "I8: payment #1 of 401.00 USD does not add up": lambda good: broken(
        good, "payments", amount=usd("401.00")
    ),
    "I8: payment #1 has a negative part": lambda good: broken(
        good, "payments", undisbursed=usd("-1.00"), refunded=usd("1.00")
    ),
    "I8: payment #1 is shown as disbursed wrongly": lambda good: broken(good, "payments", is_disbursed=False),
    "I10: disbursement #9 of 0.00 USD": lambda good: more(
        good, disbursements=a_disbursement("0.00", number=9)
    ),
    "I10: disbursement #2 does not have exactly one source": lambda good: broken(
        good, "disbursements", credit=named("a credit")
    ),
    "number 1 is used 2 times": lambda good: broken(good, "disbursements", number=1),
    "number 2 is above the last, 1": lambda good: broken(good, "ledgers", last_number=1),
    "I25: succeeded transaction": lambda good: replace(good, payments=[], disbursements=[]),
    "has 2 payments": lambda good: more(
        good, payments=replace(the_payment(good), id=PaymentId(named("again")), number=3)
    ),
    "of 400.00 USD has a payment of 399.00 USD": lambda good: broken(good, "payments", amount=usd("399.00")),
    "I25: failed transaction": lambda good: broken(
        good, "payments", transaction=transaction_with(good, TransactionStatus.FAILED).id
    ),
    "has no next check": lambda good: broken(
        good,
        "transactions",
        list(good.transactions).index(transaction_with(good, TransactionStatus.PENDING)),
        next_check_on=None,
    ),
    "I26: invoice INV-1 shows total": lambda good: shown(good, total=usd("999.00")),
    "I26: invoice INV-1 shows balance": lambda good: shown(good, balance=usd("599.00")),
    "I26: invoice INV-1 shows payments": lambda good: shown(good, payments_disbursed=usd("0.00")),
    "I26: invoice INV-1 shows pending": lambda good: shown(good, pending_amount=usd("1.00")),
    "I26: invoice INV-1 shows status complete": lambda good: shown(good, status=InvoiceStatus.COMPLETE),
    "I26: invoice INV-1 shows parts": lambda good: shown(good, amount_charged=usd("0.00")),
    "has the payment link 'https://pages.example/cs_1'": lambda good: broken(
        good, "transactions", link_url="https://pages.example/cs_1"
    ),
    "I34: key key-00001 has 2 rows": lambda good: more(
        good, requests=replace(good.requests[0], id=RequestId(named("another")))
    ),
    "I39: line INV-1 of a charge run succeeded": lambda good: in_a_run(good, succeeded=1),
    "counts (0, 0, 2, 0, 0)": lambda good: in_a_run(good, succeeded=2),
    "has other lines than were planned": lambda good: in_a_run(good, succeeded=1, plan_hash="0" * 64),
    "has ended, and 1 of its lines have not": lambda good: in_a_run(
        good, ChargeOutcome.PENDING, pending=1, status=ChargeRunStatus.DONE
    ),
    "W40: account": lambda good: more(
        broken(good, "profiles", is_default=True, default_slot=str(named("Fabrikam Fibre"))),
        profiles=a_profile("Another", is_default=True, default_slot=str(named("Fabrikam Fibre"))),
    ),
    "W40: payment profile Visa •••• 4242 is the default, its slot says otherwise": lambda good: broken(
        good, "profiles", is_default=True
    ),
    "payment profile Visa •••• 4242 waits for its customer and has no next check": lambda good: broken(
        good, "profiles", status=ProfileStatus.PENDING, request_url="https://pages.example/cs_1"
    ),
    "I34: request key-00001 says failed, its transaction is succeeded": lambda good: broken(
        good, "requests", outcome=Outcome.FAILED
    ),
}


@pytest.mark.parametrize("told", BREACHES)
def test_a_breach_is_told_with_its_number(good: WholeBooks, told: str) -> None:
    found = problems(BREACHES[told](good))
    assert any(told in each for each in found), found


def test_a_canceled_invoice_may_owe_nothing_whatever_it_came_to(good: WholeBooks) -> None:
    canceled = an_invoice("70.00", "INV-9", status=InvoiceStatus.CANCELED)
    assert problems(more(good, invoices=canceled)) == []
