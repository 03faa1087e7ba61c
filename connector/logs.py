"""Logging to stderr: lines for people on a terminal, JSON elsewhere, and never a secret or a card number."""

import logging
import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from connector.settings import Settings

_HIDDEN = "[hidden]"
_TELLTALE_NAMES = re.compile(
    r"secret|password|token|authorization|api_?key|signature|cookie|cvc|cvv", re.IGNORECASE
)
_TELLTALE_VALUES = re.compile(
    r"\b(?:sk|rk)_(?:test|live)_\w+|\bwhsec_\w+|\bBearer\s+[\w.~+/=-]+|\beyJ[\w-]+\.[\w-]+\.[\w-]*",
    re.IGNORECASE,
)
_DIGITS = re.compile(r"(?<![\w-])\d(?:[ -]?\d){12,18}(?![\w-])")


def configure(settings: Settings, stream: TextIO | None = None) -> None:
    """Everything that logs, ours and the libraries', goes to `stream` (default: stderr) through the same processors."""
    stream = stream or sys.stderr
    known = _secrets(settings)
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    rendered: list[Processor] = (
        [structlog.processors.format_exc_info, Redactor(known), structlog.dev.ConsoleRenderer()]
        if stream.isatty()
        else [structlog.processors.format_exc_info, Redactor(known), structlog.processors.JSONRenderer()]
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendered],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level.upper())
    for noisy in ("urllib3", "msal", "stripe", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


class Redactor:
    """A processor: hides fields by name, values that look like credentials or card numbers, and what it is told."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        self._known = tuple(sorted(filter(None, known), key=len, reverse=True))

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return {name: self._field(name, value) for name, value in event.items()}

    def text(self, text: str) -> str:
        for secret in self._known:
            text = text.replace(secret, _HIDDEN)
        text = _TELLTALE_VALUES.sub(_HIDDEN, text)
        return _DIGITS.sub(lambda found: _HIDDEN if _luhn(found.group()) else found.group(), text)

    def _field(self, name: str, value: Any) -> Any:
        if _TELLTALE_NAMES.search(name) and value is not None:
            return _HIDDEN
        return self._value(value)

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, bytes):
            return self.text(value.decode(errors="replace"))
        if isinstance(value, Mapping):
            return {str(name): self._field(str(name), inner) for name, inner in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._value(inner) for inner in value]
        if isinstance(value, int):  # and bool
            return _HIDDEN if self.text(str(value)) == _HIDDEN else value
        if value is None or isinstance(value, float):
            return value
        return self.text(str(value))


def _luhn(text: str) -> bool:
    digits = [int(c) for c in reversed(text) if c.isdigit()]
    return sum(d if i % 2 == 0 else sum(divmod(2 * d, 10)) for i, d in enumerate(digits)) % 10 == 0


def _secrets(settings: Settings) -> list[str]:
    found = [settings.stripe_api_key, *settings.webhook_secret, *settings.stripe_webhook_secret]
    if settings.client_secret is not None:
        found.append(settings.client_secret)
    return [secret.get_secret_value() for secret in found]
