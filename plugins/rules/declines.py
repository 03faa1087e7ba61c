"""Why a bank or Stripe said no, as a sentence for a biller and what makes sense next.

Sources: https://docs.stripe.com/declines/codes and https://docs.stripe.com/declines/card#retrying-issuer-declines;
the grouping by remedy is ours. Codes that would tell a thief what the bank knows are shown as a plain decline (Stripe's
own advice).
"""

from dataclasses import dataclass
from enum import StrEnum


class Remedy(StrEnum):
    """What can be done after a decline."""

    OTHER_METHOD = "other_method"
    """Charge another payment profile."""
    RETRY_LATER = "retry_later"
    """The same profile may work later."""
    CUSTOMER = "customer"
    """The customer has to act: new card data, authentication, a call to the bank."""
    NEVER = "never"
    """This profile must not be charged again for this."""


@dataclass(frozen=True)
class Explanation:
    sentence: str
    remedy: Remedy


def explain(code: str, decline_code: str = "", advice_code: str = "") -> Explanation:
    """The most specific code that is known decides the sentence; the bank's advice outranks our grouping."""
    if _hidden(code, decline_code):
        return _PLAIN_NEVER
    known = _KNOWN.get(decline_code) or _KNOWN.get(code) or _PLAIN
    return Explanation(known.sentence, _ADVICE.get(advice_code, known.remedy))


def transaction_result(code: str, decline_code: str = "", advice_code: str = "") -> str:
    """W34: the sentence, then the raw codes: `The card has insufficient funds. (card_declined: insufficient_funds)`."""
    sentence, shown = explain(code, decline_code, advice_code).sentence, shown_codes(code, decline_code)
    return f"{sentence} ({shown})" if shown else sentence


def rejection(message: str) -> str:
    """The sentence for an order that the processor certainly does not carry out; `message` is its own."""
    said = f": {excerpt(message).rstrip('.')}" if message else ""
    return f"The payment processor refused the charge{said}. Nothing was charged."


def excerpt(text: str) -> str:
    """Of what somebody else wrote, as much as a sentence of ours takes; a column that overflowed would refuse the row."""
    line = " ".join(text.split())
    return line if len(line) <= _EXCERPT else line[: _EXCERPT - 1] + "…"


_EXCERPT = 500


def shown_codes(code: str, decline_code: str = "") -> str:
    """The raw codes as far as they may be shown."""
    if _hidden(code, decline_code):
        return "card_declined"
    return ": ".join(dict.fromkeys(filter(None, (code, decline_code))))


def _hidden(code: str, decline_code: str) -> bool:
    return code in _NOT_REVEALED or decline_code in _NOT_REVEALED


_NOT_REVEALED = frozenset(
    ("fraudulent", "lost_card", "stolen_card", "merchant_blacklist", "highest_risk_level")
)

_PLAIN = Explanation("The bank declined the charge without giving a reason.", Remedy.OTHER_METHOD)
_PLAIN_NEVER = Explanation("The bank declined the card.", Remedy.NEVER)

_ADVICE = {
    "do_not_try_again": Remedy.NEVER,
    "try_again_later": Remedy.RETRY_LATER,
    "confirm_card_data": Remedy.CUSTOMER,
}

