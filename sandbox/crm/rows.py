"""Create, update and delete as the platform does them: who may, what is filled in, what is refused, who is told.

Pre-validation steps (stage 10) run before the transaction, unless a changeset has already opened one.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sandbox.crm import errors
from sandbox.crm.addresses import RowAddress
from sandbox.crm.bodies import Changes, as_entity, read_body, set_reference
from sandbox.crm.derived import Derived
from sandbox.crm.identity import Actor
from sandbox.crm.mail import EMAIL, Mail
from sandbox.crm.pipeline import POST_OPERATION, PRE_OPERATION, PRE_VALIDATION, Event, Pipeline, Reference
from sandbox.crm.pricing import INVOICE, Pricing
from sandbox.crm.schema import LOOKUPS, Cascade, Relationship, Row, Table
from sandbox.crm.security import Security
from sandbox.crm.store import Store


@dataclass(frozen=True)
class Condition:
    """If-Match and If-None-Match of a write."""

    match: str = ""
    none_match: str = ""

    @property
    def create_only(self) -> bool:
        return self.none_match == "*"

    @property
    def update_only(self) -> bool:
        return bool(self.match)

    def check(self, row: Row) -> None:
        """Raises ApiError 412 unless `row` has the version that was asked for."""
        if (
            self.match
            and self.match != "*"
            and self.match not in {f'W/"{row["versionnumber"]}"', str(row["versionnumber"])}
        ):
            raise errors.version_mismatch()


Then = Callable[[UUID], None]


class Rows:
    """All writes, in the name of an actor."""

    def __init__(self, store: Store, security: Security, pipeline: Pipeline) -> None:
        self._store = store
        self._security = security
        self._pipeline = pipeline
        self._derived = Derived(store)
        self._pricing = Pricing(store)
        self._mail = Mail(store)

    def create(
        self,
        actor: Actor,
        table: Table,
        body: Mapping[str, Any],
        address: RowAddress | None = None,
        *,
        then: Then | None = None,
    ) -> UUID:
        """The id of the new row. `address` is what an upsert named: its id, or key values that the body may override.

        `then` is called with the id before the transaction ends.
        """
        changes = read_body(self._store, table, body, creating=True)
        row_id = None if address is None else address.id
        if address is not None:
            _take_key(table, changes, address.key)
        new_id = row_id or changes.row.get(table.primary_key) or uuid4()
        if not isinstance(new_id, UUID):
            raise errors.wrong_type(table.primary_key, "Edm.Guid", new_id)
        changes.row[table.primary_key] = new_id
        self._security.require(actor, "Create", table)
        event = self._event("Create", actor, table, new_id, changes.row)
        self._run(PRE_VALIDATION, event)
        with self._store.transaction():
            self._run(PRE_OPERATION, event)
            row = self._derived.new_row(table, changes, actor)
            self._security.require(actor, "Create", table, row)
            if row.get("ownerid") not in {None, actor.user_id}:
                self._security.require(actor, "Assign", table, row)
            self._require_links(actor, table, row, changes.references)
            self._store.insert(table, row)
            self._total(table, row)
            for relationship, items in changes.children:
                self._create_below(actor, table, new_id, relationship, items)
            self._address(table, row)
            self._finish(event, table, new_id)
            if then is not None:
                then(new_id)
        return new_id

    def update(
        self,
        actor: Actor,
        table: Table,
        row_id: UUID,
        body: Mapping[str, Any],
        condition: Condition | None = None,
        *,
        found_by: Collection[str] = (),
        then: Then | None = None,
    ) -> None:
        """Change one row; ApiError 404 when there is none, 412 when its version is another.

        `found_by` are the columns of the alternate key that named it: what the body says of them is ignored.
        """
        changes = read_body(self._store, table, body, creating=False)
        for column in (table.primary_key, *found_by):
            changes.row.pop(column, None)
            changes.references.pop(column, None)
        self._apply(actor, table, row_id, changes, condition or Condition(), then)

    def set_lookup(
        self, actor: Actor, table: Table, row_id: UUID, column: str, target: Reference | None
    ) -> None:
        changes = Changes()
        set_reference(table, changes, column, target)
        self._apply(actor, table, row_id, changes, Condition(), None)

    def delete(self, actor: Actor, table: Table, row_id: UUID, condition: Condition | None = None) -> None:
        self._security.require(actor, "Delete", table)  # who lacks the right is not told what there is
        before = self._existing(table, row_id)
        self._security.require(actor, "Delete", table, before)
        (condition or Condition()).check(before)
        event = self._event("Delete", actor, table, row_id, None, before)
        self._run(PRE_VALIDATION, event)
        with self._store.transaction():
            self._run(PRE_OPERATION, event)
            self._delete(table, row_id)
            self._total(table, before)
            self._address(table, before)
            self._finish(event, table, None)

    # private

    def _apply(
        self,
        actor: Actor,
        table: Table,
        row_id: UUID,
        changes: Changes,
        condition: Condition,
        then: Then | None,
    ) -> None:
        self._security.require(actor, "Write", table)
        before = self._existing(table, row_id)
        self._check_update(actor, table, before, changes, condition)
        event = self._event("Update", actor, table, row_id, changes.row, before)
        self._run(PRE_VALIDATION, event)
        with self._store.transaction():
            current = self._existing(table, row_id)
            if current != before:
                self._check_update(actor, table, current, changes, condition)
            self._run(PRE_OPERATION, event)
            written = self._derived.changed_row(table, current, changes, actor)
            self._store.update(table, row_id, written)
            self._total(table, current, {**current, **written})
            self._require_links(actor, table, {**current, **written}, changes.references)
            self._finish(event, table, row_id)
            if then is not None:
                then(row_id)

    def _check_update(
        self, actor: Actor, table: Table, before: Row, changes: Changes, condition: Condition
    ) -> None:
        self._security.require(actor, "Write", table, before)
        condition.check(before)
        locked = self._store.read_only_rule and before.get("statecode") in table.read_only_states
        if locked and not changes.row.keys() <= {"statecode", "statuscode"}:
            raise errors.read_only_row()
        owner = changes.row.get("ownerid")
        if owner is not None and owner != before.get("ownerid"):
            self._security.require(actor, "Assign", table, before)

    def _total(self, table: Table, *lines: Row) -> None:
        """The totals of the invoices that these lines are, or were, on."""
        invoices = self._store.schema.table(INVOICE)
        for invoice_id in {self._pricing.invoice_of(table, line) for line in lines} - {None}:
            invoice = self._store.get(invoices, invoice_id) if invoice_id else None
            written = self._derived.totalled(invoices, invoice) if invoice else {}
            if invoice_id and written:
                self._store.update(invoices, invoice_id, written)

    def _create_below(
        self,
        actor: Actor,
        table: Table,
        row_id: UUID,
        relationship: Relationship,
        items: list[dict[str, Any]],
    ) -> None:
        """Deep insert: each row with the lookup to the one just made."""
        child = self._store.schema.table(relationship.child)
        parent = {f"{relationship.lookup_navigation}@odata.bind": f"/{table.entity_set}({row_id})"}
        for item in items:
            self.create(actor, child, item | parent)

    def _address(self, table: Table, row: Row) -> None:
        """The header of the e-mail that this row is, or is a part of."""
        email_id = self._mail.email_of(table, row)
        emails = self._store.schema.table(EMAIL)
        email = self._store.get(emails, email_id) if email_id else None
        header = self._mail.header(email_id) if email and email_id else {}
        changed = {name: value for name, value in header.items() if email and email[name] != value}
        if email_id and changed:
            self._store.update(emails, email_id, changed)

    def _existing(self, table: Table, row_id: UUID) -> Row:
        row = self._store.get(table, row_id)
        if row is None:
            raise errors.not_found(table.name, row_id)
        return row

    def _require_links(
        self, actor: Actor, table: Table, row: Row, references: Mapping[str, Reference]
    ) -> None:
        """Pointing a lookup at a row takes Append on this one and AppendTo on that one."""
        for column, target in references.items():
            if column == "ownerid":
                continue
            parent = self._store.schema.table(target.table)
            if table.append_rights:
                self._security.require(actor, "Append", table, row)
            if parent.append_rights:
                self._security.require(actor, "AppendTo", parent, self._existing(parent, target.id))

    def _delete(self, table: Table, row_id: UUID) -> None:
        for relationship in table.children:
            if relationship.on_delete is not Cascade.NONE:
                self._delete_links(table, relationship, row_id)
        for link in table.links.values():
            intersect = self._store.schema.table(link.intersect)
            for row in self._store.select(intersect, {link.near_column: row_id}):
                self._store.delete(intersect, UUID(str(row[intersect.primary_key])))
        self._store.delete(table, row_id)

    def _delete_links(self, table: Table, relationship: Relationship, row_id: UUID) -> None:
        child = self._store.schema.table(relationship.child)
        column = child.columns[relationship.column]
        wanted: Row = {relationship.column: row_id}
        if column.polymorphic:
            wanted[column.type_name] = relationship.parent
        for row in self._store.select(child, wanted):
            child_id = UUID(str(row[child.primary_key]))
            if relationship.on_delete is Cascade.RESTRICT:
                raise errors.delete_restricted(table.name, child.name)
            if relationship.on_delete is Cascade.CASCADE:
                self._delete(child, child_id)
            else:
                self._store.update(child, child_id, dict.fromkeys(wanted))

    def _event(
        self,
        message: str,
        actor: Actor,
        table: Table,
        row_id: UUID,
        written: Row | None,
        before: Row | None = None,
    ) -> Event | None:
        """None when nobody listens, so that images cost nothing."""
        if not self._pipeline.wants(message, table.name):
            return None
        return Event(
            message,
            actor,
            table.name,
            row_id,
            target=None if written is None else as_entity(table, written),
            before=None if before is None else as_entity(table, before),
        )

    def _run(self, stage: int, event: Event | None) -> None:
        if event is not None:
            self._pipeline.run(stage, event, in_transaction=self._store.in_transaction)

    def _finish(self, event: Event | None, table: Table, row_id: UUID | None) -> None:
        """Stage 40 inside the transaction, asynchronous steps after it."""
        if event is None:
            return
        after = None if row_id is None else self._store.get(table, row_id)
        done = Event(
            event.message,
            event.actor,
            event.table,
            event.row_id,
            event.target,
            event.parameters,
            event.before,
            None if after is None else as_entity(table, after),
            event.correlation_id,
        )
        self._pipeline.run(POST_OPERATION, done, in_transaction=True)
        self._store.after_commit(lambda: self._pipeline.committed(done))


def _take_key(table: Table, changes: Changes, key: Row) -> None:
    for name, value in key.items():
        if name not in changes.row:
            column = table.columns[name]
            if column.kind in LOOKUPS and isinstance(value, UUID):
                set_reference(table, changes, name, Reference(column.targets[0], value))
            else:
                changes.row[name] = value
