"""Faults on demand: rules that make a stand-in lose, delay, refuse, repeat or garble a request.

One registry serves both stand-ins. A rule counts the requests that match it: the first `skip` pass untouched,
the next `times` are hit, and then the rule is spent.
"""

import re
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from sandbox.wire import Request

Target = Literal["crm", "stripe"]
Effect = Literal["drop_before", "drop_after", "status", "delay", "duplicate", "garbage"]


class FaultRuleError(ValueError):
    """A rule that nobody can follow; the message says which and why."""


@dataclass(frozen=True)
class Rule:
    """One rule as `POST /sandbox/faults` takes it. `path` and `body` are regular expressions, searched for."""

    do: Effect
    target: Target | None = None
    method: str | None = None
    path: str = ""
    body: str = ""
    skip: int = 0
    times: int = 1
    status: int = 500
    code: str | None = None
    retry_after: float | None = None
    seconds: float = 1.0

    def matches(self, target: Target, request: Request) -> bool:
        return (
            self.target in {None, target}
            and self.method in {None, request.method}
            and re.search(self.path, request.path) is not None
            and (not self.body or re.search(self.body.encode(), request.body) is not None)
        )


class Faults:
    """The rules in force. Thread-safe; `wait` is what a delay does."""

    def __init__(self, wait: Callable[[float], None] = time.sleep) -> None:
        self.wait = wait
        self._lock = threading.Lock()
        self._rules: list[Rule] = []
        self._seen: list[int] = []

    def replace(self, rules: list[dict[str, Any]]) -> None:
        """Puts these rules in place of all others; raises FaultRuleError and changes nothing when one is malformed."""
        parsed = [_parsed(number, rule) for number, rule in enumerate(rules)]
        with self._lock:
            self._rules = parsed
            self._seen = [0] * len(parsed)

    def clear(self) -> None:
        self.replace([])

    def take(self, target: Target, request: Request) -> Rule | None:
        """The first rule that hits this request, if any; every matching rule counts it."""
        with self._lock:
            hit: Rule | None = None
            for number, rule in enumerate(self._rules):
                if hit is not None or not rule.matches(target, request):
                    continue
                seen = self._seen[number]
                self._seen[number] += 1
                if rule.skip <= seen < rule.skip + rule.times:
                    hit = rule
            return hit

    def as_json(self) -> list[dict[str, Any]]:
        """The rules with how many requests each has seen, as `GET /sandbox/faults` shows them."""
        with self._lock:
            return [
                {
                    **{k: v for k, v in asdict(rule).items() if v not in {None, ""}},
                    "seen": seen,
                    "spent": seen >= rule.skip + rule.times,
                }
                for rule, seen in zip(self._rules, self._seen, strict=True)
            ]


_TYPES: dict[str, tuple[type, ...]] = {
    "do": (str,),
    "target": (str,),
    "method": (str,),
    "path": (str,),
    "body": (str,),
    "code": (str,),
    "skip": (int,),
    "times": (int,),
    "status": (int,),
    "retry_after": (int, float),
    "seconds": (int, float),
}


def _parsed(number: int, rule: Any) -> Rule:
    def refuse(why: str) -> FaultRuleError:
        return FaultRuleError(f"rules[{number}]: {why}")

    if not isinstance(rule, dict):
        raise refuse("a rule is an object")
    names = {field.name for field in fields(Rule)}
    if unknown := sorted(set(rule) - names):
        raise refuse(f"unknown {', '.join(map(repr, unknown))}; a rule has {', '.join(sorted(names))}")
    for name, value in rule.items():
        if isinstance(value, bool) or not isinstance(value, _TYPES[name]):
            raise refuse(f"'{name}' is {value!r}")
        if isinstance(value, (int, float)) and value < 0:
            raise refuse(f"'{name}' is negative")
    if rule.get("do") not in get_args(Effect):
        raise refuse(f"'do' is one of {', '.join(get_args(Effect))}")
    if rule.get("target", "crm") not in get_args(Target):
        raise refuse(f"'target' is one of {', '.join(get_args(Target))}")
    if not 100 <= rule.get("status", 500) <= 599:
        raise refuse("'status' is an HTTP status")
    for name in ("path", "body"):
        try:
            re.compile(rule.get(name, ""))
        except re.error as error:
            raise refuse(f"'{name}' is not a regular expression: {error}") from error
    return Rule(**{**rule, "method": rule["method"].upper() if "method" in rule else None})
