"""Faults on demand: what each does to a request, how they are counted, and that wrong rules change nothing."""

import pytest
import requests

from sandbox.world import STRIPE_API_KEY, World

Json = dict[str, object]


def set_rules(web: requests.Session, world: World, *rules: Json) -> requests.Response:
    return web.post(f"{world.addresses.crm}/sandbox/faults", json={"rules": list(rules)})


def create_customer(web: requests.Session, world: World, **options: float) -> requests.Response:
    return web.post(
        f"{world.addresses.stripe}/v1/customers",
        data={"name": "A customer"},
        headers={"Authorization": f"Bearer {STRIPE_API_KEY}"},
        timeout=options.get("timeout", 5),
    )


def customers(web: requests.Session, world: World) -> int:
    answer = web.get(
        f"{world.addresses.stripe}/v1/customers?limit=100",
        headers={"Authorization": f"Bearer {STRIPE_API_KEY}"},
    )
    return len(answer.json()["data"])


def test_drop_before_loses_the_request(world: World, web: requests.Session) -> None:
    before = customers(web, world)
    set_rules(
        web, world, {"target": "stripe", "method": "POST", "path": "/v1/customers", "do": "drop_before"}
    )

    with pytest.raises(requests.ConnectionError):
        create_customer(web, world)

    assert customers(web, world) == before


def test_drop_after_loses_only_the_answer(world: World, web: requests.Session) -> None:
    before = customers(web, world)
    set_rules(web, world, {"target": "stripe", "method": "post", "path": "/v1/customers", "do": "drop_after"})

    with pytest.raises(requests.ConnectionError):
        create_customer(web, world)

    assert customers(web, world) == before + 1


def test_a_status_is_answered_in_the_words_of_each_platform(world: World, web: requests.Session) -> None:
    set_rules(
        web,
        world,
        {"target": "crm", "do": "status", "status": 429, "retry_after": 3},
        {"target": "crm", "do": "status", "status": 429, "code": "0x80072321", "retry_after": 0.5},
        {"target": "crm", "do": "status", "status": 503},
        {"target": "stripe", "do": "status", "status": 429},
        {"target": "stripe", "do": "status", "status": 500},
    )
    crm = [web.get(f"{world.addresses.crm}/api/data/v9.2/WhoAmI") for _ in range(3)]
    stripe = [create_customer(web, world) for _ in range(2)]

    assert [(a.status_code, a.json()["error"]["code"], a.headers.get("Retry-After")) for a in crm] == [
        (429, "0x80072322", "3"),
        (429, "0x80072321", "0.5"),
        (503, "0x80040224", None),
    ]
    assert "6000 over time window of 300 seconds" in crm[0].json()["error"]["message"]
    assert [(a.status_code, a.json()["error"].get("code")) for a in stripe] == [
        (429, "rate_limit"),
        (500, None),
    ]


def test_duplicate_carries_the_request_out_twice(world: World, web: requests.Session) -> None:
    before = customers(web, world)
    set_rules(web, world, {"target": "stripe", "method": "POST", "path": "customers", "do": "duplicate"})

    assert create_customer(web, world).status_code == 200

    assert customers(web, world) == before + 2


def test_garbage_is_carried_out_and_answered_with_a_page(world: World, web: requests.Session) -> None:
    before = customers(web, world)
    set_rules(web, world, {"target": "stripe", "method": "POST", "path": "customers", "do": "garbage"})

    answer = create_customer(web, world)

    assert answer.headers["Content-Type"].startswith("text/html")
    with pytest.raises(requests.JSONDecodeError):
        answer.json()
    assert customers(web, world) == before + 1


def test_a_delay_outlasts_an_impatient_client_but_not_a_patient_one(
    world: World, web: requests.Session
) -> None:
    set_rules(web, world, {"target": "stripe", "method": "POST", "do": "delay", "seconds": 30, "times": 2})

    with pytest.raises(requests.ReadTimeout):
        create_customer(web, world, timeout=5)
    assert create_customer(web, world, timeout=60).status_code == 200


def test_skip_and_times_say_which_of_the_matching_requests_are_hit(
    world: World, web: requests.Session
) -> None:
    set_rules(
        web,
        world,
        {"target": "stripe", "method": "POST", "do": "status", "status": 500, "skip": 1, "times": 2},
    )

    assert [create_customer(web, world).status_code for _ in range(4)] == [200, 500, 500, 200]
    [rule] = web.get(f"{world.addresses.stripe}/sandbox/faults").json()["rules"]
    assert (rule["seen"], rule["spent"]) == (4, True)


def test_a_rule_may_look_into_the_body(world: World, web: requests.Session) -> None:
    set_rules(web, world, {"body": "name=A\\+customer", "do": "status", "status": 502})

    assert create_customer(web, world).status_code == 502


def test_a_new_set_of_rules_replaces_the_old_one(world: World, web: requests.Session) -> None:
    set_rules(web, world, {"do": "status", "status": 500, "times": 9})
    set_rules(web, world)

    assert create_customer(web, world).status_code == 200


def test_control_paths_are_never_hit_nor_logged(world: World, web: requests.Session) -> None:
    set_rules(web, world, {"do": "drop_before", "times": 9})

    assert web.get(f"{world.addresses.crm}/sandbox/calls").json()["calls"] == []


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        ({}, "'do' is one of"),
        ({"do": "explode"}, "'do' is one of"),
        ({"do": "delay", "target": "elsewhere"}, "'target' is one of"),
        ({"do": "delay", "seconds": "long"}, "'seconds' is 'long'"),
        ({"do": "delay", "seconds": -1}, "negative"),
        ({"do": "delay", "times": True}, "'times' is True"),
        ({"do": "status", "status": 99}, "HTTP status"),
        ({"do": "delay", "path": "("}, "not a regular expression"),
        ({"do": "delay", "often": 3}, "unknown 'often'"),
        ("delay", "a rule is an object"),
    ],
)
def test_a_malformed_rule_is_refused_and_the_rules_in_force_stay(
    world: World, web: requests.Session, rule: Json, complaint: str
) -> None:
    set_rules(web, world, {"do": "status", "status": 500})

    refused = set_rules(web, world, {"do": "delay"}, rule)

    assert refused.status_code == 400
    assert "rules[1]" in refused.json()["error"]
    assert complaint in refused.json()["error"]
    assert create_customer(web, world).status_code == 500
