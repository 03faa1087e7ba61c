"""Numbers for Prometheus, in a registry of their own."""

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=1.0.0; charset=utf-8"
_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30, 50)


class Metrics:
    """Labels hold names of ours or of a closed list, never ids or amounts."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._calls = Counter(
            "counterfoil_calls",
            "Actions asked for, by how they were answered",
            ("action", "outcome", "code"),
            registry=self._registry,
        )
        self._call_seconds = Histogram(
            "counterfoil_call_seconds",
            "Time to answer an action",
            ("action",),
            registry=self._registry,
            buckets=_SECONDS,
        )
        self._refused = Counter(
            "counterfoil_requests_refused",
            "Requests turned away at the door",
            ("path", "code"),
            registry=self._registry,
        )
        self._failed = Counter(
            "counterfoil_requests_failed",
            "Requests that ended in an error of ours",
            ("path",),
            registry=self._registry,
        )
        self._events = Counter(
            "counterfoil_events", "Events heard from Stripe", ("type",), registry=self._registry
        )
        self._alerts = Counter(
            "counterfoil_alerts", "What a person has to know", ("code",), registry=self._registry
        )
        self._remote = Histogram(
            "counterfoil_remote_seconds",
            "Time of requests to the CRM (a batch is one)",
            ("method", "status"),
            registry=self._registry,
            buckets=_SECONDS,
        )

    def answered(self, action: str, outcome: str, code: str, seconds: float) -> None:
        self._calls.labels(action, outcome, code).inc()
        self._call_seconds.labels(action).observe(seconds)

    def refused(self, path: str, code: str) -> None:
        self._refused.labels(path, code).inc()

    def failed(self, path: str) -> None:
        self._failed.labels(path).inc()

    def heard(self, event_type: str) -> None:
        self._events.labels(event_type).inc()

    def alerted(self, code: str) -> None:
        self._alerts.labels(code).inc()

    def remote(self, method: str, status: int, seconds: float) -> None:
        """`status` 0 when no answer came."""
        self._remote.labels(method, str(status)).observe(seconds)

    def text(self) -> bytes:
        return generate_latest(self._registry)
