"""The demo's story holds together: CRM and Stripe agree to the cent, and every state of the dialog has its invoice."""

from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
import requests

from plugins.rules.checks import problems
from sandbox.crm.schema import Row, Schema
from sandbox.demo.demo import Story
from sandbox.demo.story import ledger_id, row_id
from sandbox.world import STRIPE_API_KEY, World
from tests.crashes.processes import Process


def rows(world: World, table: str, **equal: object) -> list[Row]:
    return world.crm.store.select(world.crm.schema.table(table), equal)  # type: ignore[arg-type]  # values as stored


def money(row: Row, column: str) -> Decimal:
    value = row[column]
    assert isinstance(value, Decimal)
    return value


def test_every_succeeded_transaction_is_an_intent_that_captured_as_much(
    world: World, web: requests.Session
) -> None:
    transactions = rows(world, "cfl_paymenttransaction")
    intents = web.get(
        f"{world.addresses.stripe}/v1/payment_intents?limit=100",
        headers={"Authorization": f"Bearer {STRIPE_API_KEY}"},
    ).json()["data"]

    assert {i["id"]: i["amount_received"] for i in intents} == {
        t["cfl_gatewayreference"]: int(money(t, "cfl_amount") * 100) for t in transactions
    }
    assert {i["metadata"]["counterfoil_transaction"] for i in intents} == {
        str(t["cfl_paymenttransactionid"]) for t in transactions
    }
    assert {i["status"] for i in intents} == {"succeeded"}


def test_charges_their_payments_and_their_disbursements_come_to_the_same(world: World) -> None:
    fabrikam = {"cfl_billingaccountid": ledger_id("Fabrikam Fibre", "USD")}
    sums = {
        table: sum(money(row, "cfl_amount") for row in rows(world, table, **fabrikam))
        for table in ("cfl_paymenttransaction", "cfl_payment", "cfl_disbursement")
    }

    assert set(sums.values()) == {Decimal("1180.50")}


def test_a_ledger_counts_its_rows_and_owes_what_its_invoices_owe(world: World) -> None:
    fabrikam = {"cfl_billingaccountid": ledger_id("Fabrikam Fibre", "USD")}
    [ledger] = rows(world, "cfl_billingaccount", **fabrikam)
    numbers = sorted(
        int(str(row["cfl_number"]))
        for table in ("cfl_payment", "cfl_disbursement")
        for row in rows(world, table, **fabrikam)
    )

    assert numbers == [1, 2, 3, 4]
    assert ledger["cfl_lastnumber"] == 4
    assert ledger["cfl_balance"] == Decimal("1850.00")  # 1,250.00 of INV-1001 and 600.00 of INV-1002
    assert ledger["cfl_ledgerkey"] == f"{row_id('account', 'Fabrikam Fibre')}_USD"


@pytest.mark.parametrize(
    ("account", "balance", "deposits", "undisbursed", "open_invoice"),
    [
        ("Alpine Ski House", "0", "0", "0", None),
        ("Southridge Video", "102.50", "0", "80.00", "INV-2003"),
        ("Munson's Pickles", "0", "500.00", "0", None),
        ("VanArsdel", "16.95", "0", "28.25", "INV-2004"),
        ("Tailwind Traders", "0", "0", "0", None),
    ],
)
def test_the_ledgers_that_hold_more_than_charges(
    world: World, account: str, balance: str, deposits: str, undisbursed: str, open_invoice: str | None
) -> None:
    [ledger] = rows(world, "cfl_billingaccount", cfl_billingaccountid=ledger_id(account, "USD"))

    assert [money(ledger, f"cfl_{name}") for name in ("balance", "depositbalance", "undisbursed")] == [
        Decimal(balance),
        Decimal(deposits),
        Decimal(undisbursed),
    ]
    assert ledger["cfl_openinvoiceid"] == (open_invoice and row_id("invoice", open_invoice))


@pytest.mark.parametrize(
    ("number", "total", "balance", "status"),
    [
        ("INV-2001", "113.00", "0", "Paid (Complete)"),
        ("INV-2002", "226.00", "126.00", "Paid (Partial)"),
        ("INV-2003", "56.50", "56.50", "Active (New)"),
        ("INV-2004", "45.20", "45.20", "Active (New)"),
        ("INV-2005", "25.31", "0", "Paid (Complete)"),
    ],
)
def test_invoices_that_the_add_on_opened(
    world: World, number: str, total: str, balance: str, status: str
) -> None:
    [invoice] = rows(world, "invoice", invoicenumber=number)

    assert (money(invoice, "cfl_total"), money(invoice, "cfl_balance")) == (Decimal(total), Decimal(balance))
    assert invoice["totalamount"] == 0
    assert _written(world, invoice) == status


