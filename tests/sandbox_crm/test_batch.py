"""$batch in every dialect that clients really write, with atomic changesets and references between requests."""

import json
from uuid import uuid4

import pytest

from tests.sandbox_crm.client import ROOT, Client, demo_id
from tests.sandbox_crm.multipart import answers, batch, changeset, get, inner, inside, wrap, write

ACCOUNT = demo_id("account", "Fabrikam Fibre")


@pytest.mark.parametrize("newline", ["\r\n", "\n"], ids=["CRLF", "LF"])
@pytest.mark.parametrize("boundary", ["batch_1", '"batch_1"'], ids=["bare", "quoted"])
@pytest.mark.parametrize(
    "address", [f"{ROOT}accounts({ACCOUNT})", f"/api/data/v9.2/accounts({ACCOUNT})", f"accounts({ACCOUNT})"]
)
@pytest.mark.parametrize("start", ["", "\r\n"], ids=["at once", "blank line first"])
def test_every_way_to_write_one(crm: Client, newline: str, boundary: str, address: str, start: str) -> None:
    content = (start + wrap("batch_1", [get(f"{address}?$select=name", newline)] * 2, newline)).encode()

    answer = crm.send("POST", "$batch", content=content, content_type=f"multipart/mixed; boundary={boundary}")

    assert answer.status == 200
    assert answer.headers["content-type"].startswith("multipart/mixed; boundary=batchresponse_")
    parts = answers(answer)
    assert [inner(part)[0] for part in parts] == [200, 200]
    assert parts[0]["Content-Type"] == "application/http"
    assert '"name":"Fabrikam Fibre"' in inner(parts[0])[1]


def test_a_changeset_answers_inside_with_its_content_ids(crm: Client) -> None:
    answer = batch(
        crm,
        [
            get(f"accounts({ACCOUNT})"),
            changeset(
                [
                    write("POST", "accounts", '{"name": "A"}', "7"),
                    write("POST", "accounts", '{"name": "B"}', "8"),
                ]
            ),
        ],
    )

    assert answer.status == 200
    nested = inside(answers(answer)[1])
    assert [str(part["Content-ID"]) for part in nested] == ["7", "8"]
    status, text = inner(nested[0])
    assert status == 204
    assert "OData-EntityId: http://127.0.0.1/api/data/v9.2/accounts(" in text
    assert "Location: http://127.0.0.1/api/data/v9.2/accounts(" in text
    assert crm.get("accounts/$count?$filter=name eq 'A' or name eq 'B'").text == "2"


def test_a_changeset_happens_together_or_not_at_all(crm: Client) -> None:
    answer = batch(
        crm,
        [
            changeset(
                [
                    write("POST", "accounts", '{"name": "A"}', "1"),
                    write("POST", "accounts", '{"nonsense": 1}', "2"),
                ]
            ),
            get("accounts/$count"),
        ],
    )

    assert answer.status == 400
    parts = answers(answer)
    assert len(parts) == 1, "nothing after the first refusal"
    assert inner(parts[0])[0] == 400
    assert parts[0]["Content-ID"] == "2"
    assert parts[0]["REQ_ID"]
    assert "Invalid property 'nonsense'" in inner(parts[0])[1]
    assert crm.get("accounts/$count?$filter=name eq 'A'").text == "0"


def test_continue_on_error_runs_the_rest(crm: Client) -> None:
    answer = batch(
        crm,
        [
            get(f"accounts({uuid4()})"),
            changeset([write("POST", "accounts", '{"nonsense": 1}')]),
            get("accounts?$top=1"),
        ],
        prefer="odata.continue-on-error",
    )

    assert answer.status == 200
    assert [inner(part)[0] for part in answers(answer)] == [404, 400, 200]


def test_a_boundary_may_begin_like_another(crm: Client) -> None:
    together = changeset([write("POST", "accounts", '{"name": "A"}')]).replace("changeset_1", "batch_1_2")

    answer = batch(crm, [together, get("accounts?$top=1")])

    assert answer.status == 200, answer.text
    assert len(answers(answer)) == 2


