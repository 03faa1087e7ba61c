"""The pages of the local CRM for people: a model-driven app made from the solution's own site map, views, forms and ribbon."""

import json
from collections.abc import Callable, Iterable
from html import escape
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qsl, quote, unquote
from uuid import UUID

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from sandbox.crm.errors import ApiError
from sandbox.crm.identity import Actor
from sandbox.crm.mail import content
from sandbox.crm.pages import clientcontext, shown
from sandbox.crm.pages.assets import Assets
from sandbox.crm.pages.clientcontext import ClientContext
from sandbox.crm.pages.commandbar import CommandBars
from sandbox.crm.pages.forms import CREATE, Forms
from sandbox.crm.pages.navigation import Navigation
from sandbox.crm.pages.reads import Reads, RefusedError
from sandbox.crm.pages.views import Grid, Place, Views, Wish
from sandbox.crm.schema import Schema, Table
from sandbox.crm.security import Security, privilege_name
from sandbox.crm.signin import SignIn
from sandbox.crm.store import Store
from sandbox.crm.webapi import WebApi
from sandbox.wire import Request, Response

SIGN_IN = "/sandbox/signin"
_STATIC = "/pages/static/"
_WEB_RESOURCES = "/WebResources/"
_ICON = "cfl_/img/counterfoil.svg"

# What Dataverse's strict policy for model-driven apps comes down to on one machine.
POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; "
    "base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)