def test_the_books_of_the_story_are_in_order(world: World) -> None:
    """Every invariant of the add-on holds for what the demo begins with."""
    assert problems(Process(world).books()) == []


def test_three_calls_of_ten_records_went_to_one_number(world: World) -> None:
    """The usage of the worked example Y5."""
    tailwind = {"cfl_billingaccountid": ledger_id("Tailwind Traders", "USD")}
    records = rows(world, "cfl_usagerecord", **tailwind)
    calls = [row for row in records if row["cfl_terminator"] == "+1 519 555 0100"]

    assert (len(records), len(calls)) == (10, 3)
    assert sum(money(row, "cfl_net") for row in calls) == Decimal("4.00")
    assert sum(money(row, "cfl_tax") for row in calls) == Decimal("0.52")


def test_payments_wait_in_a_batch_and_a_refund_clerk_is_there(world: World) -> None:
    [batch] = rows(world, "cfl_paymentbatch")
    lines = rows(world, "cfl_paymentbatchline", cfl_paymentbatchid=batch["cfl_paymentbatchid"])
    clerk = world.crm.security.actor(row_id("systemuser", "refunds"))

    assert sorted(money(line, "cfl_amount") for line in lines) == [40, 75, 126]
    assert world.crm.security.has_privilege(clerk, "prvCreatecfl_mayrefund")
    assert not world.crm.security.has_privilege(clerk, "prvCreatecfl_mayoverriderefund")


@pytest.mark.parametrize(
    "table", ["cfl_payment", "cfl_disbursement", "cfl_paymenttransaction", "cfl_billingaccount"]
)
def test_ledger_rows_belong_to_the_accounts_owner(world: World, table: str) -> None:
    for row in rows(world, table):
        [ledger] = rows(world, "cfl_billingaccount", cfl_billingaccountid=row["cfl_billingaccountid"])
        [account] = rows(world, "account", accountid=ledger["cfl_accountid"])
        assert row["ownerid"] == account["ownerid"]


@pytest.mark.parametrize(
    ("number", "customer", "currency", "total", "status"),
    [
        ("INV-1001", "Fabrikam Fibre", "USD", "1250.00", "Active (Billed)"),
        ("INV-1002", "Fabrikam Fibre", "USD", "1000.00", "Paid (Partial)"),
        ("INV-1003", "Fabrikam Fibre", "USD", "780.50", "Paid (Complete)"),
        ("INV-1004", "Fabrikam Fibre", "USD", "300.00", "Canceled (Canceled)"),
        ("INV-1005", "Northwind Cold Chain", "USD", "864.20", "Active (Billed)"),
        ("INV-1006", "Tailspin Rail", "USD", "2400.00", "Active (Billed)"),
        ("INV-1007", "Wide World Tea", "EUR", "560.00", "Active (Billed)"),
        ("INV-1008", "Blue Yonder Air", "JPY", "12500", "Active (Billed)"),
        ("INV-1009", "Litware Dental", "EUR", "249.90", "Active (Billed)"),
        ("INV-1010", "Proseware Labs", "USD", "640.00", "Active (Billed)"),
        ("INV-1011", "Adatum Stone", "USD", "1999.99", "Active (Billed)"),
    ],
)
def test_the_invoices_that_people_know_by_number(
    world: World, number: str, customer: str, currency: str, total: str, status: str
) -> None:
    [invoice] = rows(world, "invoice", invoicenumber=number)

    assert invoice["invoiceid"] == row_id("invoice", number)
    assert invoice["customerid"] == row_id("account", customer)
    assert invoice["transactioncurrencyid"] == row_id("transactioncurrency", currency)
    assert invoice["totalamount"] == Decimal(total)
    assert _written(world, invoice) == status


