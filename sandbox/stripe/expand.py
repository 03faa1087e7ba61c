"""`expand[]`: puts objects where their ids stand. https://docs.stripe.com/api/expanding_objects"""

from typing import Any

from sandbox.stripe.errors import StripeError, invalid_request
from sandbox.stripe.listing import as_list
from sandbox.stripe.session import Session

_DEEPEST = 4
_EXPANDABLE = frozenset(
    {
        "balance_transaction",
        "charge",
        "customer",
        "default_payment_method",
        "failure_balance_transaction",
        "latest_charge",
        "payment_intent",
        "payment_method",
        "setup_intent",
        "source",
    }
)


def expand(session: Session, body: dict[str, Any], paths: list[str]) -> dict[str, Any]:
    for path in paths:
        parts = path.split(".")
        if len(parts) > _DEEPEST + (parts[0] == "data"):
            raise invalid_request(
                f"You cannot expand more than {_DEEPEST} levels of a property. Property: {path}",
                param="expand",
            )
        _expand(session, body, parts, path)
    return body


def _expand(session: Session, body: Any, parts: list[str], path: str) -> None:
    if not parts or body is None:
        return
    if isinstance(body, list):
        for each in body:
            _expand(session, each, parts, path)
        return
    name, rest = parts[0], parts[1:]
    if name == "refunds" and body.get("object") == "charge":
        refunds = session.store.select(
            "object = 'refund' AND json_extract(body, '$.charge') = :charge", charge=body["id"]
        )
        body["refunds"] = as_list(f"/v1/charges/{body['id']}/refunds", [refund.body for refund in refunds])
    elif name not in body or (isinstance(body[name], str) and name not in _EXPANDABLE):
        raise _impossible(path)
    elif isinstance(body[name], str) and (stored := session.store.get(body[name])) is not None:
        body[name] = stored.body
    elif not rest and name not in _EXPANDABLE and not isinstance(body[name], (dict, list)):
        raise _impossible(path)
    _expand(session, body[name], rest, path)


def _impossible(path: str) -> StripeError:
    return invalid_request(
        f"This property cannot be expanded ({path}). You may want to try expanding a different property.",
        param="expand",
    )
