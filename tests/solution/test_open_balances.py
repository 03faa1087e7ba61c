"""Which invoices the list Open Balance Invoices offers for disbursing (E159, E160)."""

import json
from decimal import Decimal
from urllib.parse import urlencode
from uuid import UUID
from xml.etree.ElementTree import tostring

import pytest

from sandbox.crm.schema import Value
from sandbox.wire import Request
from sandbox.world import World

ACTIVE = {"statecode": 0, "statuscode": 4}
PARTIAL = {"statecode": 2, "statuscode": 100002}
COMPLETE = {"statecode": 2, "statuscode": 100001}
CANCELED = {"statecode": 3, "statuscode": 100003}


@pytest.mark.parametrize(
    ("status", "balance", "listed"),
    [
        (ACTIVE, "100.00", True),
        (PARTIAL, "0.01", True),
        (ACTIVE, "0.00", False),
        (ACTIVE, "-5.00", False),
        (COMPLETE, "0.00", False),
        (CANCELED, "100.00", False),
        (ACTIVE, None, True),
        (COMPLETE, None, False),
    ],
)
def test_only_invoices_with_a_balance_are_listed(
    status: dict[str, int], balance: str | None, listed: bool, world: World
) -> None:
    table = world.crm.schema.table("invoice")
    row = next(iter(world.crm.store.select(table, {"invoicenumber": "INV-1001"})))
    changes: dict[str, Value] = {**status, "cfl_balance": Decimal(balance) if balance else None}
    world.crm.store.update(table, UUID(str(row["invoiceid"])), changes)

    assert ("INV-1001" in offered(world)) is listed


def offered(world: World) -> set[str]:
    view = next(each for each in world.crm.schema.views if each.name == "Open Balance Invoices (Billing)")
    _, cookie = world.crm.sign_in.open_session("biller")
    query = urlencode({"fetchXml": tostring(view.fetch, encoding="unicode")})
    request = Request("GET", "/api/data/v9.2/invoices", query, {"cookie": cookie.split(";", 1)[0]})
    answer = json.loads(world.crm_front.handle(request).body)
    return {row["invoicenumber"] for row in answer["value"]}
