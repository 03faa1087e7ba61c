"""What may be delivered to a customer, how, and what the e-mail and the note with the document say (E133-E135)."""

import re
from uuid import UUID

from plugins.rules.books import About, LedgerBooks, Scope
from plugins.rules.ids import InvoiceId
from plugins.rules.invoice import belongs, is_void
from plugins.rules.ledger import Invoice
from plugins.rules.refusal import Refused
from plugins.rules.setup import Account, Delivery
from plugins.rules.statement import Statement


def document_scope(about: About, key: UUID, invoices: tuple[InvoiceId, ...]) -> Scope:
    """Everything that the documents of these invoices say."""
    return Scope(
        about=about, key=key, invoices=invoices, waiting=True, taxes=True, groups=True, templates=True
    )


def deliverable(books: LedgerBooks, key: InvoiceId | None) -> Invoice:
    """The invoice, whose figures are final. Raises `Refused` for one that is open, void, gone or another ledger's."""
    invoice, ledger = books.invoice_of(key), books.ledger
    if invoice is None or ledger is None or not belongs(invoice, ledger):
        raise Refused(
            "record_not_found", "This invoice is not one of the account's any more. Refresh the page."
        )
    if is_void(invoice):
        raise Refused(
            "invoice_void", f"Invoice {invoice.number} is void, so it can't be delivered to the customer."
        )
    if ledger.open_invoice == invoice.id:
        raise Refused(
            "invoice_open", f"Invoice {invoice.number} is still open. Close it first, then deliver it."
        )
    return invoice


def method_of(books: LedgerBooks, asked: Delivery | None) -> Delivery:
    """What was asked for, else what the account's billing group says, else e-mail. Raises `Refused`."""
    group = next(
        (each for each in books.billing_groups if books.ledger and each.id == books.ledger.billing_group),
        None,
    )
    method = asked or (group.delivery if group else None) or Delivery.EMAIL
    if method is Delivery.NONE:
        raise Refused(
            "delivery_none",
            "The account's billing group delivers no invoices. Choose Email or Print instead.",
        )
    return method


def recipient(books: LedgerBooks) -> Account:
    """The account, which has an e-mail address. Raises `Refused`."""
    account = books.account
    if account is None or not account.email.strip():
        name = account.name if account else "The account"
        raise Refused(
            "no_email_address",
            f"{name} has no e-mail address. Enter one on the account, or print the invoice.",
        )
    return account


def subject_of(said: Statement) -> str:
    return f"Invoice {said.number} from {said.sender.name}" if said.sender.name else f"Invoice {said.number}"


def letter_of(said: Statement) -> tuple[str, ...]:
    """What stands above the document in the e-mail, a paragraph each."""
    return (
        "Hello,",
        f"Invoice {said.number} for {said.customer.name} is attached as a PDF file, and repeated below.",
        f"Total due: {said.total_due}. Balance due of this invoice: {said.balance}.",
    )


def filename_of(invoice: Invoice) -> str:
    """Fit for every file system."""
    kept = re.sub(r"[^A-Za-z0-9._-]+", "-", invoice.number).strip("-.")
    return f"Invoice-{kept or invoice.id}.pdf"


def reference(key: UUID) -> str:
    """How this process calls a request that it is at work on."""
    return f"delivery {key}"
