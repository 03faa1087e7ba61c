"""A Web API that answers the action page as a test tells it to: one billing account with all that hangs on it."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from playwright.sync_api import Page, Route

from tests.browser.chromium import NewPage
from tests.dialog.scripted_crm import (
    ACCOUNT,
    CHOICE,
    COUNT_READINGS,
    DONE,
    FORMATTED,
    INVOICE,
    MASTERCARD,
    NOW,
    ORIGIN,
    REFUSED,
    VISA,
    Answer,
    Row,
    ScriptedCrm,
)

ACTION_PAGE = "/WebResources/cfl_/action.html"
PAGED = re.compile(r'count="(\d+)" page="(\d+)"')
MORE = "@Microsoft.Dynamics.CRM.morerecords"


def an_id(kind: int, number: int = 1) -> str:
    return f"{kind:08d}-0000-4000-8000-{number:012d}"


LEDGER, USD = an_id(1), an_id(2)
DEBIT, CREDIT, REVERSED = an_id(3, 1), an_id(3, 2), an_id(3, 3)
CHEQUE, CARD_PAYMENT = an_id(4, 1), an_id(4, 2)
DISBURSEMENT, GROUP, BATCH = an_id(5), an_id(6), an_id(7)
CHARGE_RUN = an_id(8)
LINK = an_id(16)
ADA = an_id(14)
BY_CARD, BY_CHECK, BY_CASH = an_id(8, 1), an_id(8, 2), an_id(8, 3)
INSTALLATION, HOSTING, OWN_SERVICE = an_id(9, 1), an_id(9, 2), an_id(10)
VAT, SALES_TAX, VAT_FULL, VAT_REDUCED, STATE_TAX = (
    an_id(11, 1),
    an_id(11, 2),
    an_id(12, 1),
    an_id(12, 2),
    an_id(12, 3),
)
INVOICE_TWO, INVOICE_UNTOUCHED = (
    "11111111-1111-4111-8111-111111111002",
    "11111111-1111-4111-8111-111111111003",
)
USAGE = [an_id(13, number) for number in range(1, 4)]

CURRENCY = {"isocurrencycode": "USD", "currencysymbol": "$", "currencyprecision": 2}
OF_LEDGER = {
    "cfl_billingaccountid": LEDGER,
    "cfl_name": "Fabrikam Fibre USD",
    "_cfl_accountid_value": ACCOUNT,
    "_transactioncurrencyid_value": USD,
}


def a_ledger_row(key: str, identity: str, number: int, **columns: Any) -> Row:
    return {
        key: identity,
        "cfl_number": number,
        "transactioncurrencyid": CURRENCY,
        "cfl_billingaccountid": OF_LEDGER,
        **columns,
    }


def a_transaction(identity: str = DEBIT, number: int = 12, **columns: Any) -> Row:
    return a_ledger_row(
        "cfl_accounttransactionid",
        identity,
        number,
        **{
            "cfl_kind": CHOICE,
            "cfl_kind" + FORMATTED: "Debit",
            "cfl_net": 100.0,
            "cfl_tax": 13.0,
            "cfl_gross": 113.0,
            "cfl_refunded": 0.0,
            "cfl_detail": "Router",
            "cfl_automatic": False,
            "cfl_date" + FORMATTED: "11/20/2026",
            "cfl_invoiceid": {"invoicenumber": "INV-1001"},
            **columns,
        },
    )


def a_payment(identity: str = CHEQUE, number: int = 5, **columns: Any) -> Row:
    return a_ledger_row(
        "cfl_paymentid",
        identity,
        number,
        **{
            "cfl_amount": 250.0,
            "cfl_refunded": 0.0,
            "cfl_undisbursed": 50.0,
            "cfl_deposit": False,
            "cfl_automatic": True,
            "cfl_detail": "November",
            "_cfl_paymenttypeid_value" + FORMATTED: "Check",
            "_cfl_paymenttransactionid_value": None,
            "cfl_date" + FORMATTED: "11/20/2026",
            **columns,
        },
    )


def an_open_invoice(identity: str, number: str, **columns: Any) -> Row:
    return {
        "invoiceid": identity,
        "invoicenumber": number,
        "totalamount": 1000.0,
        "cfl_total": 1000.0,
        "cfl_balance": 400.0,
        "cfl_ledgerstate": CHOICE + 1,
        "cfl_ledgerstate" + FORMATTED: "Closed",
        "cfl_closedon": "2026-11-01",
        "cfl_deliveredon": "2026-11-02T08:00:00Z",
        "createdon" + FORMATTED: "11/1/2026",
        "_customerid_value" + FORMATTED: "Fabrikam Fibre",
        "transactioncurrencyid": CURRENCY,
        **columns,
    }


def a_usage_record(identity: str, net: float, account: str = LEDGER) -> Row:
    return {
        "cfl_usagerecordid": identity,
        "cfl_net": net,
        "cfl_tax": 0.1,
        "cfl_gross": net + 0.1,
        "_cfl_billingaccountid_value": account,
        "_cfl_billingaccountid_value" + FORMATTED: "Fabrikam Fibre USD",
    }


def everything() -> dict[str, list[Row]]:
    """What each table answers, whatever it is asked for."""
    return {
        "accounts": [{"accountid": ACCOUNT, "name": "Fabrikam Fibre", "transactioncurrencyid": CURRENCY}],
        "cfl_billingaccounts": [
            {
                **OF_LEDGER,
                "cfl_status": CHOICE,
                "cfl_taxexempt": False,
                "cfl_balance": 700.0,
                "cfl_depositbalance": 30.0,
                "cfl_undisbursed": 50.0,
                "_cfl_billinggroupid_value": GROUP,
                "transactioncurrencyid": CURRENCY,
            }
        ],
        "cfl_accounttransactions": [
            a_transaction(),
            a_transaction(REVERSED, 13, cfl_gross=50.0, cfl_detail="Cable", cfl_refunded=20.0),
        ],
        "cfl_payments": [
            a_payment(),
            a_payment(
                CARD_PAYMENT, 6, cfl_amount=80.0, cfl_refunded=30.0, _cfl_paymenttransactionid_value=an_id(14)
            ),
        ],
        "cfl_disbursements": [
            a_ledger_row(
                "cfl_disbursementid",
                DISBURSEMENT,
                20,
                cfl_amount=200.0,
                cfl_invoiceid={"invoicenumber": "INV-1001"},
                **{"_cfl_paymentid_value" + FORMATTED: "#5"},
            )
        ],
        "invoices": [
            an_open_invoice(INVOICE, "INV-1001"),
            an_open_invoice(INVOICE_TWO, "INV-1002", cfl_balance=300.0),
            an_open_invoice(INVOICE_UNTOUCHED, "INV-1003", cfl_balance=None, totalamount=25.0),
            an_open_invoice(an_id(15), "INV-1004", cfl_balance=None, totalamount=0.0),
        ],
        "cfl_billinggroups": [{"cfl_billinggroupid": GROUP, "cfl_name": "Monthly"}],
        "cfl_paymentbatches": [
            {"cfl_paymentbatchid": BATCH, "cfl_name": "PB-000001", "cfl_status" + FORMATTED: "Entered"}
        ],
        "cfl_paymenttypes": [
            {
                "cfl_paymenttypeid": BY_CARD,
                "cfl_name": "Card",
                "cfl_backend": CHOICE,
                "cfl_automatic": True,
            },
            {
                "cfl_paymenttypeid": BY_CHECK,
                "cfl_name": "Check",
                "cfl_backend": CHOICE + 2,
                "cfl_automatic": True,
            },
            {
                "cfl_paymenttypeid": BY_CASH,
                "cfl_name": "Cash",
                "cfl_backend": CHOICE + 3,
                "cfl_automatic": False,
            },
        ],
        "cfl_paymentprofiles": [
            {
                "cfl_paymentprofileid": MASTERCARD,
                "cfl_name": "Mastercard •••• 4444",
                "cfl_expiry": "01/2030",
                "cfl_isdefault": False,
            },
            {
                "cfl_paymentprofileid": VISA,
                "cfl_name": "Visa •••• 4242",
                "cfl_expiry": "04/2028",
                "cfl_isdefault": True,
                "statecode": 0,
                "statuscode": CHOICE,
                "statuscode" + FORMATTED: "Ready",
                "_cfl_accountid_value" + FORMATTED: "Fabrikam Fibre",
            },
        ],
        "contacts": [
            {"contactid": ADA, "fullname": "Ada Winter", "emailaddress1": "ada@fabrikam.example"},
        ],
        "cfl_paymenttransactions": [
            {
                "cfl_paymenttransactionid": LINK,
                "cfl_name": "PT-000042",
                "cfl_amount": 400.0,
                "cfl_linkexpireson" + FORMATTED: "11/23/2026 10:00 AM",
                "cfl_invoiceid": {"invoicenumber": "INV-1001", "name": "November"},
                "transactioncurrencyid": CURRENCY,
            }
        ],
        "cfl_chargeruns": [
            {
                "cfl_chargerunid": CHARGE_RUN,
                "cfl_name": "CR-000001",
                "cfl_status" + FORMATTED: "Planned",
                "cfl_planned": 3,
                "cfl_totals": "Planned: 20.00 EUR, 1,450.00 USD\nSkipped: 5.00 USD",
            }
        ],
        "transactioncurrencies": [
            {"isocurrencycode": "EUR", "currencyname": "Euro"},
            {"isocurrencycode": "USD", "currencyname": "US Dollar"},
        ],
        "products": [
            {"productid": INSTALLATION, "name": "Installation"},
            {"productid": HOSTING, "name": "Hosting set-up"},
        ],
        "cfl_accountservices": [
            {
                "cfl_accountserviceid": OWN_SERVICE,
                "cfl_name": "AS-12345",
                "cfl_serial": 12345,
                "_cfl_serviceid_value" + FORMATTED: "Fibre 1000",
            }
        ],
        "cfl_taxcodes": [
            {"cfl_taxcodeid": VAT, "cfl_name": "VAT", "cfl_code": "VAT"},
            {"cfl_taxcodeid": SALES_TAX, "cfl_name": "Sales tax", "cfl_code": "ST"},
        ],
        "cfl_taxrates": [
            {
                "cfl_taxrateid": VAT_FULL,
                "cfl_name": "VAT 20 %",
                "cfl_rate": 20,
                "_cfl_taxcodeid_value": VAT,
            },
            {
                "cfl_taxrateid": VAT_REDUCED,
                "cfl_name": "VAT 7 %",
                "cfl_rate": 7,
                "_cfl_taxcodeid_value": VAT,
            },
            {
                "cfl_taxrateid": STATE_TAX,
                "cfl_name": "State 5 %",
                "cfl_rate": 5,
                "_cfl_taxcodeid_value": SALES_TAX,
            },
        ],
        "cfl_usagerecords": [
            a_usage_record(identity, net) for identity, net in zip(USAGE, (1.5, 2.25, 0.05), strict=True)
        ],
        "cfl_settings": [{"cfl_timezone": "Europe/Berlin", "cfl_serviceoptional": False}],
    }


@dataclass
class Call:
    """What the page asked for: where, under which key, and the rest of the body."""

    path: str
    key: str
    body: dict[str, Any]
    text: str


@dataclass
class ScriptedLedger(ScriptedCrm):
    of_charges: bool = False
    tables: dict[str, list[Row]] = field(default_factory=everything)
    privileges: list[str] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    queries: list[str] = field(default_factory=list)

    def read(self, route: Route, path: str) -> None:
        query = parse_qs(urlsplit(route.request.url).query)
        self.queries.append(path + "?" + "&".join(f"{name}={value[0]}" for name, value in query.items()))
        one = re.fullmatch(r"(\w+)\(([0-9a-f-]{36})\)", path)
        privilege = re.fullmatch(
            r"systemusers\([0-9a-f-]{36}\)/Microsoft\.Dynamics\.CRM"
            r"\.RetrieveUserPrivilegeByPrivilegeName\(PrivilegeName='(\w+)'\)",
            path,
        )
        if privilege:
            held = [{"PrivilegeName": privilege[1]}] if privilege[1] in self.privileges else []
            self._give(route, {"RolePrivileges": held})
        elif one:
            found = [row for row in self.tables[one[1]] if one[2] in row.values()]
            self._give(route, found[0] if found else None)
        else:
            self._give(route, {"value": self._asked_for(path, query), MORE: self._has_more(path, query)})

    def _asked_for(self, name: str, query: dict[str, list[str]]) -> list[Row]:
        """The rows whose ids the filter names, else those whose name holds the text, else all."""
        rows = self.tables[name]
        condition = query.get("$filter", [""])[0]
        key = re.match(r"(\w+id) eq [0-9a-f-]{36}", condition)
        if key and not key[1].startswith("_"):
            return [row for row in rows if row[key[1]] in condition]
        text = re.search(r"contains\([\w/]+,'(.*)'\)", condition)
        if text:
            wanted = text[1].replace("''", "'").lower()
            return [row for row in rows if wanted in json.dumps(row).lower()]
        asked = PAGED.search(query.get("fetchXml", [""])[0])
        if asked is None:
            return rows
        size, page = int(asked[1]), int(asked[2])
        return rows[(page - 1) * size : page * size]

    def _has_more(self, name: str, query: dict[str, list[str]]) -> bool:
        asked = PAGED.search(query.get("fetchXml", [""])[0])
        return asked is not None and len(self.tables[name]) > int(asked[1]) * int(asked[2])

    def act(self, route: Route, path: str, text: str) -> list[Answer]:
        body = json.loads(text, parse_float=Decimal)
        self.calls.append(Call(path, body.pop("RequestKey"), body, text))
        return self.answers


def done(message: str = "", **result: Any) -> Answer:
    return Answer(an_answer(DONE, "succeeded", message, result))


def refused(code: str, message: str) -> Answer:
    return Answer(an_answer(REFUSED, code, message, {}))


def an_answer(outcome: int, code: str, message: str, result: dict[str, Any]) -> Row:
    return {
        "cfl_outcome": outcome,
        "cfl_code": code,
        "cfl_message": message,
        "cfl_result": json.dumps(result),
        "cfl_paymenttransactionid": None,
    }


OpenAction = Callable[..., Page]


@pytest.fixture
def ledger() -> Iterator[ScriptedLedger]:
    scripted = ScriptedLedger()
    yield scripted
    assert scripted.foreign == [], "the page asked somebody other than the CRM it came from"


@pytest.fixture
def open_action(
    ledger: ScriptedLedger, everyday_page: tuple[Page, list[str]], new_page: NewPage
) -> Iterator[OpenAction]:
    """Opens the page for an action on the scripted CRM and waits until it has read what it needs.

    `handed` is what the command hands over beside the action's name; `steered` and options as for the Charge dialog.
    """
    shared, complaints = everyday_page

    def opened(action: str, *, steered: bool = False, path: str = ACTION_PAGE, **more: Any) -> Page:
        handed = {
            name: more.pop(name)
            for name in ("id", "ids", "fetchXml", "preset", "kept", "back")
            if name in more
        }
        page = new_page(**more) if steered or more else shared
        if page is not shared:
            page.clock.install(time=NOW)
            page.add_init_script(COUNT_READINGS)
        page.route("**/*", ledger.handle)
        data = quote(json.dumps({"action": action, **handed}))
        page.goto(f"{ORIGIN}{path}?data={quote(data)}")
        page.frames[-1].wait_for_selector("body:not([data-state=loading])")
        return page

    yield opened
    for route in ledger.held:
        route.abort()
    shared.unroute_all(behavior="wait")
    shared.context.set_offline(False)
    shared.set_viewport_size({"width": 560, "height": 640})
    heard, complaints[:] = list(complaints), []
    assert heard == []
