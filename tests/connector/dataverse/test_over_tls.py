"""The client against the local CRM over real TLS sockets, with faults on the way: what is written, and how often."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest

from connector.dataverse.auth import Application, ClientSecret, Tokens
from connector.dataverse.batch import Changeset
from connector.dataverse.http import Dataverse
from connector.dataverse.odata import Duplicate, NotFound, Operation, Reply, Unreachable, row
from connector.dataverse.session import open_session
from tests.conftest import Running

REQUEST = UUID("77777777-0000-4000-8000-000000000001")
READ = Operation("GET", row("cfl_requests", REQUEST) + "?$select=cfl_key")
CREATE = Operation(
    "POST",
    "cfl_requests",
    body={"cfl_requestid": REQUEST, "cfl_key": "key-0001", "cfl_action": "cfl_ChargeInvoice"},
)


@pytest.fixture
def crm(servers: Running) -> Iterator[Dataverse]:
    told = servers.world.environment()
    application = Application(
        told["tenant"], told["client_id"], ClientSecret(told["client_secret"]), told["authority"]
    )
    tokens, session = Tokens(told["tls_url"], application, servers.addresses.ca_bundle), servers.session()
    yield Dataverse(told["tls_url"], tokens, session)
    tokens.close()


def on_the_wire(servers: Running, method: str) -> list[int | None]:
    """The statuses that the CRM gave, oldest first; the token is not among them."""
    calls = servers.world.crm_calls.since(0)["calls"]
    return [call["status"] for call in calls if call["method"] == method and "/api/data/" in call["path"]]


def fault(**rule: Any) -> list[dict[str, Any]]:
    return [{"target": "crm", "path": "/api/data/", **rule}]


@pytest.mark.parametrize(
    "write",
    [
        lambda crm, within: crm.send(CREATE, within=within),
        lambda crm, within: crm.batch([Changeset((CREATE,))], within=within),
    ],
    ids=["create", "changeset"],
)
@pytest.mark.parametrize(
    ("rule", "written"),
    [
        ({"do": "drop_before"}, False),
        ({"do": "drop_after"}, True),
        ({"do": "garbage"}, True),
        ({"do": "status", "status": 503}, False),
    ],
    ids=["lost before", "answer lost", "garbage", "503"],
)
def test_a_write_of_unknown_outcome_was_sent_once_and_is_found_by_its_id(
    crm: Dataverse,
    servers: Running,
    rule: dict[str, Any],
    written: bool,
    write: Callable[[Dataverse, float], object],
) -> None:
    servers.world.faults.replace(fault(method="POST", **rule))
    with pytest.raises(Unreachable) as raised:
        write(crm, 10)
    assert raised.value.sent
    assert len(on_the_wire(servers, "POST")) == 1
    if written:
        assert crm.send(READ, within=10).body["cfl_key"] == "key-0001"
    else:
        with pytest.raises(NotFound):
            crm.send(READ, within=10)


def test_a_write_that_is_late_is_not_waited_for_and_clashes_with_its_repetition(
    crm: Dataverse, servers: Running
) -> None:
    crm.send(Operation("GET", "WhoAmI"), within=10)
    servers.world.faults.replace(fault(method="POST", do="delay", seconds=0.5))
    with pytest.raises(Unreachable) as raised:
        crm.send(CREATE, within=0.2)
    assert raised.value.sent
    while not on_the_wire(servers, "POST"):
        crm.send(Operation("GET", "WhoAmI"), within=10)  # until it has been carried out after all
    with pytest.raises(Duplicate):
        crm.send(CREATE, within=10)
    assert on_the_wire(servers, "POST") == [204, 412]


def test_throttling_is_waited_out_even_by_a_write(crm: Dataverse, servers: Running) -> None:
    servers.world.faults.replace(fault(method="POST", do="status", status=429, retry_after=1))
    assert crm.send(CREATE, within=10).status == 204
    assert on_the_wire(servers, "POST") == [429, 204]


def test_a_token_that_has_run_out_by_the_crms_clock_is_renewed(crm: Dataverse, servers: Running) -> None:
    crm.send(Operation("GET", "WhoAmI"), within=10)
    servers.world.clock.advance(2 * 3600)
    assert crm.send(CREATE, within=10).status == 204
    assert on_the_wire(servers, "POST") == [401, 204]


def test_reads_go_on_when_connections_break(crm: Dataverse, servers: Running) -> None:
    servers.world.faults.replace(fault(do="drop_after", times=2))
    answers = crm.batch([READ, Operation("GET", "WhoAmI")], within=10, continue_on_error=True)
    assert [answer.status for answer in answers if isinstance(answer, Reply)] == [404, 200]


def test_a_crm_that_is_not_there_was_told_nothing(crm: Dataverse, servers: Running) -> None:
    gone = Dataverse("https://127.0.0.1:1", crm._tokens, open_session(servers.addresses.ca_bundle))
    with pytest.raises(Unreachable, match="ConnectionError") as raised:
        gone.send(CREATE, within=0.5)
    assert not raised.value.sent


def test_a_certificate_that_is_not_trusted_names_the_setting(crm: Dataverse, servers: Running) -> None:
    stranger = Dataverse(servers.addresses.crm_tls, crm._tokens, open_session())
    with pytest.raises(Unreachable, match="COUNTERFOIL_CA_BUNDLE"):
        stranger.send(CREATE, within=5)