def test_requests_refer_to_the_rows_before_them(crm: Client) -> None:
    answer = batch(
        crm,
        [
            changeset(
                [
                    write("POST", "contacts", '{"lastname": "Duarte"}', "1"),
                    write("POST", "accounts", '{"name": "A", "primarycontactid@odata.bind": "$1"}', "2"),
                    write("PATCH", "$1", '{"firstname": "Ines"}', "3"),
                    write(
                        "PUT",
                        "$2/parentaccountid/$ref",
                        json.dumps({"@odata.id": f"accounts({ACCOUNT})"}),
                        "4",
                    ),
                ]
            )
        ],
    )

    assert answer.status == 200, answer.text
    row = crm.get("accounts?$filter=name eq 'A'&$expand=primarycontactid($select=fullname)").rows[0]
    assert row["primarycontactid"]["fullname"] == "Ines Duarte"
    assert row["_parentaccountid_value"] == str(ACCOUNT)


def test_a_reference_to_what_is_not_there(crm: Client) -> None:
    answer = batch(
        crm, [changeset([write("POST", "accounts", '{"name": "A", "primarycontactid@odata.bind": "$9"}')])]
    )

    assert answer.status == 400
    assert "Content-ID Reference: '$9' does not exist in the batch context." in answer.text


def test_guards_hold_within_a_changeset(crm: Client) -> None:
    address = crm.make("accounts", name="Lock")
    version = crm.etag(address)
    take = write(
        "PATCH", address, '{"telephone1": "1"}', "1", f"If-Match: {version}\r\nPrefer: return=representation"
    )
    effect = write("POST", "accounts", '{"name": "Effect"}', "2")

    first = batch(crm, [changeset([take, effect])])
    second = batch(crm, [changeset([take, effect])])

    assert first.status == 200
    nested = inside(answers(first)[0])
    assert f"ETag: {crm.etag(address)}" in inner(nested[0])[1], "the new version comes along"
    assert second.status == 400
    assert inner(answers(second)[0])[0] == 412
    assert crm.get("accounts/$count?$filter=name eq 'Effect'").text == "1"


def test_the_same_row_twice_in_one_changeset(crm: Client) -> None:
    invoice = f"invoices({demo_id('invoice', 'INV-1002')})"
    assert crm.get(invoice).json["statecode"] == 2

    answer = batch(
        crm,
        [
            changeset(
                [
                    write("PATCH", invoice, '{"statecode": 0, "statuscode": 4}', "1"),
                    write("PATCH", invoice, '{"cfl_balance": 0, "statecode": 2, "statuscode": 100001}', "2"),
                ]
            )
        ],
    )

    assert answer.status == 200, answer.text
    assert crm.get(invoice).json["statuscode"] == 100001


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ([changeset([write("POST", "accounts", '{"name": "A"}', "")])], "Content-ID is missing"),
        ([changeset([get("accounts").replace("binary", "binary\r\nContent-ID: 1")])], "must not contain GET"),
        (
            [changeset([write("POST", "accounts", "{}", "1"), write("POST", "accounts", "{}", "1")])],
            "must be unique",
        ),
        ([get("/api/data/v9.2/$batch")], "cannot contain another batch"),
        (["Content-Type: text/plain\r\n\r\nhello"], "type application/http"),
        ([get("accounts")] * 1001, "exceeds the limit of 1000"),
    ],
)
def test_a_batch_that_cannot_be_run(crm: Client, parts: list[str], says: str) -> None:
    answer = batch(crm, parts, prefer="odata.continue-on-error")

    assert answer.status == 400
    assert answer.headers["content-type"].startswith("application/json")
    assert says in answer.message
    assert crm.get("accounts/$count?$filter=name eq 'A'").text == "0"


def test_a_body_that_is_no_batch(crm: Client) -> None:
    assert crm.post("$batch", {"name": "x"}).status == 400
    assert (
        crm.send("POST", "$batch", content=b"--b\r\n", content_type="multipart/mixed; boundary=b").status
        == 400
    )
    assert crm.get("$batch").status == 405
