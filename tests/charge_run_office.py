"""An office with customers whose cards work, decline or answer later, and the charge runs it plans over their invoices."""

import json
from typing import Any
from uuid import UUID

from connector.sync.sweep import sweep
from plugins.actions import Answer
from plugins.cancel_charge_run import ACTION as CANCEL
from plugins.cancel_charge_run import cancel_charge_run
from plugins.pause_charge_run import ACTION as PAUSE
from plugins.pause_charge_run import pause_charge_run
from plugins.plan_charge_run import ACTION as PLAN
from plugins.plan_charge_run import plan_charge_run
from plugins.rules.ids import ContractId
from plugins.rules.ledger import Invoice, Request
from plugins.rules.runs import ChargeOutcome, ChargeRun, ChargeRunLine
from plugins.start_charge_run import ACTION as START
from plugins.start_charge_run import start_charge_run
from tests.builders import Office, a_contract, a_profile, an_account, an_invoice, named


class ChargeRunOffice(Office):
    """Commands by the words of a clerk."""

    def customer(
        self, name: str, method: str = "pm_works", *, on_file: bool = True, auto_charge: bool = False
    ) -> None:
        """With a contract, and a card on it unless there is none."""
        card = a_profile(f"Card of {name}", name, method) if on_file else None
        self.books.add(an_account(name), a_contract(card, name, auto_charge=auto_charge))
        if card is not None:
            self.books.add(card)

    def owes(self, name: str, amount: str, number: str, **fields: Any) -> Invoice:
        contract = ContractId(named(f"contract of {name}"))
        invoice = an_invoice(amount, number, name, **{"contract": contract} | fields)
        self.books.add(invoice)
        return invoice

    def plan(self, key: str = "", **wanted: Any) -> Answer:
        return plan_charge_run(
            self.call(PLAN.name, None, key, Filter=json.dumps(wanted)),
            self.outside,
        )

    def start(self, key: str = "") -> Answer:
        return start_charge_run(self.call(START.name, self.run.id, key), self.outside)

    def pause(self) -> Answer:
        return pause_charge_run(self.call(PAUSE.name, self.run.id), self.outside)

    def cancel(self) -> Answer:
        return cancel_charge_run(self.call(CANCEL.name, self.run.id), self.outside)

    def carry_on(self, **later: float) -> None:
        """The sweep, once some time has passed."""
        self.clock.advance(**later)
        sweep(self.outside)

    @property
    def run(self) -> ChargeRun:
        """The newest."""
        found: list[ChargeRun] = self.books.all(ChargeRun)
        return found[-1]

    def lines(self) -> list[ChargeRunLine]:
        found: list[ChargeRunLine] = self.books.all(ChargeRunLine)
        return [each for each in found if each.run == self.run.id]

    def line(self, number: str) -> ChargeRunLine:
        return next(each for each in self.lines() if each.name == number)

    def outcomes(self) -> dict[str, ChargeOutcome]:
        return {each.name: each.outcome for each in self.lines()}

    def request_of(self, line: UUID) -> Request | None:
        return next((each for each in self.requests() if each.key == f"run-{line}"), None)

    def succeeded(self) -> int:
        """Minor units of the lines that say they were charged."""
        return sum(
            each.amount.minor
            for each in self.books.all(ChargeRunLine)
            if each.outcome is ChargeOutcome.SUCCEEDED and each.amount is not None
        )
