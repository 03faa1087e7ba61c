"""Which events are believed."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import stripe

from connector.stripe import events
from connector.stripe.events import EventRefused, GatewayEvent

SECRET = "whsec_new"
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def an_event(**fields: Any) -> dict[str, Any]:
    return {
        "id": "evt_1",
        "object": "event",
        "type": "payment_intent.succeeded",
        "created": int(NOW.timestamp()) - 3600,
        "livemode": False,
        "data": {"object": {"id": "pi_1", "object": "payment_intent", "status": "succeeded"}},
        **fields,
    }


def signed(body: str, secret: str = SECRET, at: datetime = NOW) -> str:
    return str(stripe.WebhookSignature.generate_signature_header(body, secret, int(at.timestamp())))


def heard(body: str, signature: str | None, secrets: tuple[str, ...] = (SECRET,)) -> GatewayEvent:
    return events.verify(body.encode(), signature, secrets, NOW)


def refusal(body: str | bytes, signature: str | None) -> str:
    with pytest.raises(EventRefused) as refused:
        events.verify(body if isinstance(body, bytes) else body.encode(), signature, (SECRET,), NOW)
    return refused.value.code


def test_a_signed_event_says_what_it_is_about() -> None:
    body = json.dumps(an_event())
    assert heard(body, signed(body)) == GatewayEvent(
        id="evt_1",
        type="payment_intent.succeeded",
        object_id="pi_1",
        object_kind="payment_intent",
        live=False,
        created=NOW - timedelta(hours=1),
        payment_intent="pi_1",
    )


def test_an_event_about_a_charge_names_its_intent() -> None:
    charge = {"id": "ch_1", "object": "charge", "payment_intent": "pi_1"}
    body = json.dumps(an_event(type="charge.refunded", data={"object": charge}))
    event = heard(body, signed(body))
    assert (event.object_id, event.object_kind, event.payment_intent) == ("ch_1", "charge", "pi_1")


@pytest.mark.parametrize(
    ("metadata", "transaction"),
    [
        ({"counterfoil_transaction": "4711"}, "4711"),
        ({"counterfoil_transaction": 4711}, ""),
        ({"else": "4711"}, ""),
        (None, ""),
        ("4711", ""),
    ],
)
def test_an_event_about_a_refund_names_what_we_wrote_on_it(metadata: object, transaction: str) -> None:
    refund = {"id": "re_1", "object": "refund", "payment_intent": "pi_1", "metadata": metadata}
    body = json.dumps(an_event(type="refund.updated", data={"object": refund}))
    event = heard(body, signed(body))
    assert (event.object_id, event.object_kind, event.transaction) == ("re_1", "refund", transaction)


def test_an_event_about_a_hosted_page_names_what_it_is_for() -> None:
    page: dict[str, Any] = {
        "id": "cs_1",
        "object": "checkout.session",
        "payment_intent": None,
        "setup_intent": "seti_1",
    }
    page["metadata"] = {"counterfoil_profile": "4712"}
    body = json.dumps(an_event(type="checkout.session.completed", data={"object": page}))
    event = heard(body, signed(body))
    assert (event.object_id, event.object_kind, event.profile) == ("cs_1", "checkout.session", "4712")
    assert (event.payment_intent, event.transaction) == ("", "")


def test_an_event_about_a_page_that_takes_a_payment_names_its_intent_once_there_is_one() -> None:
    page: dict[str, Any] = {"id": "cs_1", "object": "checkout.session", "payment_intent": "pi_1"}
    page["metadata"] = {"counterfoil_transaction": "4711"}
    body = json.dumps(an_event(type="checkout.session.completed", data={"object": page}))
    event = heard(body, signed(body))
    assert (event.object_id, event.payment_intent, event.transaction) == ("cs_1", "pi_1", "4711")


def test_an_event_about_something_without_id_or_intent() -> None:
    body = json.dumps(an_event(type="balance.available", data={"object": {"object": "balance"}}))
    event = heard(body, signed(body))
    assert (event.object_id, event.payment_intent) == ("", "")


@pytest.mark.parametrize("secret", ["whsec_new", "whsec_old"])
def test_either_secret_counts_while_they_are_rotated(secret: str) -> None:
    body = json.dumps(an_event())
    assert heard(body, signed(body, secret), ("whsec_new", "whsec_old")).id == "evt_1"


def test_one_of_several_signatures_is_enough() -> None:
    body = json.dumps(an_event())
    good = signed(body).partition(",")[2]
    assert heard(body, f"t={int(NOW.timestamp())},v1={'0' * 64},{good}").id == "evt_1"


@pytest.mark.parametrize(("seconds", "code"), [(301, "event_expired"), (-301, "event_from_the_future")])
def test_a_signature_out_of_its_time_is_refused(seconds: int, code: str) -> None:
    body = json.dumps(an_event())
    assert refusal(body, signed(body, at=NOW - timedelta(seconds=seconds))) == code


@pytest.mark.parametrize("seconds", [300, -300])
def test_five_minutes_either_way_are_accepted(seconds: int) -> None:
    body = json.dumps(an_event())
    assert heard(body, signed(body, at=NOW - timedelta(seconds=seconds))).id == "evt_1"


@pytest.mark.parametrize(
    ("signature", "code"),
    [
        (None, "signature_missing"),
        ("", "signature_missing"),
        ("nonsense", "signature_invalid"),
        ("t=1", "signature_invalid"),
        ("t=noon,v1=ab", "signature_invalid"),
        ("v1=ab", "signature_invalid"),
        ("t=1790000000,v0=ab", "signature_invalid"),
        ("t=1790000000,v1=äöü", "signature_invalid"),
    ],
)
def test_an_event_without_a_good_signature_is_refused(signature: str | None, code: str) -> None:
    assert refusal(json.dumps(an_event()), signature) == code


def test_another_secret_or_another_body_is_refused() -> None:
    body = json.dumps(an_event())
    assert refusal(body, signed(body, "whsec_theirs")) == "signature_invalid"
    assert refusal(body.replace("pi_1", "pi_2"), signed(body)) == "signature_invalid"


def test_a_date_beyond_all_calendars_is_refused() -> None:
    body = json.dumps(an_event())
    far = stripe.WebhookSignature.generate_signature_header(body, SECRET, 10**30)
    assert refusal(body, far) == "signature_invalid"


@pytest.mark.parametrize(
    "body",
    [
        "",
        "not JSON",
        "null",
        "[]",
        '"event"',
        "{}",
        '{"object": "event"}',
        json.dumps(an_event(object="v2.core.event")),
        json.dumps(an_event(id=None)),
        json.dumps(an_event(type=7)),
        json.dumps(an_event(created="yesterday")),
        json.dumps(an_event(created=10**30)),
        json.dumps(an_event(livemode="no")),
        json.dumps(an_event(data=[])),
        json.dumps(an_event(data={"object": "pi_1"})),
        json.dumps(an_event(data={"object": {"id": 7, "object": "payment_intent"}})),
        "[" * 100_000,
    ],
)
def test_what_is_signed_but_not_an_event_is_refused(body: str) -> None:
    assert refusal(body, signed(body)) == "event_malformed"


def test_a_body_that_is_not_utf_8_is_refused() -> None:
    assert refusal(b"\xff\xfe{}", "t=1790000000,v1=ab") == "event_malformed"
