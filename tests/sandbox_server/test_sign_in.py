"""Applications sign in with MSAL, unmodified, over real TLS; everything that is not a good token is turned away."""

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID, uuid4

import jwt
import msal
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from sandbox.crm.crm import CLIENT_ID, CLIENT_SECRET, TENANT
from sandbox.crm.oauth import FOREIGN_RESOURCE
from sandbox.tls import client_certificate
from sandbox.world import World
from tests.conftest import Running


def an_application(
    servers: Running, credential: str | Mapping[str, str], *, client_id: UUID = CLIENT_ID
) -> msal.ConfidentialClientApplication:
    return msal.ConfidentialClientApplication(
        str(client_id),
        client_credential=credential,
        authority=servers.addresses.authority,
        instance_discovery=False,
        http_client=servers.session(),
    )


def a_token(application: msal.ConfidentialClientApplication, servers: Running) -> str:
    answer = application.acquire_token_for_client([f"{servers.addresses.crm_tls}/.default"])
    assert "access_token" in answer, answer
    token: str = answer["access_token"]
    return token


def who_am_i(servers: Running, token: str | None) -> requests.Response:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return servers.session().get(f"{servers.addresses.crm_tls}/api/data/v9.2/WhoAmI", headers=headers)


def test_a_secret_opens_the_web_api(servers: Running) -> None:
    token = a_token(an_application(servers, CLIENT_SECRET), servers)

    assert who_am_i(servers, token).status_code == 200


def test_a_certificate_opens_the_web_api(servers: Running) -> None:
    certificate = servers.certificate
    credential = {
        "private_key": certificate.private_key_pem,
        "public_certificate": certificate.certificate_pem,
    }

    token = a_token(an_application(servers, credential), servers)

    assert who_am_i(servers, token).status_code == 200


def test_a_certificate_named_by_its_thumbprint_opens_it_too(servers: Running) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    certificate = x509.load_pem_x509_certificate(servers.certificate.certificate_pem.encode())
    thumbprint = certificate.fingerprint(hashes.SHA1()).hex()  # noqa: S303 - what MSAL asks for
    credential = {"private_key": servers.certificate.private_key_pem, "thumbprint": thumbprint}

    assert a_token(an_application(servers, credential), servers)


def test_the_second_token_comes_from_the_cache(servers: Running) -> None:
    application = an_application(servers, CLIENT_SECRET)

    assert a_token(application, servers) == a_token(application, servers)


def test_instance_discovery_is_answered_for_clients_that_ask(servers: Running) -> None:
    answer = (
        servers.session().get(f"{servers.addresses.crm_tls}/common/discovery/instance?api-version=1.1").json()
    )

    assert answer["tenant_discovery_endpoint"].startswith(servers.addresses.authority)


@pytest.mark.parametrize(
    ("change", "status", "error", "number"),
    [
        ({"client_secret": "guessed"}, 401, "invalid_client", 7000215),
        ({"client_secret": None}, 401, "invalid_client", 7000218),
        ({"client_id": str(uuid4())}, 400, "unauthorized_client", 700016),
        ({"client_id": "not an id"}, 400, "unauthorized_client", 700016),
        ({"client_id": None}, 400, "invalid_request", 900144),
        ({"scope": "https://127.0.0.1:1/user_impersonation"}, 400, "invalid_scope", 1002012),
        ({"scope": "https://somebody.else/.default"}, 400, "invalid_resource", 500011),
        ({"grant_type": "password"}, 400, "unsupported_grant_type", 70003),
        ({"client_assertion": "rubbish", "client_secret": None}, 401, "invalid_client", 50027),
    ],
)
def test_a_wrong_request_for_a_token_is_refused_as_entra_refuses_it(
    world: World, web: requests.Session, change: dict[str, str | None], status: int, error: str, number: int
) -> None:
    form: dict[str, str | None] = {
        "grant_type": "client_credentials",
        "client_id": str(CLIENT_ID),
        "client_secret": CLIENT_SECRET,
        "scope": f"{world.addresses.crm_tls}/.default",
    }

    answer = web.post(
        f"{world.addresses.authority}/oauth2/v2.0/token",
        data={name: value for name, value in (form | change).items() if value is not None},
    )

    assert (answer.status_code, answer.json()["error"], answer.json()["error_codes"]) == (
        status,
        error,
        [number],
    )
    assert f"AADSTS{number}" in answer.json()["error_description"]


