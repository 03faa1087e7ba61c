"""Opening an account's ledger in a currency."""

import pytest

from plugins.open_account import ACTION, open_account
from plugins.rules.ledger import Ledger, Outcome
from plugins.rules.setup import Currency
from tests.builders import Office, a_ledger, an_account, an_invoice, currency_id, named, usd


@pytest.fixture
def office() -> Office:
    made = Office()
    made.books.add(an_account(), *(Currency(id=currency_id(code), code=code) for code in ("USD", "CAD")))
    return made


def opened(
    office: Office, currency: str | None, account: str = "Fabrikam Fibre", key: str = ""
) -> tuple[str, str]:
    answer = open_account(office.call(ACTION.name, named(account), key, Currency=currency), office.outside)
    assert (answer.outcome is Outcome.DONE) == (answer.code == "succeeded")
    return answer.code, answer.message


def test_an_account_gets_one_ledger_in_a_currency(office: Office) -> None:
    assert opened(office, "usd") == (
        "succeeded",
        "The billing account Fabrikam Fibre (USD) is open.",
    )
    ledger = office.ledger()
    assert (ledger.id, ledger.key) == (a_ledger().id, a_ledger().key)
    code, message = opened(office, "USD")
    assert (code, "Fabrikam Fibre (USD) is open already" in message) == ("account_already_open", True)
    assert opened(office, "CAD")[0] == "succeeded"
    assert len(office.books.all(Ledger)) == 2


def test_what_the_crm_billed_is_owed_from_the_start(office: Office) -> None:
    office.books.add(an_invoice("70.00"), an_invoice("5.00", "INV-2", currency="CAD"))
    opened(office, "USD")
    assert office.ledger().balance == usd("70.00")


def test_the_same_key_opens_once(office: Office) -> None:
    # I34
    assert opened(office, "USD", key="open-once") == opened(office, "USD", key="open-once")


@pytest.mark.parametrize(
    ("currency", "code"),
    [(None, "currency_missing"), ("XTS", "currency_not_found"), ("dollars", "text_too_long")],
)
def test_a_currency_that_is_not_set_up_is_refused(office: Office, currency: str | None, code: str) -> None:
    assert opened(office, currency)[0] == code
    assert office.books.all(Ledger) == []


def test_an_account_that_is_gone_is_refused(office: Office) -> None:
    assert opened(office, "USD", "Nobody")[0] == "record_not_found"
