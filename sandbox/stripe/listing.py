"""Lists, newest first, in pages: limit, starting_after, ending_before, and the filters of each list."""

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.stripe.call import Call
from sandbox.stripe.errors import invalid_request
from sandbox.stripe.parameters import Reader, either, integer, read, text, tree
from sandbox.stripe.session import Session
from sandbox.stripe.store import Stored

_COMPARISONS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_PAGING: Mapping[str, Reader] = {
    "limit": integer(least=1, most=100),
    "starting_after": text(),
    "ending_before": text(),
}
_NAMES = frozenset({"charge", "customer", "payment_intent"})
CREATED: Mapping[str, Reader] = {
    "created": either(integer(), tree(dict.fromkeys(_COMPARISONS, integer()))),
}


def page(
    session: Session,
    call: Call,
    object_name: str,
    filters: Mapping[str, Reader],
    *,
    conditions: Mapping[str, tuple[str, Any]] | None = None,
    shown: Callable[[Stored], dict[str, Any]] = lambda stored: stored.body,
) -> dict[str, Any]:
    """One page of objects. A filter compares the field of its own name, unless `conditions` has SQL for it."""
    values = read(call.given, {**_PAGING, **filters})
    special = conditions or {}
    bound: dict[str, Any] = {"object": object_name}
    where = ["object = :object"]
    for name, (sql, value) in special.items():
        where.append(sql)
        bound[name] = value
    for name, value in values.items():
        if name in _PAGING or name in special:
            continue
        if name == "created":
            comparisons = {"": value} if isinstance(value, int) else value
            for comparison, moment in comparisons.items():
                where.append(f"created {_COMPARISONS.get(comparison, '=')} :created_{comparison}")
                bound[f"created_{comparison}"] = moment
        else:
            if name in _NAMES:
                session.find(name, value, name)
            where.append(f"json_extract(body, '$.{name}') = :{name}")
            bound[name] = value
    after, before = values.get("starting_after"), values.get("ending_before")
    if after and before:
        raise invalid_request(
            "You can't specify both starting_after and ending_before.", param="ending_before"
        )
    order = "created DESC, seq DESC"
    if cursor := after or before:
        edge = session.find(object_name, cursor, "starting_after" if after else "ending_before")
        bound |= {"edge_created": edge.body["created"], "edge_seq": edge.seq}
        where.append(f"(created, seq) {'<' if after else '>'} (:edge_created, :edge_seq)")
        if before:
            order = "created ASC, seq ASC"
    limit = values.get("limit", 10)
    found = session.store.select(" AND ".join(where), order=order, limit=limit + 1, **bound)
    rows = found[:limit]
    if before:
        rows.reverse()
    return as_list(call.path, [shown(row) for row in rows], has_more=len(found) > limit)


def as_list(url: str, data: list[dict[str, Any]], *, has_more: bool = False) -> dict[str, Any]:
    return {"object": "list", "data": data, "has_more": has_more, "url": url}
