"""Stripe's events, health and metrics over HTTP."""

import json

import pytest
import stripe

from plugins.ports import BooksUnreachable
from tests.connector.stripe.test_events import an_event
from tests.connector.web.door import Answered, Door, run
from tests.connector.web.scripted import SIGNING_SECRET, Line, ScriptedApp


def deliver(
    door: Door, app: ScriptedApp, body: str, secret: str = SIGNING_SECRET, seconds: int = 0
) -> Answered:
    signature = stripe.WebhookSignature.generate_signature_header(
        body, secret, int(app.now().timestamp()) + seconds
    )
    return door.post("/stripe", body.encode(), {"Stripe-Signature": signature})


class TestStripe:
    def test_an_event_is_heard(self, door: Door, app: ScriptedApp) -> None:
        answer = deliver(door, app, json.dumps(an_event()))
        assert (answer.status, answer.json) == (200, {"heard": "evt_1"})
        assert [event.payment_intent for event in app.heard] == ["pi_1"]

    @pytest.mark.parametrize(
        ("secret", "seconds", "code"),
        [
            ("whsec_theirs", 0, "signature_invalid"),
            (SIGNING_SECRET, -301, "event_expired"),
            (SIGNING_SECRET, 301, "event_from_the_future"),
        ],
    )
    def test_what_is_not_believed_is_not_heard(
        self, door: Door, app: ScriptedApp, secret: str, seconds: int, code: str
    ) -> None:
        answer = deliver(door, app, json.dumps(an_event()), secret, seconds)
        assert (answer.status, answer.code) == (400, code)
        assert app.heard == []

    def test_an_unsigned_event(self, door: Door, app: ScriptedApp) -> None:
        answer = door.post("/stripe", json.dumps(an_event()).encode())
        assert (answer.status, answer.code) == (400, "signature_missing")

    @pytest.mark.parametrize("body", ["[]", "null", "{}", "not JSON"])
    def test_what_is_signed_but_not_an_event(self, door: Door, app: ScriptedApp, body: str) -> None:
        answer = deliver(door, app, body)
        assert (answer.status, answer.code) == (400, "event_malformed")

    def test_a_body_beyond_all_events(self, door: Door, app: ScriptedApp) -> None:
        assert door.post("/stripe", b" " * (1024 * 1024 + 1), {"Stripe-Signature": "t=1,v1=a"}).status == 413

    def test_an_event_that_could_not_be_applied_is_sent_again_by_stripe(
        self, door: Door, app: ScriptedApp
    ) -> None:
        app.fails_with = BooksUnreachable("the CRM is down")
        answer = deliver(door, app, json.dumps(an_event()))
        assert (answer.status, answer.code) == (400, "event_not_applied")

    def test_so_is_one_over_which_we_stumbled(self, door: Door, app: ScriptedApp) -> None:
        app.fails_with = RuntimeError("no")
        assert deliver(door, app, json.dumps(an_event())).status == 500


class TestHealth:
    def test_all_is_well(self, door: Door, app: ScriptedApp) -> None:
        app.lines = [Line("crm", True, "answered 12 s ago"), Line("sweep", True, "ran 30 s ago")]
        answer = door.get("/health")
        assert (answer.status, answer.body) == (200, b"ok crm: answered 12 s ago\nok sweep: ran 30 s ago\n")

    def test_a_part_that_is_not_well(self, door: Door, app: ScriptedApp) -> None:
        app.lines = [Line("crm", False, "no answer"), Line("sweep", True, "ran 30 s ago")]
        answer = door.get("/health")
        assert (answer.status, answer.body) == (503, b"problem crm: no answer\nok sweep: ran 30 s ago\n")


@pytest.mark.parametrize(
    ("languages", "said"),
    [("en-US,en;q=0.9", "Thank you"), ("de-DE,de;q=0.9,en;q=0.8", "Vielen Dank"), ("", "Thank you")],
)
def test_a_customer_who_comes_back_from_the_payment_page_is_thanked(
    door: Door, languages: str, said: str
) -> None:
    answer = door.get("/thanks", {"accept-language": languages})
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert f"<h1>{said}</h1>" in answer.body.decode()
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_metrics_count_what_was_answered_turned_away_and_heard(door: Door, app: ScriptedApp) -> None:
    deliver(door, app, json.dumps(an_event()))
    deliver(door, app, "[]")
    answer = door.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=1.0.0")
    text = answer.body.decode()
    assert 'counterfoil_events_total{type="payment_intent.succeeded"} 1.0' in text
    assert 'counterfoil_requests_refused_total{code="event_malformed",path="/stripe"} 1.0' in text


def test_the_application_runs_as_long_as_the_server(door: Door, app: ScriptedApp) -> None:
    async def serve() -> None:
        async with door.web.router.lifespan_context(door.web):
            assert app.running

    run(serve())
    assert not app.running


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/redoc", "/"])
def test_nothing_else_is_offered(door: Door, path: str) -> None:
    assert door.get(path).status == 404
