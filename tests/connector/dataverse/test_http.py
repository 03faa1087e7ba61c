"""What is sent to Dataverse, how often, and for how long. The answers are scripted; time passes only when it is waited for."""

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import requests
import responses
from urllib3.exceptions import MaxRetryError, NewConnectionError

from connector.dataverse.batch import Changeset
from connector.dataverse.http import Dataverse, Exchange
from connector.dataverse.odata import (
    Duplicate,
    Invalid,
    NotFound,
    Operation,
    Reply,
    Throttled,
    Unauthorized,
    Unreachable,
)
from connector.dataverse.session import open_session

URL = "https://org.crm.dynamics.com"
ROOT = f"{URL}/api/data/v9.2/"
READ = Operation("GET", "accounts?$select=name")
CREATE = Operation("POST", "cfl_payments", body={"cfl_name": "x"})
CHANGES = Changeset((CREATE, Operation("PATCH", "accounts(1)", {"If-Match": 'W/"1"'}, {"name": "y"})))

PROTECTED = {"error": {"code": "0x80072322", "message": "Number of requests exceeded the limit of 6000."}}
CLASH = {"error": {"code": "0x80040237", "message": "Cannot insert duplicate key."}}


class StopwatchThatDoesNotWait:
    def __init__(self) -> None:
        self.seconds = 0.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float, /) -> None:
        self.slept.append(seconds)
        self.seconds += seconds


class CountedTokens:
    """Each renewal gives another token."""

    def __init__(self) -> None:
        self.renewals = 0

    def token(self, within: float) -> str:
        assert within > 0
        return f"secret-token-{self.renewals}"

    def forget(self) -> None:
        self.renewals += 1


@dataclass
class Conversation:
    crm: Dataverse
    wire: responses.RequestsMock
    stopwatch: StopwatchThatDoesNotWait
    tokens: CountedTokens
    seen: list[Exchange] = field(default_factory=list)

    def answers(
        self, *script: dict[str, Any] | Exception, method: str = "GET", path: str = "accounts"
    ) -> None:
        """One after the other; the last one again and again."""
        for entry in script:
            if isinstance(entry, Exception):
                self.wire.add(method, ROOT + path, body=entry)
            else:
                self.wire.add(method, ROOT + path, **entry)

    @property
    def sent(self) -> list[requests.PreparedRequest]:
        return [call.request for call in self.wire.calls]


@pytest.fixture
def talk() -> Iterator[Conversation]:
    stopwatch, tokens, seen = StopwatchThatDoesNotWait(), CountedTokens(), list[Exchange]()
    crm = Dataverse(URL + "/", tokens, open_session(), observe=seen.append, stopwatch=stopwatch)
    with responses.RequestsMock(assert_all_requests_are_fired=False) as wire:
        yield Conversation(crm, wire, stopwatch, tokens, seen)


def refused_connection() -> requests.ConnectionError:
    """Nobody listens: what requests raises for it."""
    never = NewConnectionError(None, "Connection refused")  # type: ignore[arg-type]  # the pool is of no interest
    return requests.ConnectionError(MaxRetryError(None, ROOT, never))  # type: ignore[arg-type]  # likewise


ROWS: dict[str, Any] = {"json": {"value": []}}
CREATED: dict[str, Any] = {"status": 204}
TIME_OUT = requests.ReadTimeout("read timed out")
BROKEN = requests.ConnectionError("Connection aborted", ConnectionResetError())
HALF = requests.exceptions.ChunkedEncodingError("IncompleteRead")


