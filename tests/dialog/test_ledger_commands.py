"""The ledger's commands: what each opens, about what, where it shows, and that it is offered to those who may."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree.ElementTree import Element, parse

import pytest
from playwright.sync_api import Browser, Page

from tests.dialog.ledger_actions import ACTIONS
from tests.dialog.scripted_crm import CHOICE, INVOICE, WEB_RESOURCES
from tests.dialog.scripted_ledger import CHEQUE, CREDIT, DEBIT, LEDGER

SOLUTION = WEB_RESOURCES.parent
RIBBONS = {path.parent.name.lower(): path for path in (SOLUTION / "Entities").glob("*/RibbonDiff.xml")}

AROUND = """
    window.done = [];
    window.rows = {};
    window.makeList = ({ name }) => ({
        getName: () => name,
        refresh: () => { done.push("refresh " + name); },
    });
    window.makeForm = ({ table, id, values, dirty, grids }) => ({
        getAttribute: name => (name in (values || {}) ? { getValue: () => values[name] } : null),
        data: {
            entity: { getId: () => id, getEntityName: () => table, getIsDirty: () => Boolean(dirty) },
            save: async () => { done.push("save"); },
            refresh: async save => { done.push("renew form " + save); },
        },
        ui: {
            refreshRibbon: all => { done.push("rules " + all); },
            controls: { get: () => (grids || []).map(name => ({
                getControlType: () => "subgrid", refresh: () => { done.push("refresh " + name); },
            })) },
        },
    });
    window.Xrm = {
        Navigation: {
            navigateTo: async (page, options) => {
                window.opened = { page, options, storage: { ...sessionStorage } };
                done.push("dialog");
            },
        },
        WebApi: {
            retrieveRecord: (table, id, query) => (window.read = (window.read || 0) + 1, id in rows ? Promise.resolve(rows[id]) : Promise.reject(new Error("no right"))),
        },
        Utility: { getGlobalContext: () => ({ userSettings: { languageId: 1033 } }) },
    };
