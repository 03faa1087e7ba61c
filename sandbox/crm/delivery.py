"""Sending to a registered service endpoint: its address with the secret in place, one further attempt, and what went wrong.

A receiver's answer is read for its status code only.
"""

from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from xml.etree import ElementTree as ET

import requests
from requests.adapters import HTTPAdapter

from sandbox.crm.schema import Row

TIMEOUT_SECONDS = 60.0
_ONCE_MORE = frozenset({502, 503, 504})
_WEBHOOK_KEY, _HTTP_HEADER, _HTTP_QUERY = 4, 5, 6

Send = Callable[[str, Mapping[str, str], bytes, float], int]
"""`(url, headers, body, timeout in seconds) -> HTTP status`; raises DeliveryError when there was no answer."""


class DeliveryError(Exception):
    """No answer came: refused, reset or timed out."""


def deliver(send: Send, endpoint: Row, headers: Mapping[str, str], body: bytes) -> str | None:
    """None when the receiver answered 2xx, else what went wrong, to follow "The service endpoint"."""
    url, proof = _authenticated(endpoint)
    sent = {"content-type": "application/json; charset=utf-8", **headers, **proof}
    try:
        status = send(url, sent, body, TIMEOUT_SECONDS)
        if status in _ONCE_MORE:
            status = send(url, sent, body, TIMEOUT_SECONDS)
    except DeliveryError as error:
        return f"did not answer: {error}"
    return None if 200 <= status < 300 else f"answered with status code {status}."


def over_http() -> Send:
    """Sends over the network; connections are kept and shared by all threads."""
    session = requests.Session()
    session.trust_env = False
    adapter = HTTPAdapter(pool_connections=8, pool_maxsize=64)
    session.mount("http://", adapter)
    session.mount("https://", adapter)

    def send(url: str, headers: Mapping[str, str], body: bytes, timeout: float) -> int:
        try:
            answer = session.post(url, data=body, headers=headers, timeout=timeout, allow_redirects=False)
        except requests.RequestException as error:
            raise DeliveryError(type(error).__name__) from error
        return answer.status_code

    return send


def _authenticated(endpoint: Row) -> tuple[str, dict[str, str]]:
    """The endpoint's address and headers with its secret in place."""
    url, value = str(endpoint["url"]), str(endpoint["authvalue"] or "")
    if endpoint["authtype"] == _HTTP_HEADER:
        return url, _settings(value)
    if endpoint["authtype"] == _HTTP_QUERY:
        return _with_query(url, _settings(value)), {}
    if endpoint["authtype"] == _WEBHOOK_KEY:
        return _with_query(url, {"code": value}), {}
    return url, {}


def _settings(text: str) -> dict[str, str]:
    """`<settings><setting name="…" value="…"/></settings>`"""
    try:
        root = ET.fromstring(text)  # noqa: S314 - only administrators of this sandbox write it
    except ET.ParseError:
        return {}
    return {s.get("name", ""): s.get("value", "") for s in root.iter("setting") if s.get("name")}


def _with_query(url: str, extra: Mapping[str, str]) -> str:
    parts = urlsplit(url)
    query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *extra.items()])
    return urlunsplit(parts._replace(query=query))
