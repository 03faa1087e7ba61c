"""RemoteExecutionContexts as the platform posts them."""

import json
from typing import Any
from uuid import UUID

from tests.connector.web.scripted import ORGANIZATION

INVOICE = UUID("aaaaaaaa-0000-4000-8000-000000001001")
CALLER = UUID("bbbbbbbb-0000-4000-8000-000000000001")
CONTRACTS = "http://schemas.microsoft.com/xrm/2011/Contracts"


def a_context(inputs: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """As the platform posts a click on Charge."""
    given = {
        "Target": {"__type": f"EntityReference:{CONTRACTS}", "Id": str(INVOICE), "KeyAttributes": [], "LogicalName": "invoice"},
        "RequestKey": "key-00000001",
        "Amount": "<12.50>",
        **(inputs or {}),
    }  # fmt: skip
    return {
        "BusinessUnitId": str(ORGANIZATION),
        "CorrelationId": "dddddddd-0000-4000-8000-000000000001",
        "Depth": 1,
        "InitiatingUserId": str(CALLER),
        "InputParameters": [{"key": name, "value": value} for name, value in given.items()],
        "IsInTransaction": False,
        "MessageName": "cfl_ChargeInvoice",
        "Mode": 0,
        "OperationCreatedOn": "/Date(1790000000000-0700)/",
        "OrganizationId": str(ORGANIZATION),
        "OrganizationName": "contoso",
        "PrimaryEntityId": str(INVOICE),
        "PrimaryEntityName": "invoice",
        "Stage": 10,
        "UserId": str(CALLER),
        **fields,
    }


def on_the_wire(fields: Any) -> bytes:
    """With exact numerals, `"<12.50>"` being one, and the slashes escaped."""
    text = json.dumps(fields, ensure_ascii=False).replace('"<', "").replace('>"', "")
    return text.replace("/", r"\/").encode()
