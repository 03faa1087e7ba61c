"""The stage over HTTP: the clerk calls the custom APIs of a local CRM, which calls the add-on; the rows are read back."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from connector.app import PERFORMERS
from connector.dataverse import context, registration
from connector.dataverse.whole import read_whole
from plugins.actions import Answer, CallError
from plugins.rules.checks import WholeBooks
from plugins.rules.ledger import Outcome
from sandbox.crm.crm import ORGANIZATION
from sandbox.crm.schema import Schema
from sandbox.demo.demo import Story
from sandbox.demo.story import ledger_id, row_id
from sandbox.faults import Faults
from sandbox.world import World
from tests.crashes.processes import MAPPING, Process
from tests.examples.billing_office import Given
from tests.in_process import signed_in

ACCOUNT = "Examples Ltd"
CUSTOMER = "cus_examples"
TODAY = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
CARDS = {
    "works": "pm_card_visa",
    "declines": "pm_card_visa_chargeDeclinedInsufficientFunds",
    "bank debit": "pm_usBankAccount_success",
    "bank debit that comes back": "pm_usBankAccount_insufficientFunds",
}
"""The documented test id at Stripe whose behaviour each has."""
MANAGERS_ALONE = frozenset(
    {
        "cfl_VoidInvoice",
        "cfl_AdjustTax",
        "cfl_RunBilling",
        "cfl_CreditUsage",
        "cfl_PostBatch",
        "cfl_PlanChargeRun",
        "cfl_StartChargeRun",
        "cfl_PauseChargeRun",
        "cfl_CancelChargeRun",
    }
)


def telling_world(schema: Schema, story: Story) -> World:
    """A world that calls the add-on. Registered once; each example starts from a reset."""

    def add_on(_url: str, _headers: Mapping[str, str], body: bytes, _timeout: float) -> int:
        actions = {name: action for name, (action, _) in PERFORMERS.items()}
        try:
            call = context.parse(body, process.clock.now(), ORGANIZATION.id, actions)
            PERFORMERS[call.action][1](call, process.outside)
        except (context.ContextRefused, CallError):
            return 400
        return 200

    world = World(schema, story=story, faults=Faults(wait=lambda _: None), send_to_step=add_on)
    process = Process(world)
    registration.register(
        process.dataverse,
        "https://counterfoil.example/dataverse",
        "a-secret-of-this-installation",
        {name: action.bound_to for name, (action, _) in PERFORMERS.items()},
    )
    return world


class HttpStage:
    """A new customer in the demo's CRM; at the desk a clerk who may refund, and for some actions the billing manager."""

    def __init__(self, world: World) -> None:
        world.reset()
        world.clock.set(TODAY)
        self.world = world
        self._process = Process(world)
        self._clerk, self._manager = signed_in(world, "biller"), signed_in(world, "manager")
        self._seed()
        self._answers = 0
        self.ledger: UUID = ledger_id(ACCOUNT, "USD")
        opened = self.ask("cfl_OpenAccount", row_id("account", ACCOUNT), "open-account", {"Currency": "USD"})
        assert opened.outcome is Outcome.DONE, opened
        group = {"BillingGroupId": self.key_of("Monthly")}
        assert self.ask("cfl_UpdateAccount", self.ledger, "put-in-group", group).outcome is Outcome.DONE

    def close(self) -> None:
        self._clerk.close()
        self._manager.close()

    def ask(self, action: str, target: UUID | None, key: str, given: Mapping[str, Given]) -> Answer:
        bound = PERFORMERS[action][0].bound_to
        path = action
        if bound is not None:
            path = f"{self._table(bound).entity_set}({target})/Microsoft.Dynamics.CRM.{action}"
        body = {"RequestKey": key} | {name: _spelled(value) for name, value in given.items()}
        person = self._manager if action in MANAGERS_ALONE else self._clerk
        answer = person.post(f"{self._api}/{path}", json=body)
        assert answer.status_code in {200, 204}, answer.text
        row = person.get(f"{self._api}/cfl_requests(cfl_key='{key}')")
        assert row.ok, row.text
        found = row.json()
        outcomes = list(Outcome)
        return Answer(outcomes[found["cfl_outcome"] - 728310000], found["cfl_code"], found["cfl_message"])

    def whole(self) -> WholeBooks:
        books, unreadable = read_whole(self._process.dataverse, MAPPING)
        assert unreadable == []
        return replace(
            books,
            requests=sorted(books.requests, key=lambda each: (str(each.created_on), each.key)),
        )

    def key_of(self, name: str) -> UUID:
        return KEYS[name]

    def choose_contract(self, invoice: UUID, card: str | None) -> None:
        contract = row_id("cfl_billingcontract", f"{ACCOUNT}/{card}")
        change = {"cfl_billingcontractid@odata.bind": f"/cfl_billingcontracts({contract})"}
        with signed_in(self.world, "admin") as seller:  # invoices are kept by other people
            answer = seller.patch(f"{self._api}/invoices({invoice})", json=change)
        assert answer.ok, answer.text

    def close_cancelled(self, option: bool) -> None:
        self._seeder.change("cfl_billinggroup", self.key_of("Monthly"), {"cfl_closecancelled": option})

    def close_period(self, start: str, end: str) -> None:
        self._seeder.change(
            "cfl_setting", row_id("cfl_setting", "Counterfoil"), {"cfl_financialsettings": True}
        )
        self._seeder.add(
            "cfl_financialperiod",
            {
                "cfl_name": start,
                "cfl_start": date.fromisoformat(start),
                "cfl_end": date.fromisoformat(end),
                "cfl_status": self._seeder.choice("cfl_financialperiod", "cfl_status", "Closed"),
            },
        )

    def add_usage(self, debit: UUID) -> None:
        self._seeder.add(
            "cfl_usagerecord",
            {
                "cfl_name": "a call",
                "cfl_billingaccountid": self.ledger,
                "cfl_date": TODAY,
                "cfl_net": Decimal(100),
                "cfl_tax": Decimal(13),
                "cfl_gross": Decimal(113),
                "cfl_accounttransactionid": debit,
                "cfl_status": self._seeder.choice("cfl_usagerecord", "cfl_status", "Billed"),
                "transactioncurrencyid": row_id("transactioncurrency", "USD"),
            },
        )

    def add_call(self, name: str, net: str, tax: str) -> UUID:
        key = row_id("cfl_usagerecord", name)
        self._seeder.add(
            "cfl_usagerecord",
            {
                "cfl_usagerecordid": key,
                "cfl_name": name,
                "cfl_billingaccountid": self.ledger,
                "cfl_date": TODAY,
                "cfl_net": Decimal(net),
                "cfl_tax": Decimal(tax),
                "cfl_gross": Decimal(net) + Decimal(tax),
                "cfl_status": self._seeder.choice("cfl_usagerecord", "cfl_status", "Unbilled"),
                "transactioncurrencyid": row_id("transactioncurrency", "USD"),
            },
        )
        return key

    def debit_ends(self) -> None:
        self.world.clock.advance(21 * 86400)
        self.world.clock_moved()
        self._process.sweep()

    def may_override(self) -> None:
        role = self._seeder.role("Counterfoil Billing Manager")
        self._seeder.add("systemuserroles", {"systemuserid": row_id("systemuser", "biller"), "roleid": role})

    def sweep(self) -> None:
        self.world.clock.advance(120)
        self._process.sweep()

    # --- Inside --------------------------------------------------------------------------------------------------------

    @property
    def _api(self) -> str:
        return f"{self.world.addresses.crm}/api/data/v9.2"

    @property
    def _seeder(self) -> Any:
        return self.world.crm._seeder

    def _table(self, name: str) -> Any:
        return self.world.crm.schema.table(name)

    def _seed(self) -> None:
        add, choice = self._seeder.add, self._seeder.choice
        biller, usd = row_id("systemuser", "biller"), row_id("transactioncurrency", "USD")
        add(
            "systemuserroles",
            {"systemuserid": biller, "roleid": self._seeder.role("Counterfoil Refund Clerk")},
        )
        add(
            "account",
            {
                "accountid": row_id("account", ACCOUNT),
                "name": ACCOUNT,
                "ownerid": biller,
                "transactioncurrencyid": usd,
            },
        )
        add("cfl_servicetaxcategory", {"cfl_servicetaxcategoryid": KEYS["Taxed"], "cfl_name": "Taxed"})
        add("cfl_taxcode", {"cfl_taxcodeid": KEYS["GST"], "cfl_name": "GST", "cfl_code": "GST"})
        add(
            "cfl_taxrate",
            {
                "cfl_taxrateid": KEYS["GST 13"],
                "cfl_name": "GST 13 %",
                "cfl_taxcodeid": KEYS["GST"],
                "cfl_servicetaxcategoryid": KEYS["Taxed"],
                "cfl_rate": Decimal(13),
                "cfl_jurisdiction": "Ontario",
            },
        )
        once = choice("product", "cfl_frequency", "Once")
        for name, category in (("Setup", KEYS["Taxed"]), ("Untaxed", None)):
            add(
                "product",
                {
                    "productid": KEYS[name],
                    "productnumber": name,
                    "name": name,
                    "cfl_frequency": once,
                    "cfl_servicetaxcategoryid": category,
                },
            )
        add(
            "cfl_billinggroup",
            {
                "cfl_billinggroupid": KEYS["Monthly"],
                "cfl_name": "Examples monthly",
                "cfl_delivery": choice("cfl_billinggroup", "cfl_delivery", "Print"),
            },
        )
        self._seeder.change(
            "cfl_setting", row_id("cfl_setting", "Counterfoil"), {"cfl_taxusagerecords": True}
        )
        customer = {"id": CUSTOMER, "name": ACCOUNT, "email": "accounts@examples.example", "metadata": {}}
        methods = [{"id": _method(card), "customer": CUSTOMER, "like": like} for card, like in CARDS.items()]
        self.world.stripe.seed(customers=[customer], payment_methods=methods)
        for card in CARDS:
            self._seed_card(card)
        self._seed_contract(None)

    def _seed_card(self, card: str) -> None:
        choice = self._seeder.choice
        kind = "ACH debit" if card.startswith("bank") else "Card"
        self._seeder.add(
            "cfl_paymentprofile",
            {
                "cfl_paymentprofileid": row_id("cfl_paymentprofile", f"{ACCOUNT}/{card}"),
                "cfl_name": card,
                "cfl_accountid": row_id("account", ACCOUNT),
                "cfl_processor": choice("cfl_paymentprofile", "cfl_processor", "Stripe"),
                "cfl_type": choice("cfl_paymentprofile", "cfl_type", kind),
                "cfl_customerref": CUSTOMER,
                "cfl_methodref": _method(card),
                "cfl_expiry": "12/2030" if kind == "Card" else None,
                "cfl_isdefault": card == "works",
                "cfl_defaultslot": str(row_id("account", ACCOUNT)) if card == "works" else None,
                "statuscode": choice("cfl_paymentprofile", "statuscode", "Ready"),
                "ownerid": row_id("systemuser", "biller"),
            },
        )
        self._seed_contract(card)

    def _seed_contract(self, card: str | None) -> None:
        self._seeder.add(
            "cfl_billingcontract",
            {
                "cfl_billingcontractid": row_id("cfl_billingcontract", f"{ACCOUNT}/{card}"),
                "cfl_name": f"BC {card}",
                "cfl_accountid": row_id("account", ACCOUNT),
                "cfl_paymentprofileid": row_id("cfl_paymentprofile", f"{ACCOUNT}/{card}") if card else None,
                "ownerid": row_id("systemuser", "biller"),
            },
        )


KEYS = {
    "Setup": row_id("product", "examples/Setup"),
    "Untaxed": row_id("product", "examples/Untaxed"),
    "Check": row_id("cfl_paymenttype", "Check"),
    "Monthly": row_id("cfl_billinggroup", "examples/Monthly"),
    "Taxed": row_id("cfl_servicetaxcategory", "examples/Taxed"),
    "GST": row_id("cfl_taxcode", "examples/GST"),
    "GST 13": row_id("cfl_taxrate", "examples/GST 13"),
}


def _method(card: str) -> str:
    return f"pm_examples_{card.replace(' ', '_')}"


def _spelled(value: Given) -> object:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value