def test_a_read_carries_what_dataverse_asks_for(talk: Conversation) -> None:
    talk.answers({"json": {"value": [{"name": "Fabrikam"}]}})
    reply = talk.crm.send(READ, within=5)
    assert reply.body == {"value": [{"name": "Fabrikam"}]}
    (request,) = talk.sent
    assert request.url == ROOT + "accounts?$select=name"
    assert {
        name: request.headers[name]
        for name in ("Accept", "OData-Version", "OData-MaxVersion", "Authorization")
    } == {
        "Accept": "application/json",
        "OData-Version": "4.0",
        "OData-MaxVersion": "4.0",
        "Authorization": "Bearer secret-token-0",
    }
    assert request.headers["If-None-Match"] == "null"
    (exchange,) = talk.seen
    assert request.headers["x-ms-client-request-id"] == exchange.request_id
    assert (exchange.method, exchange.path, exchange.status, exchange.parts) == (
        "GET",
        "/api/data/v9.2/accounts",
        200,
        1,
    )


@pytest.mark.parametrize(
    "trouble",
    [
        TIME_OUT,
        BROKEN,
        HALF,
        refused_connection(),
        {"status": 500},
        {"status": 502, "body": "<html>"},
        {"status": 503, "headers": {"Retry-After": "2"}},
        {"status": 200, "body": "<html>Please sign in to the guest network</html>"},
        {"status": 200, "body": '{"value": [{"totalamo'},
        {"status": 200, "body": '{"totalamount": NaN}'},
        {"status": 302, "headers": {"Location": "https://elsewhere.example/"}},
        {"status": 403, "body": "<html>Blocked</html>"},
        {"status": 429, "json": PROTECTED},
    ],
    ids=lambda trouble: (
        trouble.__class__.__name__ if isinstance(trouble, Exception) else str(trouble["status"])
    ),
)
def test_a_read_is_asked_again_until_it_is_answered(talk: Conversation, trouble: Any) -> None:
    talk.answers(trouble, trouble, ROWS)
    assert talk.crm.send(READ, within=60).body == {"value": []}
    assert len(talk.sent) == 3
    assert len({exchange.request_id for exchange in talk.seen}) == 3


@pytest.mark.parametrize(
    "trouble",
    [
        TIME_OUT,
        BROKEN,
        HALF,
        {"status": 500},
        {"status": 502, "body": "<html>"},
        {"status": 503, "headers": {"Retry-After": "1"}},
        {"status": 504},
        {"status": 200, "body": "<html>Please sign in to the guest network</html>"},
        {"status": 201, "body": '{"cfl_paymentid": "11'},
        {"status": 302, "headers": {"Location": "https://elsewhere.example/"}},
        {"status": 403, "body": "<html>Blocked</html>"},
        {"status": 429, "body": "Too many requests, says the proxy"},
    ],
    ids=lambda trouble: (
        trouble.__class__.__name__ if isinstance(trouble, Exception) else str(trouble["status"])
    ),
)
@pytest.mark.parametrize(
    "write",
    [
        lambda crm: crm.send(CREATE, within=60),
        lambda crm: crm.batch([CHANGES], within=60),
        lambda crm: crm.batch([READ, CHANGES], within=60, continue_on_error=True),
    ],
    ids=["create", "changeset", "changeset behind a read"],
)
def test_a_write_that_may_have_happened_is_never_sent_twice(
    talk: Conversation, trouble: Any, write: Callable[[Dataverse], object]
) -> None:
    talk.answers(trouble, CREATED, method="POST", path="cfl_payments")
    talk.answers(trouble, CREATED, method="POST", path="$batch")
    with pytest.raises(Unreachable) as raised:
        write(talk.crm)
    assert raised.value.sent
    assert len(talk.sent) == 1


@pytest.mark.parametrize(
    "turned_away",
    [refused_connection(), requests.ConnectTimeout("connect timed out"), {"status": 429, "json": PROTECTED}],
    ids=["refused connection", "no connection in time", "service protection"],
)
def test_a_write_that_nobody_executed_goes_again(talk: Conversation, turned_away: Any) -> None:
    talk.answers(turned_away, turned_away, CREATED, method="POST", path="cfl_payments")
    assert talk.crm.send(CREATE, within=60).status == 204
    assert [json.loads(request.body or b"") for request in talk.sent] == [{"cfl_name": "x"}] * 3


