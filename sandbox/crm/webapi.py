"""The Dataverse Web API of the local CRM: everything under /api/data/v9.2/, from a request to an answer."""

import re
from contextlib import nullcontext
from typing import Any
from urllib.parse import unquote
from uuid import UUID

from sandbox.crm import apply, batch, changes, csdl, errors, fetchxml, functions, metadata, navigation
from sandbox.crm.addresses import RowAddress, read_segment
from sandbox.crm.bodies import SERVICE_PATH
from sandbox.crm.customapi import CustomApis
from sandbox.crm.exchange import Exchange, refusal
from sandbox.crm.identity import Actor
from sandbox.crm.mail import EMAIL
from sandbox.crm.pipeline import Pipeline, Reference
from sandbox.crm.rows import Rows
from sandbox.crm.schema import CustomApi, Table
from sandbox.crm.security import Security
from sandbox.crm.store import Store
from sandbox.wire import Request, Response

LONGEST_ADDRESS = 65_536
"""What the platform takes within a batch."""
NAMESPACE = "Microsoft.Dynamics.CRM."


class WebApi:
    """Answers what is asked under `root`, in the name of an actor. Never raises ApiError: refusals are answers."""

    root = SERVICE_PATH

    def __init__(self, store: Store, security: Security, custom_apis: CustomApis, pipeline: Pipeline) -> None:
        self._store = store
        self._security = security
        self._custom_apis = custom_apis
        self.rows = Rows(store, security, pipeline)

    def handle(self, request: Request, actor: Actor) -> Response:
        try:
            _check_length(request)
            return self._answer(Exchange(request, actor, self._store, self._security, self.rows))
        except errors.ApiError as error:
            return refusal(error)
        except RecursionError:
            return refusal(errors.invalid_request("The request is nested too deeply."))

    def _answer(self, exchange: Exchange) -> Response:
        segments = _segments(exchange.request.path)
        first = segments[0] if segments else ""
        schema = self._store.schema
        name = first.partition("(")[0]
        if not segments:
            return exchange.json(metadata.service_document(schema, exchange.root))
        if first == "$batch":
            exchange.require_method("POST")
            request, actor = exchange.request, exchange.actor
            return batch.run(self._store, request, lambda part: self.handle(part, actor), refusal)
        if first == "$metadata":
            exchange.require_method("GET")
            return Response(
                200, {"content-type": "application/xml", "odata-version": "4.0"}, csdl.document(schema)
            )
        if name == "WhoAmI":
            return functions.who_am_i(exchange)
        if name == "BulkDelete":
            return functions.bulk_delete(exchange)
        if name in metadata.COLLECTIONS:
            exchange.require_method("GET")
            return exchange.json(metadata.answer(schema, exchange.root, segments, exchange.options))
        if name in schema.entity_sets:
            return self._rows(exchange, segments)
        api = self._custom_apis.find(name)
        if api is not None and api.binding == 0 and len(segments) == 1:
            return self._invoke(exchange, api, None, first)
        raise errors.unknown_segment(first)

    def _rows(self, exchange: Exchange, segments: list[str]) -> Response:
        table, address = read_segment(self._store.schema, segments[0])
        if address is not None:
            return self._row(exchange, address, segments[1:])
        if len(segments) == 1:
            return self._collection(exchange, table)
        if segments[1] == "$count":
            exchange.require_method("GET")
            with self._store.lock:
                if changes.wanted(exchange):
                    number = changes.count(exchange, table)
                else:
                    number = exchange.reader.count(table, exchange.query)
            return Response(200, {"content-type": "text/plain", "odata-version": "4.0"}, str(number).encode())
        if segments[1].startswith(NAMESPACE):
            name = segments[1].removeprefix(NAMESPACE)
            if name in functions.ON_COLLECTIONS:
                return functions.ON_COLLECTIONS[name](exchange, table)
            api = self._custom_apis.find(name)
            if api is not None and api.binding == 2 and api.bound_table == table.name:
                return self._invoke(exchange, api, None, segments[1])
        raise errors.unknown_segment(segments[1])

    def _collection(self, exchange: Exchange, table: Table) -> Response:
        exchange.require_method("GET", "POST")
        if exchange.request.method == "POST":
            written = Written(exchange, table)
            row_id = self.rows.create(exchange.actor, table, exchange.body(), then=written.read)
            address = f"{exchange.root}{table.entity_set}({row_id})"
            return written.answer(201, {"odata-entityid": address, "location": address})
        with self._store.lock:
            if "fetchXml" in exchange.options:
                return exchange.json(fetchxml.answer(exchange, table, exchange.options["fetchXml"]))
            if changes.wanted(exchange):
                return changes.answer(exchange, table)
            if "$apply" in exchange.options:
                return exchange.json(apply.answer(exchange, table))
            return exchange.json(exchange.reader.collection(table, exchange.query, exchange.address))

    def _row(self, exchange: Exchange, address: RowAddress, tail: list[str]) -> Response:
        table = address.table
        if tail:
            return self._below_row(exchange, address, tail)
        exchange.require_method("GET", "PATCH", "DELETE")
        if exchange.request.method == "PATCH":
            return self._patch(exchange, address)
        deleting = exchange.request.method == "DELETE"
        self._security.require(exchange.actor, "Delete" if deleting else "Read", table)
        row_id = _found(self._store, address)
        if deleting:
            self.rows.delete(exchange.actor, table, row_id, exchange.condition)
            return exchange.no_content()
        with self._store.lock:
            return self._get(exchange, table, row_id)

    def _get(self, exchange: Exchange, table: Table, row_id: UUID) -> Response:
        found = exchange.reader.one(table, row_id, exchange.query)
        if found is None:
            self._security.require(exchange.actor, "Read", table, self._store.get(table, row_id))
            raise errors.not_found(table.name, row_id)
        etag = found.get("@odata.etag", "")
        plain = not exchange.query.expand and not exchange.preferences.annotations
        if etag and plain and exchange.request.headers.get("if-none-match") == etag:
            return Response(304, {"odata-version": "4.0", "etag": etag})
        return exchange.json(found, headers={"etag": etag} if etag else None)

    def _patch(self, exchange: Exchange, address: RowAddress) -> Response:
        """Update, or upsert unless If-Match forbids the create or If-None-Match the update."""
        table, body, condition = address.table, exchange.body(), exchange.condition
        written = Written(exchange, table)
        headers = {"odata-entityid": f"{exchange.root}{address.segment}"}
        row_id = address.find(self._store)
        if row_id is not None:
            if condition.create_only:
                raise errors.already_exists()
            self.rows.update(
                exchange.actor, table, row_id, body, condition, found_by=address.key, then=written.read
            )
            return written.answer(200, headers)
        if condition.update_only:
            self._security.require(exchange.actor, "Write", table)
            raise address.missing()
        self.rows.create(exchange.actor, table, body, address, then=written.read)
        return written.answer(201, headers)

    def _below_row(self, exchange: Exchange, address: RowAddress, tail: list[str]) -> Response:
        """A function or action on the row, or one of its properties."""
        row_id = _found(self._store, address)
        if self._custom_apis.find(tail[0]) is not None:
            raise errors.invalid_syntax(
                f"Request message has unresolved parameters: {tail[0]} needs its namespace."
            )
        if not tail[0].startswith(NAMESPACE):
            # A write tells its listeners before it locks anything: they may call back.
            with self._store.lock if exchange.request.method == "GET" else nullcontext():
                return navigation.answer(exchange, address.table, row_id, tail)
        name, arguments = functions.read_call(tail[0].removeprefix(NAMESPACE), exchange.options)
        if name in functions.ON_USERS and address.table.name == "systemuser":
            return functions.ON_USERS[name](exchange, row_id, arguments)
        if name == "SendEmail" and address.table.name == EMAIL:
            return functions.send_email(exchange, row_id)
        api = self._custom_apis.find(name)
        if api is None or api.binding != 1 or api.bound_table != address.table.name:
            raise errors.unknown_segment(tail[0])
        return self._invoke(exchange, api, Reference(address.table.name, row_id), tail[0])

    def _invoke(self, exchange: Exchange, api: CustomApi, target: Reference | None, segment: str) -> Response:
        if api.is_function:
            exchange.require_method("GET")
            _, parameters = functions.read_call(segment, exchange.options)
        else:
            exchange.require_method("POST")
            parameters = exchange.body() if exchange.request.body.strip() else {}
        result = self._custom_apis.invoke(exchange.actor, api, target, parameters)
        if result is None:
            return exchange.no_content()
        context = f"{exchange.root}$metadata#{NAMESPACE}{api.name}Response"
        return exchange.json({"@odata.context": context, **result})


