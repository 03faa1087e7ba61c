"""From an HTTP request to an endpoint and back: keys, versions, idempotency, the error envelope.

https://docs.stripe.com/api/errors, https://docs.stripe.com/api/versioning
"""

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.clock import Clock
from sandbox.stripe import forms, idempotency, routes
from sandbox.stripe.call import Call, Endpoint
from sandbox.stripe.errors import StripeError, invalid_request, unauthorised
from sandbox.stripe.expand import expand
from sandbox.stripe.outages import Outages
from sandbox.stripe.parameters import texts
from sandbox.stripe.session import API_VERSION, Session, new_id
from sandbox.stripe.store import Store
from sandbox.wire import Request, Response

_VERSION = re.compile(r"20[0-9]{2}-[01][0-9]-[0-3][0-9](\.[a-z]+)?")
_KEY = re.compile(r"^(sk|rk)_test_[A-Za-z0-9_]+$")


@dataclass(frozen=True)
class _Ask:
    """A request that is allowed in, read."""

    request: Request
    endpoint: Endpoint
    call: Call
    expand: list[str]
    id: str
    key: str | None


class Api:
    """`under_way` is called for each writing request after its key is claimed and before it is carried out."""

    def __init__(
        self, store: Store, clock: Clock, outages: Outages, under_way: Callable[[Request], None]
    ) -> None:
        self._store = store
        self._clock = clock
        self._outages = outages
        self._under_way = under_way

    def handle(self, request: Request) -> Response:
        identifier = new_id("req", 14)
        headers = {"request-id": identifier, "stripe-version": API_VERSION}
        try:
            ask = _read(request, identifier)
            if ask.key is not None:
                headers["idempotency-key"] = ask.key
                saved = self._claim(ask, ask.key)
                if saved is not None:
                    headers |= {"idempotent-replayed": "true", "original-request": saved.request}
                    return _response(saved.status, saved.body, headers)
        except StripeError as error:
            return _refusal(error, identifier, headers)
        return self._carry_out(ask, headers)

    def now(self) -> int:
        return int(self._clock.now().timestamp())

    def _claim(self, ask: _Ask, key: str) -> idempotency.Saved | None:
        given = {**ask.call.given, "expand": ask.expand}
        print_ = idempotency.fingerprint(ask.request.method, ask.request.path, given)
        with self._store.transaction():
            return idempotency.claim(self._store, key, print_, ask.id, self.now())

    def _carry_out(self, ask: _Ask, headers: dict[str, str]) -> Response:
        try:
            if ask.request.method == "POST":
                self._under_way(ask.request)
                self._outages.before(ask.request)
            return self._executed(ask, headers)
        except StripeError as error:
            body = _envelope(error, ask.id)
            with self._store.transaction():
                self._end(ask, error.status, body, lasting=error.lasting)
            return _response(error.status, body, headers)
        except BaseException:
            with self._store.transaction():
                self._end(ask, 500, b"", lasting=False)
            raise

    def _executed(self, ask: _Ask, headers: dict[str, str]) -> Response:
        """What the endpoint did and what its key remembers are one transaction, a declined attempt's traces too."""
        session = Session(self._store, self.now(), ask.id, ask.key, ask.request.origin)
        with self._store.transaction():
            try:
                result = ask.endpoint(session, ask.call)
                status, content = 200, expand(session, result, ask.expand)
                if ask.request.method == "POST":
                    self._outages.after(ask.request)
            except StripeError as error:
                if not error.lasting:
                    raise
                status, content = error.status, _with_log(error, ask.id)
            body = _encoded(content)
            self._end(ask, status, body, lasting=True)
        return _response(status, body, headers)

    def _end(self, ask: _Ask, status: int, body: bytes, *, lasting: bool) -> None:
        if ask.key is None:
            return
        if lasting:
            idempotency.keep(self._store, ask.key, status, body)
        else:
            idempotency.forget(self._store, ask.key)


def _read(request: Request, identifier: str) -> _Ask:
    _check_key(request.headers)
    version = request.headers.get("stripe-version", API_VERSION)
    if not _VERSION.fullmatch(version):  # of those that there are, each client may have another default
        raise invalid_request(f"Invalid Stripe API version: {version}. This account speaks {API_VERSION}.")
    if account := request.headers.get("stripe-account"):
        raise StripeError(
            403,
            "invalid_request_error",
            f"The provided key does not have access to account '{account}' (or that account does not exist)."
            " Application access may have been revoked.",
            code="account_invalid",
        )
    found = routes.find(request.method, request.path)
    if found is None:
        raise StripeError(
            404,
            "invalid_request_error",
            f"Unrecognized request URL ({request.method}: {request.path}). Please see https://stripe.com/docs or we"
            " can help at https://support.stripe.com/.",
        )
    endpoint, target = found
    given = forms.decode(request.query)
    try:
        given |= forms.decode(request.body.decode())
    except UnicodeDecodeError as error:
        raise invalid_request("Invalid request: the body is not UTF-8.") from error
    paths = texts()("expand", given.pop("expand", []))
    key = request.headers.get("idempotency-key") if request.method == "POST" else None
    return _Ask(request, endpoint, Call(target, given, request.path), paths, identifier, key or None)


def _check_key(headers: Mapping[str, str]) -> None:
    scheme, _, given = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            given = base64.b64decode(given, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            given = ""
    if not given:
        raise unauthorised(
            "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer"
            " auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
        )
    if not _KEY.match(given):
        shown = given if len(given) < 12 else given[:7] + "*" * (len(given) - 11) + given[-4:]
        raise unauthorised(f"Invalid API Key provided: {shown}")


def _refusal(error: StripeError, identifier: str, headers: dict[str, str]) -> Response:
    return _response(error.status, _envelope(error, identifier), headers)


def _envelope(error: StripeError, identifier: str) -> bytes:
    return _encoded(_with_log(error, identifier))


def _with_log(error: StripeError, identifier: str) -> dict[str, Any]:
    error.error["request_log_url"] = f"https://dashboard.stripe.com/test/logs/{identifier}"
    return error.envelope()


def _encoded(content: Any) -> bytes:
    return json.dumps(content).encode()


def _response(status: int, body: bytes, headers: dict[str, str]) -> Response:
    return Response(status, {"content-type": "application/json", **headers}, body)
