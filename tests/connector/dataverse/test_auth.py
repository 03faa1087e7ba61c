"""Sign-in: MSAL as it ships, over real TLS, against the local identity provider; a scripted one for what that never does."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

import jwt
import pytest
import responses

from connector.dataverse.auth import (
    Application,
    ClientCertificate,
    ClientSecret,
    ManagedIdentity,
    Tokens,
)
from connector.dataverse.odata import SignInRefused, Unreachable
from sandbox import tls
from sandbox.clock import Clock
from sandbox.crm.oauth import Directory
from sandbox.server import Servers, Site, listen
from sandbox.wire import Request, Response

TENANT = UUID("11111111-0000-4000-8000-000000000001")
CLIENT = UUID("22222222-0000-4000-8000-000000000002")
CRM = "https://org.crm.dynamics.com"
SECRET = "the-secret~of.the-application"


@dataclass
class Provider:
    """The local identity provider behind TLS, with what a client needs to know of it."""

    authority: str
    ca: Path
    certificate: Path
    unregistered: Path
    requests: list[Request]
    answer_instead: Callable[[Request], Response | None]
    opened: list[Tokens] = field(default_factory=list)

    def tokens(
        self,
        credential: ClientSecret | ClientCertificate,
        *,
        tenant: UUID = TENANT,
        client: UUID = CLIENT,
        crm: str = CRM,
    ) -> Tokens:
        application = Application(str(tenant), str(client), credential, self.authority)
        self.opened.append(Tokens(crm, application, self.ca))
        return self.opened[-1]

    @property
    def paths(self) -> list[str]:
        return [request.path.removeprefix(f"/{TENANT}/") for request in self.requests]


def nothing_else(request: Request) -> Response | None:
    return None


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    folder = tmp_path_factory.mktemp("provider")
    clock = Clock()
    directory = Directory(TENANT, clock)
    directory.resources.add(CRM)
    registered = tls.client_certificate("counterfoil", clock.now())
    directory.register(CLIENT, SECRET).register_certificate(registered.certificate_pem)
    (other := folder / "other").mkdir()
    authority, listener = tls.Authority(), listen(0)
    provider = Provider(
        authority=f"https://localhost:{listener.getsockname()[1]}",
        ca=authority.write_bundle(folder),
        certificate=registered.write(folder),
        unregistered=tls.client_certificate("somebody", clock.now() + timedelta(days=1)).write(other),
        requests=[],
        answer_instead=nothing_else,
    )

    def handle(request: Request) -> Response:
        provider.requests.append(request)
        return provider.answer_instead(request) or directory.handle(request)

    servers = Servers([Site(listener, handle, authority.server_context())])
    servers.start()
    yield provider
    servers.stop()


@pytest.fixture
def provider(running: Provider) -> Iterator[Provider]:
    running.requests.clear()
    running.answer_instead = nothing_else
    yield running
    for tokens in running.opened:
        tokens.close()
    running.opened.clear()


DISCOVERY, TOKEN = "v2.0/.well-known/openid-configuration", "oauth2/v2.0/token"


def test_a_secret_signs_in_and_the_token_is_kept(provider: Provider) -> None:
    tokens = provider.tokens(ClientSecret(SECRET))
    assert provider.requests == [], "nothing is asked before it is needed"
    token = tokens.token()
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["aud"], claims["appid"]) == (CRM, str(CLIENT))
    assert tokens.token() == token
    assert provider.paths == [DISCOVERY, TOKEN]


def test_a_forgotten_token_is_fetched_anew(provider: Provider) -> None:
    tokens = provider.tokens(ClientSecret(SECRET))
    first = tokens.token()
    tokens.forget()
    assert tokens.token() != first
    assert provider.paths == [DISCOVERY, TOKEN] * 2


def test_a_certificate_signs_in_with_ps256_and_shows_itself(provider: Provider) -> None:
    assert provider.tokens(ClientCertificate(provider.certificate)).token()
    form = dict(parse_qsl(provider.requests[-1].body.decode()))
    header = jwt.get_unverified_header(form["client_assertion"])
    assert header["alg"] == "PS256"
    assert header["x5c"]
    assert "client_secret" not in form


@pytest.mark.parametrize(
    ("credential", "setting"),
    [
        (lambda _: ClientSecret("a-wrong~secret"), "COUNTERFOIL_CLIENT_SECRET"),
        (lambda provider: ClientCertificate(provider.unregistered), "COUNTERFOIL_CLIENT_CERTIFICATE"),
        (lambda provider: ClientCertificate(provider.ca), "COUNTERFOIL_CLIENT_CERTIFICATE"),
        (lambda provider: ClientCertificate(provider.ca / "gone"), "COUNTERFOIL_CLIENT_CERTIFICATE"),
    ],
    ids=["wrong secret", "certificate unknown there", "no private key", "no such file"],
)
def test_a_wrong_credential_names_its_setting_and_stays_secret(
    provider: Provider,
    credential: Callable[[Provider], ClientSecret | ClientCertificate],
    setting: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(SignInRefused) as raised:
        provider.tokens(credential(provider)).token()
    assert str(raised.value).startswith(f"{setting}: ")
    assert "a-wrong~secret" not in f"{raised.value!r}{caplog.text}"
    assert "PRIVATE KEY" not in caplog.text


def test_a_damaged_key_is_named(provider: Provider, tmp_path: Path) -> None:
    whole = provider.certificate.read_text()
    damaged = tmp_path / "damaged.pem"
    damaged.write_text(whole.replace("\n", "\nAAAA", 1))
    with pytest.raises(
        SignInRefused, match=r"^COUNTERFOIL_CLIENT_CERTIFICATE: .*needs an RSA key without a passphrase"
    ):
        provider.tokens(ClientCertificate(damaged)).token()


@pytest.mark.parametrize(
    ("wrong", "setting"),
    [
        ({"client": UUID(int=7)}, "COUNTERFOIL_CLIENT_ID"),
        ({"tenant": UUID(int=7)}, "COUNTERFOIL_AUTHORITY or COUNTERFOIL_TENANT_ID"),
        ({"crm": "https://other.crm.dynamics.com"}, "COUNTERFOIL_DATAVERSE_URL"),
    ],
    ids=["client", "tenant", "environment"],
)
def test_what_else_may_be_wrong_names_its_setting(
    provider: Provider, wrong: dict[str, Any], setting: str
) -> None:
    with pytest.raises(SignInRefused) as raised:
        provider.tokens(ClientSecret(SECRET), **wrong).token()
    assert str(raised.value).startswith(f"{setting}: ")
    assert SECRET not in str(raised.value)


def test_tokens_come_over_tls_or_not_at_all() -> None:
    with pytest.raises(SignInRefused, match=r"^COUNTERFOIL_AUTHORITY: an https address is needed"):
        Tokens(CRM, Application("t", "x", ClientSecret(SECRET), "http://localhost:1")).token()


def test_an_echoed_secret_is_blacked_out(provider: Provider) -> None:
    echo = f'{{"error": "invalid_client", "error_description": "What is {SECRET}?"}}'.encode()
    provider.answer_instead = lambda request: (
        Response(401, {"content-type": "application/json"}, echo) if request.method == "POST" else None
    )
    with pytest.raises(SignInRefused) as raised:
        provider.tokens(ClientSecret(SECRET)).token()
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize("method", ["GET", "POST"], ids=["discovery", "token"])
@pytest.mark.parametrize(
    ("answer", "wait"),
    [
        (Response(429, {"retry-after": "3"}, b"{}"), 3.0),
        (Response(503, {}, b"<html>"), None),
        (Response(200, {}, b"<html>Please sign in</html>"), None),
        (Response(200, {}, b'{"token_type": "Bearer", "access_token": "half-a-tok'), None),
        (Response(200, {}, b"[]"), None),
        (Response(0, drop=True), None),
    ],
    ids=["429", "503", "HTML", "half a token", "a list", "no answer"],
)
def test_a_provider_in_trouble_is_no_verdict(
    provider: Provider, method: str, answer: Response, wait: float | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    tokens = provider.tokens(ClientSecret(SECRET))
    provider.answer_instead = lambda request: answer if request.method == method else None
    with pytest.raises(Unreachable) as raised:
        tokens.token(within=5)
    assert not raised.value.sent, "nothing has gone to Dataverse"
    assert raised.value.retry_after == wait
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None
    assert "half-a-tok" not in caplog.text
    assert SECRET not in f"{caplog.text}{raised.value!r}"

    provider.answer_instead = nothing_else
    assert tokens.token(), "the next one is asked for at once, whatever MSAL would have played back"


def test_a_provider_that_says_try_later_is_no_verdict(provider: Provider) -> None:
    busy = Response(400, {}, b'{"error": "temporarily_unavailable"}')
    provider.answer_instead = lambda request: busy if request.method == "POST" else None
    with pytest.raises(Unreachable):
        provider.tokens(ClientSecret(SECRET)).token()


def test_an_untrusted_provider_is_told_apart(provider: Provider) -> None:
    with pytest.raises(Unreachable, match="COUNTERFOIL_CA_BUNDLE"):
        Tokens(CRM, Application(str(TENANT), "x", ClientSecret(SECRET), provider.authority)).token()


def test_the_environment_cannot_replace_the_certificates(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/elsewhere.pem")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    assert provider.tokens(ClientSecret(SECRET)).token()


def test_a_slow_provider_is_waited_for_no_longer_than_asked(provider: Provider) -> None:
    never = Event()

    def linger(request: Request) -> Response | None:
        never.wait(5)
        return None

    provider.answer_instead = linger
    with pytest.raises(Unreachable):
        provider.tokens(ClientSecret(SECRET)).token(within=0.2)
    never.set()


def test_who_waits_behind_another_for_a_token_waits_no_longer_than_asked(provider: Provider) -> None:
    tokens = provider.tokens(ClientSecret(SECRET))
    asked, answer = Event(), Event()

    def linger(request: Request) -> Response | None:
        asked.set()
        answer.wait(5)
        return None

    provider.answer_instead = linger
    first = Thread(target=tokens.token)
    first.start()
    asked.wait(5)
    with pytest.raises(Unreachable, match="no token in time"):
        tokens.token(within=0.05)
    answer.set()
    first.join()


# --- The public provider and managed identities, by script ------------------------------------------------------


def test_the_public_provider_is_asked_by_its_usual_addresses() -> None:
    base = f"https://login.microsoftonline.com/{TENANT}"
    with responses.RequestsMock() as wire:
        wire.get(
            f"{base}/v2.0/.well-known/openid-configuration",
            json={
                "issuer": f"{base}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
            },
        )
        wire.post(
            f"{base}/oauth2/v2.0/token",
            json={"access_token": "t", "token_type": "Bearer", "expires_in": 3599},
        )
        assert Tokens(CRM, Application(str(TENANT), str(CLIENT), ClientSecret(SECRET))).token() == "t"
        assert "scope=https%3A%2F%2Forg.crm.dynamics.com%2F.default" in str(wire.calls[1].request.body)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> str:
    """An App Service with managed identity."""
    monkeypatch.setenv("IDENTITY_ENDPOINT", "http://127.0.0.1:41741/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "header")
    return "http://127.0.0.1:41741/msi/token"


def test_a_managed_identity_signs_in_without_any_secret(machine: str) -> None:
    answer = {"access_token": "t", "expires_on": "4102444800", "resource": CRM, "token_type": "Bearer"}
    for identity, named in ((ManagedIdentity(), None), (ManagedIdentity(str(CLIENT)), str(CLIENT))):
        with responses.RequestsMock() as wire:
            wire.get(machine, json=answer)
            assert Tokens(CRM + "/", identity).token() == "t"
            parameters = wire.calls[0].request.params  # type: ignore[attr-defined]  # responses adds it
            assert parameters["resource"] == CRM
            assert parameters.get("client_id") == named


def test_a_machine_without_managed_identity_names_the_setting(machine: str) -> None:
    with responses.RequestsMock() as wire:
        wire.get(machine, status=400, json={"statusCode": 400, "message": "No managed identity"})
        with pytest.raises(SignInRefused, match=r"^COUNTERFOIL_MANAGED_IDENTITY: "):
            Tokens(CRM, ManagedIdentity()).token()


def test_an_identity_does_not_show_its_secret() -> None:
    assert "s3cret" not in repr(Application("t", "c", ClientSecret("s3cret")))
