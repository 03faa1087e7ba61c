"""`$batch` as bytes: what is written is readable, and whatever a Dataverse writes back is read, or refused as no answer."""

import re
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.dataverse.batch import Changeset, Item, decode_batch, encode_batch, match_answers
from connector.dataverse.odata import Duplicate, Operation, Reply, Unreachable, from_json, row, to_json

ROOT = "https://org.crm.dynamics.com/api/data/v9.2/"
LEDGER = UUID("11111111-2222-4333-8444-555555555555")


def test_a_snapshot_and_a_changeset_on_the_wire() -> None:
    content_type, body = encode_batch(
        [
            Operation("GET", "cfl_settings?$select=cfl_live"),
            Changeset(
                (
                    Operation(
                        "PATCH", row("cfl_billingaccounts", LEDGER), {"If-Match": 'W/"7"'}, {"cfl_version": 8}
                    ),
                    Operation("POST", "cfl_payments", body={"cfl_amount": Decimal("12.50")}),
                )
            ),
        ],
        ROOT,
    )
    assert content_type == "multipart/mixed; boundary=batch_counterfoil"
    assert body.decode().split("\r\n") == [
        "--batch_counterfoil",
        "Content-Type: application/http",
        "Content-Transfer-Encoding: binary",
        "",
        f"GET {ROOT}cfl_settings?$select=cfl_live HTTP/1.1",
        "Accept: application/json",
        "",
        "",
        "--batch_counterfoil",
        "Content-Type: multipart/mixed; boundary=changeset_counterfoil_2",
        "",
        "--changeset_counterfoil_2",
        "Content-Type: application/http",
        "Content-Transfer-Encoding: binary",
        "Content-ID: 1",
        "",
        f"PATCH {ROOT}cfl_billingaccounts({LEDGER}) HTTP/1.1",
        "Accept: application/json",
        "Content-Type: application/json; type=entry",
        'If-Match: W/"7"',
        "",
        '{"cfl_version":8}',
        "--changeset_counterfoil_2",
        "Content-Type: application/http",
        "Content-Transfer-Encoding: binary",
        "Content-ID: 2",
        "",
        f"POST {ROOT}cfl_payments HTTP/1.1",
        "Accept: application/json",
        "Content-Type: application/json; type=entry",
        "",
        '{"cfl_amount":12.50}',
        "--changeset_counterfoil_2--",
        "--batch_counterfoil--",
        "",
    ]


GET = Operation("GET", "accounts")
POST = Operation("POST", "accounts", body={"name": "x"})


@pytest.mark.parametrize(
    "items",
    [
        [],
        [GET] * 1001,
        [Changeset(())],
        [Changeset((GET,))],
        [Operation("GET", "accounts HTTP/1.1\r\nEvil: yes")],
        [Operation("PATCH", "accounts", {"If-Match": "W/1\r\nEvil: yes"}, {})],
    ],
    ids=[
        "empty",
        "too many",
        "empty changeset",
        "read in a changeset",
        "line break in a path",
        "in a header",
    ],
)
def test_what_the_platform_would_refuse_is_not_sent(items: list[Item]) -> None:
    with pytest.raises(ValueError, match=r"batch takes|takes no GET|line break"):
        encode_batch(items, ROOT)


def answer_part(status: int, body: Any = None, content_id: int | None = None) -> list[str]:
    identity = [] if content_id is None else [f"Content-ID: {content_id}"]
    content = [] if body is None else ["Content-Type: application/json; odata.metadata=minimal"]
    return [
        "Content-Type: application/http",
        "Content-Transfer-Encoding: binary",
        *identity,
        "",
        f"HTTP/1.1 {status} Whatever",
        *content,
        "OData-Version: 4.0",
        "",
        "" if body is None else to_json(body),
    ]


