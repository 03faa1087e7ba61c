"""What debits and credits that a person enters have in common: their fields (E13-E28, E73-E86)."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from plugins import parameters
from plugins.actions import Call
from plugins.posting import request_of
from plugins.rules.draft import Draft
from plugins.rules.entering import Entry
from plugins.rules.ids import InvoiceId
from plugins.rules.ledger import Invoice
from plugins.rules.money import Money
from plugins.rules.refusal import Refused
from plugins.rules.setup import AccountService, Frequency, Service
from plugins.rules.taxing import Tax, calculate

ENTRY_PARAMETERS: Mapping[str, type] = {
    "RequestKey": str,
    "Amount": Decimal,
    "Date": datetime,
    "PostingDate": datetime,
    "ServiceId": UUID,
    "AccountServiceId": UUID,
    "Detail": str,
    "PeriodStart": datetime,
    "PeriodEnd": datetime,
    "TaxExempt": bool,
}


BILLED_OTHERWISE = frozenset({Frequency.RECURRING, Frequency.USAGE})
"""What is billed by itself is entered by hand only as a service of the account (E20, E75)."""


def entry_of(
    draft: Draft, call: Call, *, service_needed: bool = False, service_billed: bool = False
) -> Entry:
    """The entry that a person filled in, with its taxes on top of the amount (E15, E26). Raises `Refused`.

    `service_billed`: of the account's own services only those that have billed on it (E76).
    """
    given = call.parameters
    net = parameters.amount(given, draft.currency)
    dated, posting_date = parameters.dates(given, draft.books, draft.today)
    service, account_service = services_of(draft, call)
    if service_billed and account_service is not None and account_service.billed_on is None:
        raise Refused(
            "service_not_billed",
            f"{account_service.name} (#{account_service.serial}) has not billed on this account yet. Choose another service.",
        )
    if service is None and service_needed:
        raise Refused("service_missing", "Choose the service that this is for.")
    start, end = parameters.day(given, "PeriodStart"), parameters.day(given, "PeriodEnd")
    if start is not None and end is not None and end < start:
        raise Refused(
            "period_invalid", "The period ends before it starts. Correct Period Start or Period End."
        )
    exempt = parameters.yes(given, "TaxExempt", default=False)
    return Entry(
        net=net,
        taxes=() if exempt else taxes_on(draft, net, service, dated),
        dated=dated,
        posting_date=posting_date,
        detail=parameters.text(given),
        service=service.id if service else None,
        account_service=account_service.id if account_service else None,
        period_start=start,
        period_end=end,
        tax_exempt=exempt,
        request=request_of(call),
    )


def service_asked_for(call: Call) -> tuple[UUID, ...]:
    """For the scope: the general service, if one is named. Raises `Refused`."""
    general = parameters.key(call.parameters, "ServiceId")
    return (general,) if general is not None else ()


def services_of(draft: Draft, call: Call) -> tuple[Service | None, AccountService | None]:
    """A general service, or one of the account's own (E20, E21, E75, E76). Raises `Refused`."""
    general = parameters.key(call.parameters, "ServiceId")
    own = parameters.key(call.parameters, "AccountServiceId")
    account_service = next((each for each in draft.books.account_services if each.id == own), None)
    if own is not None and (account_service is None or account_service.ledger != draft.ledger.id):
        raise Refused(
            "service_not_found", "This service is not one of the account's. Choose one of the list."
        )
    if account_service is not None and general not in {None, account_service.service}:
        raise Refused(
            "service_not_found",
            f"{account_service.name} (#{account_service.serial}) is of another service. Choose one or the other.",
        )
    wanted = account_service.service if account_service else general
    service = next((each for each in draft.books.services if each.id == wanted), None)
    if wanted is not None and service is None:
        raise Refused("service_not_found", "This service no longer exists. Choose one of the list.")
    if account_service is None and service is not None and service.frequency in BILLED_OTHERWISE:
        raise Refused(
            "service_not_one_time",
            f"{service.name} is not a one-time service. Choose one that is billed once, or one of the account's own.",
        )
    return service, account_service


def taxes_on(draft: Draft, net: Money, service: Service | None, dated: date) -> list[Tax]:
    """By the service's tax category, else the default one; none on an account that is tax exempt (E25, E26)."""
    if draft.ledger.tax_exempt:
        return []
    setting = draft.books.setting
    category = service.tax_category if service else setting.default_tax_category if setting else None
    return calculate(net, draft.books.tax_rates, category, dated)


def on_invoice(draft: Draft, key: InvoiceId | None) -> str:
    """How a sentence names the invoice: one that was just made has no number yet."""
    found = draft.find(key)
    return f"invoice {found.number}" if isinstance(found, Invoice) and found.number else "a new invoice"
