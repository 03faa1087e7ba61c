"""Payment profiles: asking a customer for one, what becomes of the link, the account's default, and taking one out of use."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from connector.sync.sweep import sweep
from plugins import deactivate_profile, request_payment_profile, set_default_profile
from plugins.actions import Answer, KeyReused
from plugins.ports import (
    ORGANISATION,
    BooksRefused,
    BooksUnreachable,
    GatewayRefused,
    MethodType,
    PageStatus,
)
from plugins.profiles import look_again
from plugins.rules.ids import ProfileId
from plugins.rules.ledger import Ledger, Outcome
from plugins.rules.setup import Contact, GatewayMode, Profile, ProfileStatus, ProfileType
from plugins.settlement import WHOLE
from tests.builders import Office, a_contract, a_ledger, a_profile, a_setting, an_account, an_invoice, named
from tests.fakes.books import unreachable
from tests.fakes.gateway import customer_missing, no_answer
from tests.fakes.mail import lost


@pytest.fixture
def office() -> Office:
    """Fabrikam Fibre has a billing account, and nothing to charge it with."""
    made = Office()
    made.books.add(an_account(), a_ledger(customer_ref=""))
    return made


def a_contact(
    name: str = "Ada Winter", account: str = "Fabrikam Fibre", email: str = "ada@fabrikam.example"
) -> Contact:
    return Contact(id=named(name), name=name, account=named(account), email=email)


def request(office: Office, key: str = "", currency: str = "USD", **given: Any) -> Answer:
    target = a_ledger(currency=currency).id
    call = office.call(request_payment_profile.ACTION.name, target, key, **given)
    return request_payment_profile.request_payment_profile(call, office.outside)


def set_default(office: Office, profile: Profile, key: str = "") -> Answer:
    call = office.call(set_default_profile.ACTION.name, profile.id, key)
    return set_default_profile.set_default_profile(call, office.outside)


def deactivate(office: Office, profile: Profile, key: str = "") -> Answer:
    call = office.call(deactivate_profile.ACTION.name, profile.id, key)
    return deactivate_profile.deactivate_profile(call, office.outside)


def heard(office: Office, profile: Profile) -> None:
    """Stripe tells that something became of the profile's page."""
    look_again(office.outside, ProfileId(profile.id), office.clock.now() + WHOLE)


def of_another_environment(office: Office, profile: Profile) -> None:
    shown = office.gateway.pages[profile.method_ref]
    elsewhere = {**shown.metadata, ORGANISATION: str(named("another"))}
    office.gateway.pages[profile.method_ref] = replace(shown, metadata=elsewhere)


def profiles(office: Office) -> list[Profile]:
    found: list[Profile] = office.books.all(Profile)
    return found


def the(office: Office, profile: Profile) -> Profile:
    found = office.books.rows[profile.id]
    assert isinstance(found, Profile)
    return found


def asked(office: Office, **given: Any) -> Profile:
    """The profile that waits after a customer was asked for one."""
    before = {each.id for each in profiles(office)}
    request(office, **given)
    (made,) = (each for each in profiles(office) if each.id not in before)
    return made