@pytest.mark.parametrize("tenant", ["common", "contoso.example", "0a6b1c5e-2f4d-4c8a-9e10-000000000000"])
def test_another_tenant_is_not_found(world: World, web: requests.Session, tenant: str) -> None:
    for place in ("oauth2/v2.0/token", "v2.0/.well-known/openid-configuration"):
        answer = web.post(f"{world.addresses.crm_tls}/{tenant}/{place}", data={})
        assert (answer.status_code, answer.json()["error_codes"]) == (400, [90002])


@pytest.mark.parametrize(
    ("claims", "number"),
    [
        ({}, None),
        ({"aud": "https://elsewhere.example/token"}, 700023),
        ({"exp": 1}, 700024),
        ({"jti": None}, 700027),
        ({"iss": "somebody else"}, 700027),
        ({"sub": "somebody else"}, 700021),
    ],
)
def test_a_signed_assertion_counts_only_when_it_is_meant_for_us_and_now(
    world: World, web: requests.Session, claims: dict[str, object], number: int | None
) -> None:
    certificate = client_certificate("tests", world.clock.now())
    world.crm.application.register_certificate(certificate.certificate_pem)

    answer = _with_assertion(world, web, certificate.private_key_pem, certificate.certificate_pem, claims)

    assert answer.get("error_codes") == (None if number is None else [number])


def test_an_assertion_by_an_unregistered_or_wrong_key_is_refused(world: World, web: requests.Session) -> None:
    mine, registered = (client_certificate("tests", world.clock.now()) for _ in range(2))
    world.crm.application.register_certificate(registered.certificate_pem)

    unregistered = _with_assertion(world, web, mine.private_key_pem, mine.certificate_pem, {})
    forged = _with_assertion(world, web, mine.private_key_pem, registered.certificate_pem, {})

    assert unregistered["error_codes"] == forged["error_codes"] == [700027]


def test_expired_foreign_forged_and_missing_tokens_are_turned_away(servers: Running) -> None:
    directory = servers.world.crm.directory
    mine = servers.addresses.crm_tls
    forged = jwt.encode(
        {"aud": mine, "tid": str(TENANT), "appid": str(CLIENT_ID), "exp": 2**33, "nbf": 0},
        generate_private_key(public_exponent=65537, key_size=2048),
        algorithm="RS256",
    )
    for token, reason in (
        (None, "neither a bearer token nor a session"),
        ("rubbish", "not one of this tenant's"),
        (forged, "not one of this tenant's"),
        (directory.issue(CLIENT_ID, mine, life=timedelta(seconds=-1)), "expired"),
        (directory.issue(CLIENT_ID, FOREIGN_RESOURCE), "audience"),
    ):
        answer = who_am_i(servers, token)

        assert answer.status_code == 401, token
        assert answer.json()["error"]["code"] == "0x80040204"
        assert reason in answer.json()["error"]["message"]
        assert answer.headers["WWW-Authenticate"].startswith(
            f"Bearer authorization_uri={mine}/{TENANT}/oauth2"
        )


def test_a_token_expires_on_the_sandbox_clock(servers: Running) -> None:
    token = a_token(an_application(servers, CLIENT_SECRET), servers)
    assert who_am_i(servers, token).status_code == 200

    servers.session().post(f"{servers.addresses.crm}/sandbox/clock", json={"advance_seconds": 3600})

    assert who_am_i(servers, token).status_code == 401


def test_an_application_without_a_user_in_the_environment_is_no_member(servers: Running) -> None:
    stranger = uuid4()
    servers.world.crm.directory.register(stranger, "s")

    answer = who_am_i(servers, a_token(an_application(servers, "s", client_id=stranger), servers))

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "0x80072560")


def _with_assertion(
    world: World, web: requests.Session, key: str, certificate: str, claims: dict[str, object]
) -> dict[str, object]:
    import base64

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    thumbprint = x509.load_pem_x509_certificate(certificate.encode()).fingerprint(hashes.SHA256())
    endpoint = f"{world.addresses.authority}/oauth2/v2.0/token"
    whole = {
        "aud": endpoint,
        "iss": str(CLIENT_ID),
        "sub": str(CLIENT_ID),
        "jti": str(uuid4()),
        "exp": 2**33,
        **claims,
    }
    assertion = jwt.encode(
        {name: value for name, value in whole.items() if value is not None},
        key,
        algorithm="PS256",
        headers={"x5t#S256": base64.urlsafe_b64encode(thumbprint).decode()},
    )
    form = {
        "grant_type": "client_credentials",
        "client_id": str(CLIENT_ID),
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": assertion,
        "scope": f"{world.addresses.crm_tls}/.default",
    }
    answer: dict[str, object] = web.post(endpoint, data=form).json()
    return answer
