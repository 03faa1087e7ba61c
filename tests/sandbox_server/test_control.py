"""The control surface: one clock for both stand-ins, the log of calls, reset, sign-in, import, and clear refusals."""

from datetime import UTC, datetime

import pytest
import requests

from sandbox.calls import Call, Calls
from sandbox.crm.crm import ORGANIZATION
from sandbox.demo.story import row_id
from sandbox.world import STRIPE_API_KEY, World
from tests.in_process import as_service


def all_rows(world: World) -> dict[str, list[object]]:
    return {table.name: [*world.crm.store.select(table)] for table in world.crm.schema}


def test_one_clock_serves_both_stand_ins(world: World, web: requests.Session) -> None:
    crm, stripe = f"{world.addresses.crm}/sandbox/clock", f"{world.addresses.stripe}/sandbox/clock"
    before = datetime.fromisoformat(web.get(crm).json()["now"])

    web.post(stripe, json={"advance_seconds": 86_400.5})
    moved = datetime.fromisoformat(web.get(crm).json()["now"])
    web.post(crm, json={"now": "2031-05-06T07:08:09Z"})

    assert 86_400 <= (moved - before).total_seconds() < 86_410
    assert web.get(stripe).json()["now"].startswith("2031-05-06T07:08:09")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"advance_seconds": "1"},
        {"advance_seconds": True},
        {"now": "tomorrow"},
        {"now": "2031-05-06"},
        {"later": 1},
    ],
)
def test_a_clock_that_cannot_be_moved_so_says_how_it_can(
    world: World, web: requests.Session, body: dict[str, object]
) -> None:
    answer = web.post(f"{world.addresses.crm}/sandbox/clock", json=body)

    assert answer.status_code == 400
    assert "2026-11-22T08:00:00Z" in answer.json()["error"]


@pytest.mark.parametrize(
    "body",
    [
        {"advance_seconds": 1e30},
        {"advance_seconds": -1e11},
        {"now": "9999-12-31T23:59:59Z"},
        {"now": "0001-01-01T00:00:00+14:00"},
    ],
)
def test_the_clock_does_not_leave_the_calendar(
    world: World, web: requests.Session, body: dict[str, object]
) -> None:
    answer = web.post(f"{world.addresses.crm}/sandbox/clock", json=body)

    assert answer.status_code == 400
    assert web.get(f"{world.addresses.crm}/sandbox/clock").status_code == 200


def test_calls_are_counted_on_from_where_one_stopped(world: World, web: requests.Session) -> None:
    calls = f"{world.addresses.stripe}/sandbox/calls"
    web.get(
        f"{world.addresses.stripe}/v1/events?limit=1", headers={"Authorization": f"Bearer {STRIPE_API_KEY}"}
    )
    first = web.get(calls).json()
    web.get(f"{world.addresses.stripe}/v1/nothing")

    later = web.get(calls, params={"since": first["next"]}).json()

    [call] = first["calls"]
    assert (call["n"], call["method"], call["path"], call["status"]) == (0, "GET", "/v1/events?limit=1", 200)
    assert [each["path"] for each in later["calls"]] == ["/v1/nothing"]
    assert later["next"] == 2


def test_a_batch_is_one_call_with_its_parts(world: World) -> None:
    body = (
        "--b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
        "GET /api/data/v9.2/accounts?$top=1 HTTP/1.1\r\n\r\n\r\n"
        "--b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
        "GET /api/data/v9.2/unicorns HTTP/1.1\r\n\r\n\r\n--b--\r\n"
    )
    with as_service(world) as service:
        service.post(
            f"{world.addresses.crm_tls}/api/data/v9.2/$batch",
            data=body,
            headers={"Content-Type": "multipart/mixed; boundary=b", "Prefer": "odata.continue-on-error"},
        )
        [call] = service.get(f"{world.addresses.crm}/sandbox/calls").json()["calls"]

    assert (call["path"], call["status"], call["user"]) == ("/api/data/v9.2/$batch", 200, "service")
    assert call["parts"] == [
        {"method": "GET", "path": "/api/data/v9.2/accounts?$top=1", "status": 200},
        {"method": "GET", "path": "/api/data/v9.2/unicorns", "status": 404},
    ]


def test_calls_since_something_else_than_a_number_are_refused(world: World, web: requests.Session) -> None:
    assert web.get(f"{world.addresses.crm}/sandbox/calls?since=yesterday").status_code == 400