def multipart(boundary: str, parts: list[list[str]]) -> list[str]:
    lines = []
    for part in parts:
        lines += [f"--{boundary}", *part]
    return [*lines, f"--{boundary}--"]


def changeset_part(parts: list[list[str]]) -> list[str]:
    return [
        "Content-Type: multipart/mixed; boundary=changesetresponse_1",
        "",
        *multipart("changesetresponse_1", parts),
    ]


ERROR = {"error": {"code": "0x80060892", "message": "Entity Key violated."}}
CONVERSATION = multipart(
    "batchresponse_9",
    [
        answer_part(200, {"value": [{"cfl_balance": Decimal("12.5000")}]}),
        changeset_part([answer_part(200, {"cfl_version": 8}, 1), answer_part(204, None, 2)]),
        answer_part(404, {"error": {"code": "0x80040217", "message": "account With Id = 1 Does Not Exist"}}),
    ],
)


@pytest.mark.parametrize("newline", ["\r\n", "\n"], ids=["CRLF", "LF"])
@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/mixed; boundary=batchresponse_9",
        'multipart/mixed; boundary="batchresponse_9"',
        "multipart/mixed; Boundary=batchresponse_9; charset=utf-8",
    ],
)
@pytest.mark.parametrize(
    "preamble", ["", "\r\n", "This is a multipart answer.\n"], ids=["none", "blank", "text"]
)
def test_an_answer_is_read_however_it_is_laid_out(content_type: str, newline: str, preamble: str) -> None:
    answers = decode_batch(content_type, (preamble + newline.join(CONVERSATION) + newline).encode())
    read, changed, missing = answers
    assert isinstance(read, Reply)
    assert read.body == {"value": [{"cfl_balance": Decimal("12.5000")}]}
    assert isinstance(changed, list)
    assert [(reply.status, reply.body) for reply in changed] == [(200, {"cfl_version": 8}), (204, None)]
    assert isinstance(missing, Reply)
    assert missing.status == 404


def body_of(parts: list[list[str]]) -> bytes:
    return "\r\n".join(multipart("b", parts)).encode()


CONTENT_TYPE = "multipart/mixed; boundary=b"
WRITE = Changeset((POST, POST))


def test_the_answers_of_a_changeset_stand_in_the_order_of_its_operations() -> None:
    body = body_of([changeset_part([answer_part(204, None, 10), answer_part(201, {"a": 1}, 9)])])
    (answers,) = decode_batch(CONTENT_TYPE, body)
    assert isinstance(answers, list)
    assert [reply.status for reply in answers] == [201, 204]


@pytest.mark.parametrize(
    "part",
    [answer_part(412, ERROR, 2), changeset_part([answer_part(412, ERROR, 2)])],
    ids=["by one part", "by a multipart of one part"],
)
def test_a_failed_changeset_is_one_reply_with_its_error(part: list[str]) -> None:
    (answer,) = match_answers([WRITE], decode_batch(CONTENT_TYPE, body_of([part])), continued=False)
    assert isinstance(answer, Reply)
    assert isinstance(answer.error, Duplicate)
    assert answer.headers["content-id"] == "2", "which tells the write that failed"


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/html", b"<html>"),
        ("", b""),
        ("multipart/mixed", body_of([answer_part(204)])),
        ("multipart/mixed; boundary=other", body_of([answer_part(204)])),
        (CONTENT_TYPE, body_of([answer_part(204), answer_part(204)])[:-3]),
        (CONTENT_TYPE, b"--b\r\nContent-Type: application/http\r\n\r\nhello\r\n--b--"),
        (CONTENT_TYPE, b"--b\r\n--b--"),
        (
            CONTENT_TYPE,
            b"--b\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 200 OK\r\n\r\n<html>\r\n--b--",
        ),
        (CONTENT_TYPE, body_of([answer_part(204)]) + b"\r\n" + body_of([answer_part(204)])),
    ],
    ids=[
        "HTML",
        "nothing",
        "no boundary",
        "other boundary",
        "cut",
        "no HTTP",
        "empty part",
        "HTML part",
        "two ends",
    ],
)
def test_what_is_not_an_answer_to_a_batch_proves_nothing(content_type: str, body: bytes) -> None:
    with pytest.raises(Unreachable):
        decode_batch(content_type, body)