def test_the_platform_says_how_long_to_wait(talk: Conversation) -> None:
    talk.answers(
        {"status": 429, "json": PROTECTED, "headers": {"Retry-After": "7"}},
        CREATED,
        method="POST",
        path="cfl_payments",
    )
    talk.crm.send(CREATE, within=20)
    (waited,) = talk.stopwatch.slept
    assert 7 <= waited <= 8


def test_waiting_longer_than_the_caller_has_is_not_begun(talk: Conversation) -> None:
    talk.answers({"status": 429, "json": PROTECTED, "headers": {"Retry-After": "300"}}, ROWS)
    with pytest.raises(Throttled) as raised:
        talk.crm.send(READ, within=20)
    assert raised.value.retry_after == 300
    assert talk.stopwatch.slept == []
    assert len(talk.sent) == 1


def test_a_read_gives_up_at_its_deadline(talk: Conversation) -> None:
    talk.answers({"status": 503})
    with pytest.raises(Unreachable):
        talk.crm.send(READ, within=20)
    assert 10 < talk.stopwatch.seconds <= 20
    assert len(talk.sent) > 5


def test_without_time_left_nothing_is_sent(talk: Conversation) -> None:
    talk.answers(CREATED, method="POST", path="cfl_payments")
    with pytest.raises(Unreachable) as raised:
        talk.crm.send(CREATE, within=0)
    assert not raised.value.sent
    assert talk.sent == []


def test_an_answer_that_drips_past_the_deadline_is_none(talk: Conversation) -> None:
    class Dripping(responses.BaseResponse):
        def get_response(self, request: Any) -> Any:
            talk.stopwatch.seconds += 21
            return responses.Response("POST", ROOT + "cfl_payments", json={"a": 1}).get_response(request)

    talk.wire.add(Dripping("POST", ROOT + "cfl_payments"))
    with pytest.raises(Unreachable):
        talk.crm.send(CREATE, within=20)
    assert len(talk.sent) == 1


@pytest.mark.parametrize("operation", [READ, CREATE], ids=["read", "write"])
def test_a_refused_token_is_renewed_once(talk: Conversation, operation: Operation) -> None:
    path = operation.path.partition("?")[0]
    talk.answers({"status": 401}, ROWS, method=operation.method, path=path)
    assert talk.crm.send(operation, within=5).status == 200
    assert [request.headers["Authorization"] for request in talk.sent] == [
        "Bearer secret-token-0",
        "Bearer secret-token-1",
    ]


def test_a_token_refused_twice_is_reported(talk: Conversation) -> None:
    talk.answers({"status": 401}, method="POST", path="$batch")
    with pytest.raises(Unauthorized):
        talk.crm.batch([CHANGES], within=5)
    assert talk.tokens.renewals == 1
    assert len(talk.sent) == 2


def test_a_refusal_is_raised_at_once(talk: Conversation) -> None:
    talk.answers({"status": 404, "json": {"error": {"code": "0x80040217", "message": "Does Not Exist"}}})
    talk.answers({"status": 412, "json": CLASH}, method="POST", path="cfl_payments")
    with pytest.raises(NotFound, match="Does Not Exist"):
        talk.crm.send(READ, within=5)
    with pytest.raises(Duplicate):
        talk.crm.send(CREATE, within=5)
    assert len(talk.sent) == 2


# --- Batches ---------------------------------------------------------------------------------------------------


def multipart(*parts: tuple[int, Any], status: int = 200) -> dict[str, Any]:
    lines = []
    for part_status, body in parts:
        lines += [
            "--r",
            "Content-Type: application/http",
            "",
            f"HTTP/1.1 {part_status} X",
            "",
            json.dumps(body),
        ]
    text = "\r\n".join([*lines, "--r--", ""])
    return {"status": status, "body": text, "content_type": "multipart/mixed; boundary=r"}


