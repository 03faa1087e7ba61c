"""A Web API that answers the dialog as a test tells it to, and the dialog opened on it."""

import json
import mimetypes
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route

from tests.browser.chromium import NewPage, a_page, listen_to

ORIGIN = "http://127.0.0.1:8365"
DIALOG = "/WebResources/cfl_/charge.html"
WEB_RESOURCES = Path(__file__).parents[2] / "deploy" / "solution" / "WebResources"
INVOICE = "11111111-1111-4111-8111-111111111001"
ACCOUNT = "22222222-2222-4222-8222-222222222001"
VISA = "33333333-3333-4333-8333-333333333001"
MASTERCARD = "33333333-3333-4333-8333-333333333002"
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)

STRICT_POLICY = (
    "default-src 'self'; script-src 'self' blob: data:; style-src 'self' 'unsafe-inline'; connect-src 'self'; "
    "frame-src 'self' blob:; form-action 'self'; base-uri 'self'"
)
"""What an administrator can turn on for model-driven apps."""

CHOICE = 728310000
DONE, REFUSED, PENDING, FAILED = range(CHOICE, CHOICE + 4)
CARD, ACH_DEBIT, SEPA_DEBIT = range(CHOICE, CHOICE + 3)
RESERVED, PROCESSING = CHOICE, CHOICE + 1
FORMATTED = "@OData.Community.Display.V1.FormattedValue"

AMERICAN = {
    "decimalsymbol": ".",
    "numberseparator": ",",
    "numbergroupformat": "3",
    "localeid": 1033,
    "uilanguageid": 1033,
}
GERMAN = {
    "decimalsymbol": ",",
    "numberseparator": ".",
    "numbergroupformat": "3",
    "localeid": 1031,
    "uilanguageid": 1031,
}
ARABIC = {
    "decimalsymbol": ".",
    "numberseparator": ",",
    "numbergroupformat": "3",
    "localeid": 1025,
    "uilanguageid": 1025,
}

COUNT_READINGS = """
window.rowsRead = 0;
const ask = window.fetch;
window.fetch = async (url, ...more) => {
    const response = await ask(url, ...more);
    const read = response.text.bind(response);
    response.text = async () => {
        const text = await read();
        if (url.includes("cfl_requests(")) window.rowsRead += 1;
        return text;
    };
    return response;
};
"""
"""So that a test which has stopped the clock knows when the dialog has read an answer and is pausing."""

HOST = """<!doctype html><title>form</title>
<button data-id="dialogCloseIconButton" onclick="document.title = 'closed'">×</button><iframe src="{src}"></iframe>"""
"""The platform around a dialog, as far as closing goes."""

Row = dict[str, Any]


def an_invoice(**columns: Any) -> Row:
    """INV-1001 of Fabrikam Fibre: 1,250.00 USD, nothing charged yet, its contract charging a Visa card."""
    currency, precision = columns.pop("currency", "USD"), columns.pop("precision", 2)
    contract = columns.pop("contract", a_contract())
    return {
        "invoiceid": INVOICE,
        "invoicenumber": "INV-1001",
        "name": "Fibre lines, November",
        "totalamount": 1250.0,
        "cfl_total": None,
        "cfl_balance": None,
        "cfl_amountcharged": None,
        "cfl_otherpayments": None,
        "cfl_creditsdisbursed": None,
        "statecode": 0,
        "statuscode": 4,
        "_customerid_value": ACCOUNT,
        "_customerid_value" + FORMATTED: "Fabrikam Fibre",
        "transactioncurrencyid": {
            "isocurrencycode": currency,
            "currencysymbol": "",
            "currencyprecision": precision,
        },
        "cfl_billingcontractid": contract,
        **columns,
    }


def a_contract(profile: str | None = VISA, state: int = 0) -> Row:
    return {"cfl_name": "BC-0001", "statecode": state, "_cfl_paymentprofileid_value": profile}


def a_profile(identity: str = VISA, name: str = "Visa •••• 4242", **columns: Any) -> Row:
    return {
        "cfl_paymentprofileid": identity,
        "cfl_name": name,
        "cfl_type": CARD,
        "cfl_expiry": "04/2028",
        "statecode": 0,
        "statuscode": CHOICE,
        **columns,
    }


