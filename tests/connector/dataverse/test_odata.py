"""The Web API as values: addresses, literals, JSON and the one table that says what an answer means."""

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.dataverse.odata import (
    DataverseError,
    Duplicate,
    Forbidden,
    Invalid,
    NotFound,
    PreconditionFailed,
    Reply,
    Throttled,
    Unauthorized,
    Unreachable,
    bind,
    fetch_xml_query,
    from_json,
    function,
    literal,
    read_reply,
    retry_after,
    row,
    to_json,
    with_query,
)

INVOICE = UUID("11111111-2222-4333-8444-555555555555")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (728310000, "728310000"),
        (Decimal("1250.00"), "1250.00"),
        (Decimal("1E+3"), "1000"),
        ("O'Brien & Söhne", "'O''Brien & Söhne'"),
        (INVOICE, "11111111-2222-4333-8444-555555555555"),
        (date(2026, 2, 28), "2026-02-28"),
        (datetime(2026, 2, 28, 12, 0, tzinfo=UTC), "2026-02-28T12:00:00Z"),
        (datetime(2026, 2, 28, 12, 0, tzinfo=timezone(timedelta(hours=2))), "2026-02-28T10:00:00Z"),
    ],
)
def test_literals(value: object, text: str) -> None:
    assert literal(value) == text


@pytest.mark.parametrize("value", [1.5, b"x", object()])
def test_a_float_is_no_amount_anywhere(value: object) -> None:
    with pytest.raises(TypeError):
        literal(value)
    with pytest.raises(TypeError):
        to_json({"cfl_amount": value})


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("Infinity"), datetime(2026, 1, 1)])  # noqa: DTZ001 (naive on purpose)
def test_neither_is_a_number_that_is_none_nor_a_moment_without_zone(value: object) -> None:
    with pytest.raises(ValueError, match=r"not an amount|time zone"):
        literal(value)
    with pytest.raises(ValueError, match=r"not an amount|time zone"):
        to_json([value])


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (row("invoices", INVOICE), f"invoices({INVOICE})"),
        (row("cfl_requests", {"cfl_key": "a-b_c"}), "cfl_requests(cfl_key='a-b_c')"),
        (row("accounts", {"accountnumber": "O'A 1/2"}), "accounts(accountnumber='O''A%201/2')"),
        (
            row("cfl_payments", {"cfl_number": 7, "cfl_billingaccountid": INVOICE}),
            f"cfl_payments(cfl_number=7,cfl_billingaccountid={INVOICE})",
        ),
        (
            with_query("accounts", {"$select": "name,accountid", "$filter": "name eq 'A & B #1+2'"}),
            "accounts?$select=name,accountid&$filter=name%20eq%20'A%20%26%20B%20%231%2B2'",
        ),
        (function("", "WhoAmI", {}), "WhoAmI()"),
        (
            function(
                f"systemusers({INVOICE})", "RetrievePrincipalAccess", {"Target": {"@odata.id": "invoices(1)"}}
            ),
            (
                f"systemusers({INVOICE})/Microsoft.Dynamics.CRM.RetrievePrincipalAccess(Target=@p1)"
                "?@p1=%7B%22@odata.id%22:%22invoices(1)%22%7D"
            ),
        ),
        (function("", "Sum", {"A": 1, "B": "x"}), "Sum(A=@p1,B=@p2)?@p1=1&@p2='x'"),
        (function("", "Of", {"Names": ["a", "b"]}), "Of(Names=@p1)?@p1=%5B%22a%22,%22b%22%5D"),
        (bind("invoices", INVOICE), f"/invoices({INVOICE})"),
    ],
)
def test_addresses(path: str, expected: str) -> None:
    assert path == expected


@given(st.text(max_size=60).filter(lambda text: not any("\ud800" <= letter <= "\udfff" for letter in text)))
def test_whatever_is_asked_for_arrives_as_it_was_meant(text: str) -> None:
    query = urlsplit(with_query("accounts", {"$filter": f"name eq {literal(text)}"})).query
    assert parse_qs(query, strict_parsing=True)["$filter"] == ["name eq '" + text.replace("'", "''") + "'"]
    assert unquote(fetch_xml_query(text).removeprefix("fetchXml=")) == text


AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**12), max_value=10**12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20) | AMOUNTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_json_comes_back_as_it_went(value: object) -> None:
    assert from_json(to_json(value).encode()) == value


@given(AMOUNTS)
def test_amounts_are_exact_numerals_and_not_text(amount: Decimal) -> None:
    text = to_json({"cfl_amount": amount})
    assert json.loads(text, parse_float=Decimal) == {"cfl_amount": amount}
    assert '"cfl_amount":"' not in text


