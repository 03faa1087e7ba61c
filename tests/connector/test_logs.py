"""Nothing secret reaches a log, whichever way it tries."""

import io
import json
import logging
from typing import Any

import pytest
import structlog

from connector import logs, settings
from connector.logs import Redactor
from tests.connector.test_settings import GOOD


@pytest.fixture
def log(logging_restored: None) -> io.StringIO:
    stream = io.StringIO()
    logs.configure(settings.load(GOOD), stream)
    return stream


def lines(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


@pytest.mark.parametrize(
    "text",
    [
        "key sk_test_4eC39HqLyjWDarjt was refused",
        "key rk_live_4eC39HqLyjWDarjt was refused",
        "whsec_4eC39HqLyjWDarjt",
        "Authorization: Bearer eyJ0eXAiOiJKV1QifQ.eyJhdWQiOiJ4In0.c2ln",
        "token eyJ0eXAiOiJKV1QifQ.eyJhdWQiOiJ4In0.c2ln",
        "card 4242424242424242",
        "card 4242 4242 4242 4242 of Fabrikam",
        "card 4242-4242-4242-4242",
        "amex 378282246310005",
        "the password is known-to-us-only",
    ],
)
def test_what_looks_like_a_secret_or_a_card_is_hidden(text: str) -> None:
    shown = Redactor(["known-to-us-only"]).text(text)
    assert "[hidden]" in shown
    for piece in (
        "4eC39HqLyjWDarjt",
        "eyJhdWQiOiJ4In0",
        "4242424242424242",
        "378282246310005",
        "known-to-us-only",
    ):
        assert piece not in shown
    assert "4242 4242" not in shown


@pytest.mark.parametrize(
    "text",
    [
        "pi_3MtwBwLkdIwHu7ix28a3tqPa",
        "5d9c1b1e-6d4b-4a3e-9f5a-2f0f4cfd8a11",
        "1790000000000",  # milliseconds: 13 digits that are no card number
        "1,250.00 USD of INV-1001",
        "4242424242424241",
    ],
)
def test_what_people_need_to_see_stays(text: str) -> None:
    assert Redactor().text(text) == text


def test_fields_are_hidden_by_name_at_any_depth() -> None:
    event = {
        "event": "call",
        "headers": {"Authorization": "Basic abc", "Stripe-Signature": "t=1,v1=2", "accept": "json"},
        "webhook_secret": "x",
        "parts": [{"api_key": "y"}, ("4242424242424242",)],
        "number": 4242424242424242,
        "raw": b"card 4242424242424242",
        "fine": [1, 2.5, True, None],
        "odd": KeyError("sk_test_1234567890"),
        "token": None,
    }
    assert Redactor()(None, "info", event) == {
        "event": "call",
        "headers": {"Authorization": "[hidden]", "Stripe-Signature": "[hidden]", "accept": "json"},
        "webhook_secret": "[hidden]",
        "parts": [{"api_key": "[hidden]"}, ["[hidden]"]],
        "number": "[hidden]",
        "raw": "card [hidden]",
        "fine": [1, 2.5, True, None],
        "odd": "'[hidden]'",
        "token": None,
    }


def test_our_lines_are_json_with_level_and_time(log: io.StringIO) -> None:
    structlog.get_logger("counterfoil").info("charged", invoice="INV-1001", amount="1250.00")
    [line] = lines(log)
    assert (line["event"], line["invoice"], line["level"]) == ("charged", "INV-1001", "info")
    assert "timestamp" in line


def test_libraries_and_tracebacks_go_through_the_same_sieve(log: io.StringIO) -> None:
    try:
        int("a-client-secret-of-some-length for card 4242424242424242")
    except ValueError:
        logging.getLogger("some.library").exception("failed with %s", "sk_test_4eC39HqLyjWDarjtT1zdp7dc")
    [line] = lines(log)
    assert "Traceback" in line["exception"]
    for secret in ("a-client-secret-of-some-length", "4242424242424242", "sk_test_4eC3"):
        assert secret not in log.getvalue()


def test_what_is_below_the_level_is_not_written(log: io.StringIO) -> None:
    structlog.get_logger().debug("details")
    assert log.getvalue() == ""
