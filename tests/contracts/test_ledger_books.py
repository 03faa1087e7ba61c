"""Reading a ledger, whatever the books are: each kind of scope finds the same rows in memory and in a local CRM."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from plugins.ports import NotFound
from plugins.rules.books import About, LedgerBooks, Scope
from plugins.rules.ids import EntryId, InvoiceId, PaymentId, payment_id, request_id, transaction_id
from plugins.rules.ledger import Disbursement
from plugins.rules.row import Row
from sandbox.demo.story import row_id
from sandbox.world import World
from tests.contracts.ledger_story import ACCOUNT, CALLS, LEDGER, Told, invoice, rows_of, same, told, usd
from tests.contracts.promises import BILLER, key_of
from tests.contracts.stages import STRANGER, MemoryStage, SandboxStage, Validation

Pair = tuple[Told, Told]


@pytest.fixture(scope="module")
def pair(watched: tuple[World, Validation]) -> Pair:
    """The same story in memory and in the CRM. Only read by these tests."""
    sandbox = SandboxStage(*watched)
    return told(MemoryStage(sandbox.clock)), told(sandbox)


def read(told: Told, scope: Scope, caller: Any = BILLER) -> LedgerBooks:
    return told.clerk.stage.books.for_ledger(scope, key_of("a-key-of-nobody"), caller)


def of_checked(told: Told) -> Disbursement:
    found = told.clerk.stage.whole().disbursements
    return next(each for each in found if each.payment == told.checked.id and each.invoice == told.first.id)


THE_CHARGE = transaction_id(request_id("demo-inv-1003-1"))
USED_UP = PaymentId(payment_id(THE_CHARGE))
"""What paid INV-1003, which owes nothing any more."""

SCOPES: dict[str, Callable[[Told], Scope]] = {
    "ledger": lambda _: Scope(about=About.LEDGER, key=LEDGER),
    "everything beside it": lambda _: Scope(
        about=About.LEDGER,
        key=LEDGER,
        waiting=True,
        taxes=True,
        profiles=True,
        groups=True,
        templates=True,
    ),
    "invoices that owe nothing": lambda _: Scope(
        about=About.LEDGER, key=LEDGER, invoices=(invoice("INV-1003"), invoice("INV-1004"))
    ),
    "an invoice of another customer": lambda _: Scope(
        about=About.LEDGER, key=LEDGER, invoices=(invoice("INV-1005"),)
    ),
    "usage": lambda _: Scope(about=About.LEDGER, key=LEDGER, usage=CALLS[1:]),
    "open invoice": lambda story: Scope(about=About.INVOICE, key=story.second.id, waiting=True),
    "closed invoice": lambda story: Scope(
        about=About.INVOICE, key=story.first.id, invoices=(story.first.id,)
    ),
    "paid invoice": lambda _: Scope(about=About.INVOICE, key=invoice("INV-1003")),
    "invoice without a ledger": lambda _: Scope(about=About.INVOICE, key=invoice("INV-1009")),
    "payment": lambda story: Scope(
        about=About.PAYMENT, key=story.checked.id, payments=(PaymentId(story.checked.id),)
    ),
    "payment that is used up": lambda _: Scope(about=About.PAYMENT, key=USED_UP, payments=(USED_UP,)),
    "deposit": lambda story: Scope(
        about=About.PAYMENT, key=story.held.id, payments=(PaymentId(story.held.id),)
    ),
    "debit with taxes and usage": lambda story: Scope(
        about=About.ENTRY, key=story.phone.id, entries=(EntryId(story.phone.id),), waiting=True
    ),
    "reversed debit": lambda story: Scope(
        about=About.ENTRY, key=story.rent.id, entries=(EntryId(story.rent.id),)
    ),
    "reversal": lambda story: Scope(
        about=About.ENTRY, key=story.undone.id, entries=(EntryId(story.undone.id),)
    ),
    "credit": lambda story: Scope(
        about=About.ENTRY, key=story.goodwill.id, entries=(EntryId(story.goodwill.id),)
    ),
    "disbursement": lambda story: Scope(
        about=About.DISBURSEMENT, key=of_checked(story).id, disbursements=(of_checked(story).id,)
    ),
    "account": lambda _: Scope(about=About.ACCOUNT, key=ACCOUNT, currency="usd"),
    "payment transaction": lambda _: Scope(about=About.TRANSACTION, key=THE_CHARGE),
}


@pytest.mark.parametrize("scope", SCOPES.values(), ids=SCOPES.keys())
def test_both_find_the_same(pair: Pair, scope: Callable[[Told], Scope]) -> None:
    memory, crm = (read(each, scope(each)) for each in pair)

    assert {each.id for each in memory.ledgers} == {each.id for each in crm.ledgers}
    for name in LedgerBooks.__dataclass_fields__:
        in_memory, in_crm = getattr(memory, name), getattr(crm, name)
        if name in {"rights", "newest"}:
            continue
        if isinstance(in_memory, tuple):
            assert rows_of(memory, name) == rows_of(crm, name), name
        elif isinstance(in_memory, Row):
            assert same(in_memory) == same(in_crm), name
        else:
            assert in_memory == in_crm, name


# --- Which rows those are --------------------------------------------------------------------------------------------


@pytest.fixture(params=["memory", "sandbox"])
def story(request: pytest.FixtureRequest, pair: Pair) -> Told:
    return pair[request.param == "sandbox"]


def numbers(books: LedgerBooks) -> set[str]:
    return {each.number for each in books.invoices if each.number.startswith("INV-10")}


def test_what_owes_nothing_is_read_only_when_it_is_asked_for(story: Told) -> None:
    found = read(story, SCOPES["ledger"](story))
    assert numbers(found) == {"INV-1001"}, "INV-1002 was paid in full just now, INV-1003 long ago"
    assert found.invoice_of(story.second.id) is not None
    assert found.invoice_of(story.first.id) is None, "paid by then"
    assert found.payment_of(USED_UP) is None

    asked = read(story, SCOPES["invoices that owe nothing"](story))
    assert numbers(asked) == {"INV-1001", "INV-1003", "INV-1004"}
    assert asked.payment_of(USED_UP) is not None, "the source of what is disbursed to INV-1003"


def test_a_payment_brings_the_invoices_that_it_is_disbursed_to(story: Told) -> None:
    found = read(story, SCOPES["payment"](story))
    assert {"INV-1002"} <= numbers(found)
    used_up = read(story, SCOPES["payment that is used up"](story))
    assert {"INV-1003"} <= numbers(used_up)
    assert used_up.payment_of(USED_UP) is not None


def test_an_entry_brings_what_hangs_on_it(story: Told) -> None:
    phone = read(story, SCOPES["debit with taxes and usage"](story))
    assert [(each.entry, each.amount) for each in phone.taxes if each.entry == story.phone.id] == [
        (story.phone.id, usd("13.00"))
    ]
    assert {each.id for each in phone.usage} == {CALLS[0]}

    for name in ("reversed debit", "reversal"):
        found = read(story, SCOPES[name](story))
        assert {story.rent.id, story.undone.id} <= {each.id for each in found.entries}, name


def test_the_newest_invoices_come_without_what_is_on_them(story: Told) -> None:
    scope = replace(SCOPES["paid invoice"](story), newest=True)
    found = read(story, scope)
    assert {story.first.id, story.second.id, invoice("INV-1001")} <= {each.id for each in found.newest}


def test_every_row_that_may_be_written_has_its_etag(story: Told) -> None:
    scope = Scope(
        about=About.LEDGER,
        key=LEDGER,
        entries=(EntryId(story.phone.id), EntryId(story.goodwill.id)),
        payments=(PaymentId(story.checked.id),),
        usage=CALLS,
        waiting=True,
        taxes=True,
    )
    found = read(story, scope)
    for name in ("ledgers", "invoices", "entries", "disbursements", "payments", "usage", "taxes"):
        rows = getattr(found, name)
        assert rows, name
        assert all(each.etag for each in rows), name
    assert all(each.etag for each in found.account_services)


def test_an_account_without_a_ledger_in_that_currency(story: Told) -> None:
    found = read(story, Scope(about=About.ACCOUNT, key=ACCOUNT, currency="EUR"))
    assert (found.ledgers, found.ledger) == ((), None)
    assert found.account is not None
    assert "EUR" in {each.code for each in found.currencies}


@pytest.mark.parametrize("about", list(About))
def test_a_row_that_is_not_there(story: Told, about: About) -> None:
    with pytest.raises(NotFound):
        read(story, Scope(about=about, key=row_id("test", "nobody"), currency="USD"))


def test_what_somebody_may_do_with_the_row_asked_about_is_theirs(story: Told) -> None:
    for name, scope in SCOPES.items():
        if name == "invoice without a ledger":
            continue
        assert "ReadAccess" in read(story, scope(story)).rights, name
        assert "ReadAccess" not in read(story, scope(story), STRANGER).rights, name
    nobody = story.clerk.books.for_ledger(SCOPES["ledger"](story), None, None)
    assert (nobody.rights, nobody.privileges, nobody.request) == (frozenset(), frozenset(), None)


def test_more_ids_than_one_query_lists(story: Told) -> None:
    many = tuple(InvoiceId(row_id("test", str(each))) for each in range(450))
    scope = Scope(about=About.LEDGER, key=LEDGER, invoices=(*many, invoice("INV-1003")))
    assert {"INV-1003", "INV-1001"} <= numbers(read(story, scope))


# --- On the wire -----------------------------------------------------------------------------------------------------


def test_one_batch_of_questions_the_ledger_first_and_the_rights_last(
    pair: Pair, watched: tuple[World, Validation]
) -> None:
    world, story = watched[0], pair[1]
    for scope in SCOPES.values():
        wanted = replace(scope(story), privileges=("prvCreatecfl_mayrefund", "prvCreatecfl_maypost"))
        before = world.crm_calls.since()["next"]
        found = read(story, wanted)
        (call,) = world.crm_calls.since(before)["calls"]
        paths = [each["path"].partition("/v9.2/")[2] for each in call["parts"]]
        assert paths[0].startswith("cfl_billingaccounts?")
        assert "RetrievePrincipalAccess" in paths[-1]
        assert len(paths) < 80
        assert found.privileges == {"prvCreatecfl_maypost"}, "a biller may post and not refund"
