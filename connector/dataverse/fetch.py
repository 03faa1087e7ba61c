"""The FetchXML that reads the books of one ledger: joins are documented there for every depth.

Each query finds its rows by way of the row that is asked about, so that all of them can go out in one batch before
anything but that row's id is known. Every join is an inner one that starts at that row or at named ones, so what a query
costs depends on what is open and on what is asked for, not on how long the history is.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID
from xml.sax.saxutils import quoteattr

from connector.dataverse.mapping import Mapping
from plugins.rules.books import About, Scope

MOST_LISTED = 200
"""Ids in one query; more are asked for in several."""
MOST_WAITING = 400
"""Payments, and as many credits, that wait for an invoice: what one changeset attaches at most."""
MOST_NEWEST = 25


class Fetch:
    """FetchXML text by the mapping. What restricts a row is text that stands inside its element: filters and links."""

    def __init__(self, mapping: Mapping) -> None:
        self._mapping = mapping

    def rows(
        self,
        kind: str,
        *within: str,
        top: int = 0,
        order: Sequence[tuple[str, bool]] = (),
        distinct: bool = False,
    ) -> str:
        """Rows of a kind with every mapped column. `order`: fields, each with whether it descends.

        `distinct`: each once, however many ways lead to it; without an ETag, so only to be looked at.
        """
        table = self._mapping[kind]
        attributes = "".join(f"<attribute name={quoteattr(name)}/>" for name in table.column_names)
        orders = "".join(
            f"<order attribute={quoteattr(self._column(kind, field))} descending='{str(down).lower()}'/>"
            for field, down in order
        )
        options = (f" top='{top}'" if top else "") + (" distinct='true'" if distinct else "")
        return f"<fetch{options}><entity name={quoteattr(table.table)}>{attributes}{orders}{''.join(within)}</entity></fetch>"

    def sum(self, kind: str, field: str, alias: str, *within: str) -> str:
        """One row with the sum of a field under that alias; empty where there is no row."""
        attribute = (
            f"<attribute name={quoteattr(self._column(kind, field))} alias='{alias}' aggregate='sum'/>"
        )
        table = quoteattr(self._mapping[kind].table)
        return f"<fetch aggregate='true'><entity name={table}>{attribute}{''.join(within)}</entity></fetch>"

    def counts(self, kind: str, field: str, *within: str) -> str:
        """A row for each value of a field, under its name, with how many `rows` have it."""
        grouped = f"<attribute name={quoteattr(self._column(kind, field))} alias='{field}' groupby='true'/>"
        counted = f"<attribute name={quoteattr(self._mapping[kind].id)} alias='rows' aggregate='count'/>"
        table = quoteattr(self._mapping[kind].table)
        inner = f"{grouped}{counted}{''.join(within)}"
        return f"<fetch aggregate='true'><entity name={table}>{inner}</entity></fetch>"

    def tallies(self, kind: str, by: Sequence[str], field: str, alias: str, *within: str) -> str:
        """A row for each combination of values of `by`, under their names, with how many `rows` and the sum of a field."""
        grouped = "".join(
            f"<attribute name={quoteattr(self._column(kind, each))} alias='{each}' groupby='true'/>"
            for each in by
        )
        counted = f"<attribute name={quoteattr(self._mapping[kind].id)} alias='rows' aggregate='count'/>"
        summed = f"<attribute name={quoteattr(self._column(kind, field))} alias='{alias}' aggregate='sum'/>"
        table = quoteattr(self._mapping[kind].table)
        inner = f"{grouped}{counted}{summed}{''.join(within)}"
        return f"<fetch aggregate='true'><entity name={table}>{inner}</entity></fetch>"

    def link(
        self,
        near: str,
        near_field: str,
        kind: str,
        field: str,
        *within: str,
        alias: str = "",
        outer: str = "",
    ) -> str:
        """On a row of kind `near`: that there is a row of `kind` whose `field` is this row's `near_field`.

        `alias` names what is joined; `outer` does too, and then it need not be there.
        """
        named = f" alias={quoteattr(alias or outer)}" if alias or outer else ""
        return (
            f"<link-entity name={quoteattr(self._mapping[kind].table)} from={quoteattr(self._column(kind, field))} "
            f"to={quoteattr(self._column(near, near_field))} link-type='{'outer' if outer else 'inner'}'{named}>"
            f"{''.join(within)}</link-entity>"
        )

    def attribute(self, kind: str, field: str) -> str:
        return f"<attribute name={quoteattr(self._column(kind, field))}/>"

    def is_(self, kind: str, field: str, value: object) -> str:
        return all_of(self.equals(kind, field, value))

    def equals(self, kind: str, field: str, value: object) -> str:
        """A condition; for a choice, `value` is the name of one of its values."""
        column = self._mapping[kind].columns.get(field)
        if column is not None and column.choice:
            value = column.values[str(value)]
        if isinstance(value, bool):
            value = int(value)
        return condition(self._column(kind, field), "eq", value)

    def among(self, kind: str, field: str, values: Iterable[object]) -> str:
        """A condition: one of these ids, or of a choice's values by name."""
        column = self._mapping[kind].columns.get(field)
        listed = [
            column.values[str(each)] if column is not None and column.choice else each for each in values
        ]
        inner = "".join(f"<value>{each}</value>" for each in listed)
        return (
            f"<condition attribute={quoteattr(self._column(kind, field))} operator='in'>{inner}</condition>"
        )

    def above_zero(self, kind: str, field: str) -> str:
        return condition(self._column(kind, field), "gt", 0)

    def below(self, kind: str, field: str, value: object) -> str:
        return condition(self._column(kind, field), "lt", value)

    def empty(self, kind: str, field: str, of: str = "") -> str:
        """A condition: no value. `of`: the alias of a joined row."""
        entity = f" entityname={quoteattr(of)}" if of else ""
        return f"<condition{entity} attribute={quoteattr(self._column(kind, field))} operator='null'/>"

    def status(self, kind: str, name: str) -> str:
        """Conditions: the row's state and status reason."""
        state, reason = self._mapping[kind].columns["status"].states[name]
        return condition("statecode", "eq", state) + condition("statuscode", "eq", reason)

    def reason_of(self, kind: str, name: str) -> str:
        """A condition: the status reason alone, which no two states share."""
        return condition("statuscode", "eq", self.reason(kind, name))

    def reason(self, kind: str, name: str) -> int:
        """The status reason of a status."""
        return self._mapping[kind].columns["status"].states[name][1]

    def joined(self, kind: str, field: str, source: str, on: str) -> str:
        """The outer join that a field mapped as `joined` needs: to the row of `source` that `on` names."""
        alias, _, column = self._mapping[kind].columns[field].joined.partition(".")
        table = self._mapping[source]
        return (
            f"<link-entity name={quoteattr(table.table)} from={quoteattr(table.id)} "
            f"to={quoteattr(self._column(kind, on))} link-type='outer' alias={quoteattr(alias)}>"
            f"<attribute name={quoteattr(column)}/>"
            "</link-entity>"
        )

    def _column(self, kind: str, field: str) -> str:
        return self._mapping[kind].id if field == "id" else self._mapping.column(kind, field)


