"""Opening a ledger: an account in one currency, opened on first need."""

from plugins.rules import ids
from plugins.rules.books import LedgerBooks, Scope
from plugins.rules.ids import AccountId, CurrencyId
from plugins.rules.ledger import Ledger, LedgerStatus
from plugins.rules.money import Money
from plugins.rules.refusal import Refused
from plugins.rules.setup import Account


def new_ledger(account: Account, currency_id: CurrencyId, currency: str) -> Ledger:
    """An empty ledger with the id of its key, so that no account has two of one currency. `currency`: ISO code."""
    key = ids.ledger_key(AccountId(account.id), currency)
    zero = Money.zero(currency)
    return Ledger(
        id=ids.ledger_id(key),
        name=f"{account.name} ({currency})",
        key=key,
        account=AccountId(account.id),
        currency_id=currency_id,
        owner=account.owner,
        status=LedgerStatus.ACTIVE,
        open_invoice=None,
        balance=zero,
        deposit_balance=zero,
        undisbursed=zero,
        version=0,
        last_number=0,
        customer_ref="",
    )


def open_ledger(books: LedgerBooks, scope: Scope) -> Ledger:
    """The ledger that the action needs and the account does not have yet. Raises `Refused`."""
    invoice = next((each for each in books.invoices if each.id == scope.key), None)
    if books.account is None:
        raise Refused(
            "customer_not_supported",
            "The customer is a contact. Set an account as the customer, then try again.",
        )
    if invoice is not None:
        return new_ledger(books.account, invoice.currency_id, invoice.total.currency)
    wanted = scope.currency.upper()
    currency = next((each for each in books.currencies if each.code.upper() == wanted), None)
    if currency is None:
        raise Refused(
            "currency_not_found",
            f"The CRM has no currency {wanted or '(none was given)'}. Choose one that is set up under Settings, Currencies.",
        )
    return new_ledger(books.account, CurrencyId(currency.id), currency.code)