def test_the_log_keeps_the_latest_calls_and_their_numbers() -> None:
    calls = Calls(most=3)
    for number in range(8):
        calls.record(Call(datetime(2026, 11, 22, 8, tzinfo=UTC), "GET", f"/{number}", 200, 1.0))

    kept = calls.since(0)

    assert [(call["n"], call["path"]) for call in kept["calls"]] == [(n, f"/{n}") for n in (3, 4, 5, 6, 7)]
    assert kept["next"] == 8


def test_reset_tells_the_story_anew_and_clears_clock_faults_and_calls(
    world: World, web: requests.Session
) -> None:
    crm, stripe = world.addresses.crm, world.addresses.stripe
    before = all_rows(world)
    web.post(f"{stripe}/sandbox/clock", json={"advance_seconds": 10**7})
    web.post(f"{crm}/sandbox/import", json={"accounts": [{"name": "Nobody"}]})
    web.post(f"{stripe}/v1/customers", headers={"Authorization": f"Bearer {STRIPE_API_KEY}"})
    web.post(f"{crm}/sandbox/faults", json={"rules": [{"do": "drop_before"}]})

    web.post(f"{stripe}/sandbox/reset")

    assert all_rows(world) == before
    assert web.get(f"{crm}/sandbox/faults").json() == {"rules": []}
    assert web.get(f"{stripe}/sandbox/calls").json()["calls"] == []
    now = datetime.fromisoformat(web.get(f"{crm}/sandbox/clock").json()["now"])
    assert abs((world.clock.now() - now).total_seconds()) < 5


def test_the_environment_says_what_another_client_needs(world: World, web: requests.Session) -> None:
    environment = web.get(f"{world.addresses.stripe}/sandbox/environment").json()

    assert environment["organization_id"] == str(ORGANIZATION.id)
    assert environment["authority"] == f"{environment['tls_url']}/{environment['tenant']}"
    assert {"web_api", "client_id", "client_secret", "ca_bundle", "stripe", "addon"} <= set(environment)


def test_a_person_signs_in_by_name_and_is_known_from_then_on(world: World, web: requests.Session) -> None:
    answer = web.post(f"{world.addresses.crm}/sandbox/signin", json={"user": "biller"})

    assert answer.json()["user_id"] == str(row_id("systemuser", "biller"))
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    web.get(f"{world.addresses.crm}/api/data/v9.2/WhoAmI")
    [call] = web.get(f"{world.addresses.crm}/sandbox/calls").json()["calls"]
    assert call["user"] == "biller"


def test_the_page_to_choose_a_person_leads_on_to_where_one_wanted_to_go(
    world: World, web: requests.Session
) -> None:
    signin = f"{world.addresses.crm}/sandbox/signin"
    page = web.get(signin, params={"next": "/main.aspx?etn=invoice"})

    assert "Bea Larsson" in page.text
    assert "Counterfoil Biller" in page.text
    assert "Counterfoil Service" not in page.text  # an application has no face
    chosen = web.post(
        f"{signin}?next=%2Fmain.aspx%3Fetn%3Dinvoice", data={"user": "reader"}, allow_redirects=False
    )
    assert (chosen.status_code, chosen.headers["Location"]) == (303, "/main.aspx?etn=invoice")


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/", "/\\evil.example", ""])
def test_signing_in_never_leads_away_from_this_server(
    world: World, web: requests.Session, elsewhere: str
) -> None:
    chosen = web.post(
        f"{world.addresses.crm}/sandbox/signin",
        params={"next": elsewhere},
        data={"user": "reader"},
        allow_redirects=False,
    )

    assert chosen.headers["Location"] == "/"


def test_where_one_wanted_to_go_cannot_break_out_of_its_header(world: World, web: requests.Session) -> None:
    chosen = web.post(
        f"{world.addresses.crm}/sandbox/signin",
        params={"next": "/\r\nSet-Cookie: a=b/ü"},
        data={"user": "reader"},
        allow_redirects=False,
    )

    assert chosen.headers["Location"] == "/%0D%0ASet-Cookie:%20a=b/%C3%BC"


def test_who_was_disabled_cannot_sign_in(world: World, web: requests.Session) -> None:
    user = world.crm.schema.table("systemuser")
    world.crm.store.update(user, row_id("systemuser", "reader"), {"isdisabled": True})

    answer = web.post(f"{world.addresses.crm}/sandbox/signin", json={"user": "reader"})

    assert answer.status_code == 400
    assert "reader" not in web.get(f"{world.addresses.crm}/sandbox/signin").text