class TestRequesting:
    def test_a_link_for_a_customer(self, office: Office) -> None:
        answer = request(office, key="ask-0001")

        assert (answer.outcome, answer.code) == (Outcome.DONE, "succeeded")
        (waiting,) = profiles(office)
        assert (waiting.name, waiting.status, waiting.type) == (
            "Requested on 2026-11-20",
            ProfileStatus.PENDING,
            ProfileType.CARD,
        )
        assert waiting.request_url == f"https://pages.example/{waiting.method_ref}"
        (row,) = office.requests()
        told = json.loads(row.result)
        assert told["profile"] == str(waiting.id)
        assert told["url"] == waiting.request_url
        assert waiting.request_expires is not None
        assert told["expires"] == waiting.request_expires.isoformat()

    def test_the_page_knows_whose_it_is_and_where_the_customer_goes_afterwards(self, office: Office) -> None:
        waiting = asked(office)
        order = office.gateway.page_orders[waiting.method_ref]
        assert order.metadata["counterfoil_profile"] == str(waiting.id)
        assert order.return_url == "https://billing.example/thanks"
        assert order.amount is None
        ledger: Ledger = office.books.all(Ledger)[0]
        assert order.customer == waiting.customer_ref == ledger.customer_ref
        assert office.gateway.customers == {order.customer: "Fabrikam Fibre"}

    def test_a_customer_that_is_known_stays_the_same(self, office: Office) -> None:
        office.books.add(a_profile(customer_ref="cus_known"))
        assert asked(office).customer_ref == "cus_known"
        assert asked(office).customer_ref == "cus_known"
        assert office.gateway.customers == {}

    @pytest.mark.parametrize(
        ("currency", "kinds"),
        [
            ("USD", (MethodType.CARD, MethodType.ACH_DEBIT)),
            ("EUR", (MethodType.CARD, MethodType.SEPA_DEBIT)),
            ("JPY", (MethodType.CARD,)),
        ],
    )
    def test_a_customer_may_enter_whatever_can_be_charged(
        self, office: Office, currency: str, kinds: tuple[MethodType, ...]
    ) -> None:
        office.books.add(a_ledger(currency=currency))
        waiting = asked(office, currency=currency)
        assert office.gateway.page_orders[waiting.method_ref].method_types == kinds

    def test_or_only_what_was_asked_for(self, office: Office) -> None:
        waiting = asked(office, Type=728310001)
        assert waiting.type is ProfileType.ACH_DEBIT
        assert office.gateway.page_orders[waiting.method_ref].method_types == (MethodType.ACH_DEBIT,)

    @pytest.mark.parametrize(
        ("given", "code"),
        [
            ({"Type": 728310002}, "profile_type_not_usable"),  # a SEPA debit takes EUR
            ({"Type": 7}, "profile_type_invalid"),
            ({"ContactId": named("nobody")}, "contact_not_found"),
            ({"ContactId": named("Bo Else")}, "contact_of_another_account"),
            ({"ContactId": named("No Mail")}, "no_email_address"),
            ({"ContactId": "Ada"}, "parameter_invalid"),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, office: Office, given: dict[str, Any], code: str) -> None:
        office.books.add(a_contact("Bo Else", account="Northwind"), a_contact("No Mail", email=" "))
        answer = request(office, **given)
        assert (answer.outcome, answer.code) == (Outcome.REFUSED, code)
        assert profiles(office) == []

    def test_a_currency_that_nobody_can_charge(self, office: Office) -> None:
        office.books.add(a_ledger(currency="BTN"))
        assert request(office, currency="BTN").code == "currency_not_supported"

    def test_a_user_who_cannot_see_the_account(self, office: Office) -> None:
        office.books.rights = dict.fromkeys([office.call("", None).caller], frozenset())
        assert request(office).code == "not_permitted"
        assert office.gateway.calls == []

    def test_a_copy_of_the_environment_asks_nobody(self, office: Office) -> None:
        office.books.add(a_setting(mode=GatewayMode.LIVE))
        assert request(office).code == "wrong_environment"
        assert office.gateway.calls == []

    def test_an_installation_without_a_public_address(self, office: Office) -> None:
        object.__setattr__(office.outside, "return_url", "")
        assert request(office).code == "no_public_address"

    def test_an_account_that_is_gone(self, office: Office) -> None:
        office.books.rows.clear()
        assert request(office).code == "record_not_found"

    def test_a_processor_that_cannot_be_reached(self, office: Office) -> None:
        office.gateway.before = no_answer("open page")
        answer = request(office, key="ask-0001")
        assert (answer.code, answer.message) == (
            "processor_unreachable",
            "The payment processor can't be reached. Nothing was requested. Try again shortly.",
        )

    def test_a_processor_that_refuses(self, office: Office) -> None:
        def refuse(name: str) -> None:
            if name == "open page":
                raise GatewayRefused("resource_missing", "No such customer: cus_1")

        office.gateway.before = refuse
        answer = request(office)
        assert answer.code == "processor_refused"
        assert "No such customer: cus_1" in answer.message

    def test_a_customer_that_the_processor_does_not_know_any_more_is_made_anew(self, office: Office) -> None:
        office.books.add(a_ledger(customer_ref="cus_deleted"))
        office.gateway.before = customer_missing()
        waiting = asked(office)
        ledger: Ledger = office.books.all(Ledger)[0]
        order = office.gateway.page_orders[waiting.method_ref]
        assert order.customer == waiting.customer_ref == ledger.customer_ref != "cus_deleted"
        assert list(office.gateway.customers) == [ledger.customer_ref]

    def test_the_same_key_is_answered_with_the_first_link(self, office: Office) -> None:
        first, again = request(office, key="ask-0001"), request(office, key="ask-0001")
        assert first == again
        assert len(profiles(office)) == 1
        with pytest.raises(KeyReused):
            request(office, key="ask-0001", Type=728310001)

    def test_a_crash_before_it_is_written_leaves_a_page_that_nobody_knows(self, office: Office) -> None:
        office.books.before = unreachable("commit", times=99)
        with pytest.raises(BooksUnreachable):
            request(office, key="ask-0001")
        office.books.before = lambda _: None
        office.clock.advance(seconds=90)

        assert request(office, key="ask-0001").outcome is Outcome.DONE
        (waiting,) = profiles(office)
        assert office.gateway.pages[waiting.method_ref].status is PageStatus.OPEN
        assert len(office.gateway.pages) == 2

    def test_a_lost_answer_is_found_again(self, office: Office) -> None:
        office.books.after = unreachable("commit")
        assert request(office, key="ask-0001").outcome is Outcome.DONE
        assert (len(profiles(office)), len(office.gateway.pages)) == (1, 1)

    def test_a_conflict_opens_no_second_page(self, office: Office) -> None:
        ledger = a_ledger(customer_ref="")

        def meddle(name: str) -> None:
            if name == "commit":
                office.books.before = lambda _: None
                office.books.add(ledger)  # somebody else wrote it meanwhile

        office.books.before = meddle
        assert request(office).outcome is Outcome.DONE
        assert (len(profiles(office)), len(office.gateway.pages)) == (1, 1)


class TestSendingTheLink:
    @pytest.fixture
    def ada(self, office: Office) -> Contact:
        office.books.add(made := a_contact())
        return made

    def test_it_is_emailed_to_the_contact(self, office: Office, ada: Contact) -> None:
        answer = request(office, ContactId=ada.id)
        assert (answer.outcome, answer.code, answer.message) == (
            Outcome.DONE,
            "succeeded",
            "The link was e-mailed to Ada Winter (ada@fabrikam.example).",
        )
        (waiting,) = profiles(office)
        assert waiting.contact == ada.id
        (email,) = office.mail.outbox
        assert (email.to, email.to_kind) == (ada.id, "contact")
        assert (email.regarding, email.regarding_kind) == (waiting.account, "account")
        assert (email.subject, email.filename) == ("Payment method for Fabrikam Fibre", "")
        assert f'<a href="{waiting.request_url}">' in email.body
        assert "2026-11-21 08:00 UTC" in email.body

    def test_names_are_only_text_in_it(self, office: Office) -> None:
        office.books.add(ada := a_contact("<b>Ada</b> & Co"))
        request(office, ContactId=ada.id)
        assert "Hello &lt;b&gt;Ada&lt;/b&gt; &amp; Co," in office.mail.outbox[0].body

    def test_a_link_that_the_crm_does_not_send_can_be_used_all_the_same(
        self, office: Office, ada: Contact
    ) -> None:
        office.mail.refuses = "The contact allows no e-mail."
        answer = request(office, ContactId=ada.id)
        assert (answer.outcome, answer.code) == (Outcome.DONE, "not_emailed")
        assert answer.message == (
            "The link is ready, but the CRM did not e-mail it (The contact allows no e-mail.). "
            "Copy it and send it yourself."
        )
        (waiting,) = profiles(office)
        office.gateway.customer_saves(waiting.method_ref)
        heard(office, waiting)
        assert the(office, waiting).status is ProfileStatus.READY

    @pytest.mark.parametrize("call", ["create", "send"])
    def test_an_email_without_an_answer_is_carried_on_by_the_sweep(
        self, office: Office, ada: Contact, call: str
    ) -> None:
        office.mail.after = lost(call)
        with pytest.raises(BooksUnreachable):
            request(office, key="ask-0001", ContactId=ada.id)
        assert office.requests()[0].outcome is Outcome.PENDING
        office.clock.advance(minutes=3)
        sweep(office.outside)
        assert office.requests()[0].outcome is Outcome.DONE
        assert len(office.mail.outbox) == 1

    def test_or_by_the_users_check_again(self, office: Office, ada: Contact) -> None:
        office.mail.before = lost("create")
        with pytest.raises(BooksUnreachable):
            request(office, key="ask-0001", ContactId=ada.id)
        assert office.check("ask-0001").outcome is Outcome.DONE
        assert len(office.mail.outbox) == 1

    def test_a_lost_promise_is_found_and_kept(self, office: Office, ada: Contact) -> None:
        office.books.after = unreachable("commit")
        assert request(office, ContactId=ada.id).outcome is Outcome.DONE
        assert len(office.mail.outbox) == 1

    def test_a_link_that_is_over_is_not_sent_any_more(self, office: Office, ada: Contact) -> None:
        office.mail.before = lost("create")
        with pytest.raises(BooksUnreachable):
            request(office, key="ask-0001", ContactId=ada.id)
        deactivate(office, profiles(office)[0])
        office.clock.advance(minutes=3)
        sweep(office.outside)
        assert (office.check("ask-0001").code, office.mail.outbox) == ("not_emailed", [])

    def test_nor_is_one_whose_time_ran_out_before_anybody_looked(self, office: Office, ada: Contact) -> None:
        office.mail.before = lost("create")
        with pytest.raises(BooksUnreachable):
            request(office, key="ask-0001", ContactId=ada.id)
        office.clock.advance(hours=25)
        assert (office.check("ask-0001").code, office.mail.outbox) == ("not_emailed", [])

    def test_one_that_was_used_before_we_heard_of_its_email(self, office: Office, ada: Contact) -> None:
        office.mail.after = lost("send")
        with pytest.raises(BooksUnreachable):
            request(office, key="ask-0001", ContactId=ada.id)
        (waiting,) = profiles(office)
        office.gateway.customer_saves(waiting.method_ref)
        heard(office, waiting)
        assert office.check("ask-0001").message == "The link was e-mailed."

    def test_two_who_carry_it_on_at_once(self, office: Office, ada: Contact) -> None:
        office.mail.before = lost("create")
        with pytest.raises(BooksUnreachable):
            request(office, key="ask-0001", ContactId=ada.id)

        def other(name: str) -> None:
            if name == "write":
                office.books.before = lambda _: None
                (row,) = office.requests()
                office.books.add(replace(row, outcome=Outcome.DONE, message="Somebody else sent it."))

        office.books.before = other
        assert office.check("ask-0001").message == "Somebody else sent it."


class TestWhatBecomesOfALink:
    def test_the_customer_enters_a_card(self, office: Office) -> None:
        waiting = asked(office)
        method = office.gateway.customer_saves(waiting.method_ref)
        heard(office, waiting)

        ready = the(office, waiting)
        assert (ready.name, ready.status) == ("Visa •••• 4242", ProfileStatus.READY)
        assert (ready.method_ref, ready.customer_ref) == (method.reference, waiting.customer_ref)
        assert (ready.brand, ready.last4, ready.expiry) == ("Visa", "4242", "12/2030")
        assert (ready.request_used, ready.request_url, ready.next_check_on) == (True, "", None)
        assert ready.request_result == "The customer used the link."

    def test_a_bank_account_instead(self, office: Office) -> None:
        waiting = asked(office)
        office.gateway.customer_saves(
            waiting.method_ref, MethodType.ACH_DEBIT, brand="STRIPE TEST BANK", last4="6789", expiry=""
        )
        heard(office, waiting)
        ready = the(office, waiting)
        assert (ready.name, ready.type) == ("STRIPE TEST BANK •••• 6789", ProfileType.ACH_DEBIT)

    def test_a_bank_account_that_the_bank_has_to_confirm_first(self, office: Office) -> None:
        waiting = asked(office)
        office.gateway.customer_saves(
            waiting.method_ref, MethodType.ACH_DEBIT, brand="STRIPE TEST BANK", last4="6789", verified=False
        )
        heard(office, waiting)
        told = the(office, waiting)
        assert (told.status, told.request_used) == (ProfileStatus.PENDING, True)
        assert (
            told.request_result == "The customer entered a bank account, which their bank has yet to confirm."
        )
        office.clock.advance(days=2)
        office.gateway.bank_verifies(waiting.method_ref)
        sweep(office.outside)
        assert the(office, waiting).status is ProfileStatus.READY

    def test_the_first_of_an_account_becomes_its_default(self, office: Office) -> None:
        first, second = asked(office), asked(office)
        for each, last4 in ((first, "4242"), (second, "4444")):
            office.gateway.customer_saves(each.method_ref, last4=last4)
            heard(office, each)
        assert the(office, first).is_default
        assert the(office, first).default_slot == str(named("Fabrikam Fibre"))
        assert not the(office, second).is_default
        assert the(office, second).default_slot == f"own:{second.id}"

    def test_a_contract_is_never_changed_by_it(self, office: Office) -> None:
        office.books.add(contract := a_contract(None))
        waiting = asked(office)
        office.gateway.customer_saves(waiting.method_ref)
        heard(office, waiting)
        assert office.books.rows[contract.id].profile is None  # type: ignore[attr-defined]

    def test_an_invoice_is_charged_to_it(self, office: Office) -> None:
        waiting = asked(office)
        office.gateway.customer_saves(waiting.method_ref)
        heard(office, waiting)
        ready = the(office, waiting)
        office.books.add(a_contract(ready), an_invoice())
        assert office.charge("INV-1", "100.00").outcome is Outcome.DONE
        (order,) = office.gateway.orders.values()
        assert (order.customer, order.method) == (ready.customer_ref, ready.method_ref)

    def test_the_same_card_twice_is_said(self, office: Office) -> None:
        first, second = asked(office), asked(office)
        for each in (first, second):
            office.gateway.customer_saves(each.method_ref)
            heard(office, each)
        assert the(office, second).status is ProfileStatus.READY
        assert the(office, second).request_result == "The customer entered the same one as Visa •••• 4242."

    def test_the_link_runs_out(self, office: Office) -> None:
        waiting = asked(office)
        office.clock.advance(hours=24)
        sweep(office.outside)
        gone = the(office, waiting)
        assert (gone.status, gone.request_url) == (ProfileStatus.EXPIRED, "")
        assert gone.request_result == "The link ran out before the customer used it."

    def test_events_that_come_twice_or_late_change_nothing(self, office: Office) -> None:
        waiting = asked(office)
        office.gateway.customer_saves(waiting.method_ref)
        heard(office, waiting)
        once = the(office, waiting)
        heard(office, waiting)
        assert the(office, waiting) == once

    def test_a_profile_that_is_gone(self, office: Office) -> None:
        heard(office, a_profile())
        assert profiles(office) == []

    def test_two_who_hear_of_it_at_once(self, office: Office) -> None:
        waiting = asked(office)
        office.gateway.customer_saves(waiting.method_ref)

        def other(name: str) -> None:
            if name == "write":
                office.books.before = lambda _: None
                heard(office, waiting)

        office.books.before = other
        heard(office, waiting)
        assert the(office, waiting).status is ProfileStatus.READY

    def test_in_a_copy_of_the_environment_nothing_is_concluded(self, office: Office) -> None:
        waiting = asked(office)
        office.gateway.customer_saves(waiting.method_ref)
        office.books.add(a_setting(mode=GatewayMode.LIVE))
        heard(office, waiting)
        assert the(office, waiting).status is ProfileStatus.PENDING
        assert office.alerts.codes == ["wrong_environment"]

    def test_nor_of_a_page_that_another_environment_opened(self, office: Office) -> None:
        # A copy that an administrator has set up since: the customer enters their card for the original.
        waiting = asked(office)
        of_another_environment(office, waiting)
        office.gateway.customer_saves(waiting.method_ref)
        heard(office, waiting)
        assert the(office, waiting).status is ProfileStatus.PENDING
        office.clock.advance(hours=24)
        sweep(office.outside)
        assert the(office, waiting).status is ProfileStatus.FAILED


class TestTheSweep:
    def test_finds_what_no_event_told(self, office: Office) -> None:
        waiting = asked(office)
        office.gateway.customer_saves(waiting.method_ref)
        sweep(office.outside)
        assert the(office, waiting).status is ProfileStatus.PENDING  # not due yet
        office.clock.advance(minutes=5)
        sweep(office.outside)
        assert the(office, waiting).status is ProfileStatus.READY

    def test_asks_ever_more_rarely_and_once_more_at_the_end(self, office: Office) -> None:
        waiting = asked(office)
        looks = []
        for _ in range(24 * 60):
            office.gateway.calls.clear()
            sweep(office.outside)
            if "read page" in office.gateway.calls:
                looks.append(office.clock.now())
            office.clock.advance(minutes=1)
        assert len(looks) < 30
        assert waiting.request_expires is not None
        assert any(timedelta() < each - waiting.request_expires <= timedelta(minutes=2) for each in looks)

    def test_a_processor_that_gives_no_answer_is_asked_later(self, office: Office) -> None:
        waiting = asked(office)
        office.gateway.customer_saves(waiting.method_ref)
        office.clock.advance(minutes=5)
        office.gateway.before = no_answer("read page")
        sweep(office.outside)
        assert the(office, waiting).status is ProfileStatus.PENDING
        office.clock.advance(minutes=10)
        sweep(office.outside)
        assert the(office, waiting).status is ProfileStatus.READY

    def test_a_page_that_the_processor_does_not_know(self, office: Office) -> None:
        waiting = asked(office)
        del office.gateway.pages[waiting.method_ref]
        office.clock.advance(hours=2)
        sweep(office.outside)
        assert the(office, waiting).status is ProfileStatus.PENDING  # of another account's key, perhaps
        office.clock.advance(hours=24)
        sweep(office.outside)
        assert the(office, waiting).status is ProfileStatus.FAILED

    def test_one_in_trouble_holds_up_no_other(self, office: Office) -> None:
        first, second = asked(office), asked(office)
        for each in (first, second):
            office.gateway.customer_saves(each.method_ref)
        office.clock.advance(minutes=5)

        def stumble(name: str) -> None:
            if name == "read page":
                office.gateway.before = lambda _: None
                raise ZeroDivisionError

        office.gateway.before = stumble
        counts = sweep(office.outside)
        assert counts.in_trouble == 1
        assert "profile_in_trouble" in office.alerts.codes
        assert {the(office, each).status for each in (first, second)} == {
            ProfileStatus.PENDING,
            ProfileStatus.READY,
        }


class TestTheDefault:
    def test_moves_from_one_to_another(self, office: Office) -> None:
        # W40
        visa = a_profile(is_default=True, default_slot=str(named("Fabrikam Fibre")))
        master = a_profile("Mastercard •••• 4444", method="pm_other")
        office.books.add(visa, master)
        answer = set_default(office, master)
        assert answer.message == "Mastercard •••• 4444 is the account's default payment profile now."
        assert [each.name for each in profiles(office) if each.is_default] == ["Mastercard •••• 4444"]
        assert the(office, visa).default_slot == f"own:{visa.id}"

    def test_is_not_set_twice(self, office: Office) -> None:
        office.books.add(visa := a_profile())
        set_default(office, visa)
        assert set_default(office, visa).message.endswith("is the account's default payment profile already.")

    def test_two_at_once_leave_one(self, office: Office) -> None:
        # W40: the slot is a key, so the second finds it taken and reads again
        visa, master = a_profile(), a_profile("Mastercard •••• 4444", method="pm_other")
        office.books.add(visa, master)

        def other(name: str) -> None:
            if name == "write":
                office.books.before = lambda _: None
                set_default(office, visa)

        office.books.before = other
        assert set_default(office, master).outcome is Outcome.DONE
        assert [each.name for each in profiles(office) if each.is_default] == ["Mastercard •••• 4444"]

    def test_another_account_keeps_its_own(self, office: Office) -> None:
        theirs = a_profile(
            "Theirs", account="Northwind", is_default=True, default_slot=str(named("Northwind"))
        )
        office.books.add(theirs, visa := a_profile())
        set_default(office, visa)
        assert the(office, theirs).is_default

    def test_is_one_that_can_be_charged(self, office: Office) -> None:
        old = a_profile(expiry="01/2020")
        office.books.add(old)
        answer = set_default(office, old)
        assert (answer.code, answer.message) == (
            "profile_not_usable",
            "Visa •••• 4242 has expired. Choose another payment profile.",
        )

    def test_one_that_waits_is_looked_up_first(self, office: Office) -> None:
        office.books.add(a_profile("Old", is_default=True, default_slot=str(named("Fabrikam Fibre"))))
        waiting = asked(office)
        assert set_default(office, waiting).code == "profile_not_usable"
        office.gateway.customer_saves(waiting.method_ref)
        assert set_default(office, waiting).outcome is Outcome.DONE
        assert the(office, waiting).is_default

    def test_a_profile_that_is_gone(self, office: Office) -> None:
        assert set_default(office, a_profile()).code == "record_not_found"

    def test_a_user_who_cannot_see_it(self, office: Office) -> None:
        office.books.add(visa := a_profile())
        office.books.rights = dict.fromkeys([office.call("", None).caller], frozenset())
        assert set_default(office, visa).code == "not_permitted"

    def test_a_lost_answer_is_found_again(self, office: Office) -> None:
        office.books.add(visa := a_profile())
        office.books.after = unreachable("write")
        assert set_default(office, visa, "default-1").outcome is Outcome.DONE
        assert len(office.requests()) == 1


class TestTakingOneOutOfUse:
    def test_it_is_not_charged_any_more(self, office: Office) -> None:
        office.has(an_invoice())
        answer = deactivate(office, a_profile())
        assert answer.message == (
            "Visa •••• 4242 is deactivated. 1 billing contract still names it (BC-1): "
            "choose another payment profile there."
        )
        assert the(office, a_profile()).status is ProfileStatus.DEACTIVATED
        assert office.charge("INV-1", "100.00").code == "profile_not_usable"

    def test_the_default_leaves_its_place_free(self, office: Office) -> None:
        visa = a_profile(is_default=True, default_slot=str(named("Fabrikam Fibre")))
        office.books.add(visa)
        answer = deactivate(office, visa)
        assert answer.message == (
            "Visa •••• 4242 is deactivated. The account has no default payment profile now."
        )
        assert (the(office, visa).is_default, the(office, visa).default_slot) == (False, f"own:{visa.id}")

    def test_a_link_is_closed_first(self, office: Office) -> None:
        waiting = asked(office)
        assert deactivate(office, waiting).outcome is Outcome.DONE
        assert office.gateway.pages[waiting.method_ref].status is PageStatus.EXPIRED
        gone = the(office, waiting)
        assert (gone.status, gone.request_url) == (ProfileStatus.DEACTIVATED, "")
        assert gone.request_result == "The link was closed before the customer used it."

    def test_and_stays_deactivated_whatever_is_heard_later(self, office: Office) -> None:
        waiting = asked(office)
        deactivate(office, waiting)
        heard(office, waiting)
        assert the(office, waiting).status is ProfileStatus.DEACTIVATED

    def test_a_customer_who_was_faster(self, office: Office) -> None:
        waiting = asked(office)
        method = office.gateway.customer_saves(waiting.method_ref)
        answer = deactivate(office, waiting)
        assert answer.message == "Visa •••• 4242 is deactivated."
        gone = the(office, waiting)
        assert (gone.status, gone.method_ref) == (ProfileStatus.DEACTIVATED, method.reference)
        assert gone.request_result == "The customer used the link."

    def test_while_the_link_may_still_be_used_nothing_is_changed(self, office: Office) -> None:
        waiting = asked(office)
        office.gateway.before = no_answer("close page")
        answer = deactivate(office, waiting)
        assert answer.code == "processor_unreachable"
        assert the(office, waiting).status is ProfileStatus.PENDING

    def test_an_event_of_our_own_closing_comes_first(self, office: Office) -> None:
        waiting = asked(office)

        def event(name: str) -> None:
            if name == "close page":
                heard(office, waiting)

        office.gateway.after = event
        assert deactivate(office, waiting).outcome is Outcome.DONE
        assert the(office, waiting).status is ProfileStatus.DEACTIVATED

    def test_a_page_that_another_environment_opened_stays_open(self, office: Office) -> None:
        waiting = asked(office)
        of_another_environment(office, waiting)
        assert deactivate(office, waiting).outcome is Outcome.DONE
        assert the(office, waiting).status is ProfileStatus.DEACTIVATED
        assert office.gateway.pages[waiting.method_ref].status is PageStatus.OPEN

    def test_a_page_that_the_processor_does_not_know(self, office: Office) -> None:
        waiting = asked(office)
        office.gateway.pages.clear()
        assert deactivate(office, waiting).outcome is Outcome.DONE

    def test_twice_says_so(self, office: Office) -> None:
        office.books.add(visa := a_profile())
        deactivate(office, visa)
        assert deactivate(office, visa).message == "Visa •••• 4242 is deactivated already."

    def test_a_crm_that_refuses(self, office: Office) -> None:
        office.books.add(visa := a_profile())

        def refuse(name: str) -> None:
            if name == "write":
                raise BooksRefused("a plug-in says no", None)

        office.books.before = refuse
        assert deactivate(office, visa).code == "books_not_writable"
