"""What an address says after a row: a property, a navigation property, and `$ref` to link and unlink rows."""

from typing import Any
from urllib.parse import unquote
from uuid import UUID, uuid4

from sandbox.crm import errors, values
from sandbox.crm.addresses import read_key, read_reference
from sandbox.crm.bodies import SERVICE_PATH
from sandbox.crm.exchange import Exchange
from sandbox.crm.frames import type_term
from sandbox.crm.pipeline import Reference
from sandbox.crm.reading import Restriction
from sandbox.crm.schema import Column, Link, Relationship, Table
from sandbox.wire import Response


def answer(exchange: Exchange, table: Table, row_id: UUID, segments: list[str]) -> Response:
    """`segments` follow the row: `name`, `name/$value`, `nav`, `nav/$ref`, `nav(key)/$ref`, `nav/$count`."""
    name, _, key = segments[0].partition("(")
    tail = segments[1:]
    if not key and name in table.properties and tail in ([], ["$value"]):
        return _property(exchange, table, row_id, table.properties[name], raw=bool(tail))
    if name in table.lookups:
        return _single(exchange, table, row_id, name, tail)
    if name in table.collections or name in table.links:
        return _many(exchange, table, row_id, name, key.removesuffix(")"), tail)
    raise errors.unknown_segment(segments[0])


def _property(exchange: Exchange, table: Table, row_id: UUID, column: Column, *, raw: bool) -> Response:
    name = column.property_name
    if exchange.request.method == "PUT":
        exchange.rows.update(
            exchange.actor, table, row_id, {name: exchange.body().get("value")}, exchange.condition
        )
        return exchange.no_content()
    if exchange.request.method == "DELETE":
        exchange.rows.update(exchange.actor, table, row_id, {name: None}, exchange.condition)
        return exchange.no_content()
    exchange.require_method("GET")
    row = _readable(exchange, table, row_id)
    value = values.write(column, row[column.name])
    if value is None:
        return exchange.no_content()
    if raw:
        return Response(200, {"content-type": "text/plain", "odata-version": "4.0"}, str(value).encode())
    context = f"{exchange.root}$metadata#{table.entity_set}({row_id})/{name}"
    return exchange.json({"@odata.context": context, "value": value})


def _single(exchange: Exchange, table: Table, row_id: UUID, navigation: str, tail: list[str]) -> Response:
    relationships = table.lookups[navigation]
    column = table.columns[relationships[0].column]
    if tail == ["$ref"] and exchange.request.method in {"PUT", "POST"}:
        target = _referenced(exchange)
        if target.table not in {one.parent for one in relationships}:
            raise errors.bad_payload(f"'{navigation}' does not lead to {target.table}.")
        exchange.rows.set_lookup(exchange.actor, table, row_id, column.name, target)
        return exchange.no_content()
    if tail == ["$ref"] and exchange.request.method == "DELETE":
        exchange.rows.set_lookup(exchange.actor, table, row_id, column.name, None)
        return exchange.no_content()
    exchange.require_method("GET")
    row = _readable(exchange, table, row_id)
    value = row[column.name]
    parents = [
        one.parent for one in relationships if not column.polymorphic or row[column.type_name] == one.parent
    ]
    if not isinstance(value, UUID) or not parents:
        return exchange.no_content()
    parent = exchange.store.schema.table(parents[0])
    if tail == ["$ref"]:
        context = f"{exchange.root}$metadata#$ref"
        return exchange.json(
            {"@odata.context": context, "@odata.id": f"{exchange.root}{parent.entity_set}({value})"}
        )
    if tail:
        return answer(exchange, parent, value, tail)
    found = exchange.reader.one(parent, value, exchange.query)
    return exchange.no_content() if found is None else exchange.json(found)


