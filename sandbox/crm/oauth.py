"""The identity provider beside the CRM: OpenID discovery and the client-credentials token endpoint, as Entra ID gives them.

An application proves itself by a secret or by an assertion signed with a registered certificate. Tokens are signed
JWTs whose life runs on the sandbox clock.
"""

import base64
import functools
import hashlib
import re
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID, uuid4

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key

from sandbox.clock import Clock
from sandbox.wire import Request, Response, json_response

TOKEN_LIFE = timedelta(seconds=3599)
_CLOCK_SKEW = timedelta(minutes=5)
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_OF_A_TENANT = re.compile(
    r"/[^/]+/((v2\.0/)?\.well-known/openid-configuration|oauth2/v2\.0/token|discovery/v2\.0/keys)"
)
_KEY_ID = "sandbox-signing-key"
FOREIGN_RESOURCE = "https://graph.microsoft.com"


class InvalidTokenError(Exception):
    """A bearer token that is not ours, not for this CRM, or past its time."""


@dataclass
class Application:
    """An app registration with what it may prove itself by."""

    client_id: UUID
    secrets: set[str] = field(default_factory=set)
    certificates: list[x509.Certificate] = field(default_factory=list)

    def register_certificate(self, pem: str | bytes) -> None:
        """Takes the public certificate, as uploaded to the registration's Certificates & secrets."""
        data = pem.encode() if isinstance(pem, str) else pem
        self.certificates.append(x509.load_pem_x509_certificate(data))


@dataclass(eq=False)
class _RefusalError(Exception):
    status: int
    error: str
    number: int
    text: str


