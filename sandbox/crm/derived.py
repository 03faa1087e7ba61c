"""What the platform fills into a row by itself: defaults, numbers, owner, stamps, states, base amounts, full names."""

import random
import re
from decimal import Decimal
from typing import Any
from uuid import UUID

from sandbox.crm import errors
from sandbox.crm.bodies import Changes
from sandbox.crm.identity import Actor
from sandbox.crm.mail import Mail
from sandbox.crm.pipeline import Reference
from sandbox.crm.pricing import Pricing
from sandbox.crm.schema import Column, Kind, Row, Table
from sandbox.crm.store import MONEY_SCALE, Store
from sandbox.crm.values import round_money

_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


class Derived:
    """Completes rows on their way into the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pricing = Pricing(store)
        self._mail = Mail(store)

    def new_row(self, table: Table, changes: Changes, actor: Actor) -> Row:
        """A whole row from what a create says."""
        row: Row = {
            column.name: column.default for column in table.columns.values() if column.default is not None
        }
        row |= {name: value for name, value in changes.row.items() if value is not None or name not in row}
        self._set_state(table, row, changes.row, 0)
        self.number(table, row)
        now = self._store.clock.now().replace(microsecond=0)
        stamps: Row = {
            "createdon": row.get("overriddencreatedon") or now,
            "createdby": actor.user_id,
            "modifiedon": now,
            "modifiedby": actor.user_id,
            "createdonbehalfby": actor.authenticated_as if actor.impersonated else None,
            "modifiedonbehalfby": actor.authenticated_as if actor.impersonated else None,
        }
        for name, value in stamps.items():
            if name in table.columns:
                row[name] = value
        self._set_owner(
            table, row, changes.references.get("ownerid") or Reference("systemuser", actor.user_id)
        )
        row |= self._pricing.of_new(table, row)
        row |= self._mail.of_new(table, row)
        self._price(table, row, row)
        self._compose(table, row, row)
        for column in table.columns.values():
            if column.required_by_platform and row.get(column.name) is None:
                raise errors.required_missing(column.name, table.name)
        return row

    def changed_row(self, table: Table, before: Row, changes: Changes, actor: Actor) -> Row:
        """The columns to write for an update: what was asked for and what follows from it."""
        written: Row = dict(changes.row)
        current = before.get("statecode")
        self._set_state(table, written, changes.row, current if isinstance(current, int) else 0)
        for column in table.columns.values():
            if column.required_by_platform and column.name in written and written[column.name] is None:
                raise errors.required_missing(column.name, table.name)
        if "modifiedon" in table.columns:
            written["modifiedon"] = self._store.clock.now().replace(microsecond=0)
            written["modifiedby"] = actor.user_id
            written["modifiedonbehalfby"] = actor.authenticated_as if actor.impersonated else None
        if "ownerid" in changes.references:
            self._set_owner(table, written, changes.references["ownerid"])
        written |= self._pricing.of_changed(table, written, {**before, **written})
        written |= self._mail.of_changed(table, written, {**before, **written})
        after = {**before, **written}
        self._price(table, written, after)
        self._compose(table, written, after)
        return written

    def totalled(self, table: Table, invoice: Row) -> Row:
        """The columns to write after a line of an invoice was made, changed or deleted."""
        written = self._pricing.totals(invoice)
        self._price(table, written, {**invoice, **written})
        return {name: value for name, value in written.items() if invoice.get(name) != value}

    def _set_state(self, table: Table, row: Row, asked: Row, current: int) -> None:
        """State and status reason as a valid pair; the state's default reason when only the state is given.

        `current` is the state before an update; a create starts in 0.
        """
        if "statecode" not in table.columns:
            return
        state, status = asked.get("statecode"), asked.get("statuscode")
        creating = table.primary_key in row
        if not creating and state is None and status is None:
            row.pop("statecode", None)
            row.pop("statuscode", None)
            return
        reasons = table.columns["statuscode"].options
        states = table.columns["statecode"].options
        if reasons is None or states is None:
            return
        if not isinstance(state, int):
            state = current
        elif creating and state != current and not table.columns["statecode"].creatable:
            raise errors.ApiError(
                400, "0x80040233", f"{table.name} cannot be created with the state code {state}."
            )
        if not isinstance(status, int):
            option = states.find(state)
            status = option.default_status if option is not None else None
        reason = reasons.find(status) if isinstance(status, int) else None
        if reason is None or reason.state != state:
            raise errors.invalid_state_pair(table.name, state, status if isinstance(status, int) else -1)
        row["statecode"], row["statuscode"] = state, status

    def _set_owner(self, table: Table, row: Row, owner: Reference) -> None:
        """Owner, owning user or team, and the business unit it belongs to."""
        if "ownerid" not in table.columns:
            return
        principal = self._store.get(self._store.schema.table(owner.table), owner.id)
        person = owner.table == "systemuser"
        row["ownerid"], row["owneridtype"] = owner.id, owner.table
        row["owninguser"] = owner.id if person else None
        row["owningteam"] = None if person else owner.id
        row["owningbusinessunit"] = principal["businessunitid"] if principal else None

    def _price(self, table: Table, written: Row, after: Row) -> None:
        """Currency, exchange rate and the amounts in the organisation's own currency."""
        if "transactioncurrencyid" not in table.columns or "exchangerate" not in table.columns:
            return
        amounts = [
            column
            for column in table.columns.values()
            if column.kind is Kind.MONEY and not column.calculation_of
        ]
        touched = [column for column in amounts if column.name in written]
        repriced = "transactioncurrencyid" in written
        if not touched and not repriced:
            return
        if after.get("transactioncurrencyid") is None and any(
            after.get(column.name) is not None for column in touched
        ):
            written["transactioncurrencyid"] = after["transactioncurrencyid"] = self._base_currency()
        currency = self._currency(after.get("transactioncurrencyid"))
        rate, digits = _rate_and_digits(currency)
        written["exchangerate"] = rate if currency else None
        for column in amounts if repriced else touched:
            value = after.get(column.name)
            if isinstance(value, Decimal):
                value = round_money(
                    value, digits if column.precision_source == 2 else min(column.precision, MONEY_SCALE)
                )
                written[column.name] = value
            base = table.columns.get(f"{column.name}_base")
            if base is not None:
                written[base.name] = (
                    round_money(value / rate, MONEY_SCALE) if isinstance(value, Decimal) else None
                )

    def _base_currency(self) -> UUID | None:
        organizations = self._store.select(self._store.schema.table("organization"), limit=1)
        base = organizations[0]["basecurrencyid"] if organizations else None
        return base if isinstance(base, UUID) else None

    def _currency(self, currency_id: Any) -> Row | None:
        if not isinstance(currency_id, UUID):
            return None
        return self._store.get(self._store.schema.table("transactioncurrency"), currency_id)

    def _compose(self, table: Table, written: Row, after: Row) -> None:
        for column in table.columns.values():
            if column.composed_of and any(name in written for name in column.composed_of):
                written[column.name] = composed(column, after)
        if table.name == "invoice" and "customerid" in written:
            for name in ("account", "contact"):
                written[f"{name}id"] = (
                    written["customerid"] if written.get("customeridtype") == name else None
                )
        if table.name == "serviceendpoint" and "authvalue" in written:
            written["isauthvalueset"] = bool(written["authvalue"])

    def number(self, table: Table, row: Row) -> None:
        """Fills autonumber columns that were left out."""
        for column in table.columns.values():
            if column.autonumber and row.get(column.name) is None:
                row[column.name] = self._next(table, column)

    def _next(self, table: Table, column: Column) -> str:
        """`PT-{SEQNUM:6}` -> PT-000001; also RANDSTRING and DATETIMEUTC."""

        def fill(match: re.Match[str]) -> str:
            kind, _, size = match[1].partition(":")
            if kind == "SEQNUM":
                return str(self._store.next_number(f"{table.name}.{column.name}")).zfill(int(size or 1))
            if kind == "RANDSTRING":
                return "".join(random.choices(_LETTERS, k=int(size or 6)))  # noqa: S311  not a secret
            return self._store.clock.now().strftime("%Y%m%d%H%M%S")

        return re.sub(r"\{([^}]*)\}", fill, column.autonumber)


def composed(column: Column, row: Row) -> str | None:
    """A name on one line, an address on a line for each part."""
    parts = [str(row[name]) for name in column.composed_of if row.get(name)]
    return ("\r\n" if column.kind is Kind.MEMO else " ").join(parts) or None


def _rate_and_digits(currency: Row | None) -> tuple[Decimal, int]:
    if currency is None:
        return Decimal(1), 2
    rate, digits = currency["exchangerate"], currency["currencyprecision"]
    return rate if isinstance(rate, Decimal) and rate else Decimal(1), digits if isinstance(
        digits, int
    ) else 2