_KNOWN = {
    # The same profile may work later.
    "insufficient_funds": Explanation("The card has insufficient funds.", Remedy.RETRY_LATER),
    "card_velocity_exceeded": Explanation(
        "The card has reached its limit for amount or number of payments.", Remedy.RETRY_LATER
    ),
    "withdrawal_count_limit_exceeded": Explanation(
        "The card has reached its limit for amount or number of payments.", Remedy.RETRY_LATER
    ),
    "issuer_not_available": Explanation("The bank could not be reached.", Remedy.RETRY_LATER),
    "processing_error": Explanation("An error occurred while the bank processed the card.", Remedy.RETRY_LATER),
    "reenter_transaction": Explanation("The bank could not process the charge.", Remedy.RETRY_LATER),
    "try_again_later": Explanation("The bank asks to try again later.", Remedy.RETRY_LATER),
    "approve_with_id": Explanation("The bank could not authorize the charge.", Remedy.RETRY_LATER),
    # The customer has to act.
    "authentication_required": Explanation(
        "The bank asks the customer to confirm this payment.", Remedy.CUSTOMER
    ),
    "expired_card": Explanation("The card has expired.", Remedy.CUSTOMER),
    "incorrect_cvc": Explanation("The card's security code is incorrect.", Remedy.CUSTOMER),
    "invalid_cvc": Explanation("The card's security code is incorrect.", Remedy.CUSTOMER),
    "incorrect_number": Explanation("The card number is incorrect.", Remedy.CUSTOMER),
    "invalid_number": Explanation("The card number is incorrect.", Remedy.CUSTOMER),
    "incorrect_zip": Explanation("The card's postal code is incorrect.", Remedy.CUSTOMER),
    "incorrect_address": Explanation("The card's billing address is incorrect.", Remedy.CUSTOMER),
    "invalid_expiry_month": Explanation("The card's expiry date is incorrect.", Remedy.CUSTOMER),
    "invalid_expiry_year": Explanation("The card's expiry date is incorrect.", Remedy.CUSTOMER),
    "call_issuer": Explanation("The bank asks the customer to call it.", Remedy.CUSTOMER),
    "do_not_honor": Explanation("The bank declined the charge without giving a reason.", Remedy.CUSTOMER),
    "not_permitted": Explanation("The bank does not permit this payment.", Remedy.CUSTOMER),
    "transaction_not_allowed": Explanation("The bank does not allow this kind of payment.", Remedy.CUSTOMER),
    "mobile_device_authentication_required": Explanation(
        "The bank asks the customer to confirm this payment.", Remedy.CUSTOMER
    ),
    "offline_pin_required": Explanation(
        "The bank asks the customer to confirm this payment.", Remedy.CUSTOMER
    ),
    "online_or_offline_pin_required": Explanation(
        "The bank asks the customer to confirm this payment.", Remedy.CUSTOMER
    ),
    "duplicate_transaction": Explanation(
        "A charge of the same amount was made with this card just before. Check it before charging again.",
        Remedy.CUSTOMER,
    ),
    # Another profile.
    "card_not_supported": Explanation("The card does not support this kind of payment.", Remedy.OTHER_METHOD),
    "currency_not_supported": Explanation("The card does not support this currency.", Remedy.OTHER_METHOD),
    "invalid_account": Explanation("The account the card belongs to is not valid.", Remedy.OTHER_METHOD),
    "invalid_amount": Explanation("The bank does not accept this amount on the card.", Remedy.OTHER_METHOD),
    "new_account_information_available": Explanation("The card has been replaced.", Remedy.OTHER_METHOD),
    "generic_decline": _PLAIN,
    "no_action_taken": _PLAIN,
    "service_not_allowed": _PLAIN,
    "security_violation": _PLAIN,
    "testmode_decline": Explanation("A test card was used with a live key.", Remedy.OTHER_METHOD),
    "live_mode_test_card": Explanation("A test card was used with a live key.", Remedy.OTHER_METHOD),
    # Bank debits.
    "payment_intent_payment_attempt_failed": Explanation("The payment failed.", Remedy.OTHER_METHOD),
    "charge_exceeds_source_limit": Explanation(
        "The charge is above the limit for this bank account.", Remedy.RETRY_LATER
    ),
    "debit_not_authorized": Explanation("The customer has not authorized this debit.", Remedy.CUSTOMER),
    "bank_account_restricted": Explanation("The bank account cannot be debited.", Remedy.OTHER_METHOD),
    "bank_account_unusable": Explanation("The bank account cannot be debited.", Remedy.OTHER_METHOD),
    "bank_account_declined": Explanation("The bank account cannot be debited.", Remedy.OTHER_METHOD),
    "account_closed": Explanation("The bank account is closed.", Remedy.NEVER),
    "no_account": Explanation("The bank account does not exist.", Remedy.NEVER),
    "payment_method_invalid_parameter": Explanation(
        "The payment profile's details are not valid.", Remedy.CUSTOMER
    ),
    "payment_intent_mandate_invalid": Explanation(
        "The customer's mandate for this bank account is no longer valid.", Remedy.CUSTOMER
    ),
    "payment_method_customer_decline": Explanation("The customer declined the payment.", Remedy.CUSTOMER),
    # Never again with this profile.
    "pickup_card": Explanation("The card cannot be used. The customer should call the bank.", Remedy.NEVER),
    "restricted_card": Explanation("The card cannot be used. The customer should call the bank.", Remedy.NEVER),
    "revocation_of_authorization": Explanation("The customer has stopped payments with this card.", Remedy.NEVER),
    "revocation_of_all_authorizations": Explanation(
        "The customer has stopped payments with this card.", Remedy.NEVER
    ),
    "stop_payment_order": Explanation("The customer has stopped payments with this card.", Remedy.NEVER),
    "pin_try_exceeded": Explanation("The card is blocked after too many attempts.", Remedy.OTHER_METHOD),
    "card_declined": _PLAIN,
}  # fmt: skip
