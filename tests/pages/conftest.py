"""A CRM with the demo's story, seen by its pages: as text in process, or in a browser."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from urllib.parse import urlencode
from uuid import UUID

import pytest
from playwright.sync_api import Page

from sandbox.crm import solution
from sandbox.crm.schema import Row
from sandbox.server import Servers, Site, listen
from sandbox.wire import Request, Response
from sandbox.world import World
from tests.browser.chromium import NewPage
from tests.conftest import Running

SOLUTION = Path(__file__).resolve().parents[2] / "deploy" / "solution"

CELL = r'<td(?! class="pick)[^>]*>(.*?)</td>'
"""What a row says; not the check box before it."""

Edit = Callable[..., None]


@dataclass(frozen=True)
class Visitor:
    """Somebody at the pages of one world, without a browser."""

    world: World
    cookie: str = ""

    def get(self, path: str, **headers: str) -> Response:
        address, _, query = path.partition("?")
        given = {"cookie": self.cookie} if self.cookie else {}
        return self.world.crm_front.handle(Request("GET", address, query, given | headers))

    def page(self, path: str) -> str:
        """The text of a page that is there."""
        response = self.get(path)
        assert response.status == 200, f"{path} answered {response.status}"
        return unescape(response.body.decode())

    def list(self, table: str, **more: str) -> str:
        return self.page("/main.aspx?" + urlencode({"pagetype": "entitylist", "etn": table, **more}))

    def record(self, table: str, row: Row, **more: str) -> str:
        return self.page(address(self.world, table, row, **more))


def visit(world: World, login: str) -> Visitor:
    _, cookie = world.crm.sign_in.open_session(login)
    return Visitor(world, cookie.split(";", 1)[0])


def invoice(world: World, number: str) -> Row:
    return one(world, "invoice", invoicenumber=number)


def one(world: World, table: str, **equal: str | int) -> Row:
    [row] = world.crm.store.select(world.crm.schema.table(table), equal)
    return row


def change(world: World, table: str, row: Row, **columns: int | str | None) -> None:
    """Writes columns of a row as nobody's doing."""
    of = world.crm.schema.table(table)
    world.crm.store.update(of, UUID(str(row[of.primary_key])), dict(columns))


def address(world: World, table: str, row: Row, **more: str) -> str:
    row_id = str(row[world.crm.schema.table(table).primary_key])
    return "/main.aspx?" + urlencode({"pagetype": "entityrecord", "etn": table, "id": row_id, **more})


def cells(page: str) -> list[list[str]]:
    """The rows of the first grid on a page, as texts."""
    body = page.split("<tbody>", 1)[1].split("</tbody>", 1)[0]
    return [
        [re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(CELL, row, re.DOTALL)]
        for row in re.findall(r"<tr\b[^>]*>(.*?)</tr>", body, re.DOTALL)
    ]


def save(page: Page) -> None:
    """Saves the form and waits until the server has it."""
    with page.expect_response(lambda response: response.request.method == "PATCH") as answer:
        page.get_by_role("button", name="Save", exact=True).click()
    assert answer.value.ok, answer.value.text()


@pytest.fixture
def world(servers: Running) -> World:
    """The world behind sockets that all tests share, told anew for each."""
    return servers.world


@pytest.fixture
def biller(world: World) -> Visitor:
    return visit(world, "biller")


@pytest.fixture
def manager(world: World) -> Visitor:
    return visit(world, "manager")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the solution to change."""
    return Path(shutil.copytree(SOLUTION, tmp_path / "solution"))


@pytest.fixture
def edit(folder: Path) -> Edit:
    """Replaces text in the one file of the copy that the pattern names; everywhere unless `count` says how often."""

    def replace(pattern: str, old: str, new: str, count: int = -1) -> None:
        [path] = folder.glob(pattern)
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{pattern} does not hold {old!r}"
        path.write_text(text.replace(old, new, count), encoding="utf-8")

    return replace


@pytest.fixture
def changed(folder: Path) -> Iterator[Callable[[], World]]:
    """A world made from the copy as it is by then."""
    with ExitStack() as made:

        def make() -> World:
            world = World(solution.load(folder))
            made.callback(world.stop)
            return world

        yield make


@dataclass(frozen=True)
class Browsing:
    """A browser at one world, signed in."""

    world: World
    page: Page
    origin: str

    def open(self, path: str) -> Page:
        self.page.goto(self.origin + path)
        self.page.wait_for_selector("body[data-ready]")
        return self.page

    def open_record(self, table: str, row: Row, **more: str) -> Page:
        return self.open(address(self.world, table, row, **more))

    def open_invoice(self, number: str) -> Page:
        return self.open_record("invoice", invoice(self.world, number))


Browse = Callable[..., Browsing]


@pytest.fixture
def browse(servers: Running, new_page: NewPage) -> Iterator[Browse]:
    """`browse(world, "biller", width=360)`: a browser in front of a world; one of the test's own gets a socket first."""
    with ExitStack() as own_servers:

        def origin_of(world: World) -> str:
            if world is servers.world:
                return world.addresses.crm
            listener = listen(0)
            own = Servers([Site(listener, world.crm_front.handle)])
            own.start()
            own_servers.callback(own.stop)
            return f"http://127.0.0.1:{listener.getsockname()[1]}"

        def start(world: World, login: str, width: int = 1280, height: int = 860) -> Browsing:
            origin = origin_of(world)
            page = new_page(width=width, height=height)
            name, value = visit(world, login).cookie.split("=", 1)
            page.context.add_cookies([{"name": name, "value": value, "url": origin}])
            return Browsing(world, page, origin)

        yield start