class Written:
    """The answer to a write: nothing, or the row as it stood when the write was done."""

    def __init__(self, exchange: Exchange, table: Table) -> None:
        self._exchange = exchange
        self._table = table
        self._representation: dict[str, Any] | None = None

    def read(self, row_id: UUID) -> None:
        if self._exchange.preferences.representation:
            self._representation = self._exchange.reader.one(self._table, row_id, self._exchange.query)

    def answer(self, status: int, headers: dict[str, str]) -> Response:
        """`status` is that of an answer with a body; `headers` are those of one without."""
        if self._representation is None:
            return self._exchange.no_content(headers)
        kept = {"location": headers["location"]} if "location" in headers else {}
        if "@odata.etag" in self._representation:
            kept["etag"] = self._representation["@odata.etag"]
        return self._exchange.json(self._representation, status, kept)


def _found(store: Store, address: RowAddress) -> UUID:
    row_id = address.find(store)
    if row_id is None:
        raise address.missing()
    return row_id


def _check_length(request: Request) -> None:
    if len(request.path) + len(request.query) > LONGEST_ADDRESS:
        raise errors.ApiError(414, "0x8006088A", f"The address is longer than {LONGEST_ADDRESS} characters.")


def _segments(path: str) -> list[str]:
    """Decoded path segments under the root; slashes in quotes belong to a key's value."""
    if not path.startswith(SERVICE_PATH.rstrip("/")):
        raise errors.unknown_segment(path)
    parts = re.findall(r"(?:'(?:[^']|'')*'|[^/'])+", path.removeprefix(SERVICE_PATH.rstrip("/")))
    return [unquote(part) for part in parts]