@pytest.mark.parametrize(
    ("items", "answers"),
    [
        ([GET, GET], [Reply(200)]),
        ([GET], [Reply(200), Reply(200)]),
        ([GET], []),
        ([WRITE], [Reply(204)]),
        ([WRITE], [[Reply(204)]]),
        ([WRITE], [[Reply(204)] * 3]),
        ([GET], [[Reply(200)]]),
    ],
    ids=[
        "too few",
        "too many",
        "none",
        "success without parts",
        "half a changeset",
        "more than it",
        "list for a read",
    ],
)
def test_answers_that_do_not_fit_prove_nothing(items: list[Item], answers: list[Reply | list[Reply]]) -> None:
    with pytest.raises(Unreachable):
        match_answers(items, answers, continued=False)


def test_the_platform_stops_at_the_first_error_unless_told_to_go_on() -> None:
    refused = Reply(400, {}, ERROR)
    assert match_answers([GET, GET, GET], [Reply(200), refused], continued=False) == [Reply(200), refused]
    with pytest.raises(Unreachable):
        match_answers([GET, GET, GET], [Reply(200), refused], continued=True)


BODIES = st.dictionaries(st.text(max_size=6), st.text(max_size=30) | st.integers(), max_size=3)
WRITES = st.builds(Operation, st.sampled_from(["POST", "PATCH"]), st.just("accounts"), body=BODIES)
ITEMS = st.lists(
    st.just(GET) | st.lists(WRITES, min_size=1, max_size=4).map(lambda found: Changeset(tuple(found))),
    min_size=1,
    max_size=5,
)


@given(ITEMS, st.sampled_from([b"\r\n", b"\n"]))
def test_every_write_is_found_again_on_the_wire_and_in_the_answer(items: list[Item], newline: bytes) -> None:
    """An echo: the request becomes its own answer when each request line becomes a status line."""
    content_type, body = encode_batch(items, ROOT)
    echoed = re.sub(rb"(?m)^(GET|POST|PATCH) https://\S+ HTTP/1.1\r$", rb"HTTP/1.1 200 OK\r", body)
    echoed = echoed.replace(b"Accept: application/json\r\n\r\n\r\n", b"\r\n{}\r\n").replace(b"\r\n", newline)
    answers = match_answers(items, decode_batch(content_type, echoed), continued=True)
    for item, answer in zip(items, answers, strict=True):
        if isinstance(item, Changeset):
            assert isinstance(answer, list)
            assert [reply.body for reply in answer] == [operation.body for operation in item.operations]


@given(ITEMS, st.integers(0, 10_000))
def test_an_answer_cut_anywhere_is_never_taken_for_a_whole_one(items: list[Item], at: int) -> None:
    content_type, body = encode_batch(items, ROOT)
    echoed = re.sub(rb"(?m)^(GET|POST|PATCH) https://\S+ HTTP/1.1\r$", rb"HTTP/1.1 200 OK\r", body)
    echoed = echoed.replace(b"Accept: application/json\r\n\r\n\r\n", b"\r\n{}\r\n").rstrip()
    with pytest.raises(Unreachable):
        decode_batch(content_type, echoed[: at % len(echoed)])


def test_content_ids_rise_through_the_whole_batch() -> None:
    _, body = encode_batch([WRITE, GET, WRITE], ROOT)
    ids = [int(found) for found in re.findall(rb"Content-ID: (\d+)", body)]
    assert all(later == earlier + 1 for earlier, later in pairwise(ids))
    assert len(ids) == 4
    assert from_json(b"{}") == {}