class Crm(Protocol):
    """What the pages need of the CRM they belong to."""

    @property
    def schema(self) -> Schema: ...
    @property
    def store(self) -> Store: ...
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
        self._schema = crm.schema
        self._security = crm.security
        self._assets = Assets(crm.schema)
        self._views = Views(crm.schema)
        self._forms = Forms(crm.schema, crm.store, crm.security, self._views)
        self._navigation = Navigation(crm.schema, crm.security)
        self._command_bars = CommandBars(crm.schema, crm.security)
        self._client_context = ClientContext(
            crm.schema, crm.store, crm.security, self._assets.script("globalcontext.js")
        )
        self._templates = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=select_autoescape(),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters["for_script"] = _for_script_element

    def handle(self, request: Request, actor: Actor | None) -> Response:
        """`actor` is who the cookie names, None for a visitor: who gets the page to choose a user."""
        response = self._answer(request, actor)
        response.headers.setdefault("content-security-policy", POLICY)
        response.headers.setdefault("x-content-type-options", "nosniff")
        response.headers.setdefault("referrer-policy", "same-origin")
        if request.method == "HEAD":
            response.body = b""
        return response

    def _answer(self, request: Request, actor: Actor | None) -> Response:
        if request.method not in {"GET", "HEAD"}:
            return Response(405, {"allow": "GET, HEAD"})
        path = unquote(request.path)
        if path.startswith(_STATIC):
            return self._assets.static(path.removeprefix(_STATIC), request) or Response(404)
        if path == "/favicon.ico":
            return self._assets.web_resource(_ICON, request) or Response(404)
        if actor is None:
            onward = quote(f"{request.path}?{request.query}" if request.query else request.path)
            return Response(302, {"location": f"{SIGN_IN}?next={onward}", "cache-control": "no-store"})
        if path.rsplit("/", 1)[-1] == clientcontext.NAME:
            script = self._client_context.javascript(actor).encode()
            return Response(
                200, {"content-type": "text/javascript; charset=utf-8", "cache-control": "no-store"}, script
            )
        if path.startswith(_WEB_RESOURCES):
            return self._assets.web_resource(path.removeprefix(_WEB_RESOURCES), request) or Response(404)
        if path == "/":
            return Response(302, {"location": "/main.aspx", "cache-control": "no-store"})
        if path == "/main.aspx":
            return self._main(request, actor)
        if path == shown.FILE_PATH:
            return self._file(request, actor)
        return self._message(request, actor, 404, "There is no such page.")

    def _main(self, request: Request, actor: Actor) -> Response:
        query = dict(parse_qsl(request.query))
        kinds: dict[str, Callable[[Request, Actor, dict[str, str], Table], Response]] = {
            "entitylist": self._list,
            "entityrecord": self._record,
            "grid": self._grid,
        }
        kind = kinds.get(query.get("pagetype", ""))
        if kind is None:
            start = self._navigation.start(actor)
            if start:
                return Response(302, {"location": start, "cache-control": "no-store"})
            return self._message(request, actor, 403, "Your security roles show nothing of this app.")
        table = self._schema.tables.get(query.get("etn", "").lower())
        if table is None:
            return self._message(request, actor, 404, f"There is no table {query.get('etn', '')!r}.")
        try:
            return kind(request, actor, query, table)
        except (ApiError, RefusedError) as error:
            if kind == self._grid:
                return _html(escape(str(error)), error.status)
            return self._message(request, actor, error.status, str(error))

    def _list(self, request: Request, actor: Actor, query: dict[str, str], table: Table) -> Response:
        wish = Wish.of(query)
        view = self._views.chosen(table, wish.view)
        grid = self._views.grid(self._reads(request, actor), table, view, wish)
        return self._page(
            request,
            actor,
            "list.html",
            table,
            title=view.name,
            grid=grid,
            view=view,
            wish=wish,
            views=[
                (each, shown.list_address(table.name, viewid=str(each.id)))
                for each in self._views.offered(table)
            ],
            data=self._script_data(table, actor, [grid]) | {"page": "list"},
        )

    def _grid(self, request: Request, actor: Actor, query: dict[str, str], table: Table) -> Response:
        """One grid alone, for the script that renews it on its page."""
        wish = Wish.of(query)
        view = self._views.chosen(table, wish.view)
        place = Place.of(self._schema, table, query)
        grid = self._views.grid(self._reads(request, actor), table, view, wish, place)
        return _html(self._templates.get_template("gridbody.html").render(grid=grid))

    def _record(self, request: Request, actor: Actor, query: dict[str, str], table: Table) -> Response:
        reads = self._reads(request, actor)
        if query.get("id"):
            row_id = _guid(query["id"])
            if row_id is None:
                return self._message(request, actor, 404, "That is not the id of a record.")
            page = self._forms.open(table, row_id, actor, reads, query.get("related", ""))
        else:
            parent = _guid(query.get("parentid", ""))
            page = self._forms.new(table, actor, reads, query.get("relationship", ""), parent)
        data = self._script_data(table, actor, page.grids) | {
            "page": "form",
            "id": str(page.row_id) if page.row_id else "",
            "name": page.title if page.row_id else "",
            "formType": page.form_type,
            "formName": page.form_name,
            "columns": page.columns,
        }
        return self._page(
            request,
            actor,
            "form.html",
            table,
            title=page.title,
            record=page,
            may_save=page.form_type <= CREATE + 1,
            data=data,
        )

    def _file(self, request: Request, actor: Actor) -> Response:
        """The file in an attachment or a note, for who may read that."""
        query = dict(parse_qsl(request.query))
        tables = {number: name for name, number in shown.FILE_TYPES.items()}
        name, row_id = tables.get(query.get("AttachmentType", "")), _guid(query.get("AttachmentId", ""))
        if name is None or row_id is None:
            return self._message(request, actor, 404, "There is no such file.")
        try:
            row = self._reads(request, actor).row(self._schema.table(name), row_id)
        except (ApiError, RefusedError) as error:
            return self._message(request, actor, error.status, str(error))
        headers = {
            "content-type": str(row.get("mimetype") or "application/octet-stream"),
            "content-disposition": f"attachment; filename*=UTF-8''{quote(str(row.get('filename') or 'file'), safe='')}",
            "cache-control": "no-store",
        }
        return Response(200, headers, content(name, row))

    def _script_data(self, table: Table, actor: Actor, grids: Iterable[Grid]) -> dict[str, Any]:
        return {
            "table": table.name,
            "typeCode": table.object_type_code,
            "set": table.entity_set,
            "sets": {each.name: each.entity_set for each in self._schema},
            "texts": self._assets.texts(),
            **self._command_bars.of([table, *(grid.table for grid in grids)], actor),
        }

    def _reads(self, request: Request, actor: Actor) -> Reads:
        return Reads(self._crm.web_api, actor, request.origin)

    def _message(self, request: Request, actor: Actor, status: int, text: str) -> Response:
        page = self._page(
            request, actor, "message.html", None, title="Counterfoil", text=text, data={"page": "message"}
        )
        page.status = status
        return page

    def _page(
        self,
        request: Request,
        actor: Actor,
        template: str,
        table: Table | None,
        *,
        data: dict[str, Any],
        **values: Any,
    ) -> Response:
        html = self._templates.get_template(template).render(
            app=self._navigation.app_name,
            areas=self._navigation.areas(actor, table.name if table else ""),
            actor=actor,
            people=self._crm.sign_in.people(),
            here=f"{request.path}?{request.query}" if request.query else request.path,
            table=table,
            list_address=shown.list_address,
            new_address=shown.new_address(table.name) if table else "",
            may_create=table is not None
            and self._security.has_privilege(actor, privilege_name("Create", table)),
            page_data=_for_script_element(data),
            **values,
        )
        return _html(html)


def _html(text: str, status: int = 200) -> Response:
    return Response(
        status, {"content-type": "text/html; charset=utf-8", "cache-control": "no-store"}, text.encode()
    )


def _guid(text: str) -> UUID | None:
    try:
        return UUID(text.strip("{}"))
    except ValueError:
        return None


def _for_script_element(data: dict[str, Any]) -> str:
    """JSON that cannot end the element it stands in."""
    return (
        json.dumps(data, default=str).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    )
