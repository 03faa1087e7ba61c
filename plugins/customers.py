"""Who somebody is at the payment processor: the customer that payment methods and hosted pages belong to."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from uuid import uuid5

from plugins.ports import ORGANISATION, GatewayRefused, HostedPage, Outside, PageOrder
from plugins.refunds import ASK_WITHIN
from plugins.rules.ledger import Ledger
from plugins.rules.refusal import Refused
from plugins.rules.setup import Account, Profile

BILLING_ACCOUNT = "counterfoil_billingaccount"
"""The metadata that tells which billing account a customer at the processor was first made for."""


def customer_of(outside: Outside, ledger: Ledger, account: Account, profiles: Iterable[Profile]) -> str:
    """The one that the ledger knows, else the one that a profile of the account belongs to, else a new one.

    A new one holds nothing until the ledger names it, so it does no harm where the ledger never does. Raises `NoAnswer`,
    `GatewayRefused`.
    """
    if ledger.customer_ref:
        return ledger.customer_ref
    own = [each.customer_ref for each in profiles if each.account == account.id and each.customer_ref]
    if own:
        return own[0]
    return _made(outside, ledger, account, "")


def page_of_customer(
    outside: Outside,
    ledger: Ledger,
    account: Account,
    order: PageOrder,
    open_page: Callable[[PageOrder], HostedPage],
) -> tuple[HostedPage, str]:
    """The page, and whose it is: a new customer's, where the processor does not know the one ordered for any more.

    They were deleted there, or belong to another key of ours. Raises `NoAnswer`, `GatewayRefused`.
    """
    try:
        return open_page(order), order.customer
    except GatewayRefused as refusal:
        if refusal.code != "resource_missing":
            raise
    customer = _made(outside, ledger, account, order.customer)
    return open_page(replace(order, customer=customer)), customer


def _made(outside: Outside, ledger: Ledger, account: Account, instead_of: str) -> str:
    return outside.gateway.create_customer(
        account.name,
        {ORGANISATION: str(outside.organisation), BILLING_ACCOUNT: str(ledger.id)},
        f"customer-{uuid5(ledger.id, account.name + instead_of)}",  # a key takes no other name
        ASK_WITHIN,
    )


def return_url_of(outside: Outside) -> str:
    """Where customers go after a hosted page. Raises `Refused`."""
    if not outside.return_url:
        raise Refused(
            "no_public_address",
            "Customers can't be sent to a payment page yet. Ask your administrator to set Counterfoil's public address.",
        )
    return outside.return_url
