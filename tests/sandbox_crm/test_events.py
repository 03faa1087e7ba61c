"""Who is told of a write: each stage in its place, with what was written and the row before and after."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from sandbox.crm.errors import ApiError
from sandbox.crm.identity import Actor
from sandbox.crm.pipeline import Event, Reference
from sandbox.crm.rows import Rows
from sandbox.demo.story import row_id
from tests.sandbox_crm.client import Client


class Listener:
    """A pipeline that writes down what it hears, and may refuse."""

    def __init__(self, refuse_at: int | None = None) -> None:
        self.heard: list[tuple[int | str, str, bool]] = []
        self.events: dict[int | str, Event] = {}
        self._refuse_at = refuse_at

    def wants(self, message: str, table: str | None) -> bool:
        return table == "account"

    def run(self, stage: int, event: Event, *, in_transaction: bool) -> None:
        self.heard.append((stage, event.message, in_transaction))
        self.events[stage] = event
        if stage == self._refuse_at:
            raise ApiError(400, "0x80040265", "Endpoint unavailable")

    def committed(self, event: Event) -> None:
        self.heard.append(("committed", event.message, False))
        self.events["committed"] = event


@pytest.fixture
def admin(crm: Client) -> Actor:
    return crm.world.crm.security.actor(row_id("systemuser", "admin"))


def rows_with(crm: Client, listener: Listener) -> Rows:
    return Rows(crm.world.crm.store, crm.world.crm.security, listener)


def create(rows: Rows, crm: Client, admin: Actor, **columns: Any) -> UUID:
    return rows.create(admin, crm.world.crm.schema.table("account"), {"name": "Contoso", **columns})


def test_every_stage_of_a_create(crm: Client, admin: Actor) -> None:
    listener, chosen = Listener(), uuid4()
    contact = row_id("contact", "nobody")
    crm.post("contacts", {"contactid": str(contact), "lastname": "Duarte"})

    create(
        rows_with(crm, listener),
        crm,
        admin,
        accountid=str(chosen),
        **{"primarycontactid@odata.bind": f"contacts({contact})"},
    )

    assert listener.heard == [
        (10, "Create", False),
        (20, "Create", True),
        (40, "Create", True),
        ("committed", "Create", False),
    ]
    target = listener.events[10].target
    assert target is not None
    assert (target["name"], target["primarycontactid"]) == ("Contoso", Reference("contact", contact))
    after = listener.events["committed"].after
    assert after is not None
    assert (after["accountid"], after["ownerid"]) == (chosen, Reference("systemuser", admin.user_id))
    assert {event.correlation_id for event in listener.events.values()} == {
        listener.events[10].correlation_id
    }


def test_update_and_delete_show_the_row_before(crm: Client, admin: Actor) -> None:
    listener = Listener()
    rows, table = rows_with(crm, listener), crm.world.crm.schema.table("account")
    made = create(rows, crm, admin)

    rows.update(admin, table, made, {"name": "Changed"})

    done = listener.events["committed"]
    assert done.before is not None
    assert done.after is not None
    assert (done.target, done.before["name"], done.after["name"]) == (
        {"name": "Changed"},
        "Contoso",
        "Changed",
    )
    rows.delete(admin, table, made)
    gone = listener.events["committed"]
    assert (gone.message, gone.target, gone.after) == ("Delete", None, None)
    assert gone.before is not None
    assert gone.before["name"] == "Changed"


@pytest.mark.parametrize("stage", [10, 20, 40])
def test_a_refusal_at_any_stage_leaves_nothing(crm: Client, admin: Actor, stage: int) -> None:
    listener = Listener(refuse_at=stage)

    with pytest.raises(ApiError, match="Endpoint unavailable"):
        create(rows_with(crm, listener), crm, admin)

    assert crm.get("accounts/$count?$filter=name eq 'Contoso'").text == "0"
    assert "committed" not in listener.events


def test_in_a_changeset_everything_is_inside_and_told_at_its_end(crm: Client, admin: Actor) -> None:
    listener = Listener()
    rows = rows_with(crm, listener)

    with crm.world.crm.store.transaction():
        create(rows, crm, admin)
        assert listener.heard == [(10, "Create", True), (20, "Create", True), (40, "Create", True)]

    assert listener.heard[-1] == ("committed", "Create", False)