def test_eight_reads_are_one_request(talk: Conversation) -> None:
    talk.answers(
        multipart(*[(200, {"value": [number]}) for number in range(8)]), method="POST", path="$batch"
    )
    answers = talk.crm.batch([READ] * 8, within=5, continue_on_error=True)
    assert [answer.body["value"] for answer in answers if isinstance(answer, Reply)] == [
        [n] for n in range(8)
    ]
    (request,) = talk.sent
    assert request.headers["Prefer"] == "odata.continue-on-error"
    assert request.headers["Content-Type"] == "multipart/mixed; boundary=batch_counterfoil"
    assert talk.seen[0].parts == 8


@pytest.mark.parametrize(
    "trouble",
    [
        multipart((200, {}), (503, {})),
        multipart((200, {}), (429, PROTECTED)),
        multipart((200, {})),
        {"status": 200, "body": "<html>"},
        {"status": 200, "json": {}},
        {"status": 500},
        TIME_OUT,
    ],
    ids=["part 503", "part 429", "too few", "HTML", "JSON", "500", "time-out"],
)
def test_a_batch_of_reads_is_asked_again_as_a_whole(talk: Conversation, trouble: Any) -> None:
    talk.answers(trouble, multipart((200, {}), (404, CLASH)), method="POST", path="$batch")
    answers = talk.crm.batch([READ, READ], within=30, continue_on_error=True)
    assert [answer.status for answer in answers if isinstance(answer, Reply)] == [200, 404]
    assert len(talk.sent) == 2


def test_a_changeset_that_the_service_protection_turned_away_goes_again(talk: Conversation) -> None:
    done = "\r\n".join(
        [
            "--r",
            "Content-Type: multipart/mixed; boundary=c",
            "",
            *[
                "--c",
                "Content-Type: application/http",
                "Content-ID: 1",
                "",
                "HTTP/1.1 204 No Content",
                "",
                "",
            ],
            *[
                "--c",
                "Content-Type: application/http",
                "Content-ID: 2",
                "",
                "HTTP/1.1 204 No Content",
                "",
                "",
            ],
            "--c--",
            "--r--",
        ]
    )
    talk.answers(
        multipart((429, PROTECTED), status=429),
        {"body": done, "content_type": "multipart/mixed; boundary=r"},
        method="POST",
        path="$batch",
    )
    (answer,) = talk.crm.batch([CHANGES], within=30)
    assert answer == [Reply(204, {"content-id": "1"}), Reply(204, {"content-id": "2"})]
    assert len(talk.sent) == 2


def test_a_changeset_among_others_is_not_sent_again_for_its_part(talk: Conversation) -> None:
    talk.answers(multipart((412, CLASH), (429, PROTECTED)), method="POST", path="$batch")
    first, second = talk.crm.batch([CHANGES, CHANGES], within=30, continue_on_error=True)
    assert isinstance(first, Reply)
    assert isinstance(first.error, Duplicate)
    assert isinstance(second, Reply)
    assert isinstance(second.error, Throttled)
    assert len(talk.sent) == 1


@pytest.mark.parametrize("status", [400, 412])
def test_a_refused_changeset_is_an_answer(talk: Conversation, status: int) -> None:
    talk.answers(multipart((412, CLASH), status=status), method="POST", path="$batch")
    (answer,) = talk.crm.batch([CHANGES], within=5)
    assert isinstance(answer, Reply)
    with pytest.raises(Duplicate):
        answer.raise_for_status()


def test_a_batch_refused_as_a_whole_is_an_error(talk: Conversation) -> None:
    talk.answers(
        {"status": 400, "json": {"error": {"code": "0x80048d19", "message": "Bad"}}},
        method="POST",
        path="$batch",
    )
    with pytest.raises(Invalid, match="Bad"):
        talk.crm.batch([READ], within=5)


# --- Pages -----------------------------------------------------------------------------------------------------


