"""Access tokens for Dataverse from Microsoft Entra ID, by MSAL: client secret, certificate or managed identity."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import msal
import requests
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate
from requests.adapters import HTTPAdapter

from connector.dataverse.odata import SignInRefused, Unreachable, from_json, retry_after
from connector.dataverse.session import open_session, reason

PUBLIC_AUTHORITY = "https://login.microsoftonline.com"


@dataclass(frozen=True)
class ClientSecret:
    value: str = field(repr=False)


@dataclass(frozen=True)
class ClientCertificate:
    """A PEM file with the private key and, behind or before it, its certificate."""

    file: Path


@dataclass(frozen=True)
class Application:
    """An app registration. `authority` with or without the tenant as its path."""

    tenant: str
    client_id: str
    credential: ClientSecret | ClientCertificate
    authority: str = PUBLIC_AUTHORITY


@dataclass(frozen=True)
class ManagedIdentity:
    """What Azure gives the machine; system-assigned unless a client id is named."""

    client_id: str = ""


class Tokens:
    """Tokens for the environment at `url`, cached and renewed by MSAL. Threads may share it.

    Nothing is asked before the first `token()`: MSAL reads the provider's discovery document when its client is made,
    and a provider that is down then must not keep the service from starting.
    """

    def __init__(
        self, url: str, identity: Application | ManagedIdentity, ca_bundle: Path | None = None
    ) -> None:
        parts = urlsplit(url)
        self._resource = f"{parts.scheme}://{parts.netloc}"
        self._identity = identity
        self._session = open_session(ca_bundle, connections=1)
        self._adapter = _IdentityProviderAdapter()
        self._session.mount("https://", self._adapter)
        self._session.mount("http://", self._adapter)
        self._lock = Lock()
        self._acquire: _Acquisition | None = None

    def token(self, within: float = 20.0) -> str:
        """A valid access token. Raises `SignInRefused`, `Unreachable` (with `sent` False)."""
        if not self._lock.acquire(timeout=max(within, 0)):
            raise Unreachable("no token in time", sent=False)
        try:
            self._adapter.within = within
            failure: Exception
            try:
                self._acquire = self._acquire or self._acquisition()
                result = self._acquire()
            except _ProviderDown as error:
                failure = Unreachable(f"no token: {error}", retry_after=error.retry_after, sent=False)
            except requests.RequestException as error:
                failure = Unreachable(f"no token: {reason(error)}", sent=False)
            except (ValueError, KeyError, msal.ManagedIdentityError):
                failure = SignInRefused(_unusable(self._identity))
            else:
                return self._token_in(result)
            # Raised out here so that it drags no request along, in whose body the secret is.
            raise failure
        finally:
            self._lock.release()

    def forget(self) -> None:
        """Drop what is cached: Dataverse has refused the token."""
        with self._lock:
            self._acquire = None

    def close(self) -> None:
        self._session.close()

    def _acquisition(self) -> "_Acquisition":
        if isinstance(self._identity, ManagedIdentity):
            machine = msal.ManagedIdentityClient(
                msal.UserAssignedManagedIdentity(client_id=self._identity.client_id)
                if self._identity.client_id
                else msal.SystemAssignedManagedIdentity(),
                http_client=self._session,
            )
            return partial(machine.acquire_token_for_client, resource=self._resource)
        application = _confidential_client(self._identity, self._session)
        return partial(application.acquire_token_for_client, [f"{self._resource}/.default"])

    def _token_in(self, result: Mapping[str, Any]) -> str:
        token = result.get("access_token")
        if isinstance(token, str) and token:
            return token
        error = str(result.get("error", "unexpected answer"))
        if error == "temporarily_unavailable":
            raise Unreachable("no token: the identity provider is temporarily unavailable", sent=False)
        description = _first_line(str(result.get("error_description", "")))
        setting = _setting_to_look_at(self._identity, error, description)
        raise SignInRefused(
            _redacted(self._identity, f"{setting}: sign-in refused, {error} {description}".strip())
        )


_Acquisition = Callable[[], Mapping[str, Any]]


class _ProviderDown(requests.RequestException):
    def __init__(self, message: str, wait: float | None) -> None:
        super().__init__(message)
        self.retry_after = wait


class _IdentityProviderAdapter(HTTPAdapter):
    """Keeps from MSAL the answers that it handles badly, and gives every call a time limit.

    MSAL writes an answer that is not JSON into the log, and half a token is such an answer; it takes a 429 from
    discovery for a wrong tenant; and it plays throttling answers back by itself, where our own retry decides.
    """

    within: float = 20.0

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        limit = max(self.within, 0.001)
        response = super().send(*args, **{**kwargs, "timeout": (min(limit, 5.0), limit)})
        status = response.status_code
        if status in {408, 429} or status >= 500:
            headers = {name.lower(): value for name, value in response.headers.items()}
            raise _ProviderDown(f"the identity provider answers {status}", retry_after(headers))
        try:
            understood = isinstance(from_json(response.content), dict)
        except ValueError:
            understood = False
        if not understood and status not in {301, 302, 303, 307, 308}:
            raise _ProviderDown("the identity provider's answer is not JSON", None)
        return response


def _confidential_client(
    application: Application, session: requests.Session
) -> msal.ConfidentialClientApplication:
    parts = urlsplit(application.authority)
    if parts.scheme != "https" or not parts.hostname:
        raise SignInRefused("COUNTERFOIL_AUTHORITY: an https address is needed")
    authority = application.authority.rstrip("/")
    if parts.path in {"", "/"}:
        authority = f"{authority}/{application.tenant}"
    return msal.ConfidentialClientApplication(
        application.client_id,
        _client_credential(application.credential),
        authority=authority,
        # A provider that is not Microsoft's is not to be asked about at Microsoft's.
        instance_discovery=None if application.authority.startswith(PUBLIC_AUTHORITY) else False,
        http_client=session,
    )


def _client_credential(credential: ClientSecret | ClientCertificate) -> str | dict[str, str]:
    if isinstance(credential, ClientSecret):
        return credential.value
    setting = _credential_setting(credential)
    try:
        pem = credential.file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise SignInRefused(f"{setting}: {credential.file} cannot be read ({type(error).__name__})") from None
    key, certificate = _PRIVATE_KEY.search(pem), _CERTIFICATE.search(pem)
    if key is None or certificate is None:
        raise SignInRefused(
            f"{setting}: {credential.file} needs a private key and its certificate, both as PEM"
        )
    try:
        usable = isinstance(load_pem_private_key(key[0].encode(), password=None), RSAPrivateKey)
        load_pem_x509_certificate(certificate[0].encode())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        usable = False
    if not usable:
        raise SignInRefused(f"{setting}: {credential.file} needs an RSA key without a passphrase")
    # Without a thumbprint MSAL signs with PS256 and sends the certificate (x5c), so certificates can be rotated.
    return {"private_key": key[0], "public_certificate": certificate[0]}


_PRIVATE_KEY = re.compile(r"-----BEGIN ([A-Z ]*PRIVATE KEY)-----.*?-----END \1-----", re.DOTALL)
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)

_ABOUT_THE_TENANT = ("AADSTS90002", "AADSTS900023")
_ABOUT_THE_CLIENT = ("AADSTS700016", "AADSTS700038")
_ABOUT_THE_RESOURCE = ("AADSTS500011", "AADSTS500014", "AADSTS50001", "invalid_scope", "invalid_resource")


def _setting_to_look_at(identity: Application | ManagedIdentity, error: str, description: str) -> str:
    told = f"{error} {description}"
    if isinstance(identity, ManagedIdentity):
        return "COUNTERFOIL_MANAGED_IDENTITY"
    if any(code in told for code in _ABOUT_THE_RESOURCE):
        return "COUNTERFOIL_DATAVERSE_URL"
    if any(code in told for code in _ABOUT_THE_TENANT):
        return "COUNTERFOIL_TENANT_ID"
    if any(code in told for code in _ABOUT_THE_CLIENT):
        return "COUNTERFOIL_CLIENT_ID"
    return _credential_setting(identity.credential)


def _credential_setting(credential: ClientSecret | ClientCertificate) -> str:
    kind = "SECRET" if isinstance(credential, ClientSecret) else "CERTIFICATE"
    return f"COUNTERFOIL_CLIENT_{kind}"


def _unusable(identity: Application | ManagedIdentity) -> str:
    if isinstance(identity, ManagedIdentity):
        return "COUNTERFOIL_MANAGED_IDENTITY: no managed identity answers on this machine"
    return "COUNTERFOIL_AUTHORITY or COUNTERFOIL_TENANT_ID: the identity provider knows no such tenant"


def _redacted(identity: Application | ManagedIdentity, message: str) -> str:
    if isinstance(identity, Application) and isinstance(identity.credential, ClientSecret):
        return message.replace(identity.credential.value, "…")
    return message


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0].partition(" Trace ID:")[0].strip()
