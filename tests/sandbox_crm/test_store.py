"""The store under the CRM: transactions that nest, snapshots, and a file that outlives the process and grows with the schema."""

import threading
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest

from sandbox.clock import Clock
from sandbox.crm import solution
from sandbox.crm.errors import ApiError
from sandbox.crm.schema import Row, Schema
from sandbox.crm.store import Store
from tests.sandbox_crm.changed_solution import with_one_more_column


@pytest.fixture
def store(schema: Schema) -> Store:
    return Store(schema, Clock())


def insert_and_fail(store: Store, told: list[str]) -> None:
    with store.transaction():
        store.insert(store.schema.table("account"), {"accountid": uuid4(), "name": "refused"})
        store.after_commit(lambda: told.append("refused"))
        raise ApiError(400, "0x0", "refused")


def test_values_come_back_as_they_went_in(store: Store) -> None:
    invoice = store.schema.table("invoice")
    row: Row = {
        "invoiceid": uuid4(),
        "name": "Größe",
        "totalamount": Decimal("922337203685477.5807"),
        "discountpercentage": Decimal("0.07"),
        "ispricelocked": True,
        "statecode": 2,
        "duedate": date(2026, 2, 28),
        "createdon": datetime(2026, 2, 28, 23, 59, 59, tzinfo=UTC),
        "customerid": uuid4(),
        "customeridtype": "contact",
    }

    version = store.insert(invoice, row)

    assert store.select(invoice) == [
        {**dict.fromkeys(store.select(invoice)[0]), **row, "versionnumber": version}
    ]
    assert store.select(invoice, {"name": "GRÖßE", "customeridtype": "contact"}) == [], (
        "only A to Z have no case"
    )
    assert store.select(invoice, {"name": "gRößE"})
    assert store.select(invoice, {"duedate": date(2026, 2, 28), "emailaddress": None})


def test_every_write_makes_a_new_version(store: Store) -> None:
    account, row_id = store.schema.table("account"), uuid4()
    versions = [store.insert(account, {"accountid": row_id}), store.update(account, row_id, {"name": "x"})]

    assert versions == sorted(set(versions))
    row = store.get(account, row_id)
    assert row is not None
    assert row["versionnumber"] == versions[-1]


def test_an_inner_transaction_fails_alone(store: Store) -> None:
    account = store.schema.table("account")
    told: list[str] = []

    with store.transaction():
        store.insert(account, {"accountid": uuid4(), "name": "outer"})
        store.after_commit(lambda: told.append("outer"))
        with pytest.raises(ApiError):
            insert_and_fail(store, told)
        assert told == []

    assert [row["name"] for row in store.select(account)] == ["outer"]
    assert told == ["outer"]


def test_a_transaction_that_fails_leaves_nothing_and_tells_nobody(store: Store) -> None:
    account = store.schema.table("account")
    told: list[str] = []

    with pytest.raises(ApiError):
        insert_and_fail(store, told)

    assert store.select(account) == []
    assert told == []
    store.after_commit(lambda: told.append("outside of one: at once"))
    assert told == ["outside of one: at once"]


def test_a_transaction_belongs_to_its_thread(store: Store) -> None:
    seen: list[bool] = []

    with store.transaction():
        other = threading.Thread(target=lambda: seen.append(store.in_transaction))
        other.start()
        other.join()
        assert store.in_transaction

    assert seen == [False]


def test_a_snapshot_brings_everything_back(store: Store) -> None:
    account, kept = store.schema.table("account"), uuid4()
    store.insert(account, {"accountid": kept, "name": "kept"})
    epoch, snapshot = store.epoch(account), store.snapshot()
    store.insert(account, {"accountid": uuid4()})
    store.update(account, kept, {"name": "changed"})

    store.restore(snapshot)

    assert [row["name"] for row in store.select(account)] == ["kept"]
    assert store.epoch(account) != epoch


def test_a_file_is_found_again_and_grows_with_the_schema(schema: Schema, tmp_path: Path) -> None:
    file, row_id = tmp_path / "crm.sqlite", uuid4()
    first = Store(schema, Clock(), file)
    first.insert(schema.table("account"), {"accountid": row_id, "name": "kept", "revenue": Decimal("0.1")})
    snapshot = first.snapshot()
    first.insert(schema.table("account"), {"accountid": uuid4(), "name": "later"})
    first.restore(snapshot)
    first.close()
    grown = solution.load(with_one_more_column(tmp_path, "Invoice"))

    second = Store(grown, Clock(), file)

    assert [row["name"] for row in second.select(grown.table("account"))] == ["kept"]
    second.insert(grown.table("invoice"), {"invoiceid": uuid4(), "cfl_ponumber": "new column"})
    assert second.select(grown.table("invoice"), {"cfl_ponumber": "new column"})
    second.close()