def a_pending_charge(
    amount: float, stage: int = RESERVED, by: str = "Nia Biller", key: str = "key-of-the-other"
) -> Row:
    return {
        "cfl_name": "PT-000041",
        "cfl_amount": amount,
        "cfl_stage": stage,
        "cfl_requestid": {"cfl_key": key, "_cfl_requestedbyid_value" + FORMATTED: by},
    }


def a_request(outcome: int, code: str, message: str = "", **more: Any) -> Row:
    """The row that answers a charge. `decline_code` and the like go to its transaction."""
    result = more.pop("result", {})
    transaction = {
        "cfl_name": "PT-000042",
        "cfl_resultcode": more.pop("result_code", ""),
        "cfl_declinecode": more.pop("decline_code", ""),
        "cfl_advicecode": more.pop("advice_code", ""),
    }
    return {
        "cfl_outcome": outcome,
        "cfl_code": code,
        "cfl_message": message,
        "cfl_result": json.dumps(result),
        "cfl_paymenttransactionid": None if outcome == REFUSED else transaction,
        **more,
    }


def charged(amount: str, balance: str, status: str) -> Row:
    result = {
        "transaction": "…",
        "payment": "…",
        "amount": amount,
        "currency": "USD",
        "balance": balance,
        "status": status,
    }
    return a_request(DONE, "succeeded", "Charged.", result=result)


@dataclass
class Answer:
    """How a call ends: its HTTP status (0: no answer at all) and the row that is there afterwards."""

    row: Row | None = None
    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Charge:
    """What the dialog asked for."""

    key: str
    amount: Decimal
    profile: str
    expected: Decimal
    text: str


@dataclass
class ScriptedCrm:
    """Holds what the dialog reads, and the answers to what it sends, in order; without one, a call hangs unanswered."""

    invoice: Row = field(default_factory=an_invoice)
    profiles: list[Row] = field(default_factory=lambda: [a_profile()])
    pending: list[Row] = field(default_factory=list)
    settings: Row | None = field(default_factory=lambda: dict(AMERICAN))
    context: str | None = None
    """ClientGlobalContext.js.aspx, where the platform gives one."""
    unreadable: dict[str, int] = field(default_factory=dict)
    charges: list[Answer] = field(default_factory=list)
    checks: list[Answer] = field(default_factory=list)
    asked: list[Charge] = field(default_factory=list)
    checked: list[str] = field(default_factory=list)
    rows: dict[str, Row] = field(default_factory=dict)
    held: list[Route] = field(default_factory=list)
    of_charges: bool = True
    """Whether it answers the Charge dialog; else a page of another action."""
    foreign: list[str] = field(default_factory=list)

    def handle(self, route: Route) -> None:
        url = urlsplit(route.request.url)
        if f"{url.scheme}://{url.netloc}" != ORIGIN:
            self.foreign.append(route.request.url)
            route.abort()
        elif url.path == "/form":
            route.fulfill(content_type="text/html", body=HOST.replace("{src}", f"{DIALOG}?{url.query}"))
        elif url.path.startswith("/WebResources/"):
            self._web_resource(route, url.path.removeprefix("/WebResources/"))
        else:
            self._api(route, unquote(url.path.removeprefix("/api/data/v9.2/")))

    def _web_resource(self, route: Route, name: str) -> None:
        path = WEB_RESOURCES / name
        if name == "ClientGlobalContext.js.aspx" and self.context is not None:
            route.fulfill(content_type="text/javascript", body=self.context)
            return
        if not path.is_file():
            route.fulfill(status=404)
            return
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        headers = {"Content-Security-Policy": STRICT_POLICY, "Content-Type": f"{kind}; charset=utf-8"}
        route.fulfill(status=200, headers=headers, body=path.read_bytes())

    def _api(self, route: Route, path: str) -> None:
        if route.request.method == "POST":
            self._post(route, path)
            return
        for name, status in self.unreadable.items():
            if path.startswith(name):
                route.fulfill(
                    status=status, json={"error": {"code": "0x80040220", "message": "No privilege."}}
                )
                return
        request = re.fullmatch(r"cfl_requests\(cfl_key='([a-z0-9-]+)'\)", path)
        if request:
            self._give(route, self.rows.get(request[1]))
        elif path == "WhoAmI":
            self._give(route, {"UserId": "44444444-4444-4444-8444-444444444001"})
        elif path.startswith("usersettingscollection("):
            self._give(route, self.settings)
        elif path == f"invoices({INVOICE})" and self.of_charges:
            self._give(route, self.invoice)
        elif path == "cfl_paymenttransactions":
            self._give(route, {"value": self.pending})
        elif path == "cfl_paymentprofiles" and self.of_charges:
            self._give(route, {"value": self.profiles})
        else:
            self.read(route, path)

    def read(self, route: Route, path: str) -> None:
        """Whatever else a page reads."""
        raise AssertionError(f"the dialog read {path}")

    def _post(self, route: Route, path: str) -> None:
        text = route.request.post_data or ""
        body = json.loads(text, parse_float=Decimal, parse_int=Decimal)
        if path == "cfl_CheckRequest":
            self.checked.append(body["RequestKey"])
            answers = self.checks
        else:
            answers = self.act(route, path, text)
        if not answers:
            self.held.append(route)
            return
        answer = answers.pop(0)
        if answer.row is not None:
            self.rows[body["RequestKey"]] = answer.row
        if answer.status == 0:
            route.abort()
        elif answer.status == 204:
            route.fulfill(status=204)
        else:
            error = {"error": {"code": "0x80040265", "message": "The call was not answered as it should be."}}
            route.fulfill(status=answer.status, headers=answer.headers, json=error)

    def act(self, route: Route, path: str, text: str) -> list[Answer]:
        """Notes what was asked for; the answers from which the first is taken."""
        body = json.loads(text, parse_float=Decimal, parse_int=Decimal)
        assert path == f"invoices({INVOICE})/Microsoft.Dynamics.CRM.cfl_ChargeInvoice"
        self.asked.append(
            Charge(
                body["RequestKey"], body["Amount"], body["PaymentProfileId"], body["ExpectedBalance"], text
            )
        )
        return self.charges

    @staticmethod
    def _give(route: Route, row: Row | None) -> None:
        if row is None:
            route.fulfill(status=404, json={"error": {"code": "0x80060891", "message": "Does not exist."}})
        else:
            route.fulfill(status=200, json=row)