@pytest.mark.parametrize("body", [{"user": "nobody"}, {"user": "service"}, {"user": 3}, {}])
def test_nobody_else_can_sign_in(world: World, web: requests.Session, body: dict[str, object]) -> None:
    answer = web.post(f"{world.addresses.crm}/sandbox/signin", json=body)

    assert answer.status_code == 400
    assert "biller" in answer.json()["error"]
    assert "Set-Cookie" not in answer.headers


def test_anyones_rows_can_be_imported_in_web_api_shape(world: World, web: requests.Session) -> None:
    answer = web.post(
        f"{world.addresses.crm}/sandbox/import",
        json={
            "accounts": [{"accountid": "c0ffee00-0000-4000-8000-000000000001", "name": "Brought along"}],
            "invoices": [
                {
                    "invoicenumber": "IMPORTED-1",
                    "name": "From elsewhere",
                    "customerid_account@odata.bind": "/accounts(c0ffee00-0000-4000-8000-000000000001)",
                    "transactioncurrencyid@odata.bind": "transactioncurrencies(isocurrencycode='EUR')",
                    "totalamount": 46.23,
                    "statuscode": 4,
                    "@odata.etag": 'W/"1"',
                },
                {
                    "invoicenumber": "IMPORTED-2",
                    "name": "Read elsewhere",
                    "_customerid_value": "c0ffee00-0000-4000-8000-000000000001",
                    "_customerid_value@Microsoft.Dynamics.CRM.lookuplogicalname": "account",
                    "_transactioncurrencyid_value": str(row_id("transactioncurrency", "EUR")),
                },
            ],
        },
    )

    assert answer.json() == {"imported": {"accounts": 1, "invoices": 2}}
    table = world.crm.schema.table("invoice")
    [one] = world.crm.store.select(table, {"invoicenumber": "IMPORTED-1"})
    assert (str(one["totalamount"]), str(one["totalamount_base"])) == ("46.2300", "50.2500")
    assert (one["statecode"], one["customeridtype"]) == (0, "account")


@pytest.mark.parametrize(
    ("tables", "complaint"),
    [
        ([], "The body is a JSON object."),
        ({"accounts": {}}, "'accounts' is a list of rows."),
        ({"accounts": [1]}, "'accounts' is a list of rows."),
        ({"unicorns": [{}]}, "There is no table 'unicorns'."),
        ({"accounts": [{"name": "A"}, {"horn": 1}]}, "accounts[1]: account has no column 'horn'."),
        ({"accounts": [{"name": 3}]}, "accounts[0]: Cannot convert the value 3 of 'name'"),
        ({"accounts": [{"nobody@odata.bind": "/x(1)"}]}, "no navigation property 'nobody'"),
        ({"accounts": [{"primarycontactid@odata.bind": "somebody"}]}, "does not name a row"),
        (
            {"accounts": [{"primarycontactid@odata.bind": "/contacts(lastname='Nemo')"}]},
            "names 0 rows of contact",
        ),
        ({"invoices": [{"name": "A", "statecode": 2, "statuscode": 1}]}, "does not belong to state 2"),
    ],
)
def test_what_does_not_fit_is_refused_by_name_and_nothing_is_imported(
    world: World, web: requests.Session, tables: object, complaint: str
) -> None:
    before = world.crm.store.sql("SELECT count(*) FROM account")

    answer = web.post(f"{world.addresses.crm}/sandbox/import", json=tables)

    assert answer.status_code == 400
    assert complaint in answer.json()["error"]
    assert world.crm.store.sql("SELECT count(*) FROM account") == before


@pytest.mark.parametrize("name", ["clock", "faults", "import", "signin"])
def test_a_body_that_is_not_json_is_refused(world: World, web: requests.Session, name: str) -> None:
    answer = web.post(f"{world.addresses.crm}/sandbox/{name}", data=b"\xff{")

    assert answer.status_code == 400
    assert "not JSON" in answer.json()["error"]


def test_unknown_controls_and_methods_are_named(world: World, web: requests.Session) -> None:
    unknown = web.get(f"{world.addresses.crm}/sandbox/turbo")
    wrong = web.get(f"{world.addresses.crm}/sandbox/reset")

    assert (unknown.status_code, wrong.status_code) == (404, 405)
    assert "signin" in unknown.json()["error"]
    assert wrong.headers["Allow"] == "POST"
    assert unknown.headers["Server"] == "Counterfoil-Sandbox"
