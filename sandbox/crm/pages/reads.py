"""Reads rows for a page through the Web API itself, as the signed-in user: a page never shows more than an API call would."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from uuid import UUID
from xml.etree.ElementTree import Element, SubElement, tostring

from sandbox.crm import payload
from sandbox.crm.identity import Actor
from sandbox.crm.schema import Table
from sandbox.crm.webapi import WebApi
from sandbox.wire import Request

ApiRow = dict[str, Any]
"""A row as the Web API writes it, with its annotations."""


class RefusedError(Exception):
    """The Web API would not give what the page needs."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Sheet:
    """One page of a list's rows."""

    rows: list[ApiRow]
    more: bool


@dataclass(frozen=True)
class Condition:
    attribute: str
    operator: str
    value: str


class Reads:
    """The rows that one user may see."""

    def __init__(self, web_api: WebApi, actor: Actor, origin: str) -> None:
        self._web_api = web_api
        self._actor = actor
        self._origin = origin

    def row(self, table: Table, row_id: UUID) -> ApiRow:
        return self._get(f"{table.entity_set}({row_id})")

    def sheet(
        self,
        table: Table,
        fetch: Element,
        *,
        page: int = 1,
        size: int = 50,
        order: tuple[str, bool] | None = None,
        conditions: Sequence[Condition] = (),
        any_of: Sequence[Condition] = (),
    ) -> Sheet:
        """Rows of a view's fetch, narrowed by all `conditions` and one of `any_of`; `order` replaces the view's own."""
        query = deepcopy(fetch)
        query.attrib |= {"count": str(size), "page": str(page)}
        entity = query.find("entity")
        if entity is None:
            raise RefusedError(400, f"A view of {table.plural} asks for no table.")
        if order:
            for own in entity.findall("order"):
                entity.remove(own)
            SubElement(
                entity, "order", {"attribute": order[0], "descending": "true" if order[1] else "false"}
            )
        for kind, terms in (("and", conditions), ("or", any_of)):
            if terms:
                group = SubElement(entity, "filter", {"type": kind})
                for term in terms:
                    SubElement(
                        group,
                        "condition",
                        {"attribute": term.attribute, "operator": term.operator, "value": term.value},
                    )
        answer = self._get(table.entity_set, f"fetchXml={quote(tostring(query, encoding='unicode'))}")
        more = bool(
            answer.get("@Microsoft.Dynamics.CRM.morerecords")
            or answer.get("@odata.nextLink")
            or answer.get("@Microsoft.Dynamics.CRM.fetchxmlpagingcookie")
        )
        return Sheet(answer["value"], more)

    def _get(self, path: str, query: str = "") -> ApiRow:
        request = Request(
            "GET",
            f"{self._web_api.root}{path}",
            query,
            {"accept": "application/json", "prefer": 'odata.include-annotations="*"'},
            origin=self._origin,
        )
        response = self._web_api.handle(request, self._actor)
        content = payload.loads(response.body) if response.body else {}
        if response.status != 200:
            raise RefusedError(response.status, content.get("error", {}).get("message", "No answer."))
        return dict(content)
