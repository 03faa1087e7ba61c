"""Request a payment profile: a link to a page of the payment processor, where the customer enters a card or a bank account.

Nobody has the link before the books hold it: the page is opened first, then one changeset writes the profile that waits for
it. What becomes of the page is learned by `plugins/profiles.py`.
"""

from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from plugins import parameters, sending_links
from plugins.actions import Action, Answer, Call
from plugins.charging import METHODS
from plugins.customers import customer_of, page_of_customer, return_url_of
from plugins.ports import (
    ORGANISATION,
    PROFILE,
    PROFILE_REQUEST,
    GatewayRefused,
    HostedPage,
    Outside,
    PageOrder,
)
from plugins.posting import Asked, Done, check_allowed, refuse, target_of
from plugins.refunds import ASK_WITHIN
from plugins.reserving import Words, reserved
from plugins.rules.books import About, LedgerBooks, Scope
from plugins.rules.changes import Changeset
from plugins.rules.choosing import profile_type
from plugins.rules.declines import excerpt
from plugins.rules.draft import Draft
from plugins.rules.ids import ContactId, profile_id
from plugins.rules.ledger import Ledger, Outcome, Request
from plugins.rules.refusal import Refused
from plugins.rules.requesting import GOOD_FOR, check_contact, requested, types_for
from plugins.rules.setup import Account, Contact, Profile, ProfileType
from plugins.settlement import WHOLE

ACTION = Action(
    name=PROFILE_REQUEST,
    bound_to="cfl_billingaccount",
    parameters={"RequestKey": str, "ContactId": UUID, "Type": int},
    privilege="prvCreatecfl_mayrequestprofile",
)
WORDS = Words("the billing account", "the payment profile", "Nothing was requested.")


def request_payment_profile(call: Call, outside: Outside) -> Answer:
    """Raises what `reserved` raises."""
    asked = Asked(call, ACTION, nothing="nothing was requested")
    try:
        kind = profile_type(call.parameters.get("Type"))
        contact = parameters.key(call.parameters, "ContactId")
    except Refused as refusal:
        return refuse(outside, asked, refusal)
    gone = Refused("record_not_found", "This billing account no longer exists. Refresh the page.")
    requesting = _Requesting(outside, asked, kind, ContactId(contact) if contact else None)
    with ExitStack() as turn:
        held = reserved(outside, requesting, gone, call.received + WHOLE, turn)
    answer = held if isinstance(held, Answer) else _answer(held)
    if answer.outcome is not Outcome.PENDING:
        return answer
    promised = outside.books.request(asked.request)
    return answer if promised is None else sending_links.look_again(outside, promised, WHOLE)


def _answer(written: LedgerBooks) -> Answer:
    if written.request is None:
        raise ValueError("a request was written without its row")
    return Answer(written.request.outcome, written.request.code, written.request.message)


@dataclass
class _Requesting:
    """One attempt: `plugins.reserving.Promise`."""

    outside: Outside
    asked: Asked
    kind: ProfileType | None
    contact: ContactId | None
    words: Words = WORDS
    _page: HostedPage | None = None
    _ordered_from: str = ""
    """The customer at the processor."""

    def load(self) -> LedgerBooks:
        scope = Scope(about=About.LEDGER, key=target_of(self.asked.call), profiles=True, contact=self.contact)
        return self.outside.books.for_ledger(scope, self.asked.request, self.asked.call.caller)

    def reserve(self, books: LedgerBooks, now: datetime) -> tuple[Changeset, LedgerBooks]:
        check_allowed(self.outside, books.setting, books.rights)
        ledger, account = books.ledger, books.account
        if ledger is None or account is None:
            raise ValueError("a billing account is of an account")
        contact = check_contact(books.contact, account) if self.contact is not None else None
        page = self._open(books, ledger, account, now)
        draft = Draft(books, seed=self.asked.request, now=now)
        draft.change_ledger(replace(ledger, customer_ref=self._ordered_from))
        waiting = requested(
            profile_id(self.asked.request),
            account,
            self._kinds(books)[0],
            self._ordered_from,
            contact,
            draft.today,
            now,
        )
        profile = draft.put(
            replace(waiting, method_ref=page.reference, request_url=page.url, request_expires=page.expires_on)
        )
        request = _row(self.asked, profile, ledger, contact)
        changeset = draft.changeset(request)
        return changeset, replace(books.with_ledger(changeset.after), request=request)

    def reject(self, books: LedgerBooks, refusal: GatewayRefused) -> Answer:
        told = Refused(
            "processor_refused",
            f"The payment processor opened no page ({excerpt(refusal.message)}). Nothing was requested. "
            "Ask your administrator.",
        )
        return refuse(self.outside, self.asked, told, books.ledger)

    def give_up(self) -> None:
        """Nobody has the page's address, and it closes by itself."""

    def _open(self, books: LedgerBooks, ledger: Ledger, account: Account, now: datetime) -> HostedPage:
        """Once for all tries of this call; another call with the key, after a crash, opens another page."""
        if self._page is not None:
            return self._page
        if self.outside.gateway.minimum(books.currency) is None:
            raise Refused(
                "currency_not_supported",
                f"The billing account {ledger.name} is in {books.currency}, which the payment processor cannot charge.",
            )
        return_url, kinds = return_url_of(self.outside), self._kinds(books)
        customer = customer_of(self.outside, ledger, account, books.profiles)
        expires_on = (now + GOOD_FOR).replace(microsecond=0)
        order = PageOrder(
            customer=customer,
            currency=books.currency,
            method_types=tuple(METHODS[each] for each in kinds),
            expires_on=expires_on,
            return_url=return_url,
            metadata={
                ORGANISATION: str(self.outside.organisation),
                PROFILE: str(profile_id(self.asked.request)),
            },
            idempotency_key="",
        )
        self._page, self._ordered_from = page_of_customer(
            self.outside, ledger, account, order, self._ordered_page
        )
        return self._page

    def _ordered_page(self, order: PageOrder) -> HostedPage:
        """A key takes no other parameters, so it names those that differ from try to try."""
        key = f"page-{self.asked.request}-{int(order.expires_on.timestamp())}-{order.customer}"
        return self.outside.gateway.open_page(replace(order, idempotency_key=key), ASK_WITHIN)

    def _kinds(self, books: LedgerBooks) -> tuple[ProfileType, ...]:
        return types_for(self.kind, books.currency)


def _row(asked: Asked, profile: Profile, ledger: Ledger, contact: Contact | None) -> Request:
    facts = {"profile": str(profile.id), "url": profile.request_url}
    if profile.request_expires is not None:
        facts["expires"] = profile.request_expires.isoformat()
    if contact is None:
        told = "Send the link to the customer, or open it with them."
        return asked.row(Done(told, facts), ledger.id)
    told = f"The link is being e-mailed to {contact.name} ({contact.email})."
    return asked.row(Done(told, facts), ledger.id, Outcome.PENDING, "reserved")
