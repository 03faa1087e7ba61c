"""Asking customers for a payment method: which kinds, how long, and what becomes of the profile that waits for it.

At most one profile of an account is its default: whoever is has the account's slot, and every other has one of its own.
"""

from dataclasses import replace
from datetime import date, datetime, timedelta
from html import escape

from plugins.rules.books import ProfileBooks
from plugins.rules.changes import Update
from plugins.rules.ids import AccountId, ContactId, ProfileId
from plugins.rules.profiles import CURRENCIES_OF_DEBITS, unusable
from plugins.rules.refusal import Refused
from plugins.rules.setup import Account, Contact, Processor, Profile, ProfileStatus, ProfileType
from plugins.rules.wording import counted

GOOD_FOR = timedelta(hours=23)
"""How long a link can be used; the processor closes it after a day at the latest."""
SOONEST = timedelta(minutes=5)
"""A link is looked at no sooner than this after the last time; mostly the processor tells before that."""

NAMES = {
    ProfileType.CARD: "A card",
    ProfileType.ACH_DEBIT: "An ACH debit",
    ProfileType.SEPA_DEBIT: "A SEPA debit",
}


def types_for(asked: ProfileType | None, currency: str) -> tuple[ProfileType, ...]:
    """What a customer may enter: what was asked for, else everything that can be charged in the currency.

    Raises `Refused`.
    """
    if asked is None:
        debits = (kind for kind, code in CURRENCIES_OF_DEBITS.items() if code == currency)
        return (ProfileType.CARD, *debits)
    only = CURRENCIES_OF_DEBITS.get(asked, currency)
    if only != currency:
        raise Refused(
            "profile_type_not_usable",
            f"{NAMES[asked]} can only be charged in {only}, and this account is in {currency}. "
            "Ask for a card instead.",
        )
    return (asked,)


def check_contact(contact: Contact | None, account: Account) -> Contact:
    """Whom the link is sent to. Raises `Refused`."""
    if contact is None:
        raise Refused("contact_not_found", "This contact no longer exists. Choose another, or none.")
    if contact.account != account.id:
        raise Refused(
            "contact_of_another_account",
            f"{contact.name} is not a contact of {account.name}. Choose one of the account's own, or none.",
        )
    if not contact.email.strip():
        raise Refused(
            "no_email_address",
            f"{contact.name} has no e-mail address. Enter one on the contact, or choose none and send the link yourself.",
        )
    return contact


def requested(
    key: ProfileId,
    account: Account,
    kind: ProfileType,
    customer: str,
    contact: Contact | None,
    today: date,
    now: datetime,
) -> Profile:
    """One that waits for its customer, without the page yet."""
    return Profile(
        id=key,
        name=f"Requested on {today.isoformat()}",
        account=AccountId(account.id),
        owner=account.owner,
        type=kind,
        processor=Processor.STRIPE,
        customer_ref=customer,
        method_ref="",
        expiry="",
        status=ProfileStatus.PENDING,
        default_slot=f"own:{key}",
        contact=ContactId(contact.id) if contact is not None else None,
        next_check_on=now + SOONEST,
    )


def waits(profile: Profile) -> bool:
    """Whether somebody may still enter a payment method for it."""
    return profile.status is ProfileStatus.PENDING and bool(profile.request_url)


def next_check(profile: Profile, now: datetime) -> datetime:
    """Ever more rarely, and as soon as the link has run out."""
    asked = profile.created_on or now
    after = now + max(SOONEST, (now - asked) / 4)
    ends = profile.request_expires
    return min(after, ends + timedelta(minutes=1)) if ends is not None and ends > now else after


# --- What became of it -------------------------------------------------------------------------------------------------


def looked_at(profile: Profile, now: datetime) -> Profile:
    """Still waiting."""
    return replace(profile, next_check_on=next_check(profile, now))


def entered(books: ProfileBooks, method: Profile) -> Update:
    """The customer entered `method`: what the processor says of it, in the fields of a profile.

    The first that an account can be charged with becomes its default. A contract is never pointed at another profile.
    """
    after = replace(used(method), status=ProfileStatus.READY)
    if (same := _same(books, method.fingerprint)) is not None:
        after = replace(after, request_result=f"The customer entered the same one as {same.name}.")
    return Update(books.profile, _with_slot(after, default=True) if _is_first(books) else after)


