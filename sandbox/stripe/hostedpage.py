"""The hosted page itself: `GET` and `POST /c/pay/{checkout session}`, for a customer's browser.

It asks for no card number: the customer chooses among Stripe's test payment methods by what they do.
"""

import html
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from sandbox.stripe import behaviour, checkout, currencies, payment_methods
from sandbox.stripe.errors import StripeError
from sandbox.stripe.session import Session
from sandbox.stripe.store import Store, Stored
from sandbox.wire import Request, Response

PREFIX = "/c/pay/"
BY_DEPOSITS = "bank_account_by_deposits"


@dataclass(frozen=True)
class Choice:
    """A payment method on offer: a documented test id, and what it does in a customer's words."""

    like: str
    name: str
    does: str
    expires_next_month: bool = False
    key: str = ""
    """Names it in the form, where two are like the same."""

    @property
    def value(self) -> str:
        return self.key or self.like


_CHOICES: Mapping[str, tuple[str, tuple[Choice, ...]]] = {
    "card": (
        "Cards",
        (
            Choice("pm_card_visa", "Visa •••• 4242", "works"),
            Choice("pm_card_mastercard", "Mastercard •••• 4444", "works"),
            Choice("pm_card_visa_debit", "Visa •••• 5556", "works, and expires next month", True),
            Choice("pm_card_authenticationRequiredOnSetup", "Visa •••• 3155", "asks you to authenticate, once"),
            Choice("pm_card_authenticationRequired", "Visa •••• 3184", "asks you to authenticate, every time"),
            Choice("pm_card_chargeDeclined", "Visa •••• 0002", "is declined"),
            Choice("pm_card_chargeDeclinedInsufficientFunds", "Visa •••• 9995", "is declined: insufficient funds"),
            Choice("pm_card_chargeCustomerFail", "Visa •••• 0341", "can be saved, and is declined when it is charged"),
        ),
    ),
    "sepa_debit": (
        "SEPA direct debit",
        (
            Choice("pm_success_de", "German account •••• 3000", "works, after five days"),
            Choice("pm_failed_de", "German account •••• 3001", "is returned by the bank after five days"),
        ),
    ),
    "us_bank_account": (
        "ACH direct debit",
        (
            Choice("pm_usBankAccount_success", "Stripe Test Bank •••• 6789", "works, after four days"),
            Choice(
                "pm_usBankAccount_insufficientFunds",
                "Stripe Test Bank •••• 2227",
                "is returned by the bank after four days: insufficient funds",
            ),
            Choice(
                "pm_usBankAccount_success",
                "Another bank •••• 6789",
                "is verified by two small deposits within two days, and works then",
                key=BY_DEPOSITS,
            ),
        ),
    ),
}  # fmt: skip


class HostedPage:
    """Answers customers' browsers. Nobody needs a key: who knows the address may pay."""

    def __init__(self, store: Store, now: Callable[[], int]) -> None:
        self._store = store
        self._now = now

    def handle(self, request: Request) -> Response:
        if request.method not in {"GET", "POST"}:
            return Response(405, {"allow": "GET, POST"})
        try:
            return self._answered(request)
        except StripeError as error:  # what was begun is undone
            return self._answered(replace(request, method="GET"), str(error))

    def _answered(self, request: Request, complaint: str = "") -> Response:
        session = Session(self._store, self._now())
        with self._store.transaction():
            page = self._store.get(request.path.removeprefix(PREFIX), "checkout.session")
            if page is None:
                return _answer(404, _told("Page not found", "There is no payment page at this address."))
            if request.method == "GET" or page.body["status"] != "open":
                return _shown(session, page, complaint)
            return _submitted(session, page, request)


