"""How the documented test payment methods behave: https://docs.stripe.com/testing.

What Stripe's own test mode settles within minutes (bank debits, refunds) takes as long here as in production:
the clock can be moved.
"""

from dataclasses import dataclass, replace
from typing import Literal

DAY = 86_400


@dataclass(frozen=True)
class Decline:
    """Why the issuer or the bank said no."""

    code: str
    message: str
    decline_code: str | None = None
    advice_code: str | None = None
    network_decline_code: str | None = None
    blocked: bool = False
    """Refused by Stripe itself (Radar): the issuer was never asked."""


@dataclass(frozen=True)
class Behaviour:
    """A test payment method. `settles_in` is how long a bank debit stays in processing; None is for ever."""

    kind: Literal["card", "sepa_debit", "us_bank_account"] = "card"
    last4: str = "4242"
    brand: str = "visa"
    funding: str = "credit"
    country: str = "US"
    decline: Decline | None = None
    declined_when_attached: bool = False
    authentication: Literal["never", "on_session", "until_set_up", "always"] = "never"
    """`on_session` asks only while the customer is there: it was set up for use without them, as one that asks
    `until_set_up` can be."""
    verified_in: int = 0
    """How long two small deposits take to show the customer's bank account; 0 for one that is verified at once."""
    settles_in: int | None = 0
    dispute: Literal["fraudulent", "product_not_received", "inquiry", "debit_not_authorized"] | None = None
    refund: Literal["at_once", "pending", "fails_later"] = "at_once"
    account_number: str = ""
    """IBAN or account number, for payment methods made from their number."""


def by_deposits(behaviour: Behaviour) -> Behaviour:
    """The same bank account, typed in by a customer whose bank cannot be asked on the spot."""
    return replace(behaviour, verified_in=2 * DAY)


def find(name: str) -> Behaviour | None:
    """The behaviour behind a documented id such as `pm_card_visa`, or a token such as `tok_visa`."""
    return DOCUMENTED.get(name) or DOCUMENTED.get(name.replace("tok_", "pm_card_", 1))


def by_account_number(kind: str, number: str) -> Behaviour | None:
    for behaviour in DOCUMENTED.values():
        if behaviour.kind == kind and behaviour.account_number == number:
            return behaviour
    return None


DECLINED = "Your card was declined."
GENERIC = Decline("card_declined", DECLINED, "generic_decline", "try_again_later", "01")
INSUFFICIENT = Decline(
    "card_declined", "Your card has insufficient funds.", "insufficient_funds", "try_again_later", "51"
)
LOST = Decline("card_declined", DECLINED, "lost_card", "do_not_try_again", "41")
STOLEN = Decline("card_declined", DECLINED, "stolen_card", "do_not_try_again", "43")
VELOCITY = Decline(
    "card_declined",
    "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.",
    "card_velocity_exceeded",
    "try_again_later",
    "65",
)
FRAUDULENT = Decline("card_declined", DECLINED, "fraudulent", "do_not_try_again", blocked=True)
EXPIRED = Decline("expired_card", "Your card has expired.", None, "confirm_card_data", "54")
INCORRECT_CVC = Decline(
    "incorrect_cvc", "Your card's security code is incorrect.", None, "confirm_card_data", "N7"
)
PROCESSING = Decline(
    "processing_error",
    "An error occurred while processing your card. Try again in a little bit.",
    None,
    "try_again_later",
    "96",
)
AUTHENTICATION = Decline(
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
    "authentication_required",
)

NOT_AUTHENTICATED = Decline(
    "payment_intent_authentication_failure",
    "We are unable to authenticate your payment method. Please choose a different payment method and try again.",
)

_DEBIT_FAILED = Decline("payment_method_provider_decline", "The payment was declined by the customer's bank.")
_DEBIT_FUNDS = Decline(
    "insufficient_funds", "The customer's account has insufficient funds to cover this payment."
)
_DEBIT_CLOSED = Decline("account_closed", "The customer's bank account has been closed.")
_DEBIT_NO_ACCOUNT = Decline("no_account", "The customer's bank account could not be located.")
_DEBIT_NOT_AUTHORIZED = Decline(
    "debit_not_authorized", "The customer has notified their bank that this payment was unauthorized."
)
_DEBIT_LIMIT = Decline(
    "charge_exceeds_source_limit",
    "The payment amount exceeds the account's weekly payment volume limit.",
)
_DEBIT_WEEKLY_LIMIT = Decline(
    "charge_exceeds_weekly_limit", "The payment amount exceeds the account's transaction limit."
)


def _declining(last4: str, decline: Decline) -> Behaviour:
    return Behaviour(last4=last4, decline=decline, declined_when_attached=True)


_SEPA = Behaviour(
    kind="sepa_debit",
    last4="3000",
    country="DE",
    settles_in=5 * DAY,
    refund="pending",
    account_number="DE89370400440532013000",
)
_ACH = Behaviour(
    kind="us_bank_account", last4="6789", settles_in=4 * DAY, refund="pending", account_number="000123456789"
)


def _sepa(iban: str, **changes: object) -> Behaviour:
    return replace(_SEPA, last4=iban[-4:], account_number=iban, **changes)  # type: ignore[arg-type]  # names are checked by replace


def _ach(number: str, **changes: object) -> Behaviour:
    return replace(_ACH, last4=number[-4:], account_number=number, **changes)  # type: ignore[arg-type]  # names are checked by replace