OpenDialog = Callable[..., Page]


@pytest.fixture
def crm() -> Iterator[ScriptedCrm]:
    scripted = ScriptedCrm()
    yield scripted
    assert scripted.foreign == [], "the dialog asked somebody other than the CRM it came from"


@pytest.fixture(scope="session")
def everyday_page(chromium: Browser) -> Iterator[tuple[Page, list[str]]]:
    """One page for all tests that need nothing special, since opening one costs more than a test. Its date stands still."""
    page = a_page(chromium)
    page.clock.set_fixed_time(NOW)
    yield page, listen_to(page)
    page.context.close()


@pytest.fixture
def open_dialog(
    crm: ScriptedCrm, everyday_page: tuple[Page, list[str]], new_page: NewPage
) -> Iterator[OpenDialog]:
    """Opens the dialog on the scripted CRM and waits until it has read what it needs.

    `steered` gives a page whose clock the test moves; other options are those of a browser context.
    """
    shared, complaints = everyday_page

    def opened(*, path: str = DIALOG, steered: bool = False, **options: Any) -> Page:
        page = new_page(**options) if steered or options else shared
        if page is not shared:
            page.clock.install(time=NOW)
            page.add_init_script(COUNT_READINGS)
        page.route("**/*", crm.handle)
        data = quote(json.dumps({"invoiceId": INVOICE, "number": "INV-1001"}))
        page.goto(f"{ORIGIN}{path}?data={quote(data)}")
        page.frames[-1].wait_for_selector("body:not([data-state=loading])")
        return page

    yield opened
    for route in crm.held:
        route.abort()
    shared.unroute_all(behavior="wait")
    shared.context.set_offline(False)
    shared.set_viewport_size({"width": 560, "height": 640})
    heard, complaints[:] = list(complaints), []
    assert heard == []