def _submitted(session: Session, page: Stored, request: Request) -> Response:
    form = dict(parse_qsl(request.body.decode("utf-8", "replace")))
    if "authentication" in form:
        checkout.authenticate(session, page, passed=form["authentication"] == "passes")
    else:
        chosen = next(
            (each for each in _offered(page.body) if each.value == form.get("payment_method")), None
        )
        if chosen is None:
            return _shown(session, page, "Choose one of the payment methods.")
        checkout.choose(session, page, _made(session, chosen))
    # A decline shows on the page itself, a page that is done leads back.
    onward = page.body["url"] or _back(page.body)
    return Response(303, {"location": onward, "cache-control": "no-store"})


def _made(session: Session, choice: Choice) -> dict[str, Any]:
    card = None
    if choice.expires_next_month:
        today = datetime.fromtimestamp(session.now, UTC)
        card = {"exp_month": today.month % 12 + 1, "exp_year": today.year + today.month // 12}
    manner = behaviour.DOCUMENTED[choice.like]
    if choice.key == BY_DEPOSITS:
        manner = behaviour.by_deposits(manner)
    return payment_methods.make(session, manner, card=card)


def _offered(page: Mapping[str, Any]) -> list[Choice]:
    return [choice for kind in page["payment_method_types"] for choice in _CHOICES[kind][1]]


def _back(page: Mapping[str, Any]) -> str:
    address: str = page["success_url"]
    return address.replace("{CHECKOUT_SESSION_ID}", page["id"])


def _shown(session: Session, page: Stored, complaint: str = "") -> Response:
    body = page.body
    if body["status"] == "expired":
        return _answer(
            200, _told("This page has expired", "Nothing was paid here. Ask for a new link if you need one.")
        )
    if body["status"] == "complete":
        return _answer(200, _done(body))
    intent = checkout.intent_of(session, body)
    waiting = intent is not None and intent["status"] == "requires_action"
    content = _authentication(body) if waiting else _form(page, complaint or _last_error(intent))
    return _answer(400 if complaint else 200, content, _back(body))


def _last_error(intent: Mapping[str, Any] | None) -> str:
    error = (intent or {}).get("last_payment_error") or (intent or {}).get("last_setup_error") or {}
    message: str = error.get("message", "")
    return message


def _what(page: Stored) -> str:
    if page.body["mode"] == "setup":
        return "<p>Your payment method is saved for future payments. Nothing is paid now.</p>"
    items = "".join(
        f"<div><dt>{html.escape(item['name'])}</dt><dd>{_money(item['amount'], page.body['currency'])}</dd></div>"
        for item in page.hidden["items"]
    )
    return f"<dl>{items}</dl>"


def _title(body: Mapping[str, Any]) -> str:
    if body["mode"] == "setup":
        return "Save a payment method"
    return f"Pay {_money(body['amount_total'], body['currency'])}"


def _money(amount: int, currency: str) -> str:
    return currencies.shown(amount, currency).upper()


def _form(page: Stored, complaint: str) -> "_Page":
    body = page.body
    offered = _offered(body)
    groups = "".join(
        f"<fieldset><legend>{_CHOICES[kind][0]}</legend>"
        + "".join(_radio(choice, checked=choice is offered[0]) for choice in _CHOICES[kind][1])
        + "</fieldset>"
        for kind in body["payment_method_types"]
    )
    alert = f'<p role="alert">{html.escape(complaint)}</p>' if complaint else ""
    button = "Save" if body["mode"] == "setup" else _title(body)
    back = f'<p><a href="{html.escape(body["cancel_url"])}">Back</a></p>' if body["cancel_url"] else ""
    return _Page(
        _title(body),
        f'{_what(page)}{alert}<form method="post">{groups}<button>{button}</button></form>{back}',
    )


def _radio(choice: Choice, *, checked: bool) -> str:
    return (
        f'<label><input type="radio" name="payment_method" value="{choice.value}" required{" checked" if checked else ""}>'
        f"<span><b>{html.escape(choice.name)}</b> {html.escape(choice.does)}</span></label>"
    )


def _authentication(body: Mapping[str, Any]) -> "_Page":
    what = _title(body) if body["mode"] == "payment" else "Save this card"
    return _Page(
        "Authenticate with your bank",
        f"<p>{html.escape(what)}: your bank wants to know whether this is you.</p>"
        '<form method="post"><button name="authentication" value="passes">Complete authentication</button>'
        '<button class="second" name="authentication" value="fails">Fail authentication</button></form>',
    )


def _done(body: Mapping[str, Any]) -> "_Page":
    if body["mode"] == "setup":
        text = "Your payment method was entered. This page can be used once."
    elif body["payment_status"] == "paid":
        text = f"{_money(body['amount_total'], body['currency'])} were paid. This page can be used once."
    else:
        text = "Your bank was asked for the payment, which takes some days. This page can be used once."
    link = f'<p><a href="{html.escape(_back(body))}">Continue</a></p>'
    return _Page("This page was used", f"<p>{html.escape(text)}</p>{link}")


def _told(title: str, text: str) -> "_Page":
    return _Page(title, f"<p>{html.escape(text)}</p>")


@dataclass(frozen=True)
class _Page:
    title: str
    content: str


def _answer(status: int, page: _Page, leads_to: str = "") -> Response:
    """A form's policy is also about where its answer leads."""
    headers = {
        "content-type": "text/html; charset=utf-8",
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
        "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; "
        f"form-action 'self'{_origin(leads_to)}; frame-ancestors 'none'; base-uri 'none'",
    }
    title = html.escape(page.title)
    return Response(status, headers, _PAGE.format(title=title, content=page.content).encode())


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f" {parts.scheme}://{parts.netloc}" if re.fullmatch(r"[\w.:\[\]-]+", parts.netloc) else ""


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} - Sandbox Stripe</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; color: #1a1f36; background: #f6f8fa; margin: 0; }}
header {{ background: #1a1f36; color: #fff; padding: .6rem 1rem; text-align: center; font-size: .875rem; }}
main {{ max-width: 30rem; margin: 2rem auto; padding: 1.5rem; background: #fff; border-radius: 8px;
  box-shadow: 0 2px 8px rgba(0, 0, 0, .14); box-sizing: border-box; }}
h1 {{ font-size: 1.5rem; margin: 0 0 .5rem; overflow-wrap: anywhere; }}
dl {{ margin: 0 0 1rem; }}
dl div {{ display: flex; justify-content: space-between; gap: 1rem; }}
dt {{ overflow-wrap: anywhere; }}
dd {{ margin: 0; white-space: nowrap; }}
fieldset {{ border: 1px solid #c1c9d2; border-radius: 6px; margin: 0 0 1rem; padding: .25rem .75rem .75rem; min-width: 0; }}
legend {{ font-weight: 600; padding: 0 .25rem; }}
label {{ display: flex; gap: .6rem; align-items: baseline; padding: .35rem 0; cursor: pointer; }}
label input {{ flex: none; margin: 0; }}
button {{ display: block; width: 100%; font: inherit; font-weight: 600; color: #fff; background: #4b45c6; border: 0;
  border-radius: 6px; padding: .7rem 1rem; margin-top: .5rem; cursor: pointer; }}
button:hover {{ background: #3a35a0; }}
button.second {{ color: #1a1f36; background: #fff; border: 1px solid #6b7280; }}
button.second:hover {{ background: #f0f1f3; }}
a {{ color: #3a35a0; }}
:focus-visible {{ outline: 3px solid #0b66c3; outline-offset: 2px; }}
[role=alert] {{ border-left: 4px solid #b3093c; background: #fdeef2; color: #7d0a2e; padding: .6rem .8rem; margin: 0 0 1rem; }}
@media (max-width: 32rem) {{ main {{ margin: 0; border-radius: 0; padding: 1rem; }} }}
</style>
</head>
<body>
<header>Sandbox: this is not Stripe, no real money moves, and no real card is asked for.</header>
<main>
<h1>{title}</h1>
{content}
</main>
</body>
</html>
"""
