"""The HTTP of the add-on: the CRM's webhook, Stripe's events, where customers return to, health and metrics.

It only translates.
"""

import hmac
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import Annotated, Protocol

import anyio.to_thread
import structlog
from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import SecretStr

from connector import app as composition
from connector import thanks
from connector.dataverse import context
from connector.dataverse.context import ContextRefused
from connector.dataverse.registration import SECRET_HEADER
from connector.metrics import CONTENT_TYPE, Metrics
from connector.settings import Settings
from connector.stripe import events
from connector.stripe.events import EventRefused, GatewayEvent
from plugins.actions import Action, Answer, Call, CallError
from plugins.ports import BooksError, Clock, GatewayError

_CUT_HEADER = "x-ms-dynamics-msg-size-exceeded"
_MAX_EVENT_BYTES = 1024 * 1024
_THREADS = 64  # each call holds one for as long as it waits for the CRM and Stripe

_log = structlog.get_logger()


class HealthLine(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def ok(self) -> bool: ...
    @property
    def detail(self) -> str: ...


class App(Protocol):
    """What is behind the doors."""

    @property
    def actions(self) -> Mapping[str, Action]: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...
    def perform(self, call: Call) -> Answer: ...
    def hear(self, event: GatewayEvent) -> None: ...
    def health(self) -> Iterable[HealthLine]: ...


class Turned(Exception):
    """A request that is turned away at the door."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def compose(settings: Settings) -> FastAPI:
    """The web service of an installation. Raises `MappingError`; talks to nobody until it is served."""
    metrics = Metrics()
    app = composition.compose(settings, metrics)
    return create(app, settings, app.clock, metrics)


def create(app: App, settings: Settings, clock: Clock, metrics: Metrics) -> FastAPI:
    """The ASGI application; `app` is started and stopped with it."""
    web = FastAPI(
        title="Counterfoil", docs_url=None, redoc_url=None, openapi_url=None, lifespan=_lifespan(app)
    )

    async def now() -> datetime:
        return clock.now()  # before the request waits for a thread: the platform's 60 s have begun

    async def authenticated(request: Request) -> None:
        if not _one_of(settings.webhook_secret, request.headers.get(SECRET_HEADER, "")):
            raise Turned(
                401, "secret_wrong", f"The header {SECRET_HEADER} does not hold this installation's secret."
            )
        if request.headers.get(_CUT_HEADER):
            raise Turned(
                413, "context_too_large", "The platform cut the call's parameters out: it was over 256 KB."
            )

    @web.post("/dataverse", dependencies=[Depends(authenticated)])
    def dataverse(
        request: Request,
        received: Annotated[datetime, Depends(now)],
        body: Annotated[bytes, Depends(_body_up_to(context.MAX_BYTES))],
    ) -> Response:
        with structlog.contextvars.bound_contextvars(
            correlation=request.headers.get("x-ms-correlation-request-id", "")[:64]
        ):
            started = time.monotonic()
            call = context.parse(body, received, settings.organization_id, app.actions)
            answer = app.perform(call)
            seconds = time.monotonic() - started
            metrics.answered(call.action, str(answer.outcome), answer.code, seconds)
            _log.info(
                "answered",
                action=call.action,
                key=call.key,
                outcome=answer.outcome,
                code=answer.code,
                seconds=round(seconds, 3),
            )
            return JSONResponse({"outcome": answer.outcome, "code": answer.code, "message": answer.message})

    @web.post("/stripe")
    def stripe(
        request: Request,
        received: Annotated[datetime, Depends(now)],
        body: Annotated[bytes, Depends(_body_up_to(_MAX_EVENT_BYTES))],
    ) -> Response:
        secrets = [secret.get_secret_value() for secret in settings.stripe_webhook_secret]
        event = events.verify(body, request.headers.get("stripe-signature"), secrets, received)
        try:
            app.hear(event)
        except (BooksError, GatewayError) as error:
            raise Turned(400, "event_not_applied", f"Please send it again: {error}") from error
        metrics.heard(event.type)
        return JSONResponse({"heard": event.id})

    # These two only read memory, and must answer while every thread waits for Stripe: so not in a thread.
    @web.get("/health")
    async def health() -> Response:
        lines = list(app.health())
        text = "".join(f"{'ok' if line.ok else 'problem'} {line.name}: {line.detail}\n" for line in lines)
        return Response(text, 200 if all(line.ok for line in lines) else 503, media_type="text/plain")

    @web.get("/metrics")
    async def numbers() -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE)

    @web.get("/thanks")
    async def thank(request: Request) -> Response:
        return HTMLResponse(thanks.page(request.headers.get("accept-language", "")), headers=thanks.HEADERS)

    @web.exception_handler(Turned)
    @web.exception_handler(ContextRefused)
    @web.exception_handler(EventRefused)
    @web.exception_handler(CallError)
    async def turned_away(request: Request, error: Exception) -> Response:
        status = error.status if isinstance(error, Turned | ContextRefused) else 400
        code, message = str(getattr(error, "code", "")), str(error)
        metrics.refused(request.url.path, code)
        _log.warning("turned away", path=request.url.path, status=status, code=code)
        return JSONResponse({"code": code, "message": message}, status)

    @web.exception_handler(Exception)
    async def failed(request: Request, _: Exception) -> Response:
        """Never 502 to 504, on which the CRM would send again: money may have moved. The request row says what became.

        The server logs the exception.
        """
        metrics.failed(request.url.path)
        return JSONResponse({"code": "internal", "message": "An error occurred; see the log."}, 500)

    return web


def _lifespan(app: App) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = _THREADS
        app.start()
        yield
        await anyio.to_thread.run_sync(app.stop)

    return lifespan


def _body_up_to(limit: int) -> Callable[[Request], Awaitable[bytes]]:
    async def body(request: Request) -> bytes:
        """Stops reading, and keeping, what is too large, whatever length it claims."""
        length = request.headers.get("content-length", "")
        read = bytearray()
        if not (length.isdecimal() and int(length) > limit):
            async for chunk in request.stream():
                read += chunk
                if len(read) > limit:
                    break
            else:
                return bytes(read)
        raise Turned(413, "body_too_large", f"The body is larger than {limit} bytes.")

    return body


def _one_of(secrets: tuple[SecretStr, ...], given: str) -> bool:
    """In constant time: no secret is skipped, no comparison ends early."""
    matches = [hmac.compare_digest(secret.get_secret_value().encode(), given.encode()) for secret in secrets]
    return any(matches)
