"""Which payment type the money of a charge gets (A20), and which profiles can be charged at all (I33)."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from plugins.rules.charge import ChargeInput, ChargeRefused, Surroundings, decide
from plugins.rules.payment_types import choose_payment_type, payment_type_of
from plugins.rules.profiles import unusable
from plugins.rules.setup import Backend, PaymentType, Profile, ProfileStatus, ProfileType
from tests.builders import (
    BILLER,
    ORGANISATION,
    a_profile,
    a_transaction,
    an_invoice,
    books_of,
    named,
    usd,
)
from tests.fakes.clock import START


def types(*told: str) -> list[PaymentType]:
    """`"7 credit_card automatic"`"""
    made = []
    for each in told:
        number, backend, *tick = each.split()
        kind = PaymentType(id=named(each), name=each, number=int(number), backend=Backend(backend), automatic=bool(tick))  # fmt: skip
        made.append(kind)
    return made


@pytest.mark.parametrize(
    ("known", "automatic", "chosen"),
    [
        (["1 credit_card"], False, "1 credit_card"),
        (["9 credit_card", "3 credit_card", "5 credit_card"], False, "3 credit_card"),  # the smallest number
        (["1 check", "2 ach", "4 credit_card"], False, "4 credit_card"),  # of that backend
        (["1 credit_card automatic", "2 credit_card"], False, "2 credit_card"),  # those that match the tick
        (["1 credit_card automatic", "2 credit_card"], True, "1 credit_card automatic"),
        (
            ["3 credit_card automatic", "8 credit_card automatic"],
            False,
            "3 credit_card automatic",
        ),  # else all
        (["10 credit_card", "9 credit_card"], False, "9 credit_card"),  # a number, not a text
    ],
)
def test_the_best_match_and_of_these_the_smallest_number(
    known: list[str], automatic: bool, chosen: str
) -> None:
    found = choose_payment_type(types(*known), Backend.CREDIT_CARD, automatic=automatic)
    assert found is not None
    assert found.name == chosen


@pytest.mark.parametrize("backend", [Backend.CREDIT_CARD, Backend.ACH])
def test_none_of_the_backend(backend: Backend) -> None:
    assert choose_payment_type(types("1 check", "2 cash"), backend) is None


@pytest.mark.parametrize(
    ("kind", "name"), [(ProfileType.CARD, "Credit Card"), (ProfileType.ACH_DEBIT, "ACH")]
)
def test_a_charge_without_one_is_refused_and_says_what_to_add(kind: ProfileType, name: str) -> None:
    books = books_of(an_invoice(), profiles=(a_profile(type=kind),), payment_types=tuple(types("1 check")))
    asked = ChargeInput("a-key-01", "", "cfl_ChargeInvoice", BILLER, Decimal("10.00"), None, None)
    with pytest.raises(ChargeRefused) as refusal:
        decide(books, asked, Surroundings(ORGANISATION, live=False, minimum=usd("0.50")), START)
    assert refusal.value.code == "no_payment_type"
    assert f"has the backend {name}. Add one under Setup" in refusal.value.message


@pytest.mark.parametrize(
    ("kind", "chosen"),
    [(ProfileType.CARD, "1 credit_card"), (ProfileType.ACH_DEBIT, "2 ach"), (ProfileType.SEPA_DEBIT, "2 ach")],
)  # fmt: skip
def test_a_debit_has_the_type_of_debits(kind: ProfileType, chosen: str) -> None:
    profile = a_profile(type=kind)
    books = books_of(an_invoice(), profiles=(profile,), payment_types=tuple(types("1 credit_card", "2 ach")))
    assert payment_type_of(books, a_transaction()) == named(chosen)


def test_a_profile_that_is_gone_by_now_was_a_card() -> None:
    books = books_of(an_invoice(), profiles=(), payment_types=tuple(types("1 credit_card", "2 ach")))
    assert payment_type_of(books, a_transaction()) == named("1 credit_card")


TODAY = date(2026, 11, 20)


@pytest.mark.parametrize(
    ("expiry", "usable"),
    [("11/2026", True), ("10/2026", False), ("12/2025", False), ("01/2027", True), ("", True), ("soon", True)],
)  # fmt: skip
def test_a_card_is_good_to_the_end_of_the_month_that_it_shows(expiry: str, usable: bool) -> None:
    assert (unusable(a_profile(expiry=expiry), "USD", TODAY) == "") is usable


@pytest.mark.parametrize(
    ("kind", "currency", "usable"),
    [
        (ProfileType.CARD, "JPY", True),
        (ProfileType.SEPA_DEBIT, "EUR", True),
        (ProfileType.SEPA_DEBIT, "USD", False),
        (ProfileType.ACH_DEBIT, "USD", True),
        (ProfileType.ACH_DEBIT, "EUR", False),
    ],
)
def test_a_bank_account_has_one_currency(kind: ProfileType, currency: str, usable: bool) -> None:
    assert (unusable(a_profile(type=kind, expiry=""), currency, TODAY) == "") is usable


@pytest.mark.parametrize("status", sorted(set(ProfileStatus) - {ProfileStatus.READY}))
def test_only_a_profile_that_is_ready_is_charged(status: ProfileStatus) -> None:
    assert unusable(replace(a_profile(), status=status), "USD", TODAY)


@pytest.mark.parametrize(
    "profile", [replace(a_profile(), customer_ref=""), replace(a_profile(), method_ref="")]
)
def test_a_profile_that_the_processor_does_not_know_is_not_charged(profile: Profile) -> None:
    assert "not known to the payment processor" in unusable(profile, "USD", TODAY)