def used(profile: Profile) -> Profile:
    return replace(
        profile,
        request_url="",
        request_used=True,
        request_result="The customer used the link.",
        next_check_on=None,
    )


def unverified(profile: Profile, now: datetime) -> Profile:
    """The customer entered a bank account that the bank has to confirm first, by small deposits: days."""
    return replace(
        looked_at(profile, now),
        request_used=True,
        request_result="The customer entered a bank account, which their bank has yet to confirm.",
    )


def ran_out(profile: Profile) -> Profile:
    return replace(
        profile,
        status=ProfileStatus.EXPIRED,
        request_url="",
        request_result="The bank account was not confirmed in time."
        if profile.request_used
        else "The link ran out before the customer used it.",
        next_check_on=None,
    )


def lost(profile: Profile) -> Profile:
    """The processor does not know the page, and nobody can use it any more."""
    return replace(
        profile,
        status=ProfileStatus.FAILED,
        request_url="",
        request_result="The payment processor does not know the link any more.",
        next_check_on=None,
    )


def _same(books: ProfileBooks, fingerprint: str) -> Profile | None:
    ready = (each for each in books.siblings if each.status is ProfileStatus.READY)
    return next((each for each in ready if fingerprint and each.fingerprint == fingerprint), None)


def _is_first(books: ProfileBooks) -> bool:
    return not any(each.status is ProfileStatus.READY or each.is_default for each in books.siblings)


# --- The e-mail --------------------------------------------------------------------------------------------------------


def subject(account: Account | None) -> str:
    return f"Payment method for {account.name}" if account else "Your payment method"


def letter(contact: Contact, account: Account | None, url: str, expires: datetime) -> str:
    """HTML."""
    for_whom = f" for {escape(account.name)}" if account else ""
    return (
        f"<p>Hello {escape(contact.name)},</p>"
        f"<p>please enter the card or bank account{for_whom} that your invoices are to be paid with:</p>"
        f'<p><a href="{escape(url)}">Enter a payment method</a></p>'
        f"<p>The page is our payment processor's: the number goes to nobody else. The link can be used once, until "
        f"{expires:%Y-%m-%d %H:%M} UTC.</p>"
    )


# --- Default, and out of use ---------------------------------------------------------------------------------------------


def made_default(books: ProfileBooks, today: date) -> tuple[Update, ...]:
    """The slot is released before another takes it. Raises `Refused` for one that could not be charged."""
    profile = books.profile
    why = unusable(profile, CURRENCIES_OF_DEBITS.get(profile.type, ""), today)
    if why:
        raise Refused("profile_not_usable", f"{profile.name} {why} Choose another payment profile.")
    released = [
        Update(each, _with_slot(each, default=False))
        for each in books.siblings
        if each.is_default or each.default_slot == slot_of(profile, default=True)
    ]
    if _with_slot(profile, default=True) == profile:
        return tuple(released)
    return (*released, Update(profile, _with_slot(profile, default=True)))


def deactivated(profile: Profile) -> Profile:
    """Not the default any more either."""
    result = profile.request_result
    if waits(profile) and not profile.request_used:
        result = "The link was closed before the customer used it."
    return replace(
        _with_slot(profile, default=False),
        status=ProfileStatus.DEACTIVATED,
        request_url="",
        request_result=result,
        next_check_on=None,
    )


def slot_of(profile: Profile, *, default: bool) -> str:
    return str(profile.account) if default else f"own:{profile.id}"


def named_by(books: ProfileBooks) -> str:
    """A sentence on the contracts that still name the profile; empty where there are none."""
    contracts = sorted(each.name for each in books.contracts)
    if not contracts:
        return ""
    first = ", ".join(contracts[:3]) + (", …" if len(contracts) > 3 else "")
    return (
        f" {counted(len(contracts), 'billing contract')} still {'names' if len(contracts) == 1 else 'name'} it ({first}): "
        "choose another payment profile there."
    )


def _with_slot(profile: Profile, *, default: bool) -> Profile:
    return replace(profile, is_default=default, default_slot=slot_of(profile, default=default))
