"""The pages of the local CRM for people: a model-driven app made from the solution's own site map, views, forms and ribbon."""

from typing import Protocol

from sandbox.crm.identity import Actor
from sandbox.crm.schema import Schema
from sandbox.crm.security import Security
from sandbox.crm.signin import SignIn
from sandbox.crm.webapi import WebApi
from sandbox.wire import Request, Response


class Crm(Protocol):
    """What the pages need of the CRM they belong to."""

    @property
    def schema(self) -> Schema: ...
    @property
    def web_api(self) -> WebApi: ...
    @property
    def security(self) -> Security: ...
    @property
    def sign_in(self) -> SignIn: ...


class Pages:
    """Answers every path that is neither the Web API, nor `/sandbox/`, nor the token endpoint: pages, web resources, assets."""

    def __init__(self, crm: Crm) -> None:
        self._crm = crm

    def handle(self, request: Request, actor: Actor | None) -> Response:
        """`actor` is who the cookie names, None for a visitor: who gets the page to choose a user."""
        return Response(404)
