"""Connections to Dataverse and its identity provider: how they are opened, and what it means when they fail."""

from http.cookiejar import DefaultCookiePolicy
from pathlib import Path

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import MaxRetryError, NewConnectionError


def open_session(ca_bundle: Path | None = None, *, connections: int = 48) -> requests.Session:
    """A pooled session without cookies that threads may share. `ca_bundle` replaces the public certificate authorities."""
    session = requests.Session()
    # REQUESTS_CA_BUNDLE, proxies and .netrc would override `verify` and the token behind our back.
    session.trust_env = False
    session.verify = str(ca_bundle) if ca_bundle else True
    # Nothing is shared between calls; and without the affinity cookie the platform spreads them over its web servers.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
    adapter = HTTPAdapter(pool_connections=2, pool_maxsize=connections, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def nobody_reached(error: requests.RequestException) -> bool:
    """Whether it is certain that no byte of the request was sent: no connection came about."""
    return isinstance(error, requests.ConnectTimeout) or isinstance(_cause(error), NewConnectionError)


def reason(error: requests.RequestException) -> str:
    """What went wrong, in words that carry nothing of the request."""
    if isinstance(error, requests.exceptions.SSLError):
        return "no answer: the server's certificate is not trusted here (COUNTERFOIL_CA_BUNDLE)"
    return f"no answer: {type(error).__name__} ({type(_cause(error)).__name__})"


def _cause(error: requests.RequestException) -> object:
    cause = error.args[0] if error.args else None
    return cause.reason if isinstance(cause, MaxRetryError) else cause
