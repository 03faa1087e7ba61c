"""Charges as far as the books see them: what is promised, and what it leads to."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from plugins.ports import Books
from plugins.rules import ids
from plugins.rules.books import InvoiceBooks, LedgerBooks
from plugins.rules.changes import Changeset
from plugins.rules.charge import Charge, ChargeInput
from plugins.rules.checks import WholeBooks
from plugins.rules.ids import InvoiceId, LedgerId, RequestId, UserId
from plugins.rules.ledger import Outcome, Request, Transaction
from plugins.rules.money import Money
from plugins.rules.payment_types import choose_payment_type
from plugins.rules.reservation import reserve
from plugins.rules.settling import Ending
from plugins.rules.setup import Backend
from plugins.settlement import with_etags
from sandbox.demo.story import row_id
from tests.contracts.stages import Stage as OnStage

BILLER = UserId(row_id("systemuser", "biller"))
DONE = Ending("succeeded", "It was charged.", receipt_url="https://pay.stripe.com/receipts/1")
DECLINED = Ending("declined", "The card was declined.", "card_declined", "generic_decline", "try_again_later")
UNDER_WAY = Ending("processing", "The bank debit was submitted.")


def invoice(number: str) -> InvoiceId:
    return InvoiceId(row_id("invoice", number))


def key_of(name: str) -> RequestId:
    return ids.request_id(name)


def snapshot(books: Books, number: str, key: str = "contract-key-01") -> InvoiceBooks:
    return books.for_charge(invoice(number), key_of(key), BILLER)


def asked(key: str = "contract-key-01") -> ChargeInput:
    return ChargeInput(
        key, "f" * 64, "cfl_ChargeInvoice", BILLER, amount="see the charge", profile=None, expected=None
    )


def reservation(
    stage: OnStage, found: InvoiceBooks, amount: str, key: str = "contract-key-01"
) -> tuple[Changeset, InvoiceBooks]:
    """What a charge of `amount` promises first."""
    card = choose_payment_type(found.payment_types, Backend.CREDIT_CARD)
    assert card is not None
    charge = Charge(Money.parse(amount, found.currency), found.profiles[0], card)
    changes, held = reserve(found, asked(key), charge, f"pi_{key}", stage.clock.now())
    assert isinstance(held, InvoiceBooks)
    return changes, held


def reserved(stage: OnStage, number: str, amount: str, key: str = "contract-key-01") -> InvoiceBooks:
    """The books with a charge in flight, as whoever reserved it holds them."""
    changes, held = reservation(stage, snapshot(stage.books, number, key), amount, key)
    return with_etags(held, stage.books.commit(changes))


def refused(found: InvoiceBooks | None, key: str, code: str, sentence: str) -> Request:
    """The row of a refusal: the only thing that it writes."""
    ledger = found.ledger if found else None
    row = asked(key).promised(sentence, "", LedgerId(UUID(int=0)), found.invoice.id if found else None)
    return replace(row, outcome=Outcome.REFUSED, code=code, ledger=LedgerId(ledger.id) if ledger else None)


def transaction_in(held: LedgerBooks) -> Transaction:
    assert held.transaction is not None
    return held.transaction


def plain(row: Any) -> Any:
    """Without what differs between two books that hold the same; the CRM keeps moments to the second."""
    changed: dict[str, Any] = {"etag": ""}
    if hasattr(row, "created_on"):
        changed["created_on"] = None
    for name in ("next_check_on", "final_on"):
        if getattr(row, name, None) is not None:
            changed[name] = getattr(row, name).replace(microsecond=0)
    return replace(row, **changed)


def by_id(rows: Any) -> Mapping[UUID, Any]:
    return {each.id: plain(each) for each in rows}


def contents(there: WholeBooks) -> list[Mapping[UUID, Any]]:
    kinds = (there.invoices, there.ledgers, there.transactions, there.payments, there.disbursements)
    return [*(by_id(each) for each in kinds), by_id(there.requests), dict(by_id(there.shown.values()))]
