"""What is the same for every page: signing in, the content policy, assets, the client context."""

import re

import pytest

from sandbox.wire import Request
from sandbox.world import World
from tests.pages.conftest import Browse, Visitor, invoice


def test_a_stranger_is_asked_who_they_are_and_brought_back(world: World) -> None:
    answer = Visitor(world).get("/main.aspx?pagetype=entitylist&etn=invoice")

    assert answer.status == 302
    assert (
        answer.headers["location"]
        == "/sandbox/signin?next=/main.aspx%3Fpagetype%3Dentitylist%26etn%3Dinvoice"
    )


def test_signing_in_as_somebody_else_stays_on_the_page(world: World, browse: Browse) -> None:
    page = browse(world, "biller").open_invoice("INV-1001")

    page.locator("summary").filter(has_text="Bea Larsson").click()
    page.get_by_role("button", name=re.compile("Counterfoil Reader")).click()
    page.wait_for_selector("body[data-ready]")

    assert page.locator("#header_invoicenumber").inner_text() == "INV-1001"
    assert page.locator("summary").filter(has_text="Bea Larsson").count() == 0


def test_every_page_says_that_it_is_a_sandbox(biller: Visitor) -> None:
    assert "Sandbox: no real CRM, no real money" in biller.list("invoice")
    assert biller.get("/nowhere").status == 404


def test_the_strict_policy_holds_for_pages_and_web_resources(biller: Visitor) -> None:
    paths = [
        "/main.aspx?pagetype=entitylist&etn=invoice",
        "/WebResources/cfl_/charge.html",
        "/pages/static/app.css",
        "/nowhere",
    ]

    policies = [biller.get(path).headers["content-security-policy"] for path in paths]

    assert all("default-src 'self';" in policy and "'unsafe-eval'" not in policy for policy in policies)
    assert all("script-src" not in policy for policy in policies)


def test_no_page_has_an_inline_script_or_handler(biller: Visitor) -> None:
    world = biller.world
    for page in (biller.list("invoice"), biller.record("invoice", invoice(world, "INV-1002"))):
        scripts = re.findall(r"<script([^>]*)>", page)
        assert all("src=" in script or 'type="application/json"' in script for script in scripts)
        assert not re.search(r"<[^>]*\son\w+=", page)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/WebResources/cfl_/invoice.js", "text/javascript"),
        ("/WebResources/cfl_/charge.html", "text/html"),
        ("/WebResources/cfl_/img/charge.svg", "image/svg+xml"),
        ("/WebResources/ClientGlobalContext.js.aspx", "text/javascript"),
        ("/ClientGlobalContext.js.aspx", "text/javascript"),
        ("/pages/static/xrm.js", "text/javascript"),
        ("/favicon.ico", "image/svg+xml"),
    ],
)
def test_files_are_served_with_their_type(biller: Visitor, path: str, kind: str) -> None:
    answer = biller.get(path)

    assert answer.status == 200
    assert answer.headers["content-type"].startswith(kind)


def test_an_unchanged_file_is_not_sent_again(biller: Visitor) -> None:
    first = biller.get("/WebResources/cfl_/invoice.js")

    again = biller.get("/WebResources/cfl_/invoice.js", **{"if-none-match": first.headers["etag"]})

    assert (again.status, again.body) == (304, b"")


def test_nothing_outside_the_solution_is_served(biller: Visitor) -> None:
    for path in (
        "/WebResources/../../secrets",
        "/pages/static/..%2fpages.py",
        "/WebResources/cfl_/missing.js",
    ):
        assert biller.get(path).status == 404


def test_pages_are_only_read(biller: Visitor) -> None:
    request = Request("POST", "/main.aspx", "", {"cookie": biller.cookie}, b"")

    assert biller.world.crm_front.handle(request).status == 405


def test_the_client_context_knows_the_user(world: World, browse: Browse) -> None:
    page = browse(world, "biller").open("/main.aspx?pagetype=entitylist&etn=invoice")

    seen = page.evaluate(
        """() => {
          const context = GetGlobalContext();
          const settings = context.userSettings;
          return [context.getClientUrl() === location.origin, settings.userName, settings.languageId, settings.isRTL,
            settings.roles.getAll().map((role) => role.name), context.client.isOffline()];
        }"""
    )

    assert seen == [True, "Bea Larsson", 1033, False, ["Basic User", "Counterfoil Biller"], False]


def test_the_sandbox_menu_moves_the_clock_and_tells_the_story_anew(world: World, browse: Browse) -> None:
    page = browse(world, "biller").open("/main.aspx?pagetype=entitylist&etn=account")
    before = world.clock.now()

    with page.expect_navigation():
        page.locator("summary").filter(has_text="Sandbox").click()
        page.get_by_role("button", name="Move the clock on by a day").click()
    assert (world.clock.now() - before).days == 1

    page.wait_for_selector("body[data-ready]")
    with page.expect_navigation():
        page.locator("summary").filter(has_text="Sandbox").click()
        page.get_by_role("button", name="Start again with the demo data").click()
    assert (world.clock.now() - before).days == 0