class Directory:
    """One tenant: its applications, the resources it issues tokens for, and its signing key."""

    def __init__(self, tenant: UUID, clock: Clock) -> None:
        self.tenant = tenant
        self.applications: dict[UUID, Application] = {}
        self.resources: set[str] = set()
        self._clock = clock
        self._key = _signing_key()
        self._known: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()

    def register(self, client_id: UUID, *client_secrets: str) -> Application:
        application = Application(client_id, set(client_secrets))
        self.applications[client_id] = application
        return application

    def handles(self, path: str) -> bool:
        return path.startswith((f"/{self.tenant}/", "/common/")) or _OF_A_TENANT.fullmatch(path) is not None

    def handle(self, request: Request) -> Response:
        """Answers discovery, keys and the token endpoint; errors are Entra's JSON."""
        if request.path == "/common/discovery/instance":
            return self._instance(request)
        tenant, _, place = request.path.removeprefix("/").partition("/")
        if tenant != str(self.tenant):
            return self._refused(_RefusalError(400, "invalid_tenant", 90002, f"Tenant '{tenant}' not found."))
        if place in {"v2.0/.well-known/openid-configuration", ".well-known/openid-configuration"}:
            return self._configuration(request)
        if place == "discovery/v2.0/keys":
            return json_response(200, {"keys": [_public_jwk(self._key.public_key())]})
        if place == "oauth2/v2.0/token":
            if request.method != "POST":
                return self._refused(
                    _RefusalError(400, "invalid_request", 900561, "The endpoint only accepts POST requests.")
                )
            try:
                return self._token(request)
            except _RefusalError as refusal:
                return self._refused(refusal)
        return json_response(404, {"error": "not_found"})

    def issue(self, client_id: UUID, resource: str, *, life: timedelta = TOKEN_LIFE) -> str:
        """A bearer token for `resource`, as the token endpoint gives it."""
        now = self._clock.now()
        claims = {
            "aud": resource,
            "iss": f"https://sts.windows.net/{self.tenant}/",
            "iat": _seconds(now),
            "nbf": _seconds(now),
            "exp": _seconds(now + life),
            "appid": str(client_id),
            "appidacr": "1",
            "idtyp": "app",
            "oid": str(client_id),
            "sub": str(client_id),
            "tid": str(self.tenant),
            "uti": secrets.token_urlsafe(12),
            "ver": "1.0",
        }
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": _KEY_ID})

    def verify(self, token: str) -> UUID:
        """The client id that `token` was issued to; raises InvalidTokenError."""
        claims = self._claims(token)
        now = _seconds(self._clock.now())
        if claims["tid"] != str(self.tenant):
            raise InvalidTokenError("The token is from another tenant.")
        if claims["aud"].rstrip("/") not in self.resources:
            raise InvalidTokenError("The token's audience is another resource.")
        if now >= claims["exp"]:
            raise InvalidTokenError("The token has expired.")
        if now + _CLOCK_SKEW.total_seconds() < claims["nbf"]:
            raise InvalidTokenError("The token is not valid yet.")
        return UUID(claims["appid"])

    def _claims(self, token: str) -> dict[str, Any]:
        with self._lock:
            known = self._known.get(token)
        if known is not None:
            return known
        try:
            # Time and audience are judged in verify: the one runs on the sandbox clock, the other knows several names.
            claims: dict[str, Any] = jwt.decode(
                token,
                self._key.public_key(),
                algorithms=["RS256"],
                options={
                    "verify_aud": False,
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                    "require": ["aud", "exp", "nbf", "tid", "appid"],
                },
            )
        except jwt.PyJWTError as error:
            raise InvalidTokenError("The token is not one of this tenant's.") from error
        with self._lock:
            if len(self._known) > 256:
                self._known.clear()
            self._known[token] = claims
        return claims

    def _instance(self, request: Request) -> Response:
        host = request.origin.partition("://")[2]
        return json_response(
            200,
            {
                "tenant_discovery_endpoint": f"{request.origin}/{self.tenant}/v2.0/.well-known/openid-configuration",
                "api-version": "1.1",
                "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
            },
        )

    def _configuration(self, request: Request) -> Response:
        base = f"{request.origin}/{self.tenant}"
        return json_response(
            200,
            {
                "issuer": f"{base}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "jwks_uri": f"{base}/discovery/v2.0/keys",
                "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
                "response_types_supported": ["code", "id_token", "token"],
                "response_modes_supported": ["query", "fragment", "form_post"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "scopes_supported": ["openid", "profile", "email", "offline_access"],
                "tenant_region_scope": "EU",
                "cloud_instance_name": "sandbox",
            },
        )

    def _token(self, request: Request) -> Response:
        form = dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
        grant = _parameter(form, "grant_type")
        if grant != "client_credentials":
            raise _RefusalError(
                400,
                "unsupported_grant_type",
                70003,
                f"The app requested an unsupported grant type '{grant}'.",
            )
        application = self._application(_parameter(form, "client_id"))
        if "client_assertion" in form:
            self._check_assertion(application, form, request.origin)
        elif form.get("client_secret") is None:
            raise _RefusalError(
                401,
                "invalid_client",
                7000218,
                "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
            )
        elif not any(
            secrets.compare_digest(form["client_secret"].encode(), secret.encode())
            for secret in application.secrets
        ):
            raise _RefusalError(
                401,
                "invalid_client",
                7000215,
                "Invalid client secret provided. Ensure the secret being sent in the request is the client secret "
                f"value, not the client secret ID, for a secret added to app '{application.client_id}'.",
            )
        resource = self._resource(_parameter(form, "scope"))
        life = int(TOKEN_LIFE.total_seconds())
        return json_response(
            200,
            {
                "token_type": "Bearer",
                "expires_in": life,
                "ext_expires_in": life,
                "access_token": self.issue(application.client_id, resource),
            },
            {"cache-control": "no-store, no-cache", "pragma": "no-cache"},
        )

    def _application(self, client_id: str) -> Application:
        try:
            return self.applications[UUID(client_id)]
        except (ValueError, KeyError):
            raise _RefusalError(
                400,
                "unauthorized_client",
                700016,
                f"Application with identifier '{client_id}' was not found in the directory '{self.tenant}'. This can "
                "happen if the application has not been installed by the administrator of the tenant or consented to "
                "by any user in the tenant.",
            ) from None

    def _resource(self, scope: str) -> str:
        resource, default, rest = scope.partition("/.default")
        if not default or rest or " " in scope:
            raise _RefusalError(
                400,
                "invalid_scope",
                1002012,
                f"The provided value for scope {scope} is not valid. Client credential flows must have a scope value "
                "with /.default suffixed to the resource identifier (application ID URI).",
            )
        if resource.rstrip("/") not in self.resources | {FOREIGN_RESOURCE}:
            raise _RefusalError(
                400,
                "invalid_resource",
                500011,
                f"The resource principal named {resource} was not found in the tenant named {self.tenant}.",
            )
        return resource

    def _check_assertion(self, application: Application, form: Mapping[str, str], origin: str) -> None:
        def refuse(number: int, text: str) -> _RefusalError:
            return _RefusalError(401, "invalid_client", number, text)

        if form.get("client_assertion_type") != _ASSERTION_TYPE:
            raise refuse(50027, f"'client_assertion_type' must be '{_ASSERTION_TYPE}'.")
        assertion = form["client_assertion"]
        try:
            header = jwt.get_unverified_header(assertion)
        except jwt.PyJWTError as error:
            raise refuse(50027, f"Invalid JWT token: {error}.") from error
        certificate = next((c for c in application.certificates if _named_by(c, header)), None)
        if certificate is None:
            raise refuse(
                700027,
                "The certificate with identifier used to sign the client assertion is not registered on application.",
            )
        key = certificate.public_key()
        if not isinstance(key, RSAPublicKey):
            raise refuse(700027, "The registered certificate has no RSA key.")
        base = f"{origin}/{self.tenant}"
        try:
            # The assertion is judged by the machine's own time, which is what the client wrote into it.
            claims = jwt.decode(
                assertion,
                key,
                algorithms=["RS256", "PS256"],
                audience=[f"{base}/oauth2/v2.0/token", f"{base}/v2.0", base],
                issuer=str(application.client_id),
                leeway=_CLOCK_SKEW,
                options={"require": ["aud", "exp", "iss", "jti", "sub"]},
            )
        except jwt.InvalidAudienceError as error:
            raise refuse(700023, "Client assertion audience claim does not match Realm issuer.") from error
        except jwt.ExpiredSignatureError as error:
            raise refuse(700024, "Client assertion is not within its valid time range.") from error
        except jwt.PyJWTError as error:
            raise refuse(
                700027, f"Client assertion contains an invalid signature or claim: {error}."
            ) from error
        if claims["sub"] != str(application.client_id):
            raise refuse(700021, "Client assertion's issuer and subject must be the application.")

    def _refused(self, refusal: _RefusalError) -> Response:
        moment = self._clock.now()
        trace, correlation = uuid4(), uuid4()
        stamp = f"{moment:%Y-%m-%d %H:%M:%SZ}"
        return json_response(
            refusal.status,
            {
                "error": refusal.error,
                "error_description": f"AADSTS{refusal.number}: {refusal.text} "
                f"Trace ID: {trace} Correlation ID: {correlation} Timestamp: {stamp}",
                "error_codes": [refusal.number],
                "timestamp": stamp,
                "trace_id": str(trace),
                "correlation_id": str(correlation),
            },
        )


def _parameter(form: Mapping[str, str], name: str) -> str:
    value = form.get(name)
    if not value:
        raise _RefusalError(
            400,
            "invalid_request",
            900144,
            f"The request body must contain the following parameter: '{name}'.",
        )
    return value


def _named_by(certificate: x509.Certificate, header: Mapping[str, Any]) -> bool:
    der = certificate.public_bytes(serialization.Encoding.DER)
    if "x5t#S256" in header:
        return bool(header["x5t#S256"].rstrip("=") == _base64url(hashlib.sha256(der).digest()))
    # SHA-1 names the certificate here, as the platform does; it protects nothing.
    return bool(
        header.get("x5t", "").rstrip("=") == _base64url(hashlib.sha1(der, usedforsecurity=False).digest())
    )


def _public_jwk(key: RSAPublicKey) -> dict[str, str]:
    numbers = key.public_numbers()
    return {
        "kty": "RSA",
        "use": "sig",
        "kid": _KEY_ID,
        "alg": "RS256",
        "n": _base64url(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")),
        "e": _base64url(numbers.e.to_bytes((numbers.e.bit_length() + 7) // 8, "big")),
    }


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())


@functools.cache
def _signing_key() -> RSAPrivateKey:
    """One key a process: making it takes longer than a whole in-memory world."""
    return generate_private_key(public_exponent=65537, key_size=2048)
