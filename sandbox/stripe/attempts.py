"""What happens between a confirmation and its outcome: the issuer or the bank decides, a charge records it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sandbox.stripe import behaviour, disputes, objects, payment_methods
from sandbox.stripe.balance import record_charge
from sandbox.stripe.behaviour import Behaviour, Decline
from sandbox.stripe.currencies import LARGEST_OTHERWISE, check_amount
from sandbox.stripe.errors import invalid_request
from sandbox.stripe.session import Session

_DEBIT_CURRENCY = {"sepa_debit": "eur", "us_bank_account": "usd"}


def attempt(session: Session, intent: dict[str, Any], confirmation: Mapping[str, Any]) -> None:
    """Tries to charge. Raises the card error of a declined attempt; the intent then waits for another payment method."""
    method = payment_methods.resolve(session, intent["payment_method"])
    payment_methods.refuse_used(session, method)
    manner = payment_methods.behaviour_of(session, method["id"])
    off_session = confirmation.get("off_session", False) is not False
    fail_on_action = off_session or confirmation.get("error_on_requires_action", False)
    _check(intent, method, confirmation, off_session=off_session)
    if method["customer"] is None:
        session.store.hide(method["id"], used=True)
    intent |= {"next_action": None, "last_payment_error": None}
    if _needs_customer(session, method, manner, off_session=off_session):
        if fail_on_action:
            _fail(session, intent, method, behaviour.AUTHENTICATION)
        _ask_customer(session, intent, confirmation)
    elif manner.verified_in:
        intent |= {"status": "requires_action", "next_action": small_deposits(session, intent, manner)}
        session.store.save(intent)
        session.emit("payment_intent.requires_action", intent)
    elif method["type"] != "card":
        _start_debit(session, intent, method, manner)
    else:
        _charge_card(session, intent, method, manner)


def small_deposits(session: Session, intent: dict[str, Any], manner: Behaviour) -> dict[str, Any]:
    """Sends them; the customer finds them on their account, and says so."""
    session.later(manner.verified_in, "verification", intent["id"])
    deposits = {
        "arrival_date": session.now + manner.verified_in,
        "hosted_verification_url": f"https://payments.stripe.com/microdeposit/{intent['id']}",
        "microdeposit_type": "descriptor_code",
    }
    return {"type": "verify_with_microdeposits", "verify_with_microdeposits": deposits}


def verified(session: Session, intent: dict[str, Any]) -> None:
    """The customer found the small deposits; only now the bank is asked for the amount."""
    method = payment_methods.resolve(session, intent["payment_method"])
    intent["next_action"] = None
    _start_debit(session, intent, method, payment_methods.behaviour_of(session, method["id"]))


def settle_debit(session: Session, identifier: str) -> None:
    """What the bank answered, days later."""
    stored = session.store.get(identifier, "charge")
    if stored is None or stored.body["status"] != "pending":
        return
    charge = stored.body
    intent = session.find("payment_intent", charge["payment_intent"], "payment_intent").body
    method = payment_methods.resolve(session, charge["payment_method"])
    manner = payment_methods.behaviour_of(session, method["id"])
    if manner.decline is None:
        charge |= {"status": "succeeded", "paid": True, "receipt_url": objects.receipt_url(charge["id"])}
        _succeed(session, intent, charge, manner)
        return
    charge |= {
        "status": "failed",
        "paid": False,
        "failure_code": manner.decline.code,
        "failure_message": manner.decline.message,
        "outcome": objects.outcome(manner.decline),
    }
    session.store.save(charge)
    session.emit("charge.failed", charge)
    _give_back(session, intent, method, manner.decline, charge, kind="invalid_request_error")


def capture(session: Session, intent: dict[str, Any], amount: int) -> None:
    charge = session.find("charge", intent["latest_charge"], "charge").body
    manner = payment_methods.behaviour_of(session, charge["payment_method"])
    charge |= {"captured": True, "amount_captured": amount}
    intent["amount_capturable"] = 0
    session.emit("charge.captured", charge)
    _succeed(session, intent, charge, manner, announce=False)


def release(session: Session, intent: dict[str, Any]) -> None:
    """Lets go of an authorisation that will not be captured."""
    if intent["status"] != "requires_capture":
        return
    charge = session.find("charge", intent["latest_charge"], "charge").body
    charge |= {"refunded": True, "amount_refunded": charge["amount"]}
    session.store.save(charge)
    session.emit("charge.refunded", charge)


def authenticate(session: Session, intent: dict[str, Any], *, passed: bool) -> None:
    """What the customer told their bank when it asked. Raises as `attempt` does when the card is declined then."""
    method = payment_methods.resolve(session, intent["payment_method"])
    manner = payment_methods.behaviour_of(session, method["id"])
    intent["next_action"] = None
    if not passed:
        _give_back(session, intent, method, behaviour.NOT_AUTHENTICATED, None, kind="invalid_request_error")
        return
    _charge_card(session, intent, method, manner)


def card_decline(session: Session, method: dict[str, Any], manner: Behaviour) -> Decline | None:
    if manner.decline is not None:
        return manner.decline
    today = datetime.fromtimestamp(session.now, UTC)
    card = method["card"]
    expired = (card["exp_year"], card["exp_month"]) < (today.year, today.month)
    return behaviour.EXPIRED if expired else None


def _check(
    intent: dict[str, Any], method: dict[str, Any], confirmation: Mapping[str, Any], *, off_session: bool
) -> None:
    kind = method["type"]
    if kind != "card":
        check_amount(intent["amount"], intent["currency"], LARGEST_OTHERWISE)
        if intent["currency"] != _DEBIT_CURRENCY[kind]:
            raise invalid_request(
                f"The currency provided ({intent['currency']}) is invalid. Payments with {kind} support the following"
                f" currencies: {_DEBIT_CURRENCY[kind]}.",
                param="currency",
            )
    automatic = intent["automatic_payment_methods"]
    redirects = automatic is not None and automatic["enabled"] and automatic["allow_redirects"] == "always"
    quiet = off_session or confirmation.get("error_on_requires_action")
    if redirects and not quiet and not confirmation.get("return_url"):
        raise invalid_request(
            "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of"
            " these payment methods might redirect your customer off of your page, you must provide a `return_url`. If"
            " you don't want to accept redirect-based payment methods, set"
            " `automatic_payment_methods[enabled]` to `true` and `automatic_payment_methods[allow_redirects]` to"
            " `never` when creating Setup Intents and Payment Intents.",
            param="return_url",
        )


def _needs_customer(
    session: Session, method: dict[str, Any], manner: Behaviour, *, off_session: bool
) -> bool:
    if manner.authentication == "until_set_up":
        stored = session.store.get(method["id"])
        return not (off_session and stored is not None and stored.hidden.get("set_up"))
    return manner.authentication == "always" or (manner.authentication == "on_session" and not off_session)


def _charge_card(session: Session, intent: dict[str, Any], method: dict[str, Any], manner: Behaviour) -> None:
    if (decline := card_decline(session, method, manner)) is not None:
        _fail(session, intent, method, decline)
    elif intent["capture_method"] == "manual":
        _authorise(session, intent, method)
    else:
        charge = session.add(objects.charge(session, intent, method))
        _succeed(session, intent, charge, manner)


def _succeed(
    session: Session,
    intent: dict[str, Any],
    charge: dict[str, Any],
    manner: Behaviour,
    *,
    announce: bool = True,
) -> None:
    charge["balance_transaction"] = record_charge(session, charge)["id"]
    session.store.save(charge)
    intent |= {
        "status": "succeeded",
        "amount_received": charge["amount_captured"],
        "latest_charge": charge["id"],
        "last_payment_error": None,
    }
    session.store.save(intent)
    if announce:
        session.emit("charge.succeeded", charge)
    session.emit("payment_intent.succeeded", intent)
    if manner.dispute is not None:
        disputes.open_dispute(session, charge, manner.dispute)


def _authorise(session: Session, intent: dict[str, Any], method: dict[str, Any]) -> None:
    charge = session.add({**objects.charge(session, intent, method), "captured": False, "amount_captured": 0})
    intent |= {
        "status": "requires_capture",
        "amount_capturable": charge["amount"],
        "latest_charge": charge["id"],
    }
    session.store.save(intent)
    session.emit("charge.succeeded", charge)
    session.emit("payment_intent.amount_capturable_updated", intent)


def _start_debit(session: Session, intent: dict[str, Any], method: dict[str, Any], manner: Behaviour) -> None:
    pending = {"status": "pending", "paid": False, "receipt_url": None}
    charge = session.add(objects.charge(session, intent, method) | pending)
    intent |= {"status": "processing", "latest_charge": charge["id"]}
    session.store.save(intent)
    session.emit("charge.pending", charge)
    session.emit("payment_intent.processing", intent)
    if manner.settles_in is not None:
        session.later(manner.settles_in, "debit", charge["id"])


def _ask_customer(session: Session, intent: dict[str, Any], confirmation: Mapping[str, Any]) -> None:
    if confirmation.get("return_url"):
        url = f"https://hooks.stripe.com/3d_secure_2/hosted?payment_intent={intent['id']}"
        action = {
            "redirect_to_url": {"return_url": confirmation["return_url"], "url": url},
            "type": "redirect_to_url",
        }
    else:
        action = {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect"}}
    intent |= {"status": "requires_action", "next_action": action}
    session.store.save(intent)
    session.emit("payment_intent.requires_action", intent)


def _fail(session: Session, intent: dict[str, Any], method: dict[str, Any], decline: Decline) -> None:
    charge = session.add(
        {
            **objects.charge(session, intent, method),
            "status": "failed",
            "paid": False,
            "captured": False,
            "amount_captured": 0,
            "failure_code": decline.code,
            "failure_message": decline.message,
            "outcome": objects.outcome(decline),
            "receipt_url": None,
        }
    )
    session.emit("charge.failed", charge)
    error = _give_back(session, intent, method, decline, charge, kind="card_error")
    raise payment_methods.declined(
        decline, charge=charge["id"], payment_intent=intent, payment_method=error["payment_method"]
    )


def _give_back(
    session: Session,
    intent: dict[str, Any],
    method: dict[str, Any],
    decline: Decline,
    charge: dict[str, Any] | None,
    *,
    kind: str,
) -> dict[str, Any]:
    """The intent goes back to waiting for a payment method; the one that failed is kept in the error only."""
    attempted = charge["id"] if charge is not None else None
    error = payment_methods.declined(decline, charge=attempted, payment_method=method).error
    error["type"] = kind
    intent |= {
        "status": "requires_payment_method",
        "payment_method": None,
        "last_payment_error": error,
        "latest_charge": attempted or intent["latest_charge"],
        "next_action": None,
    }
    session.store.save(intent)
    session.emit("payment_intent.payment_failed", intent)
    return error