def _many(
    exchange: Exchange, table: Table, row_id: UUID, navigation: str, key: str, tail: list[str]
) -> Response:
    relationship = table.collections.get(navigation)
    link = table.links.get(navigation)
    schema = exchange.store.schema
    child = schema.table(relationship.child if relationship else link.far if link else "")
    if tail == ["$ref"] and exchange.request.method in {"POST", "PUT"}:
        target = _referenced(exchange)
        if target.table != child.name:
            raise errors.bad_payload(f"'{navigation}' does not lead to {target.table}.")
        _associate(exchange, table, row_id, child, target.id, relationship, link)
        return exchange.no_content()
    if tail == ["$ref"] and exchange.request.method == "DELETE":
        if key:
            target_id = read_key(child, unquote(key), navigation).find(exchange.store)
        else:
            target_id = read_reference(schema, SERVICE_PATH, exchange.options.get("$id")).find(exchange.store)
        _disassociate(exchange, table, row_id, child, target_id, relationship, link)
        return exchange.no_content()
    exchange.require_method("GET")
    _readable(exchange, table, row_id)
    restriction = _children(child, row_id, relationship, link)
    if tail == ["$count"]:
        number = exchange.reader.count(child, exchange.query, restriction)
        return Response(200, {"content-type": "text/plain", "odata-version": "4.0"}, str(number).encode())
    if tail and tail != ["$ref"]:
        raise errors.unknown_segment(tail[0])
    found = exchange.reader.collection(child, exchange.query, exchange.address, restriction)
    if tail:
        rows: list[dict[str, Any]] = found["value"]
        found["value"] = [
            {"@odata.id": f"{exchange.root}{child.entity_set}({row[child.primary_key]})"} for row in rows
        ]
    return exchange.json(found)


def _children(
    child: Table, row_id: UUID, relationship: Relationship | None, link: Link | None
) -> Restriction:
    if relationship is not None:
        terms = [f't."{relationship.column}" = ?', type_term(child, relationship, "t")]
        return Restriction(" AND ".join(filter(None, terms)), (str(row_id),))
    if link is None:
        return Restriction("0")
    source = f'JOIN "{link.intersect}" AS x ON x."{link.far_column}" = t."{child.primary_key}"'
    return Restriction(f'x."{link.near_column}" = ?', (str(row_id),), source)


def _associate(
    exchange: Exchange,
    table: Table,
    row_id: UUID,
    child: Table,
    child_id: UUID,
    relationship: Relationship | None,
    link: Link | None,
) -> None:
    if relationship is not None:
        target = Reference(table.name, row_id)
        exchange.rows.set_lookup(exchange.actor, child, child_id, relationship.column, target)
    elif link is not None:
        _require_both(exchange, table, row_id, child, child_id)
        intersect = exchange.store.schema.table(link.intersect)
        pair = {link.near_column: row_id, link.far_column: child_id}
        with exchange.store.transaction():
            if exchange.store.select(intersect, pair):
                raise errors.duplicate_id()
            exchange.store.insert(intersect, {intersect.primary_key: uuid4(), **pair})


def _disassociate(
    exchange: Exchange,
    table: Table,
    row_id: UUID,
    child: Table,
    child_id: UUID | None,
    relationship: Relationship | None,
    link: Link | None,
) -> None:
    if child_id is None:
        raise errors.ApiError(404, "0x80040217", f"The {child.name} to unlink does not exist.")
    if relationship is not None:
        exchange.rows.set_lookup(exchange.actor, child, child_id, relationship.column, None)
    elif link is not None:
        _require_both(exchange, table, row_id, child, child_id)
        intersect = exchange.store.schema.table(link.intersect)
        with exchange.store.transaction():
            for row in exchange.store.select(
                intersect, {link.near_column: row_id, link.far_column: child_id}
            ):
                exchange.store.delete(intersect, UUID(str(row[intersect.primary_key])))


def _require_both(exchange: Exchange, table: Table, row_id: UUID, child: Table, child_id: UUID) -> None:
    """Linking rows many-to-many takes Append on the one and AppendTo on the other."""
    for verb, one, one_id in (("Append", table, row_id), ("AppendTo", child, child_id)):
        row = exchange.store.get(one, one_id)
        if row is None:
            raise errors.not_found(one.name, one_id)
        exchange.security.require(exchange.actor, verb, one, row)


def _referenced(exchange: Exchange) -> Reference:
    address = read_reference(exchange.store.schema, SERVICE_PATH, exchange.body().get("@odata.id"))
    target = address.find(exchange.store)
    if target is None:
        raise address.missing()
    return Reference(address.table.name, target)


def _readable(exchange: Exchange, table: Table, row_id: UUID) -> dict[str, Any]:
    row = exchange.store.get(table, row_id)
    if row is None:
        raise errors.not_found(table.name, row_id)
    exchange.security.require(exchange.actor, "Read", table, row)
    return row
