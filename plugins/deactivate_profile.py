"""Deactivate a payment profile: nothing is charged to it any more, and a customer who was asked for it can't enter it.

Contracts that name it are left as they are, and named in the answer; charging them is refused until they name another.
"""

from plugins.actions import Action, Answer, Call
from plugins.ports import GatewayRefused, HostedPage, NoAnswer, Outside, PageStatus
from plugins.posting import Done
from plugins.profiles import Changes, change, described, read_own_page
from plugins.refunds import ASK_WITHIN
from plugins.rules.books import ProfileBooks
from plugins.rules.changes import Update
from plugins.rules.refusal import Refused
from plugins.rules.requesting import deactivated, named_by, used, waits
from plugins.rules.setup import Profile, ProfileStatus

ACTION = Action(
    name="cfl_DeactivateProfile",
    bound_to="cfl_paymentprofile",
    parameters={"RequestKey": str},
    privilege="prvCreatecfl_mayrequestprofile",
)


def deactivate_profile(call: Call, outside: Outside) -> Answer:
    """Raises what `change` raises."""
    return change(call, outside, ACTION, lambda books: _decide(outside, books))


def _decide(outside: Outside, books: ProfileBooks) -> Changes:
    before = books.profile
    facts = {"profile": str(before.id)}
    if before.status is ProfileStatus.DEACTIVATED:
        return (), Done(f"{before.name} is deactivated already.", facts)
    current = _closed(outside, before) if waits(before) else before
    told = f"{current.name} is deactivated."
    if before.is_default:
        told += " The account has no default payment profile now."
    return (Update(before, deactivated(current)),), Done(told + named_by(books), facts)


def _closed(outside: Outside, profile: Profile) -> Profile:
    """Once nobody can use its link any more; with what the customer entered, if they were faster. Raises `Refused`."""
    try:
        page: HostedPage | None = read_own_page(outside, profile)
        if page is not None and page.status is PageStatus.OPEN:
            page = outside.gateway.close_page(page.reference, ASK_WITHIN)
    except GatewayRefused:
        page = None  # the processor does not know it as ours, so nobody can enter anything for this profile there
    except NoAnswer:
        raise _unreachable() from None
    if page is not None and page.status is PageStatus.OPEN:
        raise _unreachable()
    if page is not None and page.method is not None:
        return used(described(profile, page.method))
    return profile


def _unreachable() -> Refused:
    return Refused(
        "processor_unreachable",
        "The payment processor can't be reached, so the link can still be used. Nothing was changed. Try again shortly.",
    )
