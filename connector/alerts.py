"""What a person has to know, as a log line and a number that monitoring can watch."""

import structlog

from connector.metrics import Metrics

_log = structlog.get_logger()


class LoggedAlerts:
    """Implements `plugins.ports.Alerts`."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def alert(self, code: str, message: str, **facts: str) -> None:
        self._metrics.alerted(code)
        _log.error("alert", code=code, text=message, **facts)
