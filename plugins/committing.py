"""Committing: a changeset is never held up by an invoice that the CRM keeps from being written.

The invoice only shows the ledger. Where a plug-in, a lock or a rule of the customer's own refuses its columns, the rest is
written, the ledger remembers what is owed, and the sweep shows it later.
"""

from collections.abc import Mapping
from uuid import UUID

from plugins.ports import BooksRefused, Conflict, Outside
from plugins.rules.books import About, Scope
from plugins.rules.changes import Changeset, Update, owed_showings, with_owed_showings
from plugins.rules.disbursing import disburse_automatically
from plugins.rules.draft import Draft
from plugins.rules.ids import made_id
from plugins.rules.ledger import Ledger

MOST_WRITES = 990
"""The platform takes 1,000 in one batch; some rows take two of them."""

MOST_SHOWN = 200
"""Invoices that are shown in one go, beside what an automatic run adds."""


def commit(outside: Outside, changeset: Changeset, *, alone: bool = False) -> Mapping[UUID, str]:
    """Write it and return the new ETags. `alone`: without any invoice from the start.

    Raises `Conflict`, `BooksUnreachable`, and `BooksRefused` for a row that cannot be left out.
    """
    if _size(changeset) > MOST_WRITES:
        changeset = changeset.without(None)  # what moved is recorded first, and shown by the sweep
    if (size := _size(changeset)) > MOST_WRITES:
        raise BooksRefused(f"it takes {MOST_WRITES} rows at once, and these are {size}", None)
    why = "no answer"
    left_out = {each.invoice.id for each in changeset.projects if each.invoice.etag} if alone else set()
    if left_out:
        changeset = changeset.without(None)
    while True:
        try:
            etags = outside.books.commit(changeset)
        except BooksRefused as refusal:
            could = {each.invoice.id for each in changeset.projects if each.invoice.etag}
            if not could or refusal.row not in {*could, None}:
                raise
            why = str(refusal)
            wrong = {each for each in could if refusal.row in {each, None}}
            left_out |= wrong
            changeset = changeset.without(refusal.row)
        else:
            break
    known = changeset.ledger.before if isinstance(changeset.ledger, Update) else None
    already = owed_showings(known) if isinstance(known, Ledger) else {}
    for invoice in sorted(left_out - already.keys(), key=str):
        outside.alerts.alert(
            "invoice_not_writable",
            f"The CRM did not let an invoice show its ledger ({why}). The ledger is written; the invoice will be updated "
            "when the CRM allows it.",
            invoice=str(invoice),
            ledger=str(changeset.ledger_id),
        )
    return etags


def _size(changeset: Changeset) -> int:
    return 1 + len(changeset.writes) + len(changeset.projects)


def show_owed(outside: Outside, ledger: Ledger) -> bool:
    """Show on its invoices what a ledger owes them, and go on with an automatic run that was too long for one changeset.

    Whether the CRM let us. Raises `NotFound`, `BooksUnreachable`.
    """
    first = tuple(owed_showings(ledger))[:MOST_SHOWN]
    scope = Scope(about=About.LEDGER, key=ledger.id, invoices=first)
    books = outside.books.for_ledger(scope, None, None)
    current = books.ledger
    if current is None or not current.to_show:
        return True
    draft = Draft(books, seed=made_id(current.id, current.version), now=outside.clock.now())
    owed = owed_showings(current)
    draft.change_ledger(with_owed_showings(current, {key: owed[key] for key in owed if key not in first}))
    for invoice in first:
        if invoice in owed:
            draft.show(invoice, owed[invoice])
    disburse_automatically(draft)
    try:
        outside.books.commit(draft.changeset(None))
    except (BooksRefused, Conflict):
        return False  # the next sweep tries again
    return True