def test_all_pages_are_read(talk: Conversation) -> None:
    link = (
        "https://ORG.crm.dynamics.com/api/data/v9.2/accounts?$skiptoken=%3Ccookie%20pagenumber=%222%22%20/%3E"
    )
    talk.answers(
        {"json": {"value": [{"n": 1}, {"n": 2}], "@odata.nextLink": link}}, {"json": {"value": [{"n": 3}]}}
    )
    found = talk.crm.rows(Operation("GET", "accounts", {"Prefer": "odata.maxpagesize=2"}), within=5)
    assert [found_row["n"] for found_row in found] == [1, 2, 3]
    assert talk.sent[1].url == link.replace("ORG", "org")
    assert talk.sent[1].headers["Prefer"] == "odata.maxpagesize=2"


@pytest.mark.parametrize(
    "page",
    [
        {"value": [], "@odata.nextLink": "https://evil.example/api/data/v9.2/x"},
        {"value": [], "@odata.nextLink": 7},
        {"a": 1},
    ],
)
def test_a_page_elsewhere_does_not_get_our_token(talk: Conversation, page: dict[str, Any]) -> None:
    talk.answers({"json": page})
    with pytest.raises(Unreachable):
        talk.crm.rows(READ, within=5)
    assert len(talk.sent) == 1


# --- What must not get out, or in --------------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", [TIME_OUT, BROKEN, {"status": 401}, {"status": 500}, {"body": "<html>"}])
def test_no_token_in_an_error_or_log(
    talk: Conversation, trouble: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    talk.answers(trouble, method="POST", path="cfl_payments")
    with pytest.raises((Unreachable, Unauthorized)) as raised:
        talk.crm.send(CREATE, within=5)
    error: BaseException | None = raised.value
    while error is not None:
        assert not isinstance(error, requests.RequestException), "it holds the request with its headers"
        assert "secret-token" not in f"{error!r}{vars(error)}"
        error = error.__cause__ or error.__context__
    assert "secret-token" not in caplog.text


def test_the_environment_does_not_reach_the_session(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/elsewhere.pem")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    session = open_session(bundle)
    settings = session.merge_environment_settings(URL, {}, None, None, None)
    assert settings["verify"] == str(bundle)
    assert not settings["proxies"]


def test_cookies_are_not_kept(talk: Conversation) -> None:
    talk.answers({"json": {"value": []}, "headers": {"Set-Cookie": "ARRAffinity=1; Path=/"}})
    talk.crm.send(READ, within=5)
    talk.crm.send(READ, within=5)
    assert "Cookie" not in talk.sent[1].headers


def test_more_calls_than_the_platform_takes_at_once_wait_their_turn() -> None:
    most = under_way = 0
    meanwhile = Event()

    def answer(request: Any) -> tuple[int, dict[str, str], str]:
        nonlocal most, under_way
        under_way += 1
        most = max(most, under_way)
        meanwhile.wait(0.01)
        under_way -= 1
        return 200, {}, "{}"

    crm = Dataverse(URL, CountedTokens(), open_session(), in_flight=2)
    with responses.RequestsMock() as wire:
        wire.add_callback("GET", ROOT + "accounts", callback=answer)
        threads = [Thread(target=crm.send, args=[READ], kwargs={"within": 5}) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(wire.calls) == 8
    assert most <= 2


def test_a_call_that_gets_no_turn_was_not_sent(talk: Conversation) -> None:
    crm = Dataverse(URL, CountedTokens(), open_session(), stopwatch=talk.stopwatch, in_flight=1)
    entered, leave = Event(), Event()

    def hold(request: Any) -> tuple[int, dict[str, str], str]:
        entered.set()
        leave.wait(5)
        return 200, {}, "{}"

    talk.wire.add_callback("GET", ROOT + "accounts", callback=hold)
    first = Thread(target=crm.send, args=[READ], kwargs={"within": 5})
    first.start()
    entered.wait(5)
    with pytest.raises(Unreachable) as raised:
        crm.send(CREATE, within=0.05)
    assert not raised.value.sent
    leave.set()
    first.join()
    assert len(talk.sent) == 1
