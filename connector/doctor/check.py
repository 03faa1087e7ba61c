"""What the doctor says: one line per check."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """`remedy` says what to do about a problem."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""


def fine(name: str, detail: str) -> Check:
    return Check(name, ok=True, detail=detail)


def problem(name: str, detail: str, remedy: str) -> Check:
    return Check(name, ok=False, detail=detail, remedy=remedy)
