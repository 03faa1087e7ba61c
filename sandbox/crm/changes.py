"""Change tracking: the rows of a table that were created, changed or deleted since a client last asked.

https://learn.microsoft.com/power-apps/developer/data-platform/use-change-tracking-synchronize-data-external-systems
"""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

from sandbox.crm import errors
from sandbox.crm.exchange import Exchange
from sandbox.crm.odata import Query, options, read_query
from sandbox.crm.reading import Reader, Restriction
from sandbox.crm.schema import Table
from sandbox.wire import Response

DELTA_TOKEN = "$deltatoken"
_TOKEN = re.compile(r"([0-9]{1,18})!([0-9/]{10} [0-9:]{8})")
_MOMENT = "%m/%d/%Y %H:%M:%S"
_LIFETIME = timedelta(days=7)
_REFUSED = ("$filter", "$orderby", "$expand", "$top", "$skiptoken")


def wanted(exchange: Exchange) -> bool:
    return exchange.preferences.track_changes or DELTA_TOKEN in exchange.options


def answer(exchange: Exchange, table: Table) -> Response:
    """All rows and a link to what will change, or what has changed since such a link, deleted rows last."""
    query, since = _read(exchange, table)
    rows, context = _rows(exchange, table, query, since)
    if since is not None:
        deleted = f"{exchange.root}$metadata#{table.entity_set}/$deletedEntity"
        rows += [
            {"@odata.context": deleted, "id": str(row_id), "reason": "deleted"}
            for row_id in exchange.store.deleted_since(table, since)
        ]
        context += "/$delta"
    return exchange.json(
        {"@odata.context": context, "value": rows, "@odata.deltaLink": _link(exchange, table, query)}
    )


def count(exchange: Exchange, table: Table) -> int:
    """Of the rows that `answer` would give."""
    query, since = _read(exchange, table)
    rows, _ = _rows(exchange, table, query, since)
    return len(rows) + (0 if since is None else len(exchange.store.deleted_since(table, since)))


def _read(exchange: Exchange, table: Table) -> tuple[Query, int | None]:
    """What to read of each row, and the version after which."""
    if not table.change_tracking:
        raise errors.ApiError(400, "0x80072491", f"Change tracking is not enabled for entity {table.name}.")
    if not exchange.security.scope(exchange.actor, table).everything:
        raise errors.ApiError(
            403, "0x80040220", f"Tracking changes of {table.name} takes the right to read all of its rows."
        )
    given = dict(exchange.options)
    for name in _REFUSED:
        if name in given:
            raise errors.invalid_syntax(f"The query parameter {name} is not supported with change tracking.")
    token = given.pop(DELTA_TOKEN, None)
    return read_query(given), None if token is None else _version(exchange, token)


def _version(exchange: Exchange, token: str) -> int:
    match = _TOKEN.fullmatch(token)
    try:
        made = datetime.strptime(match[2], _MOMENT).replace(tzinfo=UTC) if match else None
    except ValueError:
        made = None
    if match is None or made is None:
        raise errors.invalid_syntax(f"Invalid value {token!r} for {DELTA_TOKEN}.")
    if made < exchange.store.clock.now() - _LIFETIME:
        raise errors.invalid_request(
            "The delta token is older than seven days: read the whole table and track its changes from there."
        )
    return int(match[1])


def _rows(
    exchange: Exchange, table: Table, query: Query, since: int | None
) -> tuple[list[dict[str, Any]], str]:
    """All at once, however many, and the context that names them."""
    reader = Reader(exchange.context, exchange.root, replace(exchange.preferences, page_size=None))
    restriction = None if since is None else Restriction('t."versionnumber" > ?', (since,))
    rows: list[dict[str, Any]] = []
    while True:
        page = reader.collection(table, query, exchange.root, restriction)
        rows += page["value"]
        if "@odata.nextLink" not in page:
            return rows, str(page["@odata.context"])
        query = replace(
            query, skip_token=options(urlsplit(page["@odata.nextLink"]).query).get("$skiptoken", "")
        )


def _link(exchange: Exchange, table: Table, query: Query) -> str:
    moment = exchange.store.clock.now().strftime(_MOMENT)
    token = quote(f"{exchange.store.last_version}!{moment}", safe="")
    select = f"$select={','.join(query.select)}&" if query.select else ""
    return f"{exchange.root}{table.entity_set}?{select}{DELTA_TOKEN}={token}"
