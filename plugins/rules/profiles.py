"""Payment profiles: which of them can be charged."""

from datetime import date

from plugins.rules.setup import Profile, ProfileStatus, ProfileType

CURRENCIES_OF_DEBITS = {ProfileType.ACH_DEBIT: "USD", ProfileType.SEPA_DEBIT: "EUR"}


def unusable(profile: Profile, currency: str, today: date) -> str:
    """Why a profile cannot be charged, as the end of a sentence; empty when it can (I33)."""
    match profile.status:
        case ProfileStatus.READY:
            pass
        case ProfileStatus.PENDING:
            return "is not complete yet: the customer has not entered the details."
        case ProfileStatus.EXPIRED:
            return "has expired."
        case ProfileStatus.DEACTIVATED:
            return "is deactivated."
        case ProfileStatus.FAILED:
            return "could not be set up."
    if not profile.method_ref or not profile.customer_ref:
        return "is not known to the payment processor."
    if _expired(profile.expiry, today):
        return "has expired."
    only = CURRENCIES_OF_DEBITS.get(profile.type)
    if only is not None and only != currency:
        return f"can only be charged in {only}, not in {currency}."
    return ""


def _expired(expiry: str, today: date) -> bool:
    """A card is good to the end of the month that it shows (`MM/YYYY`)."""
    month, _, year = expiry.partition("/")
    if not (month.isdecimal() and year.isdecimal()):
        return False
    return (int(year), int(month)) < (today.year, today.month)
