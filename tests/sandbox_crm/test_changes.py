"""Change tracking: a client keeps a copy of a table up to date by what changed since it last asked."""

from uuid import uuid4

import pytest

from tests.sandbox_crm.client import ROOT, Answer, Client, demo_id


def tracked(crm: Client, address: str = "accounts?$select=name") -> Answer:
    return crm.get(address, prefer="odata.track-changes")


def delta(crm: Client, before: Answer) -> Answer:
    return crm.get(before.json["@odata.deltaLink"])


def test_the_first_answer_holds_every_row_and_a_link(crm: Client) -> None:
    first = tracked(crm)

    assert len(first.rows) == int(crm.get("accounts/$count").text)
    assert first.headers["preference-applied"] == "odata.track-changes"
    assert first.json["@odata.deltaLink"].startswith(f"{ROOT}accounts?$select=name&$deltatoken=")
    assert delta(crm, first).rows == []


def test_what_changed_comes_whole_and_what_was_deleted_comes_last(crm: Client) -> None:
    fabrikam, gone, passing = demo_id("account", "Fabrikam Fibre"), uuid4(), uuid4()
    crm.post("accounts", {"accountid": str(gone), "name": "Gone soon"})
    first = tracked(crm)
    made = crm.post("accounts", {"name": "New"}).id
    crm.patch(f"accounts({fabrikam})", {"telephone1": "555-0100"})
    crm.delete(f"accounts({gone})")
    crm.post("accounts", {"accountid": str(passing), "name": "Came and went"})
    crm.delete(f"accounts({passing})")

    second = delta(crm, first)

    changed, deleted = second.rows[:2], second.rows[2:]
    assert second.json["@odata.context"].endswith("$metadata#accounts(name)/$delta")
    assert {(row["accountid"], row["name"]) for row in changed} == {
        (made, "New"),
        (str(fabrikam), "Fabrikam Fibre"),
    }
    assert deleted == [
        {"@odata.context": f"{ROOT}$metadata#accounts/$deletedEntity", "id": str(one), "reason": "deleted"}
        for one in (gone, passing)
    ]
    token = first.json["@odata.deltaLink"].partition("$deltatoken=")[2]
    assert crm.get(f"accounts/$count?$deltatoken={token}").text == "4"
    assert delta(crm, second).rows == []


def test_a_row_that_is_there_again_is_not_deleted(crm: Client) -> None:
    account = uuid4()
    crm.post("accounts", {"accountid": str(account), "name": "One"})
    first = tracked(crm)
    crm.delete(f"accounts({account})")
    crm.post("accounts", {"accountid": str(account), "name": "The other"})

    assert [row.get("name") for row in delta(crm, first).rows] == ["The other"]


@pytest.mark.parametrize("option", ["$filter=name eq 'A'", "$orderby=name", "$expand=primarycontactid", "$top=3"])  # fmt: skip
def test_what_does_not_go_with_it(crm: Client, option: str) -> None:
    assert tracked(crm, f"accounts?{option}").status == 400


@pytest.mark.parametrize("token", ["", "yesterday", "7", "7!13/40/2026 00:00:00", "x!01/01/2026 00:00:00"])
def test_tokens_that_are_none(crm: Client, token: str) -> None:
    assert (crm.get(f"accounts?$deltatoken={token}").status) == 400


def test_a_token_lives_seven_days(crm: Client) -> None:
    first = tracked(crm)
    crm.world.clock.advance(7 * 86_400 - 60)
    assert delta(crm, first).status == 200
    crm.world.clock.advance(120)
    assert delta(crm, first).status == 400


def test_tables_without_it_and_users_without_the_right(crm: Client) -> None:
    assert tracked(crm, "roles").code == "0x80072491"
    assert tracked(crm.acting_as("reader"), "accounts").status == 200
    assert tracked(crm.acting_as("reader"), "cfl_maycharges").code == "0x80040220"