def all_of(*conditions: str) -> str:
    return f"<filter>{''.join(conditions)}</filter>"


def any_of(*conditions: str) -> str:
    return f"<filter type='or'>{''.join(conditions)}</filter>"


def condition(column: str, operator: str, value: object) -> str:
    return f"<condition attribute={quoteattr(column)} operator='{operator}' value={quoteattr(str(value))}/>"


@dataclass(frozen=True)
class Query:
    """One question: what kind of rows it answers with, and under which name they are collected."""

    name: str
    kind: str
    xml: str


@dataclass(frozen=True)
class Route:
    """A way to invoices: what restricts an invoice to those."""

    within: str
    rows: bool = True
    """Whether the invoices and what is on them is asked for by this way."""
    focus: bool = True
    """Whether the action is about these invoices: with the taxes and the usage of what is on them."""


class Around:
    """The queries for the books of the ledger that `scope` is about.

    `every_currency`: all ledgers of the account that is found, not the one in the currency asked about.
    """

    def __init__(self, mapping: Mapping, scope: Scope, *, every_currency: bool = False) -> None:
        self._scope = scope
        self._make = Fetch(mapping)
        self._its_ledger, self._its_account = self._anchored(every_currency=every_currency)

    # --- What every action needs -------------------------------------------------------------------------------------

    def ledgers(self) -> Query:
        return Query("ledgers", "ledger", self._make.rows("ledger", self._its_ledger))

    def account(self) -> Query:
        return Query("account", "account", self._make.rows("account", self._its_account))

    def queries(self) -> Iterator[Query]:
        """Everything that is open and that the scope names; the ledger and its account are asked for by themselves."""
        for route in self._routes():
            yield from self.along(route)
        yield from self._undisbursed()
        yield self._in_flight()
        yield from self._named_entries()
        yield from self._named_payments()
        yield from self._named_usage()
        if self._scope.waiting:
            yield from self._waiting()
        if self._scope.newest:
            yield self._newest()
        if self._scope.profiles:
            yield self.profiles()
        if self._scope.taxes:
            yield Query(
                "account_services",
                "account_service",
                self._make.rows("account_service", self._of_ledger("account_service")),
            )
            yield from self._services()

    def profiles(self) -> Query:
        return Query(
            "profiles", "profile", self._make.rows("profile", self._of_account("profile", "account"))
        )

    # --- By way of invoices ------------------------------------------------------------------------------------------

    def along(self, route: Route) -> Iterator[Query]:
        """The invoices of a route and what is on them, with the sources of what is disbursed to them."""
        make = self._make
        if route.rows:
            active = all_of(make.status("disbursement", "active"))

            def source(kind: str, field: str) -> str:
                on_invoices = make.link("disbursement", "invoice", "invoice", "id", route.within)
                return make.rows(kind, make.link(kind, "id", "disbursement", field, active, on_invoices))

            yield Query("invoices", "invoice", make.rows("invoice", route.within))
            on = make.link("disbursement", "invoice", "invoice", "id", route.within)
            joined = make.joined("disbursement", "payment_transaction", "payment", "payment")
            yield Query("disbursements", "disbursement", make.rows("disbursement", active, joined, on))
            on = make.link("account_transaction", "invoice", "invoice", "id", route.within)
            yield Query("entries", "account_transaction", make.rows("account_transaction", on))
            on = make.link("payment", "display_invoice", "invoice", "id", route.within)
            yield Query("payments", "payment", make.rows("payment", on))
            on = make.link("transaction", "invoice", "invoice", "id", route.within)
            pending = all_of(make.status("transaction", "pending"))
            yield Query("pending", "transaction", make.rows("transaction", pending, on))
            yield Query("payments", "payment", source("payment", "payment"))
            yield Query("entries", "account_transaction", source("account_transaction", "credit"))
        if route.focus:
            entry = make.link("account_transaction", "invoice", "invoice", "id", route.within)
            for kind, name, field in _HANGING:
                on = make.link(kind, field, "account_transaction", "id", entry)
                yield Query(name, kind, make.rows(kind, on))

    def invoices(self, ids: Iterable[UUID]) -> Iterator[Route]:
        """The ways to invoices whose ids are known."""
        for some in _parts(ids):
            yield Route(all_of(self._make.among("invoice", "id", some)))

    def _routes(self) -> Iterator[Route]:
        make, scope = self._make, self._scope
        about_invoice = scope.about is About.INVOICE
        may_owe = [
            condition("statecode", "eq", 0),
            condition("statuscode", "eq", make.reason("invoice", "partial")),
            make.above_zero("projection", "balance"),
            make.equals("invoice", "ledger_state", "open"),
        ]
        if about_invoice:
            it = make.equals("invoice", "id", scope.key)
            may_owe.append(it)
            yield Route(all_of(it), rows=False)
        yield Route(any_of(*may_owe) + self._of_account("invoice", "customer"), focus=False)
        yield from self.invoices(each for each in scope.invoices if not (about_invoice and each == scope.key))
        for some in _parts(scope.entries):
            yield from self._ways_from_entries(some)
        active = make.status("disbursement", "active")
        for field, ids in (("payment", scope.payments), ("credit", scope.entries)):
            for part in _parts(ids):
                its = all_of(active, make.among("disbursement", field, part))
                yield Route(make.link("invoice", "id", "disbursement", "invoice", its))
        for those in _parts(scope.disbursements):
            named = all_of(make.among("disbursement", "id", those))
            yield Route(make.link("invoice", "id", "disbursement", "invoice", named))

    def _ways_from_entries(self, entries: Sequence[UUID]) -> Iterator[Route]:
        """Debits are on invoices: those that are named, those that they reverse, and those that they are related to."""
        make = self._make
        debit = make.equals("account_transaction", "kind", "debit")
        named = make.among("account_transaction", "id", entries)
        yield Route(make.link("invoice", "id", "account_transaction", "invoice", all_of(debit, named)))
        for field in ("reverses", "related"):
            source = make.link("account_transaction", "id", "account_transaction", field, all_of(named))
            yield Route(make.link("invoice", "id", "account_transaction", "invoice", all_of(debit), source))

    # --- By way of the ledger ----------------------------------------------------------------------------------------

    def _in_flight(self) -> Query:
        """The ledger's own, whichever invoice they are for, if any."""
        pending = all_of(self._make.status("transaction", "pending"))
        return Query(
            "pending", "transaction", self._make.rows("transaction", pending, self._of_ledger("transaction"))
        )

    def _undisbursed(self) -> Iterator[Query]:
        for name, kind in (("payments", "payment"), ("entries", "account_transaction")):
            some = all_of(self._make.above_zero(kind, "undisbursed"))
            yield Query(name, kind, self._make.rows(kind, some, self._of_ledger(kind)))

    def _waiting(self) -> Iterator[Query]:
        """What no invoice displays yet, the oldest first, and what all of it comes to."""
        make = self._make
        oldest = (("dated", False), ("number", False))
        for name, kind, amount, which in (
            (
                "payments",
                "payment",
                "amount",
                all_of(
                    make.empty("payment", "display_invoice"),
                    any_of(make.equals("payment", "deposit", value=False), make.empty("payment", "deposit")),
                ),
            ),
            (
                "entries",
                "account_transaction",
                "gross",
                all_of(
                    make.empty("account_transaction", "invoice"),
                    make.equals("account_transaction", "kind", "credit"),
                ),
            ),
        ):
            of_ledger = self._of_ledger(kind)
            yield Query(name, kind, make.rows(kind, which, of_ledger, top=MOST_WAITING, order=oldest))
            yield Query(f"unshown {name}", kind, make.sum(kind, amount, UNSHOWN, which, of_ledger))

    def _newest(self) -> Query:
        """Of the account in the ledger's currency, those that are not void."""
        make = self._make
        state = any_of(
            make.empty("invoice", "ledger_state"), make.among("invoice", "ledger_state", ("open", "closed"))
        )
        standing = all_of(condition("statuscode", "ne", make.reason("invoice", "canceled")), state)
        same_currency = make.link("invoice", "currency_id", "ledger", "currency_id", self._its_ledger)
        its = self._of_account("invoice", "customer")
        return Query(
            "newest",
            "invoice",
            make.rows("invoice", standing, its, same_currency, top=MOST_NEWEST, order=(("dated", True),)),
        )

    # --- What is named -----------------------------------------------------------------------------------------------

    def _named_entries(self) -> Iterator[Query]:
        make, kind = self._make, "account_transaction"
        for some in _parts(self._scope.entries):
            named = make.among(kind, "id", some)
            yield Query("entries", kind, make.rows(kind, any_of(named, make.among(kind, "reverses", some))))
            for field in ("reverses", "related"):
                link = make.link(kind, "id", kind, field, all_of(named))
                yield Query("entries", kind, make.rows(kind, link))
            for hanging, name, field in _HANGING:
                its = all_of(make.among(hanging, field, some))
                yield Query(name, hanging, make.rows(hanging, its))
        yield from self._sources_of_named(kind, "entries", "credit")

    def _named_payments(self) -> Iterator[Query]:
        make = self._make
        for some in _parts(self._scope.payments):
            named = any_of(make.among("payment", "id", some), make.among("payment", "refund_of", some))
            yield Query("payments", "payment", make.rows("payment", named))
        yield from self._sources_of_named("payment", "payments", "payment")

    def _sources_of_named(self, kind: str, name: str, field: str) -> Iterator[Query]:
        make = self._make
        for some in _parts(self._scope.disbursements):
            named = all_of(make.among("disbursement", "id", some))
            link = make.link(kind, "id", "disbursement", field, named)
            yield Query(name, kind, make.rows(kind, link))

    def _named_usage(self) -> Iterator[Query]:
        for some in _parts(self._scope.usage):
            named = all_of(self._make.among("usage", "id", some))
            yield Query("usage", "usage", self._make.rows("usage", named))

    def _services(self) -> Iterator[Query]:
        """Those that are named, those of the account's own, and those of what is on the invoices and entries asked for."""
        make = self._make
        own = make.link("service", "id", "account_service", "service", self._of_ledger("account_service"))
        ways = [own]
        ways += [all_of(make.among("service", "id", some)) for some in _parts(self._scope.services)]
        entries = [
            make.link("account_transaction", "invoice", "invoice", "id", route.within)
            for route in self._routes()
            if route.focus
        ]
        entries += [
            all_of(make.among("account_transaction", "id", some)) for some in _parts(self._scope.entries)
        ]
        ways += [make.link("service", "id", "account_transaction", "service", each) for each in entries]
        for way in ways:
            yield Query("services", "service", make.rows("service", way, distinct=True))

    # --- Where it starts ---------------------------------------------------------------------------------------------

    def _anchored(self, *, every_currency: bool) -> tuple[str, str]:
        """What restricts a ledger, and what restricts an account, to the one asked about."""
        make, key = self._make, self._scope.key
        match self._scope.about:
            case About.LEDGER:
                ledger = make.is_("ledger", "id", key)
            case About.PAYMENT | About.ENTRY | About.DISBURSEMENT | About.TRANSACTION as about:
                kind = KINDS_ABOUT[about]
                ledger = make.link("ledger", "id", kind, "ledger", make.is_(kind, "id", key))
            case About.ACCOUNT:
                its = make.is_("account", "id", key)
                code = make.is_("currency", "code", self._scope.currency.upper())
                currency = make.link("ledger", "currency_id", "currency", "id", code)
                return make.is_("ledger", "account", key) + currency, its
            case About.INVOICE:
                it = make.is_("invoice", "id", key)
                its = make.link("account", "id", "invoice", "customer", it)
                ledger = make.link("ledger", "account", "account", "id", its)
                if not every_currency:
                    ledger += make.link("ledger", "currency_id", "invoice", "currency_id", it)
                return ledger, its
        return ledger, make.link("account", "id", "ledger", "account", ledger)

    def _of_ledger(self, kind: str) -> str:
        return self._make.link(kind, "ledger", "ledger", "id", self._its_ledger)

    def _of_account(self, kind: str, field: str) -> str:
        return self._make.link(kind, field, "account", "id", self._its_account)


KINDS_ABOUT: dict[About, str] = {
    About.LEDGER: "ledger",
    About.INVOICE: "invoice",
    About.PAYMENT: "payment",
    About.ENTRY: "account_transaction",
    About.DISBURSEMENT: "disbursement",
    About.ACCOUNT: "account",
    About.TRANSACTION: "transaction",
}

UNSHOWN = "unshown"
"""The alias of the sums of what no invoice displays yet."""

_HANGING = (
    ("transaction_tax", "taxes", "entry"),
    ("usage", "usage", "entry"),
    ("usage", "usage", "credit"),
)
"""What hangs on an entry: the kind, the name it is collected under, the field that names the entry."""


def _parts(ids: Iterable[UUID]) -> Iterator[tuple[UUID, ...]]:
    """As many at a time as one query lists."""
    left = tuple(ids)
    for start in range(0, len(left), MOST_LISTED):
        yield left[start : start + MOST_LISTED]