DOCUMENTED: dict[str, Behaviour] = {
    # Cards that work.
    "pm_card_visa": Behaviour(),
    "pm_card_us": Behaviour(),
    "pm_card_visa_debit": Behaviour(last4="5556", funding="debit"),
    "pm_card_mastercard": Behaviour(last4="4444", brand="mastercard"),
    "pm_card_mastercard_debit": Behaviour(last4="8210", brand="mastercard", funding="debit"),
    "pm_card_mastercard_prepaid": Behaviour(last4="5100", brand="mastercard", funding="prepaid"),
    "pm_card_amex": Behaviour(last4="0005", brand="amex"),
    "pm_card_discover": Behaviour(last4="1117", brand="discover"),
    "pm_card_diners": Behaviour(last4="0004", brand="diners"),
    "pm_card_jcb": Behaviour(last4="0505", brand="jcb", country="JP"),
    "pm_card_unionpay": Behaviour(last4="0005", brand="unionpay", country="CN"),
    "pm_card_gb": Behaviour(last4="0000", country="GB"),
    "pm_card_de": Behaviour(last4="0016", country="DE"),
    "pm_card_fr": Behaviour(last4="0003", country="FR"),
    "pm_card_jp": Behaviour(last4="0003", country="JP"),
    "pm_card_bypassPending": Behaviour(last4="0077"),
    # Cards that decline. All but the first decline when they are attached to a customer, too.
    "pm_card_chargeCustomerFail": Behaviour(last4="0341", decline=GENERIC),
    "pm_card_chargeDeclined": _declining("0002", GENERIC),
    "pm_card_visa_chargeDeclined": _declining("0002", GENERIC),
    "pm_card_chargeDeclinedInsufficientFunds": _declining("9995", INSUFFICIENT),
    "pm_card_visa_chargeDeclinedInsufficientFunds": _declining("9995", INSUFFICIENT),
    "pm_card_visa_chargeDeclinedLostCard": _declining("9987", LOST),
    "pm_card_visa_chargeDeclinedStolenCard": _declining("9979", STOLEN),
    "pm_card_visa_chargeDeclinedVelocityLimitExceeded": _declining("6975", VELOCITY),
    "pm_card_chargeDeclinedExpiredCard": _declining("0069", EXPIRED),
    "pm_card_chargeDeclinedIncorrectCvc": _declining("0127", INCORRECT_CVC),
    "pm_card_chargeDeclinedProcessingError": _declining("0119", PROCESSING),
    "pm_card_chargeDeclinedFraudulent": Behaviour(last4="0019", decline=FRAUDULENT),
    "pm_card_radarBlock": Behaviour(last4="0019", decline=FRAUDULENT),
    # Cards whose issuer wants to see the customer.
    "pm_card_authenticationRequired": Behaviour(last4="3184", authentication="always"),
    "pm_card_authenticationRequiredOnSetup": Behaviour(last4="3155", authentication="until_set_up"),
    "pm_card_authenticationRequiredSetupForOffSession": Behaviour(last4="0446", authentication="on_session"),
    "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds": Behaviour(
        last4="3178", authentication="on_session", decline=INSUFFICIENT
    ),
    "pm_card_threeDSecure2Required": Behaviour(last4="3220", authentication="always"),
    "pm_card_threeDSecureRequired": Behaviour(last4="3063", authentication="always"),
    "pm_card_threeDSecureOptional": Behaviour(last4="3055"),
    # Cards that work and make trouble afterwards.
    "pm_card_createDispute": Behaviour(last4="0259", dispute="fraudulent"),
    "pm_card_createDisputeProductNotReceived": Behaviour(last4="2685", dispute="product_not_received"),
    "pm_card_createDisputeInquiry": Behaviour(last4="1976", dispute="inquiry"),
    "pm_card_pendingRefund": Behaviour(last4="7726", refund="pending"),
    "pm_card_refundFail": Behaviour(last4="5126", refund="fails_later"),
    # SEPA direct debits.
    "pm_success_de": _SEPA,
    "pm_successDelayed_de": _sepa("DE08370400440532013003", settles_in=14 * DAY),
    "pm_failed_de": _sepa("DE62370400440532013001", decline=_DEBIT_FAILED),
    "pm_failedDelayed_de": _sepa("DE78370400440532013004", settles_in=14 * DAY, decline=_DEBIT_FAILED),
    "pm_insufficientFunds_de": _sepa("DE26370400440000001234", decline=_DEBIT_FUNDS),
    "pm_exceedsWeeklyVolumeLimit_de": _sepa("DE65370400440000343434", decline=_DEBIT_LIMIT),
    "pm_exceedsWeeklyTransactionLimit_de": _sepa("DE27370400440000121212", decline=_DEBIT_WEEKLY_LIMIT),
    "pm_disputed_de": _sepa("DE35370400440532013002", dispute="debit_not_authorized"),
    # ACH direct debits.
    "pm_usBankAccount_success": _ACH,
    "pm_usBankAccount_accountClosed": _ach("000111111113", decline=_DEBIT_CLOSED),
    "pm_usBankAccount_noAccount": _ach("000111111116", decline=_DEBIT_NO_ACCOUNT),
    "pm_usBankAccount_insufficientFunds": _ach("000222222227", decline=_DEBIT_FUNDS),
    "pm_usBankAccount_debitNotAuthorized": _ach("000333333335", decline=_DEBIT_NOT_AUTHORIZED),
    "pm_usBankAccount_processing": _ach("000000000009", settles_in=None),
    "pm_usBankAccount_dispute": _ach("000555555559", dispute="debit_not_authorized"),
}