def test_ids_dates_and_moments_are_text_in_json() -> None:
    body = {"id": INVOICE, "on": date(2026, 3, 1), "at": datetime(2026, 3, 1, 8, tzinfo=UTC)}
    assert to_json(body) == f'{{"id":"{INVOICE}","on":"2026-03-01","at":"2026-03-01T08:00:00Z"}}'


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": 1',
        b"\xff\xfe",
        b"[" * 200_000,
        b'{"a": ' + b"9" * 5000 + b"}",
    ],
    ids=["nothing", "HTML", "NaN", "Infinity", "half", "not UTF-8", "nested without end", "endless number"],
)
def test_what_is_not_json_is_no_answer(content: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (the kinds differ, the words do not matter)
        from_json(content)
    with pytest.raises(Unreachable, match="not Dataverse's"):
        read_reply(200, {"Content-Type": "text/html"}, content)


def test_a_success_is_read() -> None:
    reply = read_reply(
        200, {"OData-Version": "4.0"}, b'\xef\xbb\xbf{"totalamount": 1250.0000, "cfl_version": 3}'
    )
    reply.raise_for_status()
    assert reply == Reply(
        200, {"odata-version": "4.0"}, {"totalamount": Decimal("1250.0000"), "cfl_version": 3}
    )
    assert read_reply(204, {}, b"") == Reply(204)


def envelope(code: str, message: str = "No.") -> bytes:
    return json.dumps({"error": {"code": code, "message": message}}).encode()


@pytest.mark.parametrize(
    ("status", "content", "kind"),
    [
        (400, envelope("0x80048d19"), Invalid),
        (400, envelope("0x80060891"), NotFound),
        (400, envelope("0x80040265"), Invalid),
        (401, b"", Unauthorized),
        (401, envelope("0x80040204"), Unauthorized),
        (403, envelope("0x80040220"), Forbidden),
        (404, envelope("0x80040217"), NotFound),
        (404, envelope("0x8006088a"), NotFound),
        (405, envelope("0x80040203"), Invalid),
        (412, envelope("0x80060882"), PreconditionFailed),
        (412, envelope("0x80060892"), Duplicate),
        (412, envelope("0x80040237"), Duplicate),
        (412, envelope(""), PreconditionFailed),
        (413, envelope("0x8004418a"), Invalid),
        (429, envelope("0x80072322"), Throttled),
        (429, envelope("0x80072321"), Throttled),
        (429, envelope("0x80072326"), Throttled),
        (429, envelope("0x80048d0f"), Invalid),
        # What Dataverse did not say itself proves nothing.
        (302, b"", Unreachable),
        (400, b"<html>Bad Request</html>", Unreachable),
        (403, b"<html>Blocked by the proxy</html>", Unreachable),
        (404, b"", Unreachable),
        (407, b'{"error": "proxy"}', Unreachable),
        (412, b'{"error": {"message": null}}', Unreachable),
        (429, b"slow down", Unreachable),
        (500, envelope("0x80040216"), Unreachable),
        (502, b"<html>", Unreachable),
        (503, b"", Unreachable),
    ],
)
def test_what_an_answer_means(status: int, content: bytes, kind: type[DataverseError]) -> None:
    with pytest.raises(DataverseError) as raised:
        read_reply(status, {}, content).raise_for_status()
    assert type(raised.value) is kind
    assert raised.value.status == status


def test_an_error_says_what_dataverse_said() -> None:
    headers = {"x-ms-service-request-id": "abc", "Retry-After": "7"}
    error = read_reply(429, headers, envelope("0x80072322", "Number of requests exceeded the limit.")).error
    assert isinstance(error, Throttled)
    assert str(error) == "429 0x80072322: Number of requests exceeded the limit."
    assert (error.code, error.request_id, error.retry_after) == ("0x80072322", "abc", 7.0)
    assert str(Unreachable("no answer")) == "no answer"
    assert Reply(200).error is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "12"}, 12.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "Sun, 22 Nov 2026 10:00:30 GMT", "date": "Sun, 22 Nov 2026 10:00:00 GMT"}, 30.0),
        ({"retry-after": "Sun, 22 Nov 2026 09:00:00 GMT", "date": "Sun, 22 Nov 2026 10:00:00 GMT"}, 0.0),
        ({"retry-after": "Sun, 22 Nov 2026 10:00:30 GMT"}, None),
    ],
)
def test_how_long_an_answer_asks_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds
