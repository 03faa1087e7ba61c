"""One request to the Web API while it is answered: what was asked, by whom, and how answers are written."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from sandbox.crm import errors, payload
from sandbox.crm.bodies import SERVICE_PATH
from sandbox.crm.frames import QueryContext
from sandbox.crm.identity import Actor
from sandbox.crm.odata import Query, options, read_query
from sandbox.crm.preferences import Preferences, read_preferences
from sandbox.crm.reading import Reader
from sandbox.crm.rows import Condition, Rows
from sandbox.crm.security import Security
from sandbox.crm.store import Store
from sandbox.wire import Request, Response

JSON = "application/json; odata.metadata=minimal"


class Exchange:
    """A request with its parts read on demand, and the rooms an answer needs."""

    def __init__(self, request: Request, actor: Actor, store: Store, security: Security, rows: Rows) -> None:
        self.request = request
        self.actor = actor
        self.store = store
        self.security = security
        self.rows = rows
        self.root = request.origin + SERVICE_PATH
        """Absolute address of the service, ending in a slash."""

    @cached_property
    def options(self) -> dict[str, str]:
        return options(self.request.query)

    @cached_property
    def query(self) -> Query:
        return read_query(self.options)

    @cached_property
    def preferences(self) -> Preferences:
        return read_preferences(self.request.headers)

    @cached_property
    def context(self) -> QueryContext:
        return QueryContext(self.store, self.security, self.actor)

    @cached_property
    def reader(self) -> Reader:
        return Reader(self.context, self.root, self.preferences)

    @property
    def address(self) -> str:
        """The absolute address that was asked for, as it came."""
        path = self.request.origin + self.request.path
        return f"{path}?{self.request.query}" if self.request.query else path

    @property
    def condition(self) -> Condition:
        return Condition(
            self.request.headers.get("if-match", ""), self.request.headers.get("if-none-match", "")
        )

    def body(self) -> dict[str, Any]:
        return payload.load_object(self.request.body)

    def require_method(self, *allowed: str) -> None:
        if self.request.method not in allowed:
            raise errors.method_not_allowed(self.request.method)

    def json(self, content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
        return Response(
            status,
            {"content-type": JSON, "odata-version": "4.0", **self.preferences.applied, **(headers or {})},
            payload.dumps(content),
        )

    def no_content(self, headers: Mapping[str, str] | None = None) -> Response:
        return Response(204, {"odata-version": "4.0", **(headers or {})})


def refusal(error: errors.ApiError) -> Response:
    """An error in the platform's envelope."""
    body = payload.dumps({"error": {"code": error.code, "message": error.message}})
    return Response(error.status, {"content-type": JSON, "odata-version": "4.0", **error.headers}, body)
