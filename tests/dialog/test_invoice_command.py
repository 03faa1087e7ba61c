"""The Charge command of the invoice form: when it shows, what it opens, what it does afterwards."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import pytest
from playwright.sync_api import Browser, Page

from tests.dialog.scripted_crm import INVOICE, WEB_RESOURCES

pytestmark = pytest.mark.browser

FORM = """
    window.done = [];
    window.makeForm = ({ id, values, dirty }) => ({
        getAttribute: name => (name in values ? { getValue: () => values[name] } : null),
        data: {
            entity: { getId: () => id, getIsDirty: () => dirty },
            save: async () => { done.push("save"); },
            refresh: async save => { done.push("refresh " + save); },
        },
        ui: { refreshRibbon: all => { done.push("ribbon " + all); } },
    });
    window.Xrm = {
        Navigation: { navigateTo: async (page, options) => { done.push("dialog"); window.opened = { page, options }; } },
        WebApi: {
            retrieveRecord: async (table, id, query) => {
                done.push(`${table} ${id} ${query}`);
                if (!window.row) throw new Error("no right to read");
                return row;
            },
        },
        Utility: { getGlobalContext: () => ({ userSettings: { languageId: 1031 } }) },
    };
"""


@pytest.fixture
def form(chromium: Browser) -> Iterator[Page]:
    page = chromium.new_page()
    page.evaluate(FORM)
    page.add_script_tag(path=WEB_RESOURCES / "cfl_" / "strings.js")
    page.add_script_tag(path=WEB_RESOURCES / "cfl_" / "invoice.js")
    yield page
    page.close()


def is_chargeable(form: Page, id_: str = INVOICE, **values: Any) -> Any:
    return form.evaluate(
        "given => Promise.resolve(Counterfoil.Invoice.isChargeable(makeForm(given)))",
        {"id": id_, "values": values, "dirty": False},
    )


STATUSES = [
    ("Active (New)", 0, 1, True),
    ("Active (Partially Shipped)", 0, 2, True),
    ("Active (Billed)", 0, 4, True),
    ("Active (Booked)", 0, 5, True),
    ("Active (Installed)", 0, 6, True),
    ("Closed", 1, 3, False),
    ("Paid (Complete)", 2, 100001, False),
    ("Paid (Partial)", 2, 100002, True),
    ("Canceled (Canceled)", 3, 100003, False),
]


@pytest.mark.parametrize(("status", "state", "reason", "shown"), STATUSES, ids=[row[0] for row in STATUSES])
def test_charge_shows_in_every_status_but_paid_complete_and_canceled(
    form: Page, status: str, state: int, reason: int, shown: bool
) -> None:
    assert is_chargeable(form, statecode=state, statuscode=reason) is shown
    assert form.evaluate("done") == []

    form.evaluate("row => { window.row = row; }", {"statecode": state, "statuscode": reason})
    assert is_chargeable(form) is shown, "where the form does not have the columns, the row is asked"
    assert form.evaluate("done") == [f"invoice {INVOICE} ?$select=statecode,statuscode"]


def test_charge_is_hidden_before_the_first_save_and_where_the_status_cannot_be_read(form: Page) -> None:
    assert is_chargeable(form, id_="") is False
    assert is_chargeable(form) is False


def test_the_command_opens_the_dialog_and_shows_the_form_anew(form: Page) -> None:
    form.evaluate(
        "given => Counterfoil.Invoice.openCharge(makeForm(given))",
        {"id": "{" + INVOICE.upper() + "}", "values": {"invoicenumber": "INV-1001"}, "dirty": False},
    )
    assert form.evaluate("done") == ["dialog", "refresh false", "ribbon true"]
    opened = form.evaluate("opened")
    assert opened["page"]["webresourceName"] == "cfl_/charge.html"
    assert unquote(opened["page"]["data"]) == f'{{"invoiceId":"{INVOICE}","number":"INV-1001"}}'
    assert (opened["options"]["target"], opened["options"]["title"]) == (2, "Einziehen")


def test_changes_on_the_form_are_saved_first(form: Page) -> None:
    form.evaluate(
        "given => Counterfoil.Invoice.openCharge(makeForm(given))",
        {"id": INVOICE, "values": {}, "dirty": True},
    )
    assert form.evaluate("done")[:2] == ["save", "dialog"]