"""

HISTORY = "usageHistory"
PAYMENT_FORM = {"table": "cfl_payment", "id": "{" + CHEQUE.upper() + "}"}
ACCOUNT_FORM = {"table": "cfl_billingaccount", "id": LEDGER, "grids": ["subgrid_debits", "subgrid_credits"]}


@pytest.fixture
def script(chromium: Browser) -> Iterator[Page]:
    page = chromium.new_page()
    page.route(
        "**/*",
        lambda route: route.fulfill(content_type="text/html", body="<!doctype html><title>form</title>"),
    )
    page.goto("http://127.0.0.1:8365/form")
    page.evaluate(AROUND)
    for name in ("strings.js", "actiontexts.js", "handover.js", "commands.js"):
        page.add_script_tag(content=(WEB_RESOURCES / "cfl_" / name).read_text())
    yield page
    page.close()


def run(
    script: Page,
    function: str,
    action: str,
    form: dict[str, Any] | None,
    grid: dict[str, Any] | None,
    ids: list[str],
) -> None:
    script.evaluate(
        """([name, action, form, grid, ids]) => {
            const list = grid && makeList(grid);
            return Counterfoil.Commands[name](action, form ? makeForm(form) : list, list, ids);
        }""",
        [function, action, form, grid, ids],
    )


def handed(script: Page) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(unquote(script.evaluate("opened.page.data")))
    return found


# --- What a command opens --------------------------------------------------------------------------------------


@pytest.mark.browser
def test_a_command_of_a_form_is_about_its_record_and_shows_the_form_anew(script: Page) -> None:
    run(
        script,
        "onForm",
        "refundPayment",
        {**PAYMENT_FORM, "dirty": True, "grids": ["subgrid_disbursement"]},
        None,
        [],
    )
    assert handed(script) == {"action": "refundPayment", "id": CHEQUE}
    assert script.evaluate("done") == [
        "save", "dialog", "renew form false", "refresh subgrid_disbursement", "rules true",
    ]  # fmt: skip
    assert script.evaluate("[opened.page.webresourceName, opened.options.target]") == ["cfl_/action.html", 2]


@pytest.mark.browser
def test_a_command_of_a_list_is_about_the_ticked_rows(script: Page) -> None:
    run(
        script,
        "onRows",
        "reversePayments",
        ACCOUNT_FORM,
        {"name": "subgrid_payments"},
        ["{" + CHEQUE.upper() + "}", CREDIT],
    )
    assert handed(script) == {"action": "reversePayments", "ids": [CHEQUE, CREDIT]}
    assert script.evaluate("done") == [
        "dialog", "renew form false", "refresh subgrid_debits", "refresh subgrid_credits", "rules true",
    ]  # fmt: skip


@pytest.mark.browser
def test_a_list_of_its_own_is_refreshed_by_itself(script: Page) -> None:
    run(script, "onRows", "reversePayments", None, {"name": "main"}, [CHEQUE])
    assert script.evaluate("done") == ["dialog", "refresh main"]


@pytest.mark.browser
def test_add_on_a_list_is_about_the_account_around_it(script: Page) -> None:
    run(script, "onAccount", "addDebit", ACCOUNT_FORM, {"name": "subgrid_debits"}, [])
    assert handed(script) == {"action": "addDebit", "id": LEDGER}
    run(
        script,
        "onAccount",
        "statementRefund",
        ACCOUNT_FORM,
        {"name": "subgrid_debits"},
        ["{" + DEBIT.upper() + "}"],
    )
    assert handed(script) == {"action": "statementRefund", "id": LEDGER, "preset": [DEBIT]}


@pytest.mark.browser
def test_what_is_too_long_for_an_address_is_kept_in_the_tab_until_the_dialog_is_closed(script: Page) -> None:
    many = [f"{number:08d}-0000-4000-8000-000000000000" for number in range(250)]
    run(script, "onRows", "reversePayments", None, {"name": "main"}, many)
    kept = handed(script)["kept"]
    assert len(script.evaluate("opened.page.data")) < 200
    assert json.loads(script.evaluate("opened.storage")["cfl_handover" + kept])["ids"] == many
    assert script.evaluate("sessionStorage.length") == 0


@pytest.mark.browser
def test_what_a_dialog_made_is_opened_and_nothing_is_when_it_made_none(script: Page) -> None:
    script.evaluate(
        "() => { Xrm.Navigation.openForm = async made => { done.push(made.entityName + ' ' + made.entityId); }; }"
    )
    plan = "() => Counterfoil.Commands.onList('planChargeRun', makeList({ name: 'runs' }))"
    script.evaluate(plan)
    script.evaluate(
        """id => {
            const dialog = Xrm.Navigation.navigateTo;
            Xrm.Navigation.navigateTo = async (page, options) => {
                await dialog(page, options);
                Counterfoil.Handover.leave("cfl_chargerun", id);
            };
        }""",
        DEBIT,
    )
    script.evaluate(plan)
    assert script.evaluate("done") == ["dialog", "refresh runs", "dialog", f"cfl_chargerun {DEBIT}"]
    assert script.evaluate("sessionStorage.length") == 0


@pytest.mark.browser
@pytest.mark.parametrize(
    ("row", "offered"),
    [
        ({"cfl_status": CHOICE, "cfl_plannedon": None}, ["isCancellable"]),
        ({"cfl_status": CHOICE, "cfl_plannedon": "2026-11-22"}, ["isStartable", "isCancellable"]),
        ({"cfl_status": CHOICE + 1, "cfl_plannedon": "2026-11-22"}, ["isPausable", "isCancellable"]),
        ({"cfl_status": CHOICE + 2, "cfl_plannedon": "2026-11-22"}, ["isStartable", "isCancellable"]),
        ({"cfl_status": CHOICE + 3, "cfl_plannedon": "2026-11-22"}, []),
        ({"cfl_status": CHOICE + 4, "cfl_plannedon": None}, []),
    ],
    ids=["being planned", "planned", "running", "paused", "done", "cancelled"],
)
def test_what_can_be_done_with_a_charge_run_depends_on_its_status(
    script: Page, row: dict[str, Any], offered: list[str]
) -> None:
    found = script.evaluate(
        """async ([row, id]) => {
            rows[id] = row;
            const rules = ["isStartable", "isPausable", "isCancellable"];
            const form = makeForm({ table: "cfl_chargerun", id });
            const answers = await Promise.all(rules.map(rule => Counterfoil.Commands[rule](form)));
            return rules.filter((rule, index) => answers[index]);
        }""",
        [row, DEBIT],
    )
    assert found == offered


@pytest.mark.browser
@pytest.mark.parametrize(
    ("row", "offered"),
    [
        ({"cfl_linkexpireson": "2026-11-23", "statecode": 0, "statuscode": 1, "cfl_stage": CHOICE}, True),
        (
            {"cfl_linkexpireson": "2026-11-23", "statecode": 0, "statuscode": 1, "cfl_stage": CHOICE + 1},
            False,
        ),
        ({"cfl_linkexpireson": "2026-11-23", "statecode": 0, "statuscode": CHOICE}, False),
        ({"cfl_linkexpireson": "2026-11-23", "statecode": 1, "statuscode": 2}, False),
        ({"cfl_linkexpireson": None, "statecode": 0, "statuscode": 1, "cfl_stage": CHOICE}, False),
    ],
    ids=["open", "being paid", "paid", "ended", "a charge"],
)
def test_only_an_open_payment_link_is_withdrawn(script: Page, row: dict[str, Any], offered: bool) -> None:
    found = script.evaluate(
        """([row, id]) => {
            rows[id] = row;
            return Counterfoil.Commands.isOpenLink(makeForm({ table: "cfl_paymenttransaction", id }));
        }""",
        [row, DEBIT],
    )
    assert found is offered


# --- The usage history (E94) -----------------------------------------------------------------------------------


@pytest.mark.browser
def test_the_usage_history_has_a_page_of_its_own_with_room_for_a_list(script: Page) -> None:
    """E94."""
    run(script, "onForm", HISTORY, ACCOUNT_FORM, None, [])
    assert handed(script) == {"action": HISTORY, "id": LEDGER}
    assert script.evaluate("opened.page.webresourceName") == "cfl_/usage.html"
    assert script.evaluate("[opened.options.width, opened.options.height, opened.options.title]") == [
        {"value": 90, "unit": "%"},
        {"value": 90, "unit": "%"},
        "Usage history",
    ]
    assert script.evaluate("done")[:2] == ["dialog", "renew form false"]


@pytest.mark.browser
def test_it_is_opened_from_the_lists_of_an_account_and_from_no_other(script: Page) -> None:
    ask = "form => Counterfoil.Commands.isOnAccount(form && makeForm(form))"
    assert [
        script.evaluate(ask, form) for form in (ACCOUNT_FORM, {"table": "product", "id": LEDGER}, None)
    ] == [True, False, False]


# --- When a command shows --------------------------------------------------------------------------------------


@pytest.mark.browser
@pytest.mark.parametrize(
    ("state", "status", "shown"),
    [
        (None, 0, ["isClosed", "isNotVoid"]),
        (CHOICE, 0, ["isOpen", "isNotVoid"]),
        (CHOICE + 1, 2, ["isClosed", "isNotVoid"]),
        (CHOICE + 2, 3, []),
        (CHOICE + 3, 0, []),
        (None, 3, []),
    ],
    ids=["untouched", "open", "closed and paid", "void", "void mirror", "canceled by somebody else"],
)
def test_what_can_be_done_with_an_invoice_depends_on_its_ledger_state(
    script: Page, state: int | None, status: int, shown: list[str]
) -> None:
    rules = ["isClosed", "isOpen", "isNotVoid"]
    for around, grid in [("makeForm({ table: 'invoice', id })", "null"), ("null", "makeList({})")]:
        offered = script.evaluate(
            f"""async ([rules, row, id]) => {{
                rows[id] = row;
                const ask = rule => Counterfoil.Commands[rule]({around}, {grid}, ["{{" + id.toUpperCase() + "}}"]);
                const answers = await Promise.all(rules.map(ask));
                return rules.filter((rule, index) => answers[index]);
            }}""",
            [rules, {"cfl_ledgerstate": state, "statecode": status}, INVOICE],
        )
        assert offered == shown
    assert script.evaluate("read") <= 2, "the rules of one command bar read the row once"


@pytest.mark.browser
def test_what_cannot_be_read_is_not_offered(script: Page) -> None:
    answers = script.evaluate(
        """() => Promise.all(["isClosed", "isOpen", "isNotVoid", "isCredit", "isReceived"].map(
            rule => Counterfoil.Commands[rule](null, makeList({}), ["nobody"])))"""
    )
    assert answers == [False] * 5


@pytest.mark.browser
def test_only_money_that_came_in_is_refunded_and_disbursed(script: Page) -> None:
    script.evaluate("id => { rows[id] = { cfl_amount: 100 }; rows.refund = { cfl_amount: -5 }; }", CHEQUE)
    ask = "id => Counterfoil.Commands.isReceived(null, makeList({}), [id])"
    assert (script.evaluate(ask, CHEQUE), script.evaluate(ask, "refund")) == (True, False)


@pytest.mark.browser
def test_only_a_credit_is_disbursed_and_saved(script: Page) -> None:
    script.evaluate("([id, kind]) => { rows[id] = { cfl_kind: kind }; }", [CREDIT, CHOICE + 1])
    script.evaluate("([id, kind]) => { rows[id] = { cfl_kind: kind }; }", [DEBIT, CHOICE])
    ask = "id => Counterfoil.Commands.isCredit(makeForm({ table: 'cfl_accounttransaction', id }))"
    assert (script.evaluate(ask, CREDIT), script.evaluate(ask, DEBIT)) == (True, False)


@pytest.mark.browser
@pytest.mark.parametrize(
    ("grid", "offered"),
    [
        ("subgrid_debits", ["takesDebits", "takesPayments"]),
        ("subgrid_credits", ["takesCredits", "takesPayments"]),
        ("subgrid_payments", ["takesDebits", "takesCredits", "takesPayments"]),
        ("subgrid_cardpayments", ["takesDebits", "takesCredits"]),
    ],
)
def test_each_section_of_the_account_adds_its_own_kind(script: Page, grid: str, offered: list[str]) -> None:
    rules = ["takesDebits", "takesCredits", "takesPayments"]
    ask = """([rules, form, name]) => rules.filter(
        rule => Counterfoil.Commands[rule](form ? makeForm(form) : null, makeList({ name })))"""
    assert script.evaluate(ask, [rules, ACCOUNT_FORM, grid]) == offered
    assert script.evaluate(ask, [rules, {"table": "invoice", "id": INVOICE}, grid]) == []
    assert script.evaluate(ask, [rules, None, grid]) == []


# --- The ribbons -----------------------------------------------------------------------------------------------


def commands() -> Iterator[tuple[str, Element, Element]]:
    """Table, command and its call, for every command that opens an action."""
    for table, path in RIBBONS.items():
        root = parse(path).getroot()  # noqa: S314 - our own files
        for command in root.iter("CommandDefinition"):
            for call in command.iter("JavaScriptFunction"):
                if call.get("Library") == "$webresource:cfl_/commands.js":
                    yield table, command, call


def action_of(call: Element) -> str:
    return next(each.get("Value", "") for each in call.iter("StringParameter"))


def api_of(action: str) -> Path:
    return SOLUTION / "customapis" / ACTIONS[action].path.rsplit(".", 1)[-1] / "customapi.xml"


def test_every_action_has_a_command_and_every_command_an_action() -> None:
    """Usage is credited from its history, where it is filtered (E94, E98)."""
    assert {action_of(call) for _, _, call in commands()} == set(ACTIONS) - {"creditUsage"} | {HISTORY}


def test_the_usage_history_is_there_for_whoever_may_read_usage() -> None:
    shown = [(table, command) for table, command, call in commands() if action_of(call) == HISTORY]
    assert {table for table, _ in shown} == {"cfl_billingaccount", "cfl_usagecreditjob"}
    for table, command in shown:
        rules = [each.get("Id", "") for each in command.iter("DisplayRule")]
        assert rules == [f"cfl.{table}.readsusage"]
        root = parse(RIBBONS[table]).getroot()  # noqa: S314 - our own files
        rule = root.find(f"RuleDefinitions/DisplayRules/DisplayRule[@Id='{rules[0]}']/EntityPrivilegeRule")
        assert rule is not None
        assert (rule.get("PrivilegeType"), rule.get("EntityName")) == ("Read", "cfl_usagerecord")


def test_a_command_is_hidden_from_whoever_may_not_call_its_custom_api() -> None:
    for table, command, call in commands():
        if action_of(call) == HISTORY:
            continue
        api = parse(api_of(action_of(call))).getroot()  # noqa: S314 - our own files
        wanted = (api.findtext("executeprivilegename") or "").removeprefix("prvCreate")
        rules = [each.get("Id", "") for each in command.iter("DisplayRule")]
        assert rules == [f"cfl.{table}.{wanted.removeprefix('cfl_')}"], command.get("Id")
        root = parse(RIBBONS[table]).getroot()  # noqa: S314 - our own files
        rule = root.find(f"RuleDefinitions/DisplayRules/DisplayRule[@Id='{rules[0]}']/EntityPrivilegeRule")
        assert rule is not None
        assert (rule.get("PrivilegeType"), rule.get("EntityName")) == ("Create", wanted)


def test_an_action_is_bound_to_what_its_custom_api_is_bound_to_and_sends_what_that_takes() -> None:
    sets = {
        "accounts": "account",
        "invoices": "invoice",
        **{
            f"cfl_{name}s": f"cfl_{name}"
            for name in (
                "billingaccount",
                "accounttransaction",
                "payment",
                "paymentprofile",
                "disbursement",
                "billinggroup",
                "chargerun",
                "paymenttransaction",
            )
        },
        "cfl_paymentbatches": "cfl_paymentbatch",
    }
    for name, asked in ACTIONS.items():
        api = parse(api_of(name)).getroot()  # noqa: S314 - our own files
        bound = sets[asked.path.split("(")[0]] if "(" in asked.path else ""
        assert (api.findtext("boundentitylogicalname") or "") == bound, name
        offered = {
            path.parent.name for path in api_of(name).parent.glob("customapirequestparameters/*/*.xml")
        }
        assert set(asked.body) <= offered, name


def test_a_command_calls_with_what_its_function_takes() -> None:
    takes = {
        "onForm": ["PrimaryControl"],
        "onList": ["SelectedControl"],
        "onRows": ["PrimaryControl", "SelectedControl", "SelectedControlSelectedItemIds"],
        "onAccount": ["PrimaryControl", "SelectedControl", "SelectedControlSelectedItemIds"],
    }
    for _, command, call in commands():
        function = call.get("FunctionName", "").removeprefix("Counterfoil.Commands.")
        assert [each.get("Value") for each in call.iter("CrmParameter")] == takes[function], command.get("Id")


def test_every_label_is_there_in_both_languages() -> None:
    for table, path in RIBBONS.items():
        for label in parse(path).getroot().iter("LocLabel"):  # noqa: S314 - our own files
            if re.search(r"\.(Charge|Menu)\.", label.get("Id", "")):
                continue  # as delivered with the first version
            languages = [title.get("languagecode") for title in label.iter("Title")]
            assert languages == ["1033", "1031"], (table, label.get("Id"))
