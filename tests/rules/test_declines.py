"""What a biller reads about a decline, and what is proposed next."""

import pytest

from plugins.rules.declines import Remedy, explain, transaction_result


@pytest.mark.parametrize(
    ("code", "decline_code", "advice_code", "remedy", "text"),
    [
        ("card_declined", "insufficient_funds", "", "retry_later", "The card has insufficient funds. (card_declined: insufficient_funds)"),
        ("card_declined", "generic_decline", "", "other_method", "The bank declined the charge without giving a reason. (card_declined: generic_decline)"),
        ("expired_card", "", "", "customer", "The card has expired. (expired_card)"),
        ("incorrect_cvc", "incorrect_cvc", "", "customer", "The card's security code is incorrect. (incorrect_cvc)"),
        ("authentication_required", "authentication_required", "", "customer", "The bank asks the customer to confirm this payment. (authentication_required)"),
        ("card_declined", "pickup_card", "", "never", "The card cannot be used. The customer should call the bank. (card_declined: pickup_card)"),
        ("processing_error", "", "", "retry_later", "An error occurred while the bank processed the card. (processing_error)"),
        ("card_declined", "a_code_of_next_year", "", "other_method", "The bank declined the charge without giving a reason. (card_declined: a_code_of_next_year)"),
        ("", "", "", "other_method", "The bank declined the charge without giving a reason."),
    ],
)  # fmt: skip
def test_a_decline_in_words(code: str, decline_code: str, advice_code: str, remedy: str, text: str) -> None:
    assert transaction_result(code, decline_code, advice_code) == text
    assert explain(code, decline_code, advice_code).remedy == remedy


@pytest.mark.parametrize("secret", ["lost_card", "stolen_card", "fraudulent", "merchant_blacklist"])
def test_what_the_bank_suspects_is_shown_as_a_plain_decline_and_never_tried_again(secret: str) -> None:
    assert transaction_result("card_declined", secret) == "The bank declined the card. (card_declined)"
    assert explain("card_declined", secret, "try_again_later").remedy is Remedy.NEVER


@pytest.mark.parametrize(
    ("advice", "remedy"),
    [
        ("do_not_try_again", Remedy.NEVER),
        ("try_again_later", Remedy.RETRY_LATER),
        ("confirm_card_data", Remedy.CUSTOMER),
        ("advice_of_next_year", Remedy.RETRY_LATER),
    ],
)
def test_the_banks_advice_outranks_the_grouping_by_code(advice: str, remedy: Remedy) -> None:
    explanation = explain("card_declined", "insufficient_funds", advice)
    assert explanation.sentence == "The card has insufficient funds."
    assert explanation.remedy is remedy