def test_what_was_charged_shows_on_its_invoice(world: World) -> None:
    [partial] = rows(world, "invoice", invoicenumber="INV-1002")
    [complete] = rows(world, "invoice", invoicenumber="INV-1003")

    shown = [
        (money(row, "cfl_amountcharged"), money(row, "cfl_balance"), row["cfl_paidon"] is not None)
        for row in (partial, complete)
    ]

    assert shown == [(Decimal(400), Decimal(600), False), (Decimal("780.50"), Decimal(0), True)]


def test_lines_come_to_the_invoices_total(world: World) -> None:
    for invoice in rows(world, "invoice"):
        lines = rows(world, "invoicedetail", invoiceid=invoice["invoiceid"])
        assert sum(money(line, "extendedamount") for line in lines) == invoice["totalamount"]


def test_a_card_that_expires_this_month_does_so_at_both_ends(world: World, web: requests.Session) -> None:
    now = world.clock.now()
    [profile] = rows(
        world, "cfl_paymentprofile", cfl_paymentprofileid=row_id("cfl_paymentprofile", "Litware Dental/visa")
    )
    method = web.get(
        f"{world.addresses.stripe}/v1/payment_methods/{profile['cfl_methodref']}",
        headers={"Authorization": f"Bearer {STRIPE_API_KEY}"},
    ).json()

    assert profile["cfl_expiry"] == f"{now:%m/%Y}"
    assert (method["card"]["exp_month"], method["card"]["exp_year"]) == (now.month, now.year)
    assert method["customer"] == profile["cfl_customerref"]


def test_every_saved_profile_is_a_payment_method_with_the_same_last_digits(
    world: World, web: requests.Session
) -> None:
    for profile in rows(world, "cfl_paymentprofile"):
        if profile["cfl_methodref"] is None:
            continue
        method = web.get(
            f"{world.addresses.stripe}/v1/payment_methods/{profile['cfl_methodref']}",
            headers={"Authorization": f"Bearer {STRIPE_API_KEY}"},
        ).json()
        assert method[method["type"]]["last4"] == profile["cfl_last4"], profile["cfl_name"]
        assert str(profile["cfl_name"]).endswith(str(profile["cfl_last4"]))


def test_there_is_an_invoice_for_everything_that_stands_in_the_way(world: World) -> None:
    reasons = {status for profile in rows(world, "cfl_paymentprofile") for status in [profile["statuscode"]]}
    suspended = [row for row in rows(world, "cfl_billingaccount") if row["cfl_status"] == 728310001]
    contacts = [row for row in rows(world, "invoice") if row["customeridtype"] == "contact"]

    assert reasons == {1, 728310000, 2, 728310001}  # Pending, Ready, Deactivated, Expired
    assert (len(suspended), len(contacts)) == (1, 1)
    assert {row["statuscode"] for row in rows(world, "invoice")} == {1, 2, 4, 5, 6, 100001, 100002, 100003}


def test_data_in_a_file_outlive_the_sandbox_and_a_change_of_the_solution(
    schema: Schema, story: Story, tmp_path: Path
) -> None:
    file = tmp_path / "demo.db"
    first = World(schema, story=story, data=file)
    table, filters = schema.table("account"), schema.table("sdkmessagefilter")
    first.crm.store.update(table, row_id("account", "Fabrikam Fibre"), {"name": "Kept"})
    of_account = {"primaryobjecttypecode": "account"}
    for each in first.crm.store.select(
        filters, of_account
    ):  # as if an older solution had not known the table
        first.crm.store.delete(filters, UUID(str(each["sdkmessagefilterid"])))
    first.stop()

    second = World(schema, story=story, data=file)

    assert rows(second, "account", accountid=row_id("account", "Fabrikam Fibre"))[0]["name"] == "Kept"
    names = [str(each["name"]) for each in rows(second, "sdkmessagefilter", **of_account)]
    assert {"Create of account", "Update of account", "Delete of account"} <= set(names)
    assert len(names) == len(set(names))
    second.reset()
    assert (
        rows(second, "account", accountid=row_id("account", "Fabrikam Fibre"))[0]["name"] == "Fabrikam Fibre"
    )
    second.stop()


def _written(world: World, invoice: Row) -> str:
    columns = world.crm.schema.table("invoice").columns
    labels = []
    for name in ("statecode", "statuscode"):
        options = columns[name].options
        option = options.find(int(str(invoice[name]))) if options else None
        labels.append(option.label if option else "?")
    return f"{labels[0]} ({labels[1]})"
