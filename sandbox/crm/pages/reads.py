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

_MOST_NAMED = 500

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
    total: int
    """Of all pages, as far as the platform counts."""
    uncounted: bool
    """Whether there are even more."""


@dataclass(frozen=True)
class Condition:
    attribute: str
    """A column of the table, or `alias.column` of one that the query links to."""
    operator: str
    values: tuple[str, ...] = ()


class Reads:
    """The rows that one user may see."""

    def __init__(self, web_api: WebApi, actor: Actor, origin: str) -> None:
        self._web_api = web_api
        self._actor = actor
        self._origin = origin

    def row(self, table: Table, row_id: UUID) -> ApiRow:
        return self._get(f"{table.entity_set}({row_id})")

    def sheet(self, table: Table, query: Element, *, page: int = 1, size: int = 50) -> Sheet:
        paged = deepcopy(query)
        paged.attrib |= {"count": str(size), "page": str(page), "returntotalrecordcount": "true"}
        answer = self._get(table.entity_set, f"fetchXml={quote(tostring(paged, encoding='unicode'))}")
        return Sheet(
            answer["value"],
            bool(answer.get("@Microsoft.Dynamics.CRM.morerecords")),
            int(answer.get("@Microsoft.Dynamics.CRM.totalrecordcount", -1)),
            bool(answer.get("@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded")),
        )

    def named(self, table: Table, text: str) -> list[str]:
        """Ids of the rows with that text in their name, as many as a condition takes; none for who may read none."""
        fetch = Element("fetch", {"top": str(_MOST_NAMED)})
        entity = SubElement(fetch, "entity", {"name": table.name})
        SubElement(entity, "attribute", {"name": table.primary_key})
        query = narrowed(fetch, conditions=[Condition(table.primary_name, "like", (f"%{text}%",))])
        try:
            answer = self._get(table.entity_set, f"fetchXml={quote(tostring(query, encoding='unicode'))}")
        except RefusedError:
            return []
        return [str(row[table.primary_key]) for row in answer["value"]]

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


def narrowed(
    fetch: Element,
    *,
    order: tuple[str, bool] | None = None,
    conditions: Sequence[Condition] = (),
    any_of: Sequence[Condition] = (),
) -> Element:
    """A view's fetch, narrowed by all `conditions` and one of `any_of`; `order` replaces the view's own."""
    query = deepcopy(fetch)
    entity = query.find("entity")
    if entity is None:
        raise RefusedError(400, "A view asks for no table.")
    if order:
        for own in entity.findall("order"):
            entity.remove(own)
        SubElement(entity, "order", {"attribute": order[0], "descending": "true" if order[1] else "false"})
    for kind, terms in (("and", conditions), ("or", any_of)):
        if terms:
            group = SubElement(entity, "filter", {"type": kind})
            for term in terms:
                _add(group, term)
    return query


def _add(group: Element, term: Condition) -> None:
    alias, _, attribute = term.attribute.rpartition(".")
    condition = SubElement(group, "condition", {"attribute": attribute, "operator": term.operator})
    if alias:
        condition.set("entityname", alias)
    if len(term.values) == 1 and term.operator != "in":
        condition.set("value", term.values[0])
        return
    for value in term.values:
        SubElement(condition, "value").text = value
